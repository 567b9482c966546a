//! The suite of [`UserStore`]: users here, their sign-ins in `sessions`.

mod sessions;

use chrono::Duration;
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{AuditLog, Ending, NewPassword, UserStore};
use inkstone_domain::principal::{Account, Role, User};

use super::audit::whole_chain;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn UserStore, log: &dyn AuditLog) {
    keeps_users(store).await;
    refuses_a_taken_email(store).await;
    one_of_many_takes_an_email(store).await;
    lists_users_newest_first(store).await;
    changes_users_by_revision(store).await;
    one_of_many_changes_a_user(store).await;
    replaces_passwords(store).await;
    finds_and_removes_unverified_users(store, log).await;
    writes_changes_down(store, log).await;
    sessions::run(store, log).await;
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
    store.update_user(&changed, None, &[]).await.unwrap();
    let found = store.account(changed.id).await.unwrap().unwrap();
    assert_eq!(found.user, changed);
    assert_eq!(found.password_hash, account.password_hash);

    assert_code(
        store.update_user(&changed, None, &[]).await,
        &codes::REVISION_MISMATCH,
    );
    let enabled = User {
        disabled_at: None,
        revision: 3,
        ..changed
    };
    store.update_user(&enabled, None, &[]).await.unwrap();
    assert_eq!(store.user(enabled.id).await.unwrap(), Some(enabled));
    let nobody = sample::account(Role::Viewer).user;
    assert_code(
        store.update_user(&nobody, None, &[]).await,
        &codes::NOT_FOUND,
    );
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
    let results = join_all(
        changes
            .iter()
            .map(|user| store.update_user(user, None, &[])),
    )
    .await;
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

    assert!(store.rehash_password(id, &old, "anew").await.unwrap());
    assert_eq!(hash().await, "anew");
    assert!(!store.rehash_password(id, &old, "too late").await.unwrap());
    assert_eq!(hash().await, "anew");
    let set = async |user, instead_of, hash| {
        let new = new_password(instead_of, hash);
        store
            .set_password_hash(user, new, sample::some_audit())
            .await
    };
    set(id, None, "another").await.unwrap();
    assert_eq!(hash().await, "another");
    set(id, Some("another"), "third").await.unwrap();
    // Whoever checked it against the one before comes too late.
    let late = set(id, Some("another"), "fourth").await;
    assert_code(late, &codes::INVALID_CREDENTIALS);
    assert_eq!(hash().await, "third");
    let nobody = set(UserId::new(), None, "x").await;
    assert_code(nobody, &codes::NOT_FOUND);
    let nobody = store.rehash_password(UserId::new(), "x", "y").await;
    assert!(!nobody.unwrap());
}

/// An address belongs to nobody before it is verified, unless an admin has disabled the account.
pub async fn finds_and_removes_unverified_users(store: &dyn UserStore, log: &dyn AuditLog) {
    let unverified = |email: &str| {
        let mut account = sample::account(Role::Viewer);
        account.user.email = email.to_owned();
        account.user.email_verified = false;
        account.user.created_at = sample::now() - Duration::days(400);
        account
    };
    let make = async |account: &Account| {
        let audit = sample::some_audit();
        store.create_user(account.clone(), audit).await
    };
    let email = sample::account(Role::Viewer).user.email;
    let attempts: Vec<Account> = (0..CROWD).map(|_| unverified(&email)).collect();
    for made in join_all(attempts.iter().map(&make)).await {
        made.unwrap();
    }
    let mut left = Vec::new();
    for account in &attempts {
        left.extend(store.user(account.user.id).await.unwrap());
    }
    let [last] = left.as_slice() else {
        panic!("one of them is there: {left:?}");
    };
    let found = store.account_by_email(&email).await.unwrap();
    assert_eq!(found.map(|account| account.user), Some(last.clone()));

    let before = last.created_at + Duration::seconds(1);
    let pending = async |before| store.unverified_before(before, 100).await.unwrap();
    assert!(pending(before).await.contains(last));
    assert!(!pending(last.created_at).await.contains(last));
    assert_eq!(store.unverified_before(before, 1).await.unwrap().len(), 1);

    let disabled = User {
        disabled_at: Some(sample::now()),
        revision: 2,
        ..last.clone()
    };
    store.update_user(&disabled, None, &[]).await.unwrap();
    assert!(!pending(before).await.contains(&disabled));
    assert_code(make(&unverified(&email)).await, &codes::ALREADY_EXISTS);
    let audit = sample::audit(last.id);
    assert!(!store.remove_unverified(last.id, &audit).await.unwrap());
    let enabled = User {
        disabled_at: None,
        revision: 3,
        ..disabled
    };
    store.update_user(&enabled, None, &[]).await.unwrap();
    assert!(store.remove_unverified(last.id, &audit).await.unwrap());
    assert!(!store.remove_unverified(last.id, &audit).await.unwrap());
    assert_eq!(store.user(last.id).await.unwrap(), None);

    let mut known = unverified(&email);
    known.user.email_verified = true;
    make(&known).await.unwrap();
    assert_code(make(&unverified(&email)).await, &codes::ALREADY_EXISTS);
    let kept = store.remove_unverified(known.user.id, &audit).await;
    assert!(!kept.unwrap());
    assert!(!pending(before).await.contains(&known.user));
    let chain = whole_chain(log).await;
    let own = chain
        .iter()
        .filter(|entry| entry.record.actor == Some(last.id));
    assert_eq!(own.count(), 1, "what is not done is not written down");
}

pub async fn writes_changes_down(store: &dyn UserStore, log: &dyn AuditLog) {
    let account = sample::account(Role::Creator);
    let id = account.user.id;
    let audit = |number: i64| {
        let mut audit = sample::audit(id);
        audit.action = format!("test.{number}");
        audit
    };
    let set = async |audit| {
        let new = new_password(None, "hash");
        store.set_password_hash(id, new, &audit).await
    };
    assert_code(set(sample::audit(id)).await, &codes::NOT_FOUND);
    store.create_user(account.clone(), &audit(0)).await.unwrap();
    let twin = store.create_user(account.clone(), &sample::audit(id)).await;
    assert_code(twin, &codes::ALREADY_EXISTS);
    set(audit(1)).await.unwrap();
    let stale = new_password(Some("hush"), "x");
    let refused = sample::audit(id);
    let stale = store.set_password_hash(id, stale, &refused).await;
    assert_code(stale, &codes::INVALID_CREDENTIALS);

    let session = sample::session(id, sessions::new_hash());
    let told = audit(2);
    let started = store.create_session(session.clone(), Some("hash"), &told);
    started.await.unwrap();
    for checked in [None, Some("hush")] {
        let again = store.create_session(session.clone(), checked, &refused);
        assert!(again.await.is_err());
    }
    let at = sample::now();
    let told = audit(3);
    let ended = store.end_family(session.family, at, Some(&told));
    ended.await.unwrap();
    let all = Ending::all(at);
    store.end_sessions(id, all, None).await.unwrap();
    let ended = store.end_sessions(id, all, Some(&audit(4))).await;
    ended.unwrap();

    let changed = User {
        role: Role::Viewer,
        disabled_at: Some(sample::now()),
        revision: 2,
        ..account.user
    };
    let both = [audit(5), audit(6)];
    store.update_user(&changed, None, &both).await.unwrap();
    let again = store.update_user(&changed, None, &both).await;
    assert_code(again, &codes::REVISION_MISMATCH);
    let chain = whole_chain(log).await;
    let own = chain.iter().map(|entry| &entry.record);
    let own: Vec<_> = own.filter(|record| record.actor == Some(id)).collect();
    let told: Vec<&str> = own.iter().map(|record| record.action.as_str()).collect();
    let wanted: Vec<String> = (0..7).map(|number| format!("test.{number}")).collect();
    assert_eq!(told, wanted, "refused changes are not written down");
}

/// It ends all sign-ins.
fn new_password<'p>(instead_of: Option<&'p str>, hash: &'p str) -> NewPassword<'p> {
    NewPassword {
        hash,
        instead_of,
        ending: Ending::all(sample::now()),
    }
}
