//! The whole outcome of the rules: every act by every standing.

use expect_test::expect;

use super::*;

const ROLES: [Role; 3] = [Role::Viewer, Role::Creator, Role::Admin];
const IN_PROJECT: [Option<ProjectRole>; 5] = [
    None,
    Some(ProjectRole::Viewer),
    Some(ProjectRole::Reviewer),
    Some(ProjectRole::Editor),
    Some(ProjectRole::Owner),
];

/// One line for each act: by role in the engine, then by role in the project (none, viewer, reviewer,
/// editor, owner), of others' things and of one's own. `y` yes, `a` as admin, `n` forbidden, `-` hidden.
#[test]
fn every_act_by_every_standing() {
    let mut table = String::new();
    for act in Act::ALL {
        let mut line = format!("{act:?}")
            .replace(" is_published: ", "")
            .replace([' ', '{', '}'], " ");
        for role in ROLES {
            for owns in [false, true] {
                let cells = IN_PROJECT.map(|in_project| {
                    match decide(
                        Standing {
                            role,
                            in_project,
                            owns,
                        },
                        act,
                    ) {
                        Verdict::Allowed => 'y',
                        Verdict::AllowedAsAdmin => 'a',
                        Verdict::Forbidden => 'n',
                        Verdict::Hidden => '-',
                    }
                });
                line.push(' ');
                line.extend(cells);
            }
        }
        table.push_str(&line.split_whitespace().collect::<Vec<_>>().join(" "));
        table.push('\n');
    }
    expect![[r#"
        WriteArticle nnnnn nnnnn yyyyy yyyyy yyyyy yyyyy
        ReadArticle false -yyyy yyyyy -yyyy yyyyy ayyyy yyyyy
        ReadArticle true yyyyy yyyyy yyyyy yyyyy yyyyy yyyyy
        InspectArticle false -yyyy yyyyy -yyyy yyyyy ayyyy yyyyy
        InspectArticle true nyyyy yyyyy nyyyy yyyyy ayyyy yyyyy
        ChangeArticle false -nnnn nnnnn -nnyy yyyyy aaayy yyyyy
        ChangeArticle true nnnnn nnnnn nnnyy yyyyy aaayy yyyyy
        ReviewArticle false -nnnn nnnnn -nyyy nnyyy aayyy aayyy
        ReviewArticle true nnnnn nnnnn nnyyy nnyyy aayyy aayyy
        PublishArticle false -nnnn nnnnn -nnyy nnnyy aaayy aaayy
        PublishArticle true nnnnn nnnnn nnnyy nnnyy aaayy aaayy
        CreateArticle -nnnn -nnnn -nnyy -nnyy aaayy aaayy
        MakeKey nnnnn nnnnn yyyyy yyyyy yyyyy yyyyy
        MakeKeyForOthers nnnnn nnnnn nnnnn nnnnn yyyyy yyyyy
        SeeKey ----y yyyyy ----y yyyyy aaaay yyyyy
        ChangeKey ----n yyyyy ----n yyyyy aaaaa yyyyy
        RevokeKey ----y yyyyy ----y yyyyy aaaay yyyyy
        PutKeyIntoProject nnnnn nnnnn nnnny nnnny aaaay aaaay
        SubmitJob nnnnn nnnnn yyyyy yyyyy yyyyy yyyyy
        SeeJob ----- yyyyy ----- yyyyy aaaaa yyyyy
        CancelJob ----- yyyyy ----- yyyyy aaaaa yyyyy
        RequeueJob ----- nnnnn ----- yyyyy aaaaa yyyyy
        SeeSpending nnnnn yyyyy nnnnn yyyyy aaaaa yyyyy
        SetAllowance nnnnn nnnnn nnnnn nnnnn yyyyy yyyyy
        ChangePlugins nnnnn nnnnn nnnnn nnnnn yyyyy yyyyy
        ReadAudit nnnnn nnnnn nnnnn nnnnn yyyyy yyyyy
        CreateProject nnnnn nnnnn yyyyy yyyyy yyyyy yyyyy
        SeeProject -yyyy -yyyy -yyyy -yyyy ayyyy ayyyy
        ChangeProject -nnnn -nnnn -nnny -nnny aaaay aaaay
        SetMember -nnnn -nnnn -nnny -nnny aaaay aaaay
        LeaveProject -nnnn -yyyy -nnnn -yyyy aaaaa ayyyy
        WriteSearchSettings -nnnn -nnnn -nnyy -nnyy aaayy aaayy
        ReadPrompt -yyyy -yyyy -yyyy -yyyy ayyyy ayyyy
        WritePrompt -nnnn -nnnn -nnyy -nnyy aaayy aaayy
        TestPrompt -nnnn -nnnn -yyyy -yyyy ayyyy ayyyy
        ImportArticles -nnnn -nnnn -nnyy -nnyy aaayy aaayy
        ExportArticles -nnnn -nnnn -nnyy -nnyy aaayy aaayy
        MoveArchive -nnnn -nnnn -nnny -nnny aaaay aaaay
        StartChat -nnnn -nnnn -yyyy -yyyy ayyyy ayyyy
        SeeChat ----- -yyyy ----- -yyyy aaaaa ayyyy
        ChangeChat ----- -yyyy ----- -yyyy aaaaa ayyyy
        AddMedia -nnnn -nnnn -nnyy -nnyy aaayy aaayy
        ReadMedia -yyyy yyyyy -yyyy yyyyy ayyyy yyyyy
        ChangeMedia -nnnn nnnnn -nnyy yyyyy aaayy yyyyy
        AddNote -nnnn -nnnn -nnyy -nnyy aaayy aaayy
        ReadNote -yyyy yyyyy -yyyy yyyyy ayyyy yyyyy
        ChangeNote -nnnn nnnnn -nnyy yyyyy aaayy yyyyy
    "#]]
    .assert_eq(&table);
}

#[test]
fn more_rights_never_allow_less() {
    for act in Act::ALL {
        for owns in [false, true] {
            for (index, role) in ROLES.into_iter().enumerate() {
                let allowed = |role, in_project| {
                    decide(
                        Standing {
                            role,
                            in_project,
                            owns,
                        },
                        act,
                    )
                    .is_allowed()
                };
                for pair in IN_PROJECT.windows(2) {
                    assert!(
                        allowed(role, pair[1]) || !allowed(role, pair[0]),
                        "{act:?} {role:?}"
                    );
                }
                if let Some(more) = ROLES.get(index + 1) {
                    for in_project in IN_PROJECT {
                        assert!(
                            allowed(*more, in_project) || !allowed(role, in_project),
                            "{act:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn admins_are_written_down_where_they_act_for_others() {
    let admin = |owns| Standing {
        role: Role::Admin,
        in_project: None,
        owns,
    };
    let change = Act::ChangeArticle { is_published: true };
    assert_eq!(decide(admin(false), change), Verdict::AllowedAsAdmin);
    assert_eq!(decide(admin(true), change), Verdict::Allowed);
}
