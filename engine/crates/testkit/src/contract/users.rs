//! The suite of [`UserStore`].

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Duration, Utc};
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{AuditLog, Rotation, Successor, UserStore};
use inkstone_domain::principal::{Role, SeenFrom, Session, User};

use super::audit::whole_chain;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn UserStore, log: &dyn AuditLog) {
    keeps_users(store).await;
    refuses_a_taken_email(store).await;
    one_of_many_takes_an_email(store).await;
    rotates_sessions(store).await;
    ends_a_family_when_a_spent_token_is_shown(store).await;
    forgets_expired_and_ended_sessions(store).await;
    one_of_many_rotates(store).await;
    lists_users_newest_first(store).await;
    changes_users_by_revision(store).await;
    one_of_many_changes_a_user(store).await;
    replaces_passwords(store).await;
    lists_sign_ins_that_go_on(store).await;
    ends_the_sessions_of_one_user(store).await;
    writes_changes_down(store, log).await;
}

pub async fn keeps_users(store: &dyn UserStore) {
    let before = store.count_users().await.unwrap();
    let account = sample::account(Role::Creator);
    store
        .create_user(account.clone(), sample::some_audit())
        .await
        .unwrap();

    assert_eq!(store.count_users().await.unwrap(), before + 1);
    let user = store.user(account.user.id).await.unwrap();
    assert_eq!(user.as_ref(), Some(&account.user));
    let found = store.account_by_email(&account.user.email).await.unwrap();
    let found = found.expect("the account was just created");
    assert_eq!(found.user, account.user);
    assert_eq!(found.password_hash, account.password_hash);

    assert_eq!(store.user(UserId::new()).await.unwrap(), None);
    let nobody = store.account_by_email("nobody@example.org").await.unwrap();
    assert!(nobody.is_none());
}

pub async fn refuses_a_taken_email(store: &dyn UserStore) {
    let first = sample::account(Role::Viewer);
    let mut second = sample::account(Role::Admin);
    second.user.email.clone_from(&first.user.email);
    store
        .create_user(first.clone(), sample::some_audit())
        .await
        .unwrap();
    let second_id = second.user.id;
    assert_code(
        store.create_user(second, sample::some_audit()).await,
        &codes::ALREADY_EXISTS,
    );
    assert_eq!(store.user(second_id).await.unwrap(), None);
    let found = store.account_by_email(&first.user.email).await.unwrap();
    assert_eq!(found.map(|account| account.user), Some(first.user));
}

pub async fn one_of_many_takes_an_email(store: &dyn UserStore) {
    let email = sample::account(Role::Viewer).user.email;
    let attempts = (0..CROWD).map(|_| {
        let mut account = sample::account(Role::Viewer);
        account.user.email.clone_from(&email);
        store.create_user(account, sample::some_audit())
    });
    let (created, refused): (Vec<_>, Vec<_>) = join_all(attempts)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!(created.len(), 1);
    for result in refused {
        assert_code(result, &codes::ALREADY_EXISTS);
    }
}

pub async fn rotates_sessions(store: &dyn UserStore) {
    let session = new_session(store).await;
    let (id, hash) = (SessionId::new(), new_hash());
    let now = sample::now() + Duration::minutes(1);
    let next = Successor {
        id,
        token_hash: hash,
        expires_at: now + Duration::days(30),
        seen: SeenFrom::default(),
    };
    let rotation = store.rotate_session(session.token_hash, next.clone(), now);
    let rotation = rotation.await.unwrap();
    let successor = Session {
        id,
        family: session.family,
        user: session.user,
        token_hash: hash,
        signed_in_at: session.signed_in_at,
        created_at: now,
        expires_at: next.expires_at,
        seen: next.seen,
    };
    assert_eq!(rotation, Rotation::Rotated(successor));

    let Rotation::Rotated(third) = rotate(store, hash).await else {
        panic!("the successor's token must be good");
    };
    assert_eq!(third.family, session.family);
    assert_eq!(rotate(store, new_hash()).await, Rotation::Unknown);

    let mut twin = sample::session(UserId::new(), third.token_hash);
    assert_code(
        store
            .create_session(twin.clone(), sample::some_audit())
            .await,
        &codes::ALREADY_EXISTS,
    );
    twin.token_hash = new_hash();
    store
        .create_session(twin, sample::some_audit())
        .await
        .unwrap();
}

pub async fn ends_a_family_when_a_spent_token_is_shown(store: &dyn UserStore) {
    let session = new_session(store).await;
    let other_family = new_session(store).await;
    let Rotation::Rotated(successor) = rotate(store, session.token_hash).await else {
        panic!("a fresh token must be good");
    };
    let reused = Rotation::Reused {
        user: session.user,
        family: session.family,
    };
    assert_eq!(rotate(store, session.token_hash).await, reused);
    assert_eq!(rotate(store, successor.token_hash).await, Rotation::Unknown);
    assert_eq!(rotate(store, session.token_hash).await, Rotation::Unknown);
    let untouched = rotate(store, other_family.token_hash).await;
    assert!(matches!(untouched, Rotation::Rotated(_)));
}

pub async fn forgets_expired_and_ended_sessions(store: &dyn UserStore) {
    let expiring = new_session(store).await;
    let at_the_end = store
        .rotate_session(
            expiring.token_hash,
            successor(expiring.expires_at + Duration::hours(1)),
            expiring.expires_at,
        )
        .await
        .unwrap();
    assert_eq!(at_the_end, Rotation::Unknown);
    assert!(matches!(
        rotate(store, expiring.token_hash).await,
        Rotation::Rotated(_)
    ));

    let ended = new_session(store).await;
    store.end_family(ended.family, None).await.unwrap();
    assert_eq!(rotate(store, ended.token_hash).await, Rotation::Unknown);
    store.end_family(SessionId::new(), None).await.unwrap();
}

pub async fn one_of_many_rotates(store: &dyn UserStore) {
    let session = new_session(store).await;
    let attempts = (0..CROWD).map(|_| rotate(store, session.token_hash));
    let rotations = join_all(attempts).await;
    let count = |wanted: fn(&Rotation) -> bool| rotations.iter().filter(|it| wanted(it)).count();
    assert_eq!(count(|it| matches!(it, Rotation::Rotated(_))), 1);
    // The first of the others ends the family; from then on nobody has the token.
    assert_eq!(count(|it| matches!(it, Rotation::Reused { .. })), 1);
    for rotation in rotations {
        if let Rotation::Rotated(successor) = rotation {
            let after = rotate(store, successor.token_hash).await;
            assert_eq!(after, Rotation::Unknown);
        }
    }
}

pub async fn lists_users_newest_first(store: &dyn UserStore) {
    let mut own = Vec::new();
    for role in [Role::Viewer, Role::Creator, Role::Admin] {
        let account = sample::account(role);
        store
            .create_user(account.clone(), sample::some_audit())
            .await
            .unwrap();
        own.insert(0, account.user);
    }
    let first = store.list_users(sample::first_page(2)).await.unwrap();
    assert_eq!(first.items, own[..2]);
    let page = PageRequest {
        limit: 1,
        cursor: first.next_cursor,
    };
    assert_eq!(store.list_users(page).await.unwrap().items, own[2..]);
    let page = PageRequest {
        limit: 1,
        cursor: Some("nonsense".to_owned()),
    };
    assert_code(store.list_users(page).await, &codes::INVALID_INPUT);
}

pub async fn changes_users_by_revision(store: &dyn UserStore) {
    let account = sample::account(Role::Creator);
    store
        .create_user(account.clone(), sample::some_audit())
        .await
        .unwrap();
    let changed = User {
        name: "Ada L.".to_owned(),
        role: Role::Viewer,
        email_verified: false,
        disabled_at: Some(sample::now()),
        revision: 2,
        ..account.user.clone()
    };
    store.update_user(&changed, &[]).await.unwrap();
    let found = store.account(changed.id).await.unwrap().unwrap();
    assert_eq!(found.user, changed);
    assert_eq!(found.password_hash, account.password_hash);

    assert_code(
        store.update_user(&changed, &[]).await,
        &codes::REVISION_MISMATCH,
    );
    let enabled = User {
        disabled_at: None,
        revision: 3,
        ..changed
    };
    store.update_user(&enabled, &[]).await.unwrap();
    assert_eq!(store.user(enabled.id).await.unwrap(), Some(enabled));
    let nobody = sample::account(Role::Viewer).user;
    assert_code(store.update_user(&nobody, &[]).await, &codes::NOT_FOUND);
    assert!(store.account(nobody.id).await.unwrap().is_none());
}

pub async fn one_of_many_changes_a_user(store: &dyn UserStore) {
    let account = sample::account(Role::Creator);
    store
        .create_user(account.clone(), sample::some_audit())
        .await
        .unwrap();
    let changes: Vec<User> = (0..CROWD)
        .map(|number| User {
            name: format!("Ada {number}"),
            revision: 2,
            ..account.user.clone()
        })
        .collect();
    let results = join_all(changes.iter().map(|user| store.update_user(user, &[]))).await;
    let (done, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    for result in refused {
        assert_code(result, &codes::REVISION_MISMATCH);
    }
}

pub async fn replaces_passwords(store: &dyn UserStore) {
    let account = sample::account(Role::Creator);
    let id = account.user.id;
    let old = account.password_hash.clone();
    store
        .create_user(account, sample::some_audit())
        .await
        .unwrap();
    let hash = async || store.account(id).await.unwrap().unwrap().password_hash;

    store.rehash_password(id, &old, "anew").await.unwrap();
    assert_eq!(hash().await, "anew");
    store.rehash_password(id, &old, "too late").await.unwrap();
    assert_eq!(hash().await, "anew");
    store
        .set_password_hash(id, "another", sample::some_audit())
        .await
        .unwrap();
    assert_eq!(hash().await, "another");
    let nobody = store
        .set_password_hash(UserId::new(), "x", sample::some_audit())
        .await;
    assert_code(nobody, &codes::NOT_FOUND);
    let nobody = store.rehash_password(UserId::new(), "x", "y").await;
    nobody.unwrap();
}

pub async fn lists_sign_ins_that_go_on(store: &dyn UserStore) {
    let user = UserId::new();
    let first = sample::session(user, new_hash());
    let second = sample::session(user, new_hash());
    let ended = sample::session(user, new_hash());
    for session in [&first, &second, &ended] {
        store
            .create_session(session.clone(), sample::some_audit())
            .await
            .unwrap();
    }
    store.end_family(ended.family, None).await.unwrap();
    new_session(store).await;
    let now = sample::now();
    let listed = store.sessions(user, now).await.unwrap();
    assert_eq!(listed, [second.clone(), first.clone()]);

    let Rotation::Rotated(used) = rotate(store, first.token_hash).await else {
        panic!("a fresh token must be good");
    };
    assert_eq!(used.signed_in_at, first.signed_in_at);
    let listed = store.sessions(user, now).await.unwrap();
    assert_eq!(listed, [second.clone(), used]);
    let later = second.expires_at + Duration::minutes(5);
    assert_eq!(store.sessions(user, later).await.unwrap(), []);
}

pub async fn ends_the_sessions_of_one_user(store: &dyn UserStore) {
    let user = UserId::new();
    let kept = sample::session(user, new_hash());
    let other = sample::session(user, new_hash());
    for session in [&kept, &other] {
        store
            .create_session(session.clone(), sample::some_audit())
            .await
            .unwrap();
    }
    let bystander = new_session(store).await;
    let Rotation::Rotated(kept) = rotate(store, kept.token_hash).await else {
        panic!("a fresh token must be good");
    };
    store
        .end_sessions(user, Some(kept.family), None)
        .await
        .unwrap();
    assert_eq!(rotate(store, other.token_hash).await, Rotation::Unknown);
    let Rotation::Rotated(kept) = rotate(store, kept.token_hash).await else {
        panic!("the family that was spared must go on");
    };
    store.end_sessions(user, None, None).await.unwrap();
    assert_eq!(rotate(store, kept.token_hash).await, Rotation::Unknown);
    let bystander = rotate(store, bystander.token_hash).await;
    assert!(matches!(bystander, Rotation::Rotated(_)));
    let nobody = store.end_sessions(UserId::new(), None, None).await;
    nobody.unwrap();
}

pub async fn writes_changes_down(store: &dyn UserStore, log: &dyn AuditLog) {
    let account = sample::account(Role::Creator);
    let id = account.user.id;
    let audit = |number: i64| {
        let mut audit = sample::audit(id);
        audit.action = format!("test.{number}");
        audit
    };
    let refused = store
        .set_password_hash(id, "hash", &sample::audit(id))
        .await;
    assert_code(refused, &codes::NOT_FOUND);
    store.create_user(account.clone(), &audit(0)).await.unwrap();
    let twin = store.create_user(account.clone(), &sample::audit(id)).await;
    assert_code(twin, &codes::ALREADY_EXISTS);
    let changed = User {
        role: Role::Viewer,
        disabled_at: Some(sample::now()),
        revision: 2,
        ..account.user
    };
    let both = [audit(1), audit(2)];
    store.update_user(&changed, &both).await.unwrap();
    let again = store.update_user(&changed, &both).await;
    assert_code(again, &codes::REVISION_MISMATCH);
    store
        .set_password_hash(id, "hash", &audit(3))
        .await
        .unwrap();
    let session = sample::session(id, new_hash());
    let started = store.create_session(session.clone(), &audit(4)).await;
    started.unwrap();
    let twin = store
        .create_session(session.clone(), &sample::audit(id))
        .await;
    assert_code(twin, &codes::ALREADY_EXISTS);
    let ended = store.end_family(session.family, Some(&audit(5))).await;
    ended.unwrap();
    store.end_sessions(id, None, None).await.unwrap();
    let ended = store.end_sessions(id, None, Some(&audit(6))).await;
    ended.unwrap();
    let chain = whole_chain(log).await;
    let own = chain.iter().map(|entry| &entry.record);
    let own: Vec<_> = own.filter(|record| record.actor == Some(id)).collect();
    let told: Vec<&str> = own.iter().map(|record| record.action.as_str()).collect();
    let wanted: Vec<String> = (0..7).map(|number| format!("test.{number}")).collect();
    assert_eq!(told, wanted, "refused changes are not written down");
}

async fn new_session(store: &dyn UserStore) -> Session {
    let session = sample::session(UserId::new(), new_hash());
    store
        .create_session(session.clone(), sample::some_audit())
        .await
        .unwrap();
    session
}

async fn rotate(store: &dyn UserStore, token_hash: [u8; 32]) -> Rotation {
    let now = sample::now();
    let successor = successor(now + Duration::hours(1));
    let rotation = store.rotate_session(token_hash, successor, now).await;
    rotation.unwrap()
}

fn successor(expires_at: DateTime<Utc>) -> Successor {
    Successor {
        id: SessionId::new(),
        token_hash: new_hash(),
        expires_at,
        seen: sample::seen(),
    }
}

/// A hash that no other token has.
fn new_hash() -> [u8; 32] {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut hash = [0xA5; 32];
    hash[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    hash[8..24].copy_from_slice(&SessionId::new().0.to_bytes());
    hash
}
