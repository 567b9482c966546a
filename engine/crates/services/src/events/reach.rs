//! Who may hear of what: whoever may read the thing that an event tells of, asked for each event, so that
//! somebody who was taken out of a project hears no more of it.

use inkstone_domain::Result;
use inkstone_domain::event::{Thing, Told};
use inkstone_domain::ids::UserId;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::{DEFAULT_PROJECT, ProjectRole};
use inkstone_domain::webhook::Webhook;

use crate::access::Access;
use crate::policy::{self, Act, Standing, Verdict};

/// Whether they may hear of it.
pub(crate) async fn may_hear(access: &Access, principal: &Principal, told: &Told) -> Result<bool> {
    let thing = told.event.body.kind().thing();
    let role = match told.scope.project.as_deref() {
        None => None,
        // What is in there is its owner's alone.
        Some(DEFAULT_PROJECT) if is_owned(thing) => None,
        Some(slug) => access.role(principal, slug).await?,
    };
    Ok(is_heard(principal, role, thing, told.scope.owner))
}

/// Whether a webhook may be told of it. One of a project is told what an owner of the project may hear, and of what
/// is its owner's alone only where that is who made it; one of the whole engine what an admin may hear. Chats are told
/// to none: they would leave the engine.
pub(crate) fn may_tell(webhook: &Webhook, told: &Told) -> bool {
    let thing = told.event.body.kind().thing();
    let is_of_project = webhook.project.is_some();
    is_told(webhook.owner, is_of_project, thing, told.scope.owner)
}

fn is_told(keeper: UserId, is_of_project: bool, thing: Thing, owner: Option<UserId>) -> bool {
    let (role, in_project) = match is_of_project {
        true => (Role::Creator, Some(ProjectRole::Owner)),
        false => (Role::Admin, None),
    };
    let keeper = Principal::of(keeper, role);
    thing != Thing::Chat && is_heard(&keeper, in_project, thing, owner)
}

fn is_owned(thing: Thing) -> bool {
    matches!(
        thing,
        Thing::Article
            | Thing::Comment
            | Thing::Media
            | Thing::Note
            | Thing::Job
            | Thing::Batch
            | Thing::Schedule
    )
}

fn is_heard(
    principal: &Principal,
    role: Option<ProjectRole>,
    thing: Thing,
    owner: Option<UserId>,
) -> bool {
    let owns = owner == Some(principal.user);
    let verdict = policy::decide(Standing::in_project(principal, owns, role), act_of(thing));
    match thing {
        // Whoever reads those of others is written down for it, so they do not come by themselves.
        Thing::Chat => verdict == Verdict::Allowed,
        _ => verdict.is_allowed(),
    }
}

fn act_of(thing: Thing) -> Act {
    match thing {
        // Whether it is published may have changed since.
        Thing::Article => Act::ReadArticle {
            is_published: false,
        },
        Thing::Comment => Act::InspectArticle {
            is_published: false,
        },
        Thing::Project | Thing::Member => Act::SeeProject,
        Thing::Prompt => Act::ReadPrompt,
        Thing::Note => Act::ReadNote,
        Thing::Chat => Act::SeeChat,
        Thing::Media => Act::ReadMedia,
        Thing::Job | Thing::Batch | Thing::Schedule => Act::SeeJob,
        Thing::Webhook => Act::ChangeProject,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hears_what() {
        let viewer = Some(ProjectRole::Viewer);
        // Owner outside the project, owner and other member in it, stranger, admin who is none.
        for (thing, heard) in [
            (Thing::Article, [true, true, true, false, true]),
            (Thing::Comment, [true, true, true, false, true]),
            (Thing::Project, [false, true, true, false, true]),
            (Thing::Member, [false, true, true, false, true]),
            (Thing::Prompt, [false, true, true, false, true]),
            (Thing::Chat, [false, true, false, false, false]),
            (Thing::Media, [true, true, true, false, true]),
            (Thing::Note, [true, true, true, false, true]),
            (Thing::Job, [true, true, false, false, true]),
            (Thing::Batch, [true, true, false, false, true]),
            (Thing::Schedule, [true, true, false, false, true]),
            (Thing::Webhook, [false, false, false, false, true]),
        ] {
            let owner = UserId::new();
            let of = |user, role, in_project| {
                is_heard(&Principal::of(user, role), in_project, thing, Some(owner))
            };
            let found = [
                of(owner, Role::Creator, None),
                of(owner, Role::Creator, viewer),
                of(UserId::new(), Role::Creator, viewer),
                of(UserId::new(), Role::Creator, None),
                of(UserId::new(), Role::Admin, None),
            ];
            assert_eq!(found, heard, "{thing:?}");
        }
    }

    #[test]
    fn what_webhooks_are_told() {
        // Of a project, what is their maker's and what is another's; of the whole engine.
        for (thing, told) in [
            (Thing::Article, [true, true, true]),
            (Thing::Comment, [true, true, true]),
            (Thing::Project, [true, true, true]),
            (Thing::Member, [true, true, true]),
            (Thing::Prompt, [true, true, true]),
            (Thing::Chat, [false, false, false]),
            (Thing::Media, [true, true, true]),
            (Thing::Note, [true, true, true]),
            (Thing::Job, [true, false, true]),
            (Thing::Batch, [true, false, true]),
            (Thing::Schedule, [true, false, true]),
            (Thing::Webhook, [true, true, true]),
        ] {
            let keeper = UserId::new();
            let found = [
                is_told(keeper, true, thing, Some(keeper)),
                is_told(keeper, true, thing, Some(UserId::new())),
                is_told(keeper, false, thing, Some(UserId::new())),
            ];
            assert_eq!(found, told, "{thing:?}");
            // Whose it was nobody knows any more.
            assert_eq!(is_told(keeper, true, thing, None), told[1], "{thing:?}");
        }
    }
}
