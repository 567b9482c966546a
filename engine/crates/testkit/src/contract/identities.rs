//! The suite of [`IdentityStore`].

use chrono::Duration;
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::ids::UserId;
use inkstone_domain::people::Identity;
use inkstone_domain::ports::{AuditLog, IdentityStore, UserStore};
use inkstone_domain::principal::Role;

use super::audit::whole_chain;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn IdentityStore, users: &dyn UserStore, log: &dyn AuditLog) {
    links_identities(store).await;
    an_identity_makes_one_account(store, users).await;
    writes_changes_down(store, log).await;
}

fn identity(user: UserId, issuer: &str, subject: String) -> Identity {
    Identity {
        issuer: issuer.to_owned(),
        subject,
        user,
        linked_at: sample::now() - Duration::seconds(1),
    }
}

pub async fn links_identities(store: &dyn IdentityStore) {
    let (user, other, audit) = (UserId::new(), UserId::new(), sample::some_audit());
    let one = identity(user, "https://a.example.org", format!("{user}'; DROP"));
    let two = identity(user, "https://b.example.org", user.to_string());
    store.link_identity(&two, audit).await.unwrap();
    let attempts = join_all((0..CROWD).map(|_| store.link_identity(&one, audit))).await;
    let (linked, refused): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    assert_eq!(linked.len(), 1);
    for result in refused {
        assert_code(result, &codes::ALREADY_EXISTS);
    }
    let stolen = identity(other, &one.issuer, one.subject.clone());
    let stolen = store.link_identity(&stolen, audit).await;
    assert_code(stolen, &codes::ALREADY_EXISTS);

    let found = store.identity(&one.issuer, &one.subject).await.unwrap();
    assert_eq!(found.as_ref(), Some(&one));
    let elsewhere = store.identity(&two.issuer, &one.subject).await.unwrap();
    assert_eq!(elsewhere, None);
    let own = store.identities(user).await.unwrap();
    assert_eq!(own, [one.clone(), two.clone()]);
    let stranger = store.unlink_identity(other, &one.issuer, audit).await;
    assert_code(stranger, &codes::NOT_FOUND);
    let unlinked = store.unlink_identity(user, &one.issuer, audit).await;
    unlinked.unwrap();
    assert_eq!(store.identities(user).await.unwrap(), [two]);
}

pub async fn an_identity_makes_one_account(store: &dyn IdentityStore, users: &dyn UserStore) {
    let (first, second) = (sample::account(Role::Viewer), sample::account(Role::Viewer));
    let audit = sample::some_audit();
    let subject = first.user.id.to_string();
    let mine = identity(first.user.id, "https://a.example.org", subject.clone());
    let made = store.create_linked_user(first.clone(), &mine, audit).await;
    made.unwrap();
    let account = users.account(first.user.id).await.unwrap().unwrap();
    assert_eq!(account.user, first.user);
    let found = store.identity(&mine.issuer, &subject).await.unwrap();
    assert_eq!(found, Some(mine.clone()));

    let theirs = Identity {
        user: second.user.id,
        ..mine
    };
    let linked = store.create_linked_user(second.clone(), &theirs, audit);
    assert_code(linked.await, &codes::ALREADY_EXISTS);
    assert_eq!(users.user(second.user.id).await.unwrap(), None);

    let mut twin = second;
    twin.user.email.clone_from(&first.user.email);
    let theirs = identity(twin.user.id, "https://a.example.org", "new".to_owned());
    let taken = store.create_linked_user(twin.clone(), &theirs, audit).await;
    assert_code(taken, &codes::ALREADY_EXISTS);
    assert_eq!(users.user(twin.user.id).await.unwrap(), None);
    let left = store.identities(twin.user.id).await.unwrap();
    assert_eq!(left, [], "both or neither");

    // Who verifies an address elsewhere has more right to it than who only named it.
    let mut pending = sample::account(Role::Viewer);
    pending.user.email_verified = false;
    users.create_user(pending.clone(), audit).await.unwrap();
    let mut known = sample::account(Role::Viewer);
    known.user.email.clone_from(&pending.user.email);
    let subject = known.user.id.to_string();
    let mine = identity(known.user.id, "https://a.example.org", subject);
    let made = store.create_linked_user(known.clone(), &mine, audit).await;
    made.unwrap();
    assert_eq!(users.user(pending.user.id).await.unwrap(), None);
    let found = users.account_by_email(&known.user.email).await.unwrap();
    assert_eq!(found.map(|account| account.user), Some(known.user));
}

pub async fn writes_changes_down(store: &dyn IdentityStore, log: &dyn AuditLog) {
    let account = sample::account(Role::Viewer);
    let user = account.user.id;
    let audit = |number: i64| {
        let mut audit = sample::audit(user);
        audit.action = format!("test.{number}");
        audit
    };
    let refused = sample::audit(user);
    let one = identity(user, "https://a.example.org", user.to_string());
    let two = identity(user, "https://b.example.org", user.to_string());
    let first = audit(0);
    let made = store.create_linked_user(account.clone(), &one, &first);
    made.await.unwrap();
    let twice = store.create_linked_user(account, &one, &refused).await;
    assert_code(twice, &codes::ALREADY_EXISTS);
    store.link_identity(&two, &audit(1)).await.unwrap();
    let twice = store.link_identity(&two, &refused).await;
    assert_code(twice, &codes::ALREADY_EXISTS);
    let unlinked = store.unlink_identity(user, &two.issuer, &audit(2)).await;
    unlinked.unwrap();
    let twice = store.unlink_identity(user, &two.issuer, &refused).await;
    assert_code(twice, &codes::NOT_FOUND);

    let chain = whole_chain(log).await;
    let own = chain.iter().map(|entry| &entry.record);
    let own = own.filter(|record| record.actor == Some(user));
    let told: Vec<&str> = own.map(|record| record.action.as_str()).collect();
    assert_eq!(told, ["test.0", "test.1", "test.2"]);
}
