//! Sign-ins: refresh tokens and their successors, what ends them, and what is left of them.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Duration, Utc};
use futures::future::join_all;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::codes;
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{
    AuditLog, Ending, NewPassword, Rotation, ShownToken, Successor, UserStore,
};
use inkstone_domain::principal::{Account, Role, Session, User};

use super::super::audit::whole_chain;
use super::super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn UserStore, log: &dyn AuditLog) {
    rotates_sessions(store).await;
    ends_a_family_when_a_spent_token_is_shown(store).await;
    knows_spent_tokens_without_a_shared_part(store).await;
    keeps_one_token_of_a_family(store).await;
    forgets_expired_and_ended_sessions(store).await;
    one_of_many_rotates(store).await;
    lists_sign_ins_that_go_on(store).await;
    ends_the_sessions_of_one_user(store).await;
    begins_only_on_the_word_of_today(store).await;
    nobody_slips_in_while_a_password_is_set(store).await;
    changes_of_users_end_their_sign_ins(store).await;
    tells_what_ended_lately(store).await;
    writes_reuse_down_once(store, log).await;
}

pub async fn rotates_sessions(store: &dyn UserStore) {
    let session = new_session(store).await;
    let now = sample::now() + Duration::minutes(1);
    let next = successor(&session, now + Duration::days(30));
    let rotation = store.rotate_session(shown(&session), next.clone(), now, &untold);
    let rotation = rotation.await.unwrap();
    let second = Session {
        id: next.id,
        token_hash: next.token_hash,
        created_at: now,
        expires_at: next.expires_at,
        seen: next.seen,
        ..session.clone()
    };
    assert_eq!(rotation, Rotation::Rotated(second.clone()));

    let Rotation::Rotated(third) = rotate(store, &second).await else {
        panic!("the successor's token must be good");
    };
    assert_eq!(third.family, session.family);
    let stranger = sample::session(session.user, new_hash());
    assert_eq!(rotate(store, &stranger).await, Rotation::Unknown);

    let mut twin = sample::session(session.user, third.token_hash);
    let audit = sample::some_audit();
    assert_code(
        store.create_session(twin.clone(), None, audit).await,
        &codes::ALREADY_EXISTS,
    );
    twin.token_hash = new_hash();
    store.create_session(twin, None, audit).await.unwrap();
}

pub async fn ends_a_family_when_a_spent_token_is_shown(store: &dyn UserStore) {
    let session = new_session(store).await;
    let other_family = begin(store, session.user).await;
    let Rotation::Rotated(successor) = rotate(store, &session).await else {
        panic!("a fresh token must be good");
    };
    assert_eq!(rotate(store, &session).await, reused(&session));
    assert_eq!(rotate(store, &successor).await, Rotation::Unknown);
    assert_eq!(rotate(store, &session).await, Rotation::Unknown);
    let untouched = rotate(store, &other_family).await;
    assert!(matches!(untouched, Rotation::Rotated(_)));
}

/// As tokens of before were; those after them have one.
pub async fn knows_spent_tokens_without_a_shared_part(store: &dyn UserStore) {
    for steps in [1, 2, 5] {
        let user = new_user(store).await.user.id;
        let mut old = sample::session(user, new_hash());
        old.family_hash = None;
        let audit = sample::some_audit();
        store
            .create_session(old.clone(), None, audit)
            .await
            .unwrap();
        let mut last = old.clone();
        for _ in 0..steps {
            let Rotation::Rotated(next) = rotate(store, &last).await else {
                panic!("a fresh token must be good");
            };
            assert!(next.family_hash.is_some());
            last = next;
        }
        assert_eq!(rotate(store, &old).await, reused(&old));
        assert_eq!(rotate(store, &last).await, Rotation::Unknown);
        assert_eq!(rotate(store, &old).await, Rotation::Unknown);
    }
}

/// However many came before it; and each of them is known for what it is.
pub async fn keeps_one_token_of_a_family(store: &dyn UserStore) {
    let day = sample::now() + Duration::days(40_000);
    for (steps, shown_again) in [(300, 0), (20, 10), (20, 19)] {
        let user = new_user(store).await.user.id;
        let mut first = sample::session(user, new_hash());
        first.expires_at = day + Duration::hours(1);
        let audit = sample::some_audit();
        store
            .create_session(first.clone(), None, audit)
            .await
            .unwrap();
        let mut spent = vec![first];
        for _ in 0..steps {
            let last = spent.last().unwrap();
            let next = successor(last, day + Duration::hours(1));
            let rotation = store.rotate_session(shown(last), next, sample::now(), &untold);
            let Rotation::Rotated(next) = rotation.await.unwrap() else {
                panic!("a fresh token must be good");
            };
            spent.push(next);
        }
        let again = &spent[shown_again];
        assert_eq!(rotate(store, again).await, reused(again));
        // What other tests have left.
        store.forget_sessions(day, 10_000).await.unwrap();
        let dropped = store.forget_sessions(day + Duration::hours(1), 1_000);
        assert_eq!(dropped.await.unwrap(), 1, "of all its tokens");
    }
}

pub async fn forgets_expired_and_ended_sessions(store: &dyn UserStore) {
    let expiring = new_session(store).await;
    let end = expiring.expires_at;
    let next = successor(&expiring, end + Duration::hours(1));
    let at_the_end = store.rotate_session(shown(&expiring), next, end, &untold);
    assert_eq!(at_the_end.await.unwrap(), Rotation::Unknown);
    assert!(matches!(
        rotate(store, &expiring).await,
        Rotation::Rotated(_)
    ));

    let ended = new_session(store).await;
    let now = sample::now();
    store.end_family(ended.family, now, None).await.unwrap();
    assert_eq!(rotate(store, &ended).await, Rotation::Unknown);
    let nobody = store.end_family(SessionId::new(), now, None).await;
    nobody.unwrap();
    // Whatever was left by others goes in portions.
    let late = now + Duration::days(3_650);
    while store.forget_sessions(late, 3).await.unwrap() == 3 {}
    assert_eq!(store.forget_sessions(late, 3).await.unwrap(), 0);
}

pub async fn one_of_many_rotates(store: &dyn UserStore) {
    let session = new_session(store).await;
    let attempts = (0..CROWD).map(|_| rotate(store, &session));
    let rotations = join_all(attempts).await;
    let count = |wanted: fn(&Rotation) -> bool| rotations.iter().filter(|it| wanted(it)).count();
    assert_eq!(count(|it| matches!(it, Rotation::Rotated(_))), 1);
    // The first of the others ends the family; from then on nobody has the token.
    assert_eq!(count(|it| matches!(it, Rotation::Reused { .. })), 1);
    for rotation in &rotations {
        if let Rotation::Rotated(successor) = rotation {
            let after = rotate(store, successor).await;
            assert_eq!(after, Rotation::Unknown);
        }
    }
}

pub async fn lists_sign_ins_that_go_on(store: &dyn UserStore) {
    let user = new_user(store).await.user.id;
    let first = begin(store, user).await;
    let second = begin(store, user).await;
    let ended = begin(store, user).await;
    let now = sample::now();
    store.end_family(ended.family, now, None).await.unwrap();
    new_session(store).await;
    let listed = store.sessions(user, now).await.unwrap();
    assert_eq!(listed, [second.clone(), first.clone()]);

    let Rotation::Rotated(used) = rotate(store, &first).await else {
        panic!("a fresh token must be good");
    };
    assert_eq!(used.signed_in_at, first.signed_in_at);
    let listed = store.sessions(user, now).await.unwrap();
    assert_eq!(listed, [second.clone(), used]);
    let later = second.expires_at + Duration::minutes(5);
    assert_eq!(store.sessions(user, later).await.unwrap(), []);
}

pub async fn ends_the_sessions_of_one_user(store: &dyn UserStore) {
    let user = new_user(store).await.user.id;
    let kept = begin(store, user).await;
    let other = begin(store, user).await;
    let bystander = new_session(store).await;
    let Rotation::Rotated(kept) = rotate(store, &kept).await else {
        panic!("a fresh token must be good");
    };
    let at = sample::now();
    let but_one = Ending {
        but: Some(kept.family),
        at,
    };
    let ended = store.end_sessions(user, but_one, None).await.unwrap();
    assert_eq!(ended, [other.family]);
    assert_eq!(rotate(store, &other).await, Rotation::Unknown);
    let Rotation::Rotated(kept) = rotate(store, &kept).await else {
        panic!("the family that was spared must go on");
    };
    let all = Ending::all(at);
    let ended = store.end_sessions(user, all, None).await.unwrap();
    assert_eq!(ended, [kept.family]);
    assert_eq!(rotate(store, &kept).await, Rotation::Unknown);
    let bystander = rotate(store, &bystander).await;
    assert!(matches!(bystander, Rotation::Rotated(_)));
    let nobody = store.end_sessions(UserId::new(), all, None).await;
    assert_eq!(nobody.unwrap(), []);
}

/// A password that was checked a moment ago may be another one by now, and who showed it disabled.
pub async fn begins_only_on_the_word_of_today(store: &dyn UserStore) {
    let Account {
        user,
        password_hash,
    } = new_user(store).await;
    let start = async |checked: Option<&str>| {
        let session = sample::session(user.id, new_hash());
        let audit = sample::some_audit();
        store.create_session(session, checked, audit).await
    };
    let right = Some(password_hash.as_str());
    assert_eq!(start(right).await.unwrap(), user);
    assert_eq!(start(None).await.unwrap(), user);
    set_password(store, user.id, "anew").await;
    let late = start(right).await;
    assert_code(late, &codes::INVALID_CREDENTIALS);
    let lower = User {
        role: Role::Viewer,
        revision: 2,
        ..user.clone()
    };
    store.update_user(&lower, None, &[]).await.unwrap();
    let begun = start(Some("anew")).await.unwrap();
    assert_eq!(begun, lower, "as they are now");
    let disabled = User {
        disabled_at: Some(sample::now()),
        revision: 3,
        ..lower
    };
    store.update_user(&disabled, None, &[]).await.unwrap();
    for checked in [Some("anew"), None] {
        assert_code(start(checked).await, &codes::INVALID_CREDENTIALS);
    }
    let nobody = sample::session(UserId::new(), new_hash());
    let nobody = store.create_session(nobody, None, sample::some_audit());
    assert_code(nobody.await, &codes::INVALID_CREDENTIALS);
}

pub async fn nobody_slips_in_while_a_password_is_set(store: &dyn UserStore) {
    for _ in 0..3 {
        let Account {
            user,
            password_hash,
        } = new_user(store).await;
        let sign_ins = (0..CROWD).map(|_| {
            let session = sample::session(user.id, new_hash());
            store.create_session(session, Some(&password_hash), sample::some_audit())
        });
        let (begun, ()) = futures::join!(join_all(sign_ins), set_password(store, user.id, "anew"));
        for refused in begun.into_iter().filter(Result::is_err) {
            assert_code(refused, &codes::INVALID_CREDENTIALS);
        }
        let left = store.sessions(user.id, sample::now()).await.unwrap();
        assert_eq!(left, []);
    }
}

pub async fn changes_of_users_end_their_sign_ins(store: &dyn UserStore) {
    let Account {
        user,
        password_hash,
    } = new_user(store).await;
    let (here, there) = (begin(store, user.id).await, begin(store, user.id).await);
    let Rotation::Rotated(there) = rotate(store, &there).await else {
        panic!("a fresh token must be good");
    };
    let new = NewPassword {
        hash: "anew",
        instead_of: Some(&password_hash),
        ending: Ending {
            but: Some(here.family),
            at: sample::now(),
        },
    };
    let audit = sample::some_audit();
    let ended = store.set_password_hash(user.id, new, audit).await.unwrap();
    assert_eq!(ended, [there.family]);
    assert_eq!(rotate(store, &there).await, Rotation::Unknown);
    let refused = store.set_password_hash(user.id, new, audit).await;
    assert_code(refused, &codes::INVALID_CREDENTIALS);

    let changed = User {
        name: "Ada L.".to_owned(),
        revision: 2,
        ..user.clone()
    };
    let ended = store.update_user(&changed, None, &[]).await.unwrap();
    assert_eq!(ended, []);
    let disabled = User {
        disabled_at: Some(sample::now()),
        revision: 3,
        ..changed
    };
    let all = Some(Ending::all(sample::now()));
    let stale = User {
        revision: 2,
        ..disabled.clone()
    };
    let stale = store.update_user(&stale, all, &[]).await;
    assert_code(stale, &codes::REVISION_MISMATCH);
    let Rotation::Rotated(here) = rotate(store, &here).await else {
        panic!("what is refused ends nothing");
    };
    let ended = store.update_user(&disabled, all, &[]).await.unwrap();
    assert_eq!(ended, [here.family]);
    assert_eq!(rotate(store, &here).await, Rotation::Unknown);
}

pub async fn tells_what_ended_lately(store: &dyn UserStore) {
    // No other test is there.
    let begun_at = sample::now() + Duration::days(7_300);
    let at = |minutes| begun_at + Duration::minutes(minutes);
    let user = new_user(store).await.user.id;
    let (one, two) = (begin(store, user).await, begin(store, user).await);
    let three = begin(store, user).await;
    store.end_family(one.family, at(1), None).await.unwrap();
    store.end_family(two.family, at(2), None).await.unwrap();
    // The first end is the one that counts.
    store.end_family(one.family, at(9), None).await.unwrap();
    let all = Ending::all(at(3));
    store.end_sessions(user, all, None).await.unwrap();
    let since = async |minutes, limit| store.ended_since(at(minutes), limit).await.unwrap();
    let (one, two, three) = (one.family, two.family, three.family);
    assert_eq!(since(0, 10).await, [three, two, one]);
    assert_eq!(since(0, 2).await, [three, two]);
    assert_eq!(since(1, 10).await, [three, two]);
    assert_eq!(since(3, 10).await, []);
}

pub async fn writes_reuse_down_once(store: &dyn UserStore, log: &dyn AuditLog) {
    let session = new_session(store).await;
    let user = session.user;
    let tell = |user: UserId, family: SessionId| AuditRecord {
        subject: family.to_string(),
        ..sample::audit(user)
    };
    let now = sample::now();
    let rotate = async |from: &Session| {
        let next = successor(from, now + Duration::hours(1));
        let rotation = store.rotate_session(shown(from), next, now, &tell).await;
        rotation.unwrap()
    };
    let Rotation::Rotated(_) = rotate(&session).await else {
        panic!("a fresh token must be good");
    };
    let shown_again = join_all((0..CROWD).map(|_| rotate(&session))).await;
    let is_reuse = |it: &&Rotation| **it == reused(&session);
    assert_eq!(shown_again.iter().filter(is_reuse).count(), 1);
    let chain = whole_chain(log).await;
    let own = chain.iter().map(|entry| &entry.record);
    let own: Vec<_> = own
        .filter(|record| record.actor == Some(user))
        .map(|record| record.subject.clone())
        .collect();
    assert_eq!(own, [session.family.to_string()]);
}

async fn new_user(store: &dyn UserStore) -> Account {
    let account = sample::account(Role::Creator);
    let audit = sample::some_audit();
    store.create_user(account.clone(), audit).await.unwrap();
    account
}

async fn set_password(store: &dyn UserStore, user: UserId, hash: &str) {
    let new = NewPassword {
        hash,
        instead_of: None,
        ending: Ending::all(sample::now()),
    };
    let audit = sample::some_audit();
    store.set_password_hash(user, new, audit).await.unwrap();
}

/// Of a user of its own.
async fn new_session(store: &dyn UserStore) -> Session {
    let user = new_user(store).await.user.id;
    begin(store, user).await
}

async fn begin(store: &dyn UserStore, user: UserId) -> Session {
    let session = sample::session(user, new_hash());
    let audit = sample::some_audit();
    let begun = store.create_session(session.clone(), None, audit).await;
    begun.unwrap();
    session
}

async fn rotate(store: &dyn UserStore, from: &Session) -> Rotation {
    let now = sample::now();
    let next = successor(from, now + Duration::hours(1));
    let rotation = store.rotate_session(shown(from), next, now, &untold).await;
    rotation.unwrap()
}

fn shown(session: &Session) -> ShownToken {
    ShownToken {
        token_hash: session.token_hash,
        family_hash: session.family_hash,
    }
}

fn successor(of: &Session, expires_at: DateTime<Utc>) -> Successor {
    Successor {
        id: SessionId::new(),
        token_hash: new_hash(),
        family_hash: of.family_hash.unwrap_or_else(new_hash),
        expires_at,
        seen: sample::seen(),
    }
}

fn reused(session: &Session) -> Rotation {
    Rotation::Reused {
        user: session.user,
        family: session.family,
    }
}

/// For tests that do not look at the log.
fn untold(_user: UserId, _family: SessionId) -> AuditRecord {
    sample::some_audit().clone()
}

/// A hash that no other token has.
pub(super) fn new_hash() -> [u8; 32] {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut hash = [0xA5; 32];
    hash[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    hash[8..24].copy_from_slice(&SessionId::new().0.to_bytes());
    hash
}
