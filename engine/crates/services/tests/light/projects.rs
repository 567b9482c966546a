//! Projects, members, and what they mean for others.

use inkstone_domain::audit::AuditFilter;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{AuditLog, KeyStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::{DEFAULT_PROJECT, ProjectRole, ProjectSettings};
use inkstone_services::{KeyWish, NewProject, ProjectPatch};

use crate::world::{World, page};

fn handbook() -> NewProject {
    NewProject {
        slug: "handbook".to_owned(),
        ..NewProject::default()
    }
}

fn code<T>(result: inkstone_domain::Result<T>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.code().name,
    }
}

/// A world with the project `handbook` and its owner.
async fn with_owner() -> (World, Principal) {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let projects = &world.services.projects;
    projects.create(&owner, handbook()).await.unwrap();
    (world, owner)
}

async fn member(world: &World, owner: &Principal, role: ProjectRole) -> Principal {
    let somebody = world.somebody(Role::Creator).await;
    let projects = &world.services.projects;
    let set = projects.set_member(owner, "handbook", somebody.user, role, None);
    assert!(set.await.unwrap().1, "they are new here");
    somebody
}

#[tokio::test]
async fn only_members_know_of_a_project() {
    let (world, owner) = with_owner().await;
    let projects = &world.services.projects;
    let stranger = world.somebody(Role::Creator).await;
    let reader = member(&world, &owner, ProjectRole::Viewer).await;
    let admin = world.somebody(Role::Admin).await;
    for (who, expected) in [
        (&owner, "ok"),
        (&reader, "ok"),
        (&admin, "ok"),
        (&stranger, "not_found"),
    ] {
        assert_eq!(code(projects.get(who, "handbook").await), expected);
        assert_eq!(
            code(projects.members(who, "handbook", page(9)).await),
            expected
        );
        let slugs = projects.list(who, false, page(9)).await.unwrap().items;
        let knows = slugs.iter().any(|project| project.slug == "handbook");
        assert_eq!(knows, expected == "ok");
        assert!(slugs.iter().any(|project| project.slug == DEFAULT_PROJECT));
    }
    assert_eq!(code(projects.get(&admin, "nowhere").await), "not_found");
    let viewer = world.somebody(Role::Viewer).await;
    assert_eq!(
        code(projects.create(&viewer, handbook()).await),
        "forbidden"
    );
    assert_eq!(
        code(projects.create(&stranger, handbook()).await),
        "already_exists"
    );
}

#[tokio::test]
async fn only_owners_change_a_project() {
    let (world, owner) = with_owner().await;
    let projects = &world.services.projects;
    let editor = member(&world, &owner, ProjectRole::Editor).await;
    let stranger = world.somebody(Role::Creator).await;
    let patch = ProjectPatch {
        name: Some("The handbook".to_owned()),
        settings: Some(ProjectSettings {
            model: Some("fake/large".to_owned()),
            chat_prompt: None,
            ..ProjectSettings::default()
        }),
        ..ProjectPatch::default()
    };
    let update = |who, revision| projects.update(who, "handbook", patch.clone(), revision);
    assert_eq!(code(update(&editor, None).await), "forbidden");
    assert_eq!(code(update(&stranger, None).await), "not_found");
    assert_eq!(code(update(&owner, Some(7)).await), "revision_mismatch");
    let changed = update(&owner, Some(1)).await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.revision),
        ("The handbook", 2)
    );
    // The same again is no change.
    assert_eq!(update(&owner, None).await.unwrap().revision, 2);
    let wrong = NewProject {
        slug: "Hand Book".to_owned(),
        name: Some("a\nb".to_owned()),
        ..NewProject::default()
    };
    let refused = projects.create(&owner, wrong).await.unwrap_err();
    let pointers: Vec<&str> = refused
        .fields()
        .iter()
        .map(|field| field.pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/slug", "/name"]);
}

#[tokio::test]
async fn an_archived_project_can_be_read_and_comes_back() {
    let (world, owner) = with_owner().await;
    let projects = &world.services.projects;
    projects.archive(&owner, "handbook", Some(1)).await.unwrap();
    assert!(
        projects
            .get(&owner, "handbook")
            .await
            .unwrap()
            .archived_at
            .is_some()
    );
    let slugs = |is_archived| {
        let owner = &owner;
        async move {
            let list = projects.list(owner, is_archived, page(9)).await.unwrap();
            let slugs = list.items.into_iter().map(|project| project.slug);
            slugs.collect::<Vec<String>>()
        }
    };
    assert_eq!(slugs(false).await, ["default"]);
    assert_eq!(slugs(true).await, ["handbook"]);
    let other = world.somebody(Role::Creator).await;
    let role = ProjectRole::Viewer;
    let set = projects.set_member(&owner, "handbook", other.user, role, None);
    assert_eq!(code(set.await), "conflict");
    let back = ProjectPatch {
        is_archived: Some(false),
        ..ProjectPatch::default()
    };
    projects
        .update(&owner, "handbook", back, None)
        .await
        .unwrap();
    assert_eq!(slugs(false).await, ["handbook", "default"]);
    let admin = world.somebody(Role::Admin).await;
    let archived = projects.archive(&admin, DEFAULT_PROJECT, None).await;
    assert_eq!(code(archived), "conflict");
}

#[tokio::test]
async fn members_come_change_and_leave() {
    let (world, owner) = with_owner().await;
    let projects = &world.services.projects;
    let access = &world.services.access;
    let editor = member(&world, &owner, ProjectRole::Editor).await;
    let set = |who, user, role| projects.set_member(who, "handbook", user, role, None);
    assert_eq!(
        access.role(&editor, "handbook").await.unwrap(),
        Some(ProjectRole::Editor)
    );
    assert_eq!(
        code(set(&editor, editor.user, ProjectRole::Owner).await),
        "forbidden"
    );
    assert_eq!(
        code(set(&owner, UserId::new(), ProjectRole::Owner).await),
        "not_found"
    );
    let leave = |who: Principal| async move {
        code(
            projects
                .remove_member(&who, "handbook", who.user, None)
                .await,
        )
    };
    assert_eq!(
        leave(owner.clone()).await,
        "conflict",
        "the last owner stays"
    );
    assert_eq!(
        code(set(&owner, owner.user, ProjectRole::Viewer).await),
        "conflict"
    );

    let (promoted, is_new) = set(&owner, editor.user, ProjectRole::Owner).await.unwrap();
    assert_eq!((promoted.revision, is_new), (2, false));
    assert_eq!(
        access.role(&editor, "handbook").await.unwrap(),
        Some(ProjectRole::Owner)
    );
    let stale = projects
        .remove_member(&owner, "handbook", editor.user, Some(1))
        .await;
    assert_eq!(code(stale), "revision_mismatch");
    assert_eq!(leave(owner.clone()).await, "ok");
    assert_eq!(access.role(&owner, "handbook").await.unwrap(), None);
    assert_eq!(code(projects.get(&owner, "handbook").await), "not_found");
}

#[tokio::test]
async fn what_another_engine_changed_holds_after_a_few_seconds() {
    let (world, owner) = with_owner().await;
    let editor = member(&world, &owner, ProjectRole::Editor).await;
    let access = &world.services.access;
    assert!(access.role(&editor, "handbook").await.unwrap().is_some());
    let other = world.another_engine().await;
    let removed = other
        .projects
        .remove_member(&owner, "handbook", editor.user, None);
    removed.await.unwrap();
    assert!(access.role(&editor, "handbook").await.unwrap().is_some());
    world.clock.advance(std::time::Duration::from_secs(6));
    assert_eq!(access.role(&editor, "handbook").await.unwrap(), None);
}

#[tokio::test]
async fn everybody_is_at_home_in_the_default_project() {
    let world = World::new().await;
    let access = &world.services.access;
    for (role, expected) in [
        (Role::Viewer, ProjectRole::Viewer),
        (Role::Creator, ProjectRole::Editor),
        (Role::Admin, ProjectRole::Editor),
    ] {
        let somebody = world.somebody(role).await;
        let found = access.role(&somebody, DEFAULT_PROJECT).await.unwrap();
        assert_eq!(found, Some(expected));
        assert_eq!(access.role(&somebody, "elsewhere").await.unwrap(), None);
    }
}

#[tokio::test]
async fn owners_put_their_keys_into_their_projects() {
    let (world, owner) = with_owner().await;
    let editor = member(&world, &owner, ProjectRole::Editor).await;
    let admin = world.somebody(Role::Admin).await;
    for (who, expected) in [(&owner, "ok"), (&editor, "forbidden"), (&admin, "ok")] {
        let wish = KeyWish {
            name: "ci".to_owned(),
            project: Some("handbook".to_owned()),
            ..KeyWish::default()
        };
        assert_eq!(
            code(world.services.keys.create(who, None, wish).await),
            expected
        );
    }
}

fn key_of_handbook() -> KeyWish {
    KeyWish {
        name: "ci".to_owned(),
        project: Some("handbook".to_owned()),
        ..KeyWish::default()
    }
}

#[tokio::test]
async fn the_keys_of_a_project_end_with_the_owner_they_have_there() {
    let (world, owner) = with_owner().await;
    let (projects, keys) = (&world.services.projects, &world.services.keys);
    let leaver = member(&world, &owner, ProjectRole::Owner).await;
    let (key, token) = keys.create(&leaver, None, key_of_handbook()).await.unwrap();
    let elsewhere = KeyWish {
        project: None,
        ..key_of_handbook()
    };
    let (_, other) = keys.create(&leaver, None, elsewhere).await.unwrap();
    let (_, mine) = keys.create(&owner, None, key_of_handbook()).await.unwrap();
    let deaf = world.another_engine().await;

    projects
        .set_member(&owner, "handbook", leaver.user, ProjectRole::Editor, None)
        .await
        .unwrap();
    let holds = |token: &str| world.services.authenticate(token).is_ok();
    assert!(!holds(&token), "an editor makes no keys of the project");
    assert!(holds(&other) && holds(&mine));
    deaf.load().await.unwrap();
    assert!(deaf.authenticate(&token).is_err(), "nor has one elsewhere");
    let filter = AuditFilter {
        subject: Some(format!("key:{}", key.id)),
        ..AuditFilter::default()
    };
    let told = world.store.audit_after(&filter, 0, 10).await.unwrap();
    let last = &told.last().unwrap().record;
    assert_eq!(
        (last.action.as_str(), last.actor),
        ("key.revoked", Some(owner.user))
    );
    assert_eq!(last.on_behalf_of, Some(leaver.user));

    // An owner again, with a key that ends with the membership.
    let again = projects.set_member(&owner, "handbook", leaver.user, ProjectRole::Owner, None);
    again.await.unwrap();
    let (_, token) = keys.create(&leaver, None, key_of_handbook()).await.unwrap();
    projects
        .remove_member(&owner, "handbook", leaver.user, None)
        .await
        .unwrap();
    assert!(!holds(&token) && holds(&other) && holds(&mine));
}

/// The last look of an engine that has not heard that somebody is no owner any more.
#[tokio::test]
async fn a_key_made_while_its_owner_is_taken_out_holds_no_longer() {
    let (world, owner) = with_owner().await;
    let leaver = member(&world, &owner, ProjectRole::Owner).await;
    let deaf = world.another_engine().await;
    let role = deaf.access.role(&leaver, "handbook").await.unwrap();
    assert_eq!(role, Some(ProjectRole::Owner));
    let projects = &world.services.projects;
    projects
        .remove_member(&owner, "handbook", leaver.user, None)
        .await
        .unwrap();
    let made = deaf.keys.create(&leaver, None, key_of_handbook()).await;
    assert_eq!(code(made), "forbidden");
    assert!(deaf.keys.list(&leaver).await.unwrap().is_empty());
    let all = world.store.keys().await.unwrap();
    assert!(all.iter().all(|key| key.revoked_at.is_some()), "{all:?}");
}

#[tokio::test]
async fn owners_see_and_revoke_the_keys_of_their_project() {
    let (world, owner) = with_owner().await;
    let keys = &world.services.keys;
    let other = member(&world, &owner, ProjectRole::Owner).await;
    let editor = member(&world, &owner, ProjectRole::Editor).await;
    let (key, token) = keys.create(&other, None, key_of_handbook()).await.unwrap();
    assert_eq!(keys.list(&owner).await.unwrap(), std::slice::from_ref(&key));
    assert!(keys.list(&editor).await.unwrap().is_empty());
    assert_eq!(code(keys.show(&editor, key.id).await), "not_found");
    assert_eq!(code(keys.revoke(&editor, key.id).await), "not_found");
    let change = keys.change(&owner, key.id, key_of_handbook(), None);
    assert_eq!(code(change.await), "forbidden");
    let overlap = std::time::Duration::ZERO;
    assert_eq!(
        code(keys.rotate(&owner, key.id, overlap).await),
        "forbidden"
    );
    assert_eq!(code(keys.revoke(&owner, key.id).await), "ok");
    assert!(world.services.authenticate(&token).is_err());
}

#[tokio::test]
async fn every_change_is_written_down() {
    let (world, owner) = with_owner().await;
    let projects = &world.services.projects;
    let admin = world.somebody(Role::Admin).await;
    let somebody = member(&world, &owner, ProjectRole::Editor).await;
    let patch = ProjectPatch {
        description: Some("For everybody.".to_owned()),
        ..ProjectPatch::default()
    };
    projects
        .update(&admin, "handbook", patch, None)
        .await
        .unwrap();
    projects.archive(&owner, "handbook", None).await.unwrap();
    projects
        .remove_member(&somebody, "handbook", somebody.user, None)
        .await
        .unwrap();
    let filter = AuditFilter {
        subject: Some("project:handbook".to_owned()),
        ..AuditFilter::default()
    };
    let entries = world.store.audit_after(&filter, 0, 100).await.unwrap();
    let told: Vec<(Option<UserId>, &str, Option<&str>)> = entries
        .iter()
        .map(|entry| &entry.record)
        .map(|record| {
            (
                record.actor,
                record.action.as_str(),
                record.detail.as_deref(),
            )
        })
        .collect();
    let added = format!("{}: none → editor", somebody.user);
    let left = format!("{}: editor → none", somebody.user);
    assert_eq!(
        told,
        [
            (Some(owner.user), "project.created", None),
            (Some(owner.user), "member.set", Some(added.as_str())),
            (Some(admin.user), "project.changed", Some("as admin")),
            (Some(owner.user), "project.archived", None),
            (Some(somebody.user), "member.removed", Some(left.as_str())),
        ]
    );
    let changed = &entries[2].record;
    assert!(changed.before.is_some() && changed.before != changed.after);
    assert_eq!(changed.before, entries[0].record.after);
}
