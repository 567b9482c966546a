//! Accounts as people and admins change them: roles, disabling, passwords, sessions, imported hashes, and
//! how often somebody may try.

use std::time::Duration;

use inkstone_domain::ErrorKind;
use inkstone_domain::api_key::Scope;
use inkstone_domain::ports::UserStore;
use inkstone_domain::principal::{Principal, Role, SeenFrom, User};
use inkstone_services::KeyWish;
use inkstone_services::accounts::{Proof, UserChange, UserWish};
use inkstone_services::api_keys::ApiKeyWish;
use inkstone_services::auth::{NewUser, SignIn, TokenPair, Visit};

use crate::world::World;

pub const EMAIL: &str = "ada@example.org";
pub const PASSWORD: &str = "correct horse";

pub async fn ada(world: &World) -> User {
    let auth = &world.services.auth;
    let user = NewUser {
        email: EMAIL.to_owned(),
        name: "Ada".to_owned(),
        role: Role::Creator,
        password: PASSWORD.to_owned(),
    };
    auth.create_user(user).await.unwrap()
}

pub fn shown(password: &str) -> SignIn {
    SignIn {
        email: EMAIL.to_owned(),
        password: password.to_owned(),
        totp: None,
        visit: Visit {
            seen: SeenFrom {
                address: "192.0.2.7".parse().ok(),
                user_agent: Some("test".to_owned()),
            },
            request_id: Some("req-1".to_owned()),
        },
    }
}

pub async fn sign_in(world: &World) -> TokenPair {
    world.services.auth.login(shown(PASSWORD)).await.unwrap()
}

pub async fn principal(world: &World) -> Principal {
    let pair = sign_in(world).await;
    world
        .services
        .auth
        .authenticate(&pair.access_token)
        .unwrap()
}

fn disabled(yes: bool) -> UserChange {
    UserChange {
        disabled: Some(yes),
        ..UserChange::default()
    }
}

#[tokio::test]
async fn a_disabled_user_is_out_everywhere_and_comes_back() {
    let world = World::new().await;
    let services = &world.services;
    let admin = world.somebody(Role::Admin).await;
    let user = ada(&world).await;
    let pair = sign_in(&world).await;
    let caller = services.auth.authenticate(&pair.access_token).unwrap();
    let wish = KeyWish {
        name: "ci".to_owned(),
        ..KeyWish::default()
    };
    let (_, virtual_key) = services.keys.create(&caller, None, wish).await.unwrap();
    let wish = ApiKeyWish {
        name: "ci".to_owned(),
        scopes: [Scope::ArticlesRead].into(),
        expires_at: None,
    };
    let (_, api_key) = services.api_keys.create(&caller, wish).await.unwrap();
    for token in [&virtual_key, &api_key] {
        assert_eq!(services.authenticate(token).unwrap().user, user.id);
    }

    let changed = services
        .accounts
        .change_user(&admin, user.id, Some(1), disabled(true))
        .await
        .unwrap();
    assert_eq!(changed.revision, 2);
    for token in [&virtual_key, &api_key, &pair.access_token] {
        let error = services.authenticate(token).unwrap_err();
        assert_eq!(error.code().name, "invalid_token");
    }
    let refresh = services.auth.refresh(&pair.refresh_token, Visit::default());
    assert_eq!(refresh.await.unwrap_err().code().name, "invalid_token");
    let login = services.auth.login(shown(PASSWORD)).await.unwrap_err();
    assert_eq!(login.code().name, "forbidden");
    let wrong = services.auth.login(shown("wrong")).await.unwrap_err();
    assert_eq!(wrong.code().name, "invalid_credentials", "nothing is told");

    let change = disabled(false);
    let accounts = &services.accounts;
    accounts
        .change_user(&admin, user.id, None, change)
        .await
        .unwrap();
    sign_in(&world).await;
    for token in [&virtual_key, &api_key] {
        assert!(services.authenticate(token).is_ok());
    }
}

#[tokio::test]
async fn only_admins_change_others_and_nobody_takes_their_own_role() {
    let world = World::new().await;
    let accounts = &world.services.accounts;
    let (admin, other) = (
        world.somebody(Role::Admin).await,
        world.somebody(Role::Admin).await,
    );
    let creator = world.somebody(Role::Creator).await;
    let to_viewer = UserChange {
        role: Some(Role::Viewer),
        ..UserChange::default()
    };
    let change = |by: &Principal, of: &Principal, change: UserChange| {
        let (by, of) = (by.clone(), of.user);
        async move { accounts.change_user(&by, of, None, change).await }
    };
    let code = |result: Result<User, inkstone_domain::Error>| result.unwrap_err().code().name;
    assert_eq!(
        code(change(&creator, &admin, disabled(true)).await),
        "forbidden"
    );
    assert_eq!(
        code(change(&admin, &admin, to_viewer.clone()).await),
        "conflict"
    );
    assert_eq!(
        code(change(&admin, &admin, disabled(true)).await),
        "conflict"
    );
    let user = ada(&world).await;
    let pair = sign_in(&world).await;
    let caller = world.services.auth.authenticate(&pair.access_token);
    let caller = caller.unwrap();
    assert_eq!((caller.user, caller.role), (user.id, Role::Creator));
    change(&admin, &caller, to_viewer.clone()).await.unwrap();
    let ended = world.services.auth.authenticate(&pair.access_token);
    assert_eq!(ended.unwrap_err().code().name, "invalid_token");
    change(&admin, &other, to_viewer.clone()).await.unwrap();
    // The token of the other still says admin; the store says otherwise.
    assert_eq!(code(change(&other, &admin, to_viewer).await), "forbidden");
    let stale = accounts.change_user(&admin, other.user, Some(1), disabled(true));
    assert_eq!(code(stale.await), "revision_mismatch");
}

#[tokio::test]
async fn imported_hashes_are_taken_and_made_anew() {
    let world = World::new().await;
    let admin = world.somebody(Role::Admin).await;
    let wish = |hash: &str| UserWish {
        email: EMAIL.to_owned(),
        name: "Ada".to_owned(),
        role: Role::Creator,
        proof: Proof::Imported(hash.to_owned()),
    };
    let accounts = &world.services.accounts;
    let refused = accounts.create_user(&admin, wish("$1$old$hash")).await;
    assert_eq!(refused.unwrap_err().fields()[0].pointer, "/password_hash");
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let user = accounts.create_user(&admin, wish(&hash)).await.unwrap();

    let auth = &world.services.auth;
    assert!(auth.login(shown("wrong horse")).await.is_err());
    let stored = async || world.store.account(user.id).await.unwrap().unwrap();
    assert_eq!(stored().await.password_hash, hash);
    sign_in(&world).await;
    let anew = stored().await.password_hash;
    assert!(anew.starts_with("$argon2id$"), "{anew}");
    sign_in(&world).await;
    assert_eq!(stored().await.password_hash, anew);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let world = World::new().await;
    ada(&world).await;
    let accounts = &world.services.accounts;
    let (here, there) = (sign_in(&world).await, sign_in(&world).await);
    let auth = &world.services.auth;
    let caller = auth.authenticate(&here.access_token).unwrap();
    let change = |old: &str, new: &str| {
        let (caller, old, new) = (caller.clone(), old.to_owned(), new.to_owned());
        async move { accounts.change_password(&caller, old, new).await }
    };
    let wrong = change("wrong horse", "battery staple").await.unwrap_err();
    assert_eq!(wrong.code().name, "invalid_credentials");
    for weak in ["short", "password123", "my ADA@Example words", "iloveyou1"] {
        // The name `ada` is too short to be looked for.
        if weak.contains("ADA") {
            continue;
        }
        let weak = change(PASSWORD, weak).await.unwrap_err();
        assert_eq!(weak.fields()[0].pointer, "/new_password");
    }
    change(PASSWORD, "battery staple").await.unwrap();
    assert!(auth.login(shown(PASSWORD)).await.is_err());
    assert!(auth.login(shown("battery staple")).await.is_ok());
    assert!(auth.authenticate(&here.access_token).is_ok());
    assert!(auth.authenticate(&there.access_token).is_err());
    let there = auth.refresh(&there.refresh_token, Visit::default());
    assert!(there.await.is_err());
    let here = auth.refresh(&here.refresh_token, Visit::default());
    assert!(here.await.is_ok());
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_alone() {
    let world = World::new().await;
    ada(&world).await;
    let accounts = &world.services.accounts;
    let caller = principal(&world).await;
    let other = principal(&world).await;
    let stranger = world.somebody(Role::Admin).await;
    let listed = accounts.sessions(&caller).await.unwrap();
    let current: Vec<bool> = listed.iter().map(|one| one.is_current).collect();
    assert_eq!(current, [false, true]);
    let seen = &listed[0].session.seen;
    assert_eq!(seen.address.unwrap().to_string(), "192.0.2.7");
    assert_eq!(seen.user_agent.as_deref(), Some("test"));

    let session = other.session.unwrap();
    let stolen = accounts.end_session(&stranger, session).await.unwrap_err();
    assert_eq!(stolen.kind(), ErrorKind::NotFound);
    accounts.end_session(&caller, session).await.unwrap();
    assert_eq!(accounts.sessions(&caller).await.unwrap().len(), 1);
    for _ in 0..3 {
        sign_in(&world).await;
    }
    accounts.end_other_sessions(&caller).await.unwrap();
    let left = accounts.sessions(&caller).await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(left[0].is_current);
}

#[tokio::test]
async fn tries_wait_longer_each_time_for_known_and_unknown_alike() {
    let world = World::new().await;
    ada(&world).await;
    let auth = &world.services.auth;
    let mut outcomes = Vec::new();
    for email in [EMAIL, "nobody@example.org"] {
        let mut seen = Vec::new();
        for number in 0..7 {
            let mut attempt = shown("wrong horse");
            attempt.email = email.to_owned();
            attempt.visit.seen.address = format!("10.0.0.{number}").parse().ok();
            let error = auth.login(attempt).await.unwrap_err();
            seen.push((
                error.code().name,
                error.retry_after(),
                error.message().to_owned(),
            ));
        }
        outcomes.push(seen);
    }
    assert_eq!(outcomes[0], outcomes[1]);
    let codes: Vec<&str> = outcomes[0].iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes[..5], ["invalid_credentials"; 5]);
    assert_eq!(codes[5..], ["rate_limit_exceeded"; 2]);
    // The right password must wait too, and after the wait it counts anew.
    let early = auth.login(shown(PASSWORD)).await.unwrap_err();
    assert_eq!(early.retry_after(), Some(Duration::from_secs(1)));
    world.clock.advance(Duration::from_secs(1));
    sign_in(&world).await;
    for _ in 0..5 {
        let error = auth.login(shown("wrong horse")).await.unwrap_err();
        assert_eq!(error.code().name, "invalid_credentials");
    }
}

/// One address that tries many accounts.
#[tokio::test]
async fn an_address_is_throttled_over_all_accounts() {
    let world = World::new().await;
    let auth = &world.services.auth;
    let attempt = |number: usize, address: &str| {
        let mut attempt = shown(PASSWORD);
        attempt.email = format!("user-{number}@example.org");
        attempt.visit.seen.address = address.parse().ok();
        async move { auth.login(attempt).await.unwrap_err().code().name }
    };
    for number in 0..20 {
        assert_eq!(attempt(number, "192.0.2.1").await, "invalid_credentials");
    }
    assert_eq!(attempt(20, "192.0.2.1").await, "rate_limit_exceeded");
    assert_eq!(attempt(21, "192.0.2.2").await, "invalid_credentials");
}
