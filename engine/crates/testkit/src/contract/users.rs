//! The suite of [`UserStore`].

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Duration;
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Rotation, UserStore};
use inkstone_domain::principal::{Role, Session};

use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn UserStore) {
    keeps_users(store).await;
    refuses_a_taken_email(store).await;
    one_of_many_takes_an_email(store).await;
    rotates_sessions(store).await;
    ends_a_family_when_a_spent_token_is_shown(store).await;
    forgets_expired_and_ended_sessions(store).await;
    one_of_many_rotates(store).await;
}

pub async fn keeps_users(store: &dyn UserStore) {
    let before = store.count_users().await.unwrap();
    let account = sample::account(Role::Creator);
    store.create_user(account.clone()).await.unwrap();

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
    store.create_user(first.clone()).await.unwrap();
    let second_id = second.user.id;
    assert_code(store.create_user(second).await, &codes::ALREADY_EXISTS);
    assert_eq!(store.user(second_id).await.unwrap(), None);
    let found = store.account_by_email(&first.user.email).await.unwrap();
    assert_eq!(found.map(|account| account.user), Some(first.user));
}

pub async fn one_of_many_takes_an_email(store: &dyn UserStore) {
    let email = sample::account(Role::Viewer).user.email;
    let attempts = (0..CROWD).map(|_| {
        let mut account = sample::account(Role::Viewer);
        account.user.email.clone_from(&email);
        store.create_user(account)
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
    let (id, hash, now) = (SessionId::new(), new_hash(), sample::now());
    let expires_at = now + Duration::days(30);
    let rotation = store
        .rotate_session(session.token_hash, id, hash, now, expires_at)
        .await
        .unwrap();
    let successor = Session {
        id,
        family: session.family,
        user: session.user,
        token_hash: hash,
        created_at: now,
        expires_at,
    };
    assert_eq!(rotation, Rotation::Rotated(successor));

    let Rotation::Rotated(third) = rotate(store, hash).await else {
        panic!("the successor's token must be good");
    };
    assert_eq!(third.family, session.family);
    assert_eq!(rotate(store, new_hash()).await, Rotation::Unknown);

    let mut twin = sample::session(UserId::new(), third.token_hash);
    assert_code(
        store.create_session(twin.clone()).await,
        &codes::ALREADY_EXISTS,
    );
    twin.token_hash = new_hash();
    store.create_session(twin).await.unwrap();
}

pub async fn ends_a_family_when_a_spent_token_is_shown(store: &dyn UserStore) {
    let session = new_session(store).await;
    let other_family = new_session(store).await;
    let Rotation::Rotated(successor) = rotate(store, session.token_hash).await else {
        panic!("a fresh token must be good");
    };
    assert_eq!(rotate(store, session.token_hash).await, Rotation::Reused);
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
            SessionId::new(),
            new_hash(),
            expiring.expires_at,
            expiring.expires_at + Duration::hours(1),
        )
        .await
        .unwrap();
    assert_eq!(at_the_end, Rotation::Unknown);
    assert!(matches!(
        rotate(store, expiring.token_hash).await,
        Rotation::Rotated(_)
    ));

    let ended = new_session(store).await;
    store.end_family(ended.family).await.unwrap();
    assert_eq!(rotate(store, ended.token_hash).await, Rotation::Unknown);
    store.end_family(SessionId::new()).await.unwrap();
}

pub async fn one_of_many_rotates(store: &dyn UserStore) {
    let session = new_session(store).await;
    let attempts = (0..CROWD).map(|_| rotate(store, session.token_hash));
    let rotations = join_all(attempts).await;
    let count = |wanted: fn(&Rotation) -> bool| rotations.iter().filter(|it| wanted(it)).count();
    assert_eq!(count(|it| matches!(it, Rotation::Rotated(_))), 1);
    // The first of the others ends the family; from then on nobody has the token.
    assert_eq!(count(|it| *it == Rotation::Reused), 1);
    for rotation in rotations {
        if let Rotation::Rotated(successor) = rotation {
            let after = rotate(store, successor.token_hash).await;
            assert_eq!(after, Rotation::Unknown);
        }
    }
}

async fn new_session(store: &dyn UserStore) -> Session {
    let session = sample::session(UserId::new(), new_hash());
    store.create_session(session.clone()).await.unwrap();
    session
}

async fn rotate(store: &dyn UserStore, token_hash: [u8; 32]) -> Rotation {
    let now = sample::now();
    store
        .rotate_session(
            token_hash,
            SessionId::new(),
            new_hash(),
            now,
            now + Duration::hours(1),
        )
        .await
        .unwrap()
}

/// A hash that no other token has.
fn new_hash() -> [u8; 32] {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut hash = [0xA5; 32];
    hash[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    hash[8..24].copy_from_slice(&SessionId::new().0.to_bytes());
    hash
}
