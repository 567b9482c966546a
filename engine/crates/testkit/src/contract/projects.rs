//! The suite of [`ProjectStore`].

use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::ids::UserId;
use inkstone_domain::key::{EndedKey, VirtualKey};
use inkstone_domain::ports::{AuditLog, KeyStore, ProjectStore};
use inkstone_domain::project::{
    DEFAULT_PROJECT, Member, Project, ProjectFilter, ProjectRole, ProjectSettings,
};

use super::audit::whole_chain;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn ProjectStore, keys: &dyn KeyStore, log: &dyn AuditLog) {
    keeps_projects(store).await;
    one_of_many_creates_and_changes(store, log).await;
    lists_projects(store).await;
    keeps_members(store).await;
    keeps_an_owner(store, log).await;
    keys_end_with_an_owner(store, keys, log).await;
    the_default_is_always_there(store).await;
}

async fn make(store: &dyn ProjectStore, owner: UserId) -> Project {
    let project = sample::project();
    let member = sample::member(&project, owner, ProjectRole::Owner);
    let audit = sample::audit(owner);
    store
        .create_project(&project, &member, &audit)
        .await
        .unwrap();
    project
}

pub async fn keeps_projects(store: &dyn ProjectStore) {
    let owner = UserId::new();
    let mut project = make(store, owner).await;
    let read = |slug: String| async move { store.project(&slug).await.unwrap() };
    assert_eq!(read(project.slug.clone()).await, Some(project.clone()));
    assert_eq!(store.project("nowhere").await.unwrap(), None);
    assert_eq!(store.project("").await.unwrap(), None);
    let member = sample::member(&project, owner, ProjectRole::Owner);
    let found = store.member(&project.slug, owner).await.unwrap().unwrap();
    assert_eq!((found.role, found.revision), (member.role, 1));

    project.revision = 2;
    project.name = "Another".to_owned();
    project.settings = ProjectSettings::default();
    project.archived_at = Some(sample::now());
    let audit = sample::audit(owner);
    store.update_project(&project, &audit).await.unwrap();
    assert_eq!(read(project.slug.clone()).await, Some(project.clone()));
    assert_code(
        store.update_project(&project, &audit).await,
        &codes::REVISION_MISMATCH,
    );
    let nowhere = Project {
        slug: "nowhere".to_owned(),
        ..project.clone()
    };
    assert_code(
        store.update_project(&nowhere, &audit).await,
        &codes::NOT_FOUND,
    );
    // An archived project keeps its slug.
    let twin = Project {
        slug: project.slug.clone(),
        ..sample::project()
    };
    assert_code(
        store.create_project(&twin, &member, &audit).await,
        &codes::ALREADY_EXISTS,
    );
}

pub async fn one_of_many_creates_and_changes(store: &dyn ProjectStore, log: &dyn AuditLog) {
    let slug = sample::project().slug;
    let owner = UserId::new();
    let audit = sample::audit(owner);
    let create = || async {
        let project = Project {
            slug: slug.clone(),
            ..sample::project()
        };
        let member = sample::member(&project, owner, ProjectRole::Owner);
        store.create_project(&project, &member, &audit).await
    };
    let created = join_all((0..CROWD).map(|_| create())).await;
    assert_eq!(created.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in created.into_iter().filter(Result::is_err) {
        assert_code(refused, &codes::ALREADY_EXISTS);
    }

    let mut project = store.project(&slug).await.unwrap().unwrap();
    project.revision = 2;
    let changed = join_all((0..CROWD).map(|_| store.update_project(&project, &audit))).await;
    assert_eq!(changed.iter().filter(|result| result.is_ok()).count(), 1);
    // What was refused is not written down.
    let chain = whole_chain(log).await;
    let own = chain.iter().filter(|entry| entry.record == audit);
    assert_eq!(own.count(), 2);
}

pub async fn lists_projects(store: &dyn ProjectStore) {
    let owner = UserId::new();
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(make(store, owner).await);
    }
    made[1].revision = 2;
    made[1].archived_at = Some(sample::now());
    let audit = sample::audit(owner);
    store.update_project(&made[1], &audit).await.unwrap();
    let slugs: Vec<String> = made.iter().map(|project| project.slug.clone()).collect();
    let filter = |is_archived| ProjectFilter {
        slugs: Some(slugs.clone()),
        is_archived,
    };
    let first = store
        .list_projects(&filter(false), sample::first_page(1))
        .await
        .unwrap();
    assert_eq!(first.items, [made[2].clone()]);
    let mut page = sample::first_page(1);
    page.cursor = first.next_cursor;
    let second = store.list_projects(&filter(false), page).await.unwrap();
    assert_eq!(
        (second.items, second.next_cursor),
        (vec![made[0].clone()], None)
    );
    let archived = store
        .list_projects(&filter(true), sample::first_page(9))
        .await
        .unwrap();
    assert_eq!(archived.items, [made[1].clone()]);
    let all = ProjectFilter::default();
    let all = store
        .list_projects(&all, sample::first_page(1))
        .await
        .unwrap();
    assert_eq!(all.items, [made[2].clone()]);
}

pub async fn keeps_members(store: &dyn ProjectStore) {
    let owner = UserId::new();
    let project = make(store, owner).await;
    let other = make(store, owner).await;
    let slug = project.slug.as_str();
    let audit = sample::audit(owner);
    let user = UserId::new();
    let member = sample::member(&project, user, ProjectRole::Reviewer);
    store.put_member(&member, &[], &audit).await.unwrap();
    assert_eq!(
        store.member(slug, user).await.unwrap(),
        Some(member.clone())
    );
    assert_code(
        store.put_member(&member, &[], &audit).await,
        &codes::REVISION_MISMATCH,
    );
    let editor = Member {
        role: ProjectRole::Editor,
        revision: 2,
        ..member.clone()
    };
    store.put_member(&editor, &[], &audit).await.unwrap();
    assert_eq!(
        store.member(slug, user).await.unwrap(),
        Some(editor.clone())
    );
    let roles = store.roles_of(user).await.unwrap();
    assert_eq!(roles, [(slug.to_owned(), ProjectRole::Editor)]);
    let mut own = vec![
        (slug.to_owned(), ProjectRole::Owner),
        (other.slug.clone(), ProjectRole::Owner),
    ];
    own.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(store.roles_of(owner).await.unwrap(), own);

    let first = store.members(slug, sample::first_page(1)).await.unwrap();
    assert_eq!(first.items, [editor]);
    let mut page = sample::first_page(1);
    page.cursor = first.next_cursor;
    let second = store.members(slug, page).await.unwrap();
    assert_eq!((second.items[0].user, second.next_cursor), (owner, None));

    let stale = store.remove_member(slug, user, 1, &[], &audit).await;
    assert_code(stale, &codes::REVISION_MISMATCH);
    store
        .remove_member(slug, user, 2, &[], &audit)
        .await
        .unwrap();
    assert_eq!(store.member(slug, user).await.unwrap(), None);
    let gone = store.remove_member(slug, user, 2, &[], &audit).await;
    assert_code(gone, &codes::NOT_FOUND);
    let nowhere = Member {
        project: "nowhere".to_owned(),
        ..member
    };
    assert_code(
        store.put_member(&nowhere, &[], &audit).await,
        &codes::NOT_FOUND,
    );
}

pub async fn keeps_an_owner(store: &dyn ProjectStore, log: &dyn AuditLog) {
    let (one, other) = (UserId::new(), UserId::new());
    let project = make(store, one).await;
    let slug = project.slug.as_str();
    let audit = sample::audit(one);
    let last = store.remove_member(slug, one, 1, &[], &audit).await;
    assert_code(last, &codes::CONFLICT);
    let demoted = Member {
        revision: 2,
        ..sample::member(&project, one, ProjectRole::Viewer)
    };
    assert_code(
        store.put_member(&demoted, &[], &audit).await,
        &codes::CONFLICT,
    );

    // Of two owners who leave at the same time, one stays.
    let second = sample::member(&project, other, ProjectRole::Owner);
    store
        .put_member(&second, &[], &sample::audit(other))
        .await
        .unwrap();
    let leave = [one, other].map(|user| store.remove_member(slug, user, 1, &[], &audit));
    let left = join_all(leave).await;
    assert_eq!(left.iter().filter(|result| result.is_ok()).count(), 1);
    let members = store.members(slug, sample::first_page(9)).await.unwrap();
    assert_eq!(members.items.len(), 1);
    let chain = whole_chain(log).await;
    let own = chain.iter().filter(|entry| entry.record == audit);
    assert_eq!(own.count(), 1, "refused changes are not written down");
}

/// Of whoever is no owner any more, in the same transaction and not without.
pub async fn keys_end_with_an_owner(
    store: &dyn ProjectStore,
    keys: &dyn KeyStore,
    log: &dyn AuditLog,
) {
    let (owner, leaver) = (UserId::new(), UserId::new());
    let project = make(store, owner).await;
    let slug = project.slug.as_str();
    let audit = sample::audit(owner);
    let member = sample::member(&project, leaver, ProjectRole::Owner);
    store.put_member(&member, &[], &audit).await.unwrap();
    let key = |holder, slug: &str| VirtualKey {
        project: Some(slug.to_owned()),
        ..sample::virtual_key(holder)
    };
    let own = [key(leaver, slug), key(leaver, slug)];
    let others = [key(leaver, "elsewhere"), key(owner, slug)];
    for key in own.iter().chain(&others) {
        keys.create_key(key, &audit).await.unwrap();
    }
    let end = |key: &VirtualKey| EndedKey {
        key: VirtualKey {
            revoked_at: Some(sample::now()),
            revision: key.revision + 1,
            ..key.clone()
        },
        audit: sample::audit(leaver),
    };
    let ended = own.each_ref().map(end);
    let stored = async |key: &VirtualKey| keys.key(key.id).await.unwrap().unwrap();

    // Not one is left over, and none is put over what somebody else made of it.
    let missing = store
        .remove_member(slug, leaver, 1, &ended[..1], &audit)
        .await;
    assert_code(missing, &codes::REVISION_MISMATCH);
    let mut stale = ended.clone();
    stale[1].key.revision += 1;
    let stale = store.remove_member(slug, leaver, 1, &stale, &audit).await;
    assert_code(stale, &codes::REVISION_MISMATCH);
    assert!(store.member(slug, leaver).await.unwrap().is_some());
    assert_eq!(stored(&own[0]).await, own[0]);

    let editor = Member {
        role: ProjectRole::Editor,
        revision: 2,
        ..member.clone()
    };
    let without = store.put_member(&editor, &[], &audit).await;
    assert_code(without, &codes::REVISION_MISMATCH);
    store.put_member(&editor, &ended, &audit).await.unwrap();
    for end in &ended {
        assert_eq!(stored(&end.key).await, end.key);
    }
    for other in &others {
        assert_eq!(stored(other).await, *other);
    }
    // Who is no owner may have keys that an admin made; they end with the membership.
    let given = key(leaver, slug);
    keys.create_key(&given, &audit).await.unwrap();
    let reviewer = Member {
        role: ProjectRole::Reviewer,
        revision: 3,
        ..editor
    };
    store.put_member(&reviewer, &[], &audit).await.unwrap();
    assert_eq!(stored(&given).await, given);
    let last = [end(&given)];
    store
        .remove_member(slug, leaver, 3, &last, &audit)
        .await
        .unwrap();
    assert_eq!(stored(&given).await, last[0].key);
    let chain = whole_chain(log).await;
    for end in ended.iter().chain(&last) {
        let told = chain.iter().filter(|entry| entry.record == end.audit);
        assert_eq!(told.count(), 1, "each key is written down, once");
    }
}

pub async fn the_default_is_always_there(store: &dyn ProjectStore) {
    let project = store.project(DEFAULT_PROJECT).await.unwrap().unwrap();
    assert_eq!(
        (project.slug.as_str(), project.archived_at),
        (DEFAULT_PROJECT, None)
    );
    let user = UserId::new();
    let member = sample::member(&project, user, ProjectRole::Viewer);
    store
        .put_member(&member, &[], &sample::audit(user))
        .await
        .unwrap();
    store
        .remove_member(DEFAULT_PROJECT, user, 1, &[], &sample::audit(user))
        .await
        .unwrap();
}
