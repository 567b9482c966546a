//! The suite of [`KeyStore`].

use futures::future::join_all;
use inkstone_domain::allowance::{Allowance, Budget, Period, Subject};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::codes;
use inkstone_domain::ids::{JobId, KeyId, UserId};
use inkstone_domain::key::VirtualKey;
use inkstone_domain::money::Money;
use inkstone_domain::ports::{AuditLog, KeyStore};

use super::audit::whole_chain;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn KeyStore, log: &dyn AuditLog) {
    keeps_keys(store).await;
    replaces_keys(store).await;
    one_of_many_creates_a_key(store).await;
    keeps_allowances(store).await;
    replaces_and_takes_away_allowances(store).await;
    an_allowance_is_changed_as_it_was_read(store).await;
    writes_changes_down(store, log).await;
}

pub async fn keeps_keys(store: &dyn KeyStore) {
    let owner = UserId::new();
    let mut keys: Vec<VirtualKey> = (0..3).map(|_| sample::virtual_key(owner)).collect();
    keys[1] = VirtualKey {
        name: String::new(),
        project: None,
        models: Vec::new(),
        allowance: Allowance::default(),
        metadata: serde_json::Map::new(),
        previous: None,
        expires_at: None,
        ..keys[1].clone()
    };
    keys[2].revoked_at = Some(sample::now());
    for key in keys.iter().rev() {
        store.create_key(key, &audit(key)).await.unwrap();
    }
    assert_eq!(own_keys(store, owner).await, keys);

    let mut twin = keys[0].clone();
    twin.name = "another".to_owned();
    assert_code(
        store.create_key(&twin, &audit(&twin)).await,
        &codes::ALREADY_EXISTS,
    );
    assert_eq!(own_keys(store, owner).await, keys);
}

pub async fn replaces_keys(store: &dyn KeyStore) {
    let owner = UserId::new();
    let mut key = sample::virtual_key(owner);
    assert_code(
        store.update_key(&key, &audit(&key)).await,
        &codes::NOT_FOUND,
    );
    assert!(own_keys(store, owner).await.is_empty());
    store.create_key(&key, &audit(&key)).await.unwrap();
    let bystander = sample::virtual_key(UserId::new());
    store
        .create_key(&bystander, &audit(&bystander))
        .await
        .unwrap();

    key.token_hash = [9; 32];
    key.hint = "abcd".to_owned();
    key.project = None;
    key.models.clear();
    key.metadata.remove("team");
    key.allowance.budget = None;
    key.previous = None;
    key.expires_at = None;
    key.revoked_at = Some(sample::now());
    key.revision = 2;
    store.update_key(&key, &audit(&key)).await.unwrap();
    assert_eq!(store.key(key.id).await.unwrap(), Some(key.clone()));
    // Of somebody who has not seen that: it stays revoked, with its new token.
    let stale = VirtualKey {
        name: "another".to_owned(),
        token_hash: [5; 32],
        revoked_at: None,
        ..key.clone()
    };
    assert_code(
        store.update_key(&stale, &audit(&stale)).await,
        &codes::REVISION_MISMATCH,
    );
    assert_eq!(own_keys(store, owner).await, [key]);
    assert_eq!(store.key(KeyId::new()).await.unwrap(), None);
    assert_eq!(own_keys(store, bystander.owner).await, [bystander]);
}

pub async fn one_of_many_creates_a_key(store: &dyn KeyStore) {
    let owner = UserId::new();
    let key = sample::virtual_key(owner);
    let audit = audit(&key);
    let attempts = join_all((0..CROWD).map(|_| store.create_key(&key, &audit))).await;
    let (created, refused): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    assert_eq!(created.len(), 1);
    for result in refused {
        assert_code(result, &codes::ALREADY_EXISTS);
    }
    assert_eq!(own_keys(store, owner).await, [key]);
}

pub async fn keeps_allowances(store: &dyn KeyStore) {
    let unique = JobId::new();
    let budget = |period, money, tokens| Allowance {
        budget: Some(Budget {
            period,
            money,
            tokens,
        }),
        ..Allowance::default()
    };
    // In the order of their texts.
    let allowances = [
        (Subject::Key(KeyId::new()), sample::allowance()),
        (
            Subject::Model(format!("{unique}/gpt:4o")),
            budget(Period::Day, Some(Money(u64::MAX)), None),
        ),
        (
            Subject::Project(format!("{unique} 潮/`a`")),
            budget(Period::Week, None, Some(0)),
        ),
        (Subject::User(UserId::new()), Allowance::default()),
    ];
    for (subject, allowance) in allowances.iter().rev() {
        set(store, subject, Some(*allowance)).await;
    }
    let mut kept = store.allowances().await.unwrap();
    assert!(kept.is_sorted_by_key(|(subject, _)| subject.to_string()));
    kept.retain(|(subject, _)| allowances.iter().any(|(own, _)| own == subject));
    assert_eq!(kept, allowances);
}

pub async fn replaces_and_takes_away_allowances(store: &dyn KeyStore) {
    let (subject, other) = (Subject::User(UserId::new()), Subject::User(UserId::new()));
    set(store, &subject, None).await;
    assert_eq!(of(store, &subject).await, None);
    set(store, &subject, Some(sample::allowance())).await;
    set(store, &other, Some(sample::allowance())).await;
    let smaller = Allowance {
        max_parallel: Some(1),
        ..Allowance::default()
    };
    set(store, &subject, Some(smaller)).await;
    assert_eq!(of(store, &subject).await, Some(smaller));
    set(store, &subject, None).await;
    set(store, &subject, None).await;
    assert_eq!(of(store, &subject).await, None);
    assert_eq!(of(store, &other).await, Some(sample::allowance()));
}

pub async fn an_allowance_is_changed_as_it_was_read(store: &dyn KeyStore) {
    let subject = Subject::User(UserId::new());
    let audit = sample::audit(UserId::new());
    assert_eq!(store.allowance(&subject).await.unwrap(), (None, 0));
    let allowance = Some(sample::allowance());
    let set = |allowance, expected| store.set_allowance(&subject, allowance, expected, &audit);
    set(allowance, Some(0)).await.unwrap();
    assert_eq!(store.allowance(&subject).await.unwrap(), (allowance, 1));
    assert_code(set(None, Some(0)).await, &codes::REVISION_MISMATCH);
    set(None, Some(1)).await.unwrap();
    // It goes on where it was taken away.
    assert_eq!(store.allowance(&subject).await.unwrap(), (None, 2));
    assert_code(set(allowance, Some(0)).await, &codes::REVISION_MISMATCH);
    let many = join_all((0..CROWD).map(|_| set(allowance, Some(2)))).await;
    assert_eq!(many.iter().filter(|done| done.is_ok()).count(), 1);
    assert_eq!(store.allowance(&subject).await.unwrap(), (allowance, 3));
}

async fn own_keys(store: &dyn KeyStore, owner: UserId) -> Vec<VirtualKey> {
    let mut keys = store.keys().await.unwrap();
    assert!(keys.is_sorted_by_key(|key| key.id));
    keys.retain(|key| key.owner == owner);
    keys
}

async fn set(store: &dyn KeyStore, subject: &Subject, allowance: Option<Allowance>) {
    let audit = sample::audit(UserId::new());
    store
        .set_allowance(subject, allowance, None, &audit)
        .await
        .unwrap();
}

async fn of(store: &dyn KeyStore, subject: &Subject) -> Option<Allowance> {
    let kept = store.allowances().await.unwrap();
    let mut own = kept.into_iter().filter(|(other, _)| other == subject);
    own.next().map(|(_, allowance)| allowance)
}

pub async fn writes_changes_down(store: &dyn KeyStore, log: &dyn AuditLog) {
    let mut key = sample::virtual_key(UserId::new());
    let audit = audit(&key);
    assert_code(store.update_key(&key, &audit).await, &codes::NOT_FOUND);
    store.create_key(&key, &audit).await.unwrap();
    assert_code(store.create_key(&key, &audit).await, &codes::ALREADY_EXISTS);
    key.name = "another".to_owned();
    key.revision = 2;
    store.update_key(&key, &audit).await.unwrap();
    assert_code(
        store.update_key(&key, &audit).await,
        &codes::REVISION_MISMATCH,
    );
    let subject = Subject::User(key.owner);
    let bounds = Some(sample::allowance());
    let set = |bounds| store.set_allowance(&subject, bounds, None, &audit);
    set(bounds).await.unwrap();
    set(None).await.unwrap();
    let chain = whole_chain(log).await;
    let own = chain.iter().filter(|entry| entry.record == audit);
    assert_eq!(own.count(), 4, "refused changes are not written down");
}

fn audit(key: &VirtualKey) -> AuditRecord {
    sample::audit(key.owner)
}
