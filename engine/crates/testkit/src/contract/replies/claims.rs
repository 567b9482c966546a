//! Claims by `Idempotency-Key`.

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use futures::future::join_all;
use inkstone_domain::kept_reply::{Claim, Claimed};
use inkstone_domain::ports::ReplyStore;
use inkstone_domain::{Result, codes};

use super::super::assert_code;
use super::new_scope;
use crate::sample;

/// More than elsewhere: callers who ask again do so in swarms.
const SWARM: usize = 32;

pub async fn run(store: &dyn ReplyStore) {
    hands_out_a_call_once(store).await;
    tells_another_request(store).await;
    a_lease_passes(store).await;
    an_entry_expires(store).await;
    refuses_all_but_the_holder(store).await;
    the_first_answer_stays(store).await;
    gives_up_what_is_unfinished(store).await;
    one_of_many_begins(store).await;
    one_of_many_takes_over(store).await;
    one_of_many_takes_an_expired_place(store).await;
}

pub async fn hands_out_a_call_once(store: &dyn ReplyStore) {
    let scope = new_scope();
    let claim = sample::claim(&scope, "a", "one");
    assert_eq!(ask(store, &claim).await, Claimed::Mine);
    assert_eq!(ask(store, &claim).await, Claimed::Busy);
    let elsewhere = sample::claim(&scope, "a", "two");
    assert_eq!(ask(store, &elsewhere).await, Claimed::Busy);
    let answer: Bytes = (0..=255).collect::<Vec<u8>>().into();
    finish(store, &claim, answer.clone()).await;
    for claim in [&claim, &elsewhere] {
        assert_eq!(ask(store, claim).await, Claimed::Done(answer.clone()));
    }
    // Apart by key and by scope, and an answer may be empty.
    let other_key = sample::claim(&scope, "b", "one");
    assert_eq!(ask(store, &other_key).await, Claimed::Mine);
    let other_scope = sample::claim(&new_scope(), "a", "one");
    assert_eq!(ask(store, &other_scope).await, Claimed::Mine);
    finish(store, &other_key, Bytes::new()).await;
    let done = Claimed::Done(Bytes::new());
    assert_eq!(ask(store, &other_key).await, done);
}

pub async fn tells_another_request(store: &dyn ReplyStore) {
    let claim = sample::claim(&new_scope(), "a", "one");
    let mut other = claim.clone();
    other.digest = "ef".repeat(32);
    assert_eq!(ask(store, &claim).await, Claimed::Mine);
    assert_eq!(ask(store, &other).await, Claimed::OtherRequest);
    finish(store, &claim, Bytes::new()).await;
    assert_eq!(ask(store, &other).await, Claimed::OtherRequest);
    // A lease that passed is no matter to an answer.
    let later = claim.lease_until;
    let claimed = store.claim(&other, later).await.unwrap();
    assert_eq!(claimed, Claimed::OtherRequest);
    let claimed = store.claim(&claim, later).await.unwrap();
    assert_eq!(claimed, Claimed::Done(Bytes::new()));
}

pub async fn a_lease_passes(store: &dyn ReplyStore) {
    let dead = sample::claim(&new_scope(), "a", "dead");
    assert_eq!(ask(store, &dead).await, Claimed::Mine);
    let heir = Claim {
        holder: "heir".to_owned(),
        lease_until: dead.lease_until + Duration::minutes(1),
        ..dead.clone()
    };
    let almost = dead.lease_until - Duration::milliseconds(1);
    let claimed = store.claim(&heir, almost).await.unwrap();
    assert_eq!(claimed, Claimed::Busy);
    // A renewal moves the end.
    let renewed = dead.lease_until + Duration::seconds(10);
    renew(store, &dead, renewed).await.unwrap();
    let claimed = store.claim(&heir, dead.lease_until).await.unwrap();
    assert_eq!(claimed, Claimed::Busy);
    let claimed = store.claim(&heir, renewed).await.unwrap();
    assert_eq!(claimed, Claimed::Mine);
    // The heir's lease holds now.
    let claimed = store.claim(&dead, renewed).await.unwrap();
    assert_eq!(claimed, Claimed::Busy);
    let refused = renew(store, &dead, heir.lease_until).await;
    assert_code(refused, &codes::LEASE_LOST);

    // What was never answered leaves the key to any request.
    let other = Claim {
        digest: "ef".repeat(32),
        ..heir.clone()
    };
    let claimed = store.claim(&other, heir.lease_until).await.unwrap();
    assert_eq!(claimed, Claimed::Mine);
}

pub async fn an_entry_expires(store: &dyn ReplyStore) {
    let old = sample::claim(&new_scope(), "a", "one");
    assert_eq!(ask(store, &old).await, Claimed::Mine);
    finish(store, &old, Bytes::from_static(b"old")).await;
    let new = Claim {
        digest: "ef".repeat(32),
        lease_until: old.expires_at + Duration::seconds(30),
        expires_at: old.expires_at + Duration::days(1),
        ..old.clone()
    };
    let almost = old.expires_at - Duration::milliseconds(1);
    let claimed = store.claim(&new, almost).await.unwrap();
    assert_eq!(claimed, Claimed::OtherRequest);
    let claimed = store.claim(&new, old.expires_at).await.unwrap();
    assert_eq!(claimed, Claimed::Mine);
    // Nothing of the old answer is left.
    let claimed = store.claim(&new, old.expires_at).await.unwrap();
    assert_eq!(claimed, Claimed::Busy);
}

pub async fn refuses_all_but_the_holder(store: &dyn ReplyStore) {
    let claim = sample::claim(&new_scope(), "a", "one");
    let foreign = Claim {
        holder: "two".to_owned(),
        ..claim.clone()
    };
    let later = claim.lease_until + Duration::minutes(1);
    for unknown in [&claim, &foreign] {
        let refused = renew(store, unknown, later).await;
        assert_code(refused, &codes::LEASE_LOST);
        let refused = try_finish(store, unknown, "x").await;
        assert_code(refused, &codes::LEASE_LOST);
        drop_claim(store, unknown).await;
    }
    assert_eq!(ask(store, &claim).await, Claimed::Mine);
    assert_code(renew(store, &foreign, later).await, &codes::LEASE_LOST);
    let refused = try_finish(store, &foreign, "x").await;
    assert_code(refused, &codes::LEASE_LOST);
    drop_claim(store, &foreign).await;
    // None of it did anything.
    assert_eq!(ask(store, &foreign).await, Claimed::Busy);
    let claimed = store.claim(&foreign, claim.lease_until).await.unwrap();
    assert_eq!(claimed, Claimed::Mine);
    let refused = try_finish(store, &claim, "late").await;
    assert_code(refused, &codes::LEASE_LOST);
}

pub async fn the_first_answer_stays(store: &dyn ReplyStore) {
    let claim = sample::claim(&new_scope(), "a", "one");
    assert_eq!(ask(store, &claim).await, Claimed::Mine);
    try_finish(store, &claim, "first").await.unwrap();
    // Again, as after a lost answer; then what comes late from the same engine.
    try_finish(store, &claim, "first").await.unwrap();
    try_finish(store, &claim, "second").await.unwrap();
    renew(store, &claim, claim.lease_until).await.unwrap();
    drop_claim(store, &claim).await;
    let first = Claimed::Done(Bytes::from_static(b"first"));
    assert_eq!(ask(store, &claim).await, first);
}

pub async fn gives_up_what_is_unfinished(store: &dyn ReplyStore) {
    let scope = new_scope();
    // No other test may be robbed of its claims.
    let (one, two) = (new_scope(), new_scope());
    let claim = |key: &str, engine: &str| {
        let holder = format!("{engine}/{key}");
        sample::claim(&scope, key, &holder)
    };
    let open = claim("open", &one);
    let also_open = claim("also open", &one);
    let done = claim("done", &one);
    let foreign = claim("foreign", &two);
    for claim in [&open, &also_open, &done, &foreign] {
        assert_eq!(ask(store, claim).await, Claimed::Mine);
    }
    finish(store, &done, Bytes::new()).await;

    drop_claim(store, &open).await;
    assert_eq!(ask(store, &also_open).await, Claimed::Busy);
    let other_request = Claim {
        digest: "ef".repeat(32),
        ..open.clone()
    };
    assert_eq!(ask(store, &other_request).await, Claimed::Mine);

    store.drop_claims_of(&one).await.unwrap();
    for claim in [&open, &also_open] {
        assert_eq!(ask(store, claim).await, Claimed::Mine);
    }
    assert_eq!(ask(store, &done).await, Claimed::Done(Bytes::new()));
    assert_eq!(ask(store, &foreign).await, Claimed::Busy);
    store.drop_claims_of(&new_scope()).await.unwrap();
}

pub async fn one_of_many_begins(store: &dyn ReplyStore) {
    let scope = new_scope();
    let claimed = swarm(store, &sample::claim(&scope, "a", "")).await;
    assert_one_begins(&claimed);
    // The one who was told so is the one who has it.
    let winner = claimed.iter().position(|it| *it == Claimed::Mine).unwrap();
    let claim = sample::claim(&scope, "a", &holder(winner));
    try_finish(store, &claim, "answer").await.unwrap();
    let done = Claimed::Done(Bytes::from_static(b"answer"));
    let again = swarm(store, &claim).await;
    assert_eq!(again, vec![done; SWARM]);
}

pub async fn one_of_many_takes_over(store: &dyn ReplyStore) {
    let dead = sample::claim(&new_scope(), "a", "dead");
    assert_eq!(ask(store, &dead).await, Claimed::Mine);
    let heir = Claim {
        lease_until: dead.lease_until + Duration::minutes(1),
        ..dead.clone()
    };
    assert_one_begins(&swarm_at(store, &heir, dead.lease_until).await);
}

pub async fn one_of_many_takes_an_expired_place(store: &dyn ReplyStore) {
    let old = sample::claim(&new_scope(), "a", "old");
    assert_eq!(ask(store, &old).await, Claimed::Mine);
    finish(store, &old, Bytes::new()).await;
    let new = Claim {
        lease_until: old.expires_at + Duration::seconds(30),
        expires_at: old.expires_at + Duration::days(1),
        ..old.clone()
    };
    assert_one_begins(&swarm_at(store, &new, old.expires_at).await);
}

fn assert_one_begins(claimed: &[Claimed]) {
    let count = |wanted| claimed.iter().filter(|it| **it == wanted).count();
    assert_eq!(count(Claimed::Mine), 1, "{claimed:?}");
    assert_eq!(count(Claimed::Busy), SWARM - 1, "{claimed:?}");
}

async fn swarm(store: &dyn ReplyStore, claim: &Claim) -> Vec<Claimed> {
    swarm_at(store, claim, sample::now()).await
}

/// The same claim by many engines at once.
async fn swarm_at(store: &dyn ReplyStore, claim: &Claim, now: DateTime<Utc>) -> Vec<Claimed> {
    let claims: Vec<Claim> = (0..SWARM)
        .map(|number| Claim {
            holder: holder(number),
            ..claim.clone()
        })
        .collect();
    let asked = join_all(claims.iter().map(|claim| store.claim(claim, now))).await;
    asked.into_iter().map(Result::unwrap).collect()
}

fn holder(number: usize) -> String {
    format!("engine-{number}")
}

async fn ask(store: &dyn ReplyStore, claim: &Claim) -> Claimed {
    store.claim(claim, sample::now()).await.unwrap()
}

async fn finish(store: &dyn ReplyStore, claim: &Claim, body: Bytes) {
    let Claim {
        scope, key, holder, ..
    } = claim;
    store.finish_claim(scope, key, holder, body).await.unwrap();
}

async fn try_finish(store: &dyn ReplyStore, claim: &Claim, body: &'static str) -> Result<()> {
    let body = Bytes::from_static(body.as_bytes());
    let Claim {
        scope, key, holder, ..
    } = claim;
    store.finish_claim(scope, key, holder, body).await
}

async fn renew(store: &dyn ReplyStore, claim: &Claim, lease_until: DateTime<Utc>) -> Result<()> {
    let Claim {
        scope, key, holder, ..
    } = claim;
    store.renew_claim(scope, key, holder, lease_until).await
}

async fn drop_claim(store: &dyn ReplyStore, claim: &Claim) {
    let Claim {
        scope, key, holder, ..
    } = claim;
    store.drop_claim(scope, key, holder).await.unwrap();
}
