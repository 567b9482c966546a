//! Articles in projects: what a role in the project gives, and what admins are written down for.

use inkstone_domain::audit::{AuditFilter, AuditRecord};
use inkstone_domain::content::{Article, ArticleFilter, Status};
use inkstone_domain::ports::AuditLog;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_services::content::{ArticlePatch, BySlug, NewArticle, Transition};

use super::{code, retitle, titled};
use crate::world::{World, handbook, join, page};

const ROLES: [Option<ProjectRole>; 5] = [
    None,
    Some(ProjectRole::Viewer),
    Some(ProjectRole::Reviewer),
    Some(ProjectRole::Editor),
    Some(ProjectRole::Owner),
];

fn in_handbook(title: &str, status: Status) -> NewArticle {
    NewArticle {
        project: Some("handbook".to_owned()),
        status,
        ..titled(title)
    }
}

fn to(status: Status) -> Transition {
    Transition {
        to: status,
        at: None,
        comment: None,
    }
}

fn word(role: Option<ProjectRole>) -> &'static str {
    role.map_or("stranger", |role| role.as_str())
}

async fn entries(world: &World, article: &Article) -> Vec<AuditRecord> {
    let filter = AuditFilter {
        subject: Some(format!("article:{}", article.id)),
        ..AuditFilter::default()
    };
    let found = world.store.audit_after(&filter, 0, 100).await.unwrap();
    found.into_iter().map(|entry| entry.record).collect()
}

#[tokio::test]
async fn roles_decide_over_the_articles_of_others() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    handbook(&world, &ada).await;
    let mut table = String::new();
    for role in ROLES {
        for status in [Status::Draft, Status::Published] {
            let who = world.somebody(Role::Creator).await;
            if let Some(role) = role {
                join(&world, &ada, &who, role).await;
            }
            let new = in_handbook("Of Ada", status);
            let article = articles.create(&ada, new).await.unwrap();
            let id = article.id;
            let by_slug = articles.by_slug(&who, "handbook", "en", &article.slug);
            let patch = ArticlePatch {
                status: Some(Status::Archived),
                ..ArticlePatch::default()
            };
            let outcome = [
                code(articles.get(&who, id).await),
                code(by_slug.await),
                code(articles.revisions(&who, id, page(9)).await),
                code(articles.merge(&who, id, 1, retitle("B")).await),
                code(articles.update(&who, id, retitle("B"), None).await),
                code(articles.restore_revision(&who, id, 1, None).await),
                code(articles.update(&who, id, patch, None).await),
                code(articles.delete(&who, id, None).await),
                code(articles.restore(&who, id, None).await),
                code(articles.remove(&who, id, None).await),
            ];
            let line = outcome.join(" ");
            table.push_str(&format!("{} {}: {line}\n", word(role), status.as_str()));
        }
    }
    // get, by_slug, revisions, merge, update, restore_revision, archive, delete, restore, remove
    expect_test::expect![[r#"
        stranger draft: not_found not_found not_found not_found not_found not_found not_found not_found not_found not_found
        stranger published: ok ok forbidden forbidden forbidden forbidden forbidden forbidden not_found forbidden
        viewer draft: ok ok ok forbidden forbidden forbidden forbidden forbidden not_found forbidden
        viewer published: ok ok ok forbidden forbidden forbidden forbidden forbidden not_found forbidden
        reviewer draft: ok ok ok forbidden forbidden forbidden forbidden forbidden not_found forbidden
        reviewer published: ok ok ok forbidden forbidden forbidden forbidden forbidden not_found forbidden
        editor draft: ok ok ok ok ok ok ok ok ok ok
        editor published: ok ok ok ok ok ok ok ok ok ok
        owner draft: ok ok ok ok ok ok ok ok ok ok
        owner published: ok ok ok ok ok ok ok ok ok ok
    "#]].assert_eq(&table);
}

#[tokio::test]
async fn a_review_takes_two() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let boss = world.somebody(Role::Creator).await;
    handbook(&world, &boss).await;
    let mut people = Vec::new();
    for role in [
        ProjectRole::Viewer,
        ProjectRole::Reviewer,
        ProjectRole::Editor,
    ] {
        let who = world.somebody(Role::Creator).await;
        join(&world, &boss, &who, role).await;
        people.push(who);
    }
    let [viewer, reviewer, editor] = people.as_slice() else {
        panic!("three people")
    };
    let ada = world.somebody(Role::Creator).await;
    join(&world, &boss, &ada, ProjectRole::Editor).await;
    let new = in_handbook("A life", Status::Draft);
    let id = articles.create(&ada, new).await.unwrap().id;
    // What she wrote stays hers to write.
    join(&world, &boss, &ada, ProjectRole::Viewer).await;
    //       who      to                  outcome
    let story = [
        (reviewer, Status::InReview, "forbidden"),
        (&ada, Status::Published, "forbidden"),
        (&ada, Status::InReview, "ok"),
        (&ada, Status::Approved, "forbidden"),
        (viewer, Status::Approved, "forbidden"),
        (reviewer, Status::Published, "forbidden"),
        (reviewer, Status::Draft, "ok"),
        (&ada, Status::InReview, "ok"),
        (reviewer, Status::Approved, "ok"),
        (reviewer, Status::Published, "forbidden"),
        (&ada, Status::Published, "forbidden"),
        (editor, Status::Published, "ok"),
        (&ada, Status::Archived, "forbidden"),
        (reviewer, Status::Draft, "forbidden"),
        (editor, Status::Draft, "ok"),
        (editor, Status::Published, "ok"),
        (&boss, Status::Archived, "ok"),
    ];
    for (number, (who, status, want)) in story.into_iter().enumerate() {
        let done = articles.transition(who, id, to(status), None).await;
        assert_eq!(code(done), want, "step {number}");
    }
}

#[tokio::test]
async fn editors_and_owners_write_into_a_project() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let boss = world.somebody(Role::Creator).await;
    let project = handbook(&world, &boss).await;
    let new = || in_handbook("New", Status::Published);
    for (role, want) in [
        (None, "not_found"),
        (Some(ProjectRole::Viewer), "forbidden"),
        (Some(ProjectRole::Reviewer), "forbidden"),
        (Some(ProjectRole::Editor), "ok"),
        (Some(ProjectRole::Owner), "ok"),
    ] {
        let who = world.somebody(Role::Creator).await;
        if let Some(role) = role {
            join(&world, &boss, &who, role).await;
        }
        assert_eq!(code(articles.create(&who, new()).await), want, "{role:?}");
    }
    // The role in the engine comes first, and nobody writes into what is not there.
    let reader = world.somebody(Role::Viewer).await;
    join(&world, &boss, &reader, ProjectRole::Owner).await;
    assert_eq!(code(articles.create(&reader, new()).await), "forbidden");
    let admin = world.somebody(Role::Admin).await;
    let nowhere = NewArticle {
        project: Some("nowhere".to_owned()),
        ..titled("Lost")
    };
    for who in [&boss, &admin] {
        let lost = articles.create(who, nowhere.clone()).await;
        assert_eq!(code(lost), "not_found");
    }

    let id = articles.create(&boss, new()).await.unwrap().id;
    let trashed = articles.create(&boss, new()).await.unwrap().id;
    articles.delete(&boss, trashed, None).await.unwrap();
    let projects = &world.services.projects;
    projects.archive(&boss, &project, None).await.unwrap();
    for outcome in [
        code(articles.create(&boss, new()).await),
        code(articles.update(&boss, id, retitle("B"), None).await),
        code(
            articles
                .transition(&boss, id, to(Status::Draft), None)
                .await,
        ),
        code(articles.delete(&boss, id, None).await),
        code(articles.restore(&boss, trashed, None).await),
        code(articles.remove(&boss, trashed, None).await),
    ] {
        assert_eq!(outcome, "conflict");
    }
    assert_eq!(code(articles.get(&boss, id).await), "ok");
}

#[tokio::test]
async fn members_list_all_of_their_project() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let boss = world.somebody(Role::Creator).await;
    handbook(&world, &boss).await;
    for (title, status) in [("draft", Status::Draft), ("public", Status::Published)] {
        let new = in_handbook(title, status);
        articles.create(&boss, new).await.unwrap();
    }
    let new = in_handbook("trash", Status::Draft);
    let gone = articles.create(&boss, new).await.unwrap();
    articles.delete(&boss, gone.id, None).await.unwrap();
    let mut table = String::new();
    for role in ROLES {
        let who = world.somebody(Role::Creator).await;
        if let Some(role) = role {
            join(&world, &boss, &who, role).await;
        }
        table.push_str(word(role));
        for (status, trashed) in [(None, false), (Some(Status::Draft), false), (None, true)] {
            let filter = ArticleFilter {
                project: Some("handbook".to_owned()),
                status,
                trashed,
                ..ArticleFilter::default()
            };
            let list = articles.list(&who, filter, page(9)).await.unwrap();
            let titles: Vec<&str> = list.items.iter().map(|it| it.text.title.as_str()).collect();
            table.push_str(&format!(" [{}]", titles.join(" ")));
        }
        // Who names no project sees their own, whatever their roles.
        let own = articles.list(&who, ArticleFilter::default(), page(9)).await;
        assert_eq!(own.unwrap().items, []);
        table.push('\n');
    }
    // all, drafts, trash
    expect_test::expect![[r#"
        stranger [] [] []
        viewer [public draft] [draft] []
        reviewer [public draft] [draft] []
        editor [public draft] [draft] [trash]
        owner [public draft] [draft] [trash]
    "#]]
    .assert_eq(&table);
}

#[tokio::test]
async fn a_role_in_default_gives_nothing_over_articles() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let article = articles.create(&ada, titled("Hers")).await.unwrap();
    assert_eq!(code(articles.get(&bob, article.id).await), "not_found");
    let by_slug = articles.by_slug(&ada, "default", "en", &article.slug);
    assert!(matches!(by_slug.await, Ok(BySlug::Article(_))));
    let filter = ArticleFilter {
        project: Some("default".to_owned()),
        ..ArticleFilter::default()
    };
    let list = articles.list(&bob, filter, page(9)).await.unwrap();
    assert_eq!(list.items, []);
}

#[tokio::test]
async fn admins_are_written_down_with_what_they_do_to_articles_of_others() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let article = articles.create(&ada, titled("Hers")).await.unwrap();
    let id = article.id;
    articles
        .update(&ada, id, retitle("Still hers"), None)
        .await
        .unwrap();
    assert_eq!(entries(&world, &article).await, []);

    // Reading and what changes nothing leave nothing.
    articles.get(&admin, id).await.unwrap();
    let same = retitle("Still hers");
    articles.update(&admin, id, same, None).await.unwrap();
    articles
        .update(&admin, id, retitle("Better"), None)
        .await
        .unwrap();
    articles
        .transition(&admin, id, to(Status::Published), None)
        .await
        .unwrap();
    articles
        .restore_revision(&admin, id, 1, None)
        .await
        .unwrap();
    articles.delete(&admin, id, None).await.unwrap();
    articles.restore(&admin, id, None).await.unwrap();
    articles.remove(&admin, id, None).await.unwrap();

    let all = entries(&world, &article).await;
    let told: Vec<(&str, &str)> = all
        .iter()
        .map(|record| (record.action.as_str(), record.detail.as_deref().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("article.changed", "as admin"),
            ("article.changed", "draft → published, as admin"),
            ("article.changed", "as admin"),
            ("article.deleted", "as admin"),
            ("article.restored", "as admin"),
            ("article.deleted", "as admin"),
            ("article.removed", "as admin"),
        ]
    );
    assert!(all.iter().all(|it| it.on_behalf_of == Some(ada.user)));
    assert!(all.iter().all(|it| it.actor == Some(admin.user)));
    for pair in all.windows(2) {
        assert_eq!(pair[0].after, pair[1].before, "nothing between them");
        assert_ne!(pair[1].before, pair[1].after);
    }
    assert_eq!(all.last().unwrap().after, None);
}

#[tokio::test]
async fn admins_act_by_right_where_they_are_members() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let boss = world.somebody(Role::Creator).await;
    handbook(&world, &boss).await;
    let admin = world.somebody(Role::Admin).await;
    let actions = async |who: &Principal, article: &Article| {
        articles
            .update(who, article.id, retitle("B"), None)
            .await
            .unwrap();
        for status in [Status::InReview, Status::Approved, Status::Published] {
            let step = articles.transition(who, article.id, to(status), None);
            step.await.unwrap();
        }
        let all = entries(&world, article).await;
        let told = all.iter().map(|it| (it.action.clone(), it.on_behalf_of));
        told.map(|(action, owner)| format!("{action} {}", owner.is_some()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let new = || in_handbook("A", Status::Draft);

    // In a project of others: what is theirs they write by right, and nobody lets them in or publish.
    let own = articles.create(&admin, new()).await.unwrap();
    assert_eq!(
        actions(&admin, &own).await,
        "article.created false, article.changed false, article.changed false"
    );
    // As a reviewer they approve, as an editor they do it all.
    for (role, want) in [
        (
            ProjectRole::Reviewer,
            "article.changed true, article.changed true, article.changed true",
        ),
        (ProjectRole::Editor, ""),
    ] {
        join(&world, &boss, &admin, role).await;
        let theirs = articles.create(&boss, new()).await.unwrap();
        assert_eq!(actions(&admin, &theirs).await, want, "{role:?}");
    }
}
