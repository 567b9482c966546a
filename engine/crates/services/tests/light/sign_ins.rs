//! Sign-ins and keys while accounts change under them, where a store fails in between, and in an engine that begins
//! again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use inkstone_domain::api_key::Scope;
use inkstone_domain::audit::{AuditEntry, AuditFilter, AuditHead, AuditRecord};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::engine::EngineRole;
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{
    AuditLog, Clock, Ending, NewPassword, Rotation, ShownToken, Successor, TellReuse, UserStore,
};
use inkstone_domain::principal::{Account, Principal, Role, Session, User};
use inkstone_domain::{Error, Result, codes};
use inkstone_services::accounts::{Proof, UserChange, UserWish};
use inkstone_services::api_keys::ApiKeyWish;
use inkstone_services::auth::Visit;
use inkstone_services::signup::InvitationWish;
use inkstone_services::{EnginePorts, KeyWish, Services, SigningKey};
use inkstone_testkit::{MemBus, MemMailer, MemSigningKeys, MemStore};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::audit::entries;
use crate::people::{EMAIL, PASSWORD, ada, shown};
use crate::second_factor::turned_on;
use crate::signup::nth_mail;
use crate::world::{PATIENCE, World};

/// Users whose store fails and waits as tests like.
struct Users {
    store: Arc<MemStore>,
    /// Reads of a user that fail.
    failing: AtomicUsize,
    /// Reads that fail after the next change of a user.
    fails_after_change: AtomicUsize,
    holds_sign_ins: AtomicBool,
    holds_changes: AtomicBool,
    /// Somebody is held.
    reached: Semaphore,
    /// One for each who may go on.
    go_on: Semaphore,
}

impl Users {
    fn of(world: &World) -> Arc<Self> {
        Arc::new(Self {
            store: world.store.clone(),
            failing: 0.into(),
            fails_after_change: 0.into(),
            holds_sign_ins: false.into(),
            holds_changes: false.into(),
            reached: Semaphore::new(0),
            go_on: Semaphore::new(0),
        })
    }

    async fn hold(&self, holds: &AtomicBool) {
        if holds.swap(false, Ordering::SeqCst) {
            self.reached.add_permits(1);
            self.go_on.acquire().await.unwrap().forget();
        }
    }

    async fn somebody_is_held(&self) {
        let reached = timeout(PATIENCE, self.reached.acquire()).await;
        reached.unwrap().unwrap().forget();
    }
}

#[async_trait]
impl UserStore for Users {
    async fn create_user(&self, account: Account, audit: &AuditRecord) -> Result<()> {
        self.store.create_user(account, audit).await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>> {
        self.store.account_by_email(email).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        let fails = self
            .failing
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
        match fails {
            Ok(_) => Err(Error::new(&codes::STORE_UNAVAILABLE, "away")),
            Err(_) => self.store.user(id).await,
        }
    }

    async fn account(&self, id: UserId) -> Result<Option<Account>> {
        self.store.account(id).await
    }

    async fn count_users(&self) -> Result<u64> {
        self.store.count_users().await
    }

    async fn list_users(&self, page: PageRequest) -> Result<Page<User>> {
        self.store.list_users(page).await
    }

    async fn update_user(
        &self,
        user: &User,
        ending: Option<Ending>,
        audit: &[AuditRecord],
    ) -> Result<Vec<SessionId>> {
        let updated = self.store.update_user(user, ending, audit).await;
        let failing = self.fails_after_change.swap(0, Ordering::SeqCst);
        self.failing.fetch_add(failing, Ordering::SeqCst);
        self.hold(&self.holds_changes).await;
        updated
    }

    async fn set_password_hash(
        &self,
        user: UserId,
        new: NewPassword<'_>,
        audit: &AuditRecord,
    ) -> Result<Vec<SessionId>> {
        self.store.set_password_hash(user, new, audit).await
    }

    async fn rehash_password(&self, user: UserId, old: &str, new: &str) -> Result<bool> {
        self.store.rehash_password(user, old, new).await
    }

    async fn unverified_before(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<User>> {
        self.store.unverified_before(before, limit).await
    }

    async fn remove_unverified(&self, user: UserId, audit: &AuditRecord) -> Result<bool> {
        self.store.remove_unverified(user, audit).await
    }

    async fn create_session(
        &self,
        session: Session,
        checked: Option<&str>,
        audit: &AuditRecord,
    ) -> Result<User> {
        self.hold(&self.holds_sign_ins).await;
        self.store.create_session(session, checked, audit).await
    }

    async fn rotate_session(
        &self,
        shown: ShownToken,
        successor: Successor,
        now: DateTime<Utc>,
        tell: TellReuse<'_>,
    ) -> Result<Rotation> {
        let rotation = self.store.rotate_session(shown, successor, now, tell);
        rotation.await
    }

    async fn sessions(&self, user: UserId, now: DateTime<Utc>) -> Result<Vec<Session>> {
        self.store.sessions(user, now).await
    }

    async fn end_family(
        &self,
        family: SessionId,
        at: DateTime<Utc>,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        self.store.end_family(family, at, audit).await
    }

    async fn end_sessions(
        &self,
        user: UserId,
        ending: Ending,
        audit: Option<&AuditRecord>,
    ) -> Result<Vec<SessionId>> {
        self.store.end_sessions(user, ending, audit).await
    }

    async fn ended_since(&self, since: DateTime<Utc>, limit: usize) -> Result<Vec<SessionId>> {
        self.store.ended_since(since, limit).await
    }

    async fn forget_sessions(&self, now: DateTime<Utc>, limit: usize) -> Result<u64> {
        self.store.forget_sessions(now, limit).await
    }
}

async fn engine(world: &World, users: &Arc<Users>) -> Arc<Services> {
    let users = users.clone();
    let engine = world.engine_with(move |ports| ports.users = users.clone());
    engine.await
}

async fn until(is_so: impl Fn() -> bool) {
    let look = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let came = timeout(PATIENCE, look).await;
    came.expect("it never came to that");
}

fn disabled() -> UserChange {
    UserChange {
        disabled: Some(true),
        ..UserChange::default()
    }
}

fn role(role: Role) -> UserChange {
    UserChange {
        role: Some(role),
        ..UserChange::default()
    }
}

/// Resets Ada's password with a token that came by mail.
async fn reset(world: &World, engine: &Services) {
    let signup = &engine.signup;
    let asked = signup.forgot_password(EMAIL, Visit::default()).await;
    asked.unwrap();
    let token = MemMailer::token_of(&nth_mail(world, 1).await);
    let new = "battery staple".to_owned();
    let reset = signup.reset_password(&token, new, Visit::default()).await;
    reset.unwrap();
}

/// The password was checked before the account changed; the sign-in comes after.
#[tokio::test]
async fn a_sign_in_under_way_does_not_outlive_what_it_stood_on() {
    for what in ["reset", "disabled", "lower role"] {
        let world = World::new().await;
        let user = ada(&world).await;
        let admin = world.somebody(Role::Admin).await;
        let users = Users::of(&world);
        let engine = engine(&world, &users).await;
        users.holds_sign_ins.store(true, Ordering::SeqCst);
        let auth = engine.auth.clone();
        let sign_in = tokio::spawn(async move { auth.login(shown(PASSWORD)).await });
        users.somebody_is_held().await;
        let change = async |change| {
            let accounts = &engine.accounts;
            let changed = accounts.change_user(&admin, user.id, None, change).await;
            changed.unwrap();
        };
        match what {
            "reset" => reset(&world, &engine).await,
            "disabled" => change(disabled()).await,
            _ => change(role(Role::Viewer)).await,
        }
        users.go_on.add_permits(1);
        let outcome = sign_in.await.unwrap();
        let left = world
            .store
            .sessions(user.id, world.clock.now())
            .await
            .unwrap();
        if what == "lower role" {
            let pair = outcome.unwrap();
            let role = engine.auth.authenticate(&pair.access_token).unwrap().role;
            assert_eq!(role, Role::Viewer);
            assert_eq!(left.len(), 1);
            continue;
        }
        let refused = outcome.unwrap_err();
        assert_eq!(refused.code().name, "invalid_credentials", "{what}");
        assert_eq!(left, [], "{what}");
        let told = entries(&world).await;
        let told = told.iter().map(|entry| entry.record.action.as_str());
        assert_eq!(told.filter(|it| *it == "session.refused").count(), 1);
    }
}

/// Ada's virtual key and API key.
async fn keys(engine: &Services, ada: &User) -> [String; 2] {
    let caller = Principal::of(ada.id, ada.role);
    let wish = KeyWish {
        name: "ci".to_owned(),
        ..KeyWish::default()
    };
    let (_, virtual_key) = engine.keys.create(&caller, None, wish).await.unwrap();
    let wish = ApiKeyWish {
        name: "ci".to_owned(),
        scopes: [Scope::ArticlesRead].into(),
        expires_at: None,
    };
    let (_, api_key) = engine.api_keys.create(&caller, wish).await.unwrap();
    [virtual_key, api_key]
}

#[tokio::test]
async fn keys_of_who_was_disabled_end_though_they_could_not_be_read() {
    for again in [true, false] {
        let world = World::new().await;
        let user = ada(&world).await;
        let admin = world.somebody(Role::Admin).await;
        let users = Users::of(&world);
        let engine = engine(&world, &users).await;
        let keys = keys(&engine, &user).await;
        users.fails_after_change.store(1, Ordering::SeqCst);
        let accounts = &engine.accounts;
        let change = || accounts.change_user(&admin, user.id, None, disabled());
        let failed = change().await.unwrap_err();
        assert_eq!(failed.code(), &codes::STORE_UNAVAILABLE);
        match again {
            // Nothing is left to change.
            true => drop(change().await.unwrap()),
            false => engine.start(EngineRole::Api, 0),
        }
        for key in &keys {
            until(|| engine.authenticate(key).is_err()).await;
        }
        assert!(engine.shutdown(PATIENCE).await);
    }
}

/// Whoever asked is gone before memory could follow.
#[tokio::test]
async fn a_change_that_is_left_in_the_middle_is_followed_all_the_same() {
    let world = World::new().await;
    let user = ada(&world).await;
    let admin = world.somebody(Role::Admin).await;
    let users = Users::of(&world);
    let engine = engine(&world, &users).await;
    engine.start(EngineRole::Api, 0);
    let keys = keys(&engine, &user).await;
    let pair = engine.auth.login(shown(PASSWORD)).await.unwrap();
    users.holds_changes.store(true, Ordering::SeqCst);
    let accounts = engine.accounts.clone();
    let change = async move {
        accounts
            .change_user(&admin, user.id, None, disabled())
            .await
    };
    let asked = tokio::spawn(change);
    users.somebody_is_held().await;
    for token in keys.iter().chain([&pair.access_token]) {
        assert!(engine.authenticate(token).is_ok(), "nobody knows yet");
    }
    asked.abort();
    for token in keys.iter().chain([&pair.access_token]) {
        until(|| engine.authenticate(token).is_err()).await;
    }
    assert!(engine.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn an_api_key_that_is_removed_ends_though_the_others_could_not_be_read() {
    let world = World::new().await;
    let user = ada(&world).await;
    let users = Users::of(&world);
    let engine = engine(&world, &users).await;
    let [_, token] = keys(&engine, &user).await;
    let other = keys(&engine, &user).await;
    let caller = Principal::of(user.id, user.role);
    let id = engine.authenticate(&token).unwrap().api_key.unwrap().id;
    users.failing.store(1, Ordering::SeqCst);
    let failed = engine.api_keys.remove(&caller, id).await.unwrap_err();
    assert_eq!(failed.code(), &codes::STORE_UNAVAILABLE);
    assert!(engine.authenticate(&token).is_err());
    let again = engine.api_keys.remove(&caller, id).await.unwrap_err();
    assert_eq!(again.code(), &codes::NOT_FOUND);
    for token in &other {
        assert!(engine.authenticate(token).is_ok(), "others stay");
    }

    // One that another engine has removed is known here until it is looked for.
    let id = engine.authenticate(&other[1]).unwrap().api_key.unwrap().id;
    let there = world.another_engine().await;
    there.api_keys.remove(&caller, id).await.unwrap();
    assert!(engine.authenticate(&other[1]).is_ok());
    let gone = engine.api_keys.remove(&caller, id).await.unwrap_err();
    assert_eq!(gone.code(), &codes::NOT_FOUND);
    assert!(engine.authenticate(&other[1]).is_err());
}

/// A log that takes nothing by itself.
struct Full(Arc<MemStore>);

#[async_trait]
impl AuditLog for Full {
    async fn append_audit(&self, _record: &AuditRecord) -> Result<()> {
        Err(Error::new(&codes::STORE_UNAVAILABLE, "full"))
    }

    async fn list_audit(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>> {
        self.0.list_audit(filter, page).await
    }

    async fn audit_after(
        &self,
        filter: &AuditFilter,
        after: u64,
        limit: usize,
    ) -> Result<Vec<AuditEntry>> {
        self.0.audit_after(filter, after, limit).await
    }

    async fn audit_head(&self) -> Result<AuditHead> {
        self.0.audit_head().await
    }
}

/// However many tokens came after it.
#[tokio::test]
async fn a_token_that_is_shown_again_is_written_down_with_the_end_of_its_sign_in() {
    for refreshes in [1, 300] {
        let world = World::new().await;
        ada(&world).await;
        let engine = world
            .engine_with(|ports| ports.audit = Arc::new(Full(world.store.clone())))
            .await;
        let auth = &engine.auth;
        let first = auth.login(shown(PASSWORD)).await.unwrap();
        let mut last = first.clone();
        for _ in 0..refreshes {
            let next = auth.refresh(&last.refresh_token, Visit::default()).await;
            last = next.unwrap();
        }
        let again = auth.refresh(&first.refresh_token, Visit::default()).await;
        assert_eq!(again.unwrap_err().code(), &codes::TOKEN_REUSED);
        let told = entries(&world).await;
        let told = told.iter().map(|entry| entry.record.action.as_str());
        assert_eq!(told.filter(|it| *it == "session.reused").count(), 1);
        assert!(auth.authenticate(&last.access_token).is_err());
        let ended = auth.refresh(&last.refresh_token, Visit::default()).await;
        assert_eq!(ended.unwrap_err().code(), &codes::INVALID_TOKEN);
    }
}

/// Half a token proves nothing.
#[tokio::test]
async fn made_up_tokens_end_nothing() {
    let world = World::new().await;
    ada(&world).await;
    let auth = &world.services.auth;
    let pair = auth.login(shown(PASSWORD)).await.unwrap();
    let whole = URL_SAFE_NO_PAD.decode(&pair.refresh_token).unwrap();
    let (shared, own) = whole.split_at(32);
    let refresh = async |parts: &[&[u8]]| {
        let token = URL_SAFE_NO_PAD.encode(parts.concat());
        let refreshed = auth.refresh(&token, Visit::default()).await;
        refreshed.map_err(|error| error.code().name)
    };
    let other = [7; 32];
    let made_up: [&[&[u8]]; 6] = [
        &[shared],
        &[own],
        &[],
        &[own, shared],
        &[&other, own],
        &[shared, own, own],
    ];
    for parts in made_up {
        assert_eq!(refresh(parts).await, Err("invalid_token"), "{parts:?}");
    }
    refresh(&[shared, own]).await.unwrap();
    // Only who had a token of this sign-in knows the shared part.
    assert_eq!(refresh(&[shared, &other]).await, Err("token_reused"));
}

#[tokio::test]
async fn what_was_ended_before_a_start_stays_ended() {
    let world = World::new().await;
    let user = ada(&world).await;
    let admin = world.somebody(Role::Admin).await;
    let keys = Arc::new(MemSigningKeys::of(SigningKey::generate()));
    let bus = MemBus::default();
    let begin = async || {
        let engine = world.engine_with(|ports| {
            ports.signing_keys = keys.clone();
            ports.engines = EnginePorts {
                bus: Arc::new(bus.end()),
                ..EnginePorts::alone()
            };
        });
        engine.await
    };
    let (one, deaf) = (begin().await, begin().await);
    let pair = one.auth.login(shown(PASSWORD)).await.unwrap();
    let other = one.auth.login(shown(PASSWORD)).await.unwrap();
    let kept = one.auth.login(shown(PASSWORD)).await.unwrap();
    let caller = one.auth.authenticate(&kept.access_token).unwrap();
    let session = one.auth.authenticate(&other.access_token).unwrap().session;
    let ended = one.accounts.end_session(&caller, session.unwrap()).await;
    ended.unwrap();
    one.auth
        .logout(&pair.refresh_token, Visit::default())
        .await
        .unwrap();
    assert!(deaf.authenticate(&pair.access_token).is_ok());
    for engine in [&one, &begin().await] {
        for token in [&pair.access_token, &other.access_token] {
            let refused = engine.authenticate(token).unwrap_err();
            assert_eq!(refused.code(), &codes::INVALID_TOKEN);
        }
        assert!(engine.authenticate(&kept.access_token).is_ok());
    }

    // What was missed is read when that is known.
    deaf.start(EngineRole::Api, 0);
    until(|| bus.listeners() == 1).await;
    bus.break_off();
    until(|| deaf.authenticate(&pair.access_token).is_err()).await;
    let change = one.accounts.change_user(&admin, user.id, None, disabled());
    change.await.unwrap();
    until(|| deaf.authenticate(&kept.access_token).is_err()).await;
    assert!(begin().await.authenticate(&kept.access_token).is_err());
    assert!(deaf.shutdown(PATIENCE).await);
    world.clock.advance(Duration::from_secs(600));
    let late = begin().await.authenticate(&kept.access_token).unwrap_err();
    assert_eq!(late.code(), &codes::TOKEN_EXPIRED);
}

/// A token says admin for ten minutes; what lasts longer asks the store.
#[tokio::test]
async fn who_is_no_admin_any_more_makes_nothing_that_lasts() {
    for change in [disabled(), role(Role::Creator)] {
        let world = World::new().await;
        let services = &world.services;
        let (admin, was) = (
            world.somebody(Role::Admin).await,
            world.somebody(Role::Admin).await,
        );
        ada(&world).await;
        let victim = crate::people::principal(&world).await;
        turned_on(&world, &victim).await;
        let accounts = &services.accounts;
        let changed = accounts.change_user(&admin, was.user, None, change).await;
        changed.unwrap();
        let user = UserWish {
            email: "eve@example.org".to_owned(),
            name: "Eve".to_owned(),
            role: Role::Admin,
            proof: Proof::Password(PASSWORD.to_owned()),
        };
        let invitation = InvitationWish {
            email: "eve@example.org".to_owned(),
            role: Role::Admin,
        };
        let signup = &services.signup;
        let tried: [(&str, Result<()>); 4] = [
            ("user", accounts.create_user(&was, user).await.map(drop)),
            (
                "invitation",
                signup.invite(&was, invitation).await.map(drop),
            ),
            (
                "second factor",
                signup.take_second_factor(&was, victim.user).await,
            ),
            (
                "signing key",
                services.auth.rotate_signing_key(&was).await.map(drop),
            ),
        ];
        for (what, result) in tried {
            assert_eq!(result.unwrap_err().code(), &codes::FORBIDDEN, "{what}");
        }
        let eve = world.store.account_by_email("eve@example.org").await;
        assert!(eve.unwrap().is_none());
    }
}
