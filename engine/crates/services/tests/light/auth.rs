//! Sign-in, rotation, expiry.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::ports::NoOthers;
use inkstone_domain::principal::Role;
use inkstone_services::auth::{AdminSetup, AuthPorts, NewUser, PasswordSignIn, SignIn, Visit};
use inkstone_services::{Audit, Auth, AuthConfig, SealingKey, Services, SigningKey};
use inkstone_testkit::{ManualClock, MemSigningKeys, MemStore};

use crate::world::World;

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "correct horse";

async fn ada(services: &Services) -> inkstone_domain::principal::User {
    services
        .auth
        .create_user(NewUser {
            email: " Ada@Example.ORG ".to_owned(),
            name: "Ada".to_owned(),
            role: Role::Creator,
            password: PASSWORD.to_owned(),
        })
        .await
        .unwrap()
}

pub fn shown(email: &str, password: &str) -> SignIn {
    SignIn {
        email: email.to_owned(),
        password: password.to_owned(),
        ..SignIn::default()
    }
}

#[tokio::test]
async fn login_gives_a_token_that_names_the_user() {
    let world = World::new().await;
    let auth = &world.services.auth;
    let user = ada(&world.services).await;
    assert_eq!(user.email, EMAIL);

    let pair = auth
        .login(shown("ADA@example.org", PASSWORD))
        .await
        .unwrap();
    assert_eq!((pair.token_type, pair.expires_in_s), ("Bearer", 600));
    let principal = auth.authenticate(&pair.access_token).unwrap();
    assert_eq!((principal.user, principal.role), (user.id, Role::Creator));
    assert_eq!(auth.me(&principal).await.unwrap(), user);
}

#[tokio::test]
async fn wrong_password_and_unknown_user_look_alike() {
    let world = World::new().await;
    let auth = &world.services.auth;
    ada(&world.services).await;
    let wrong = auth.login(shown(EMAIL, "wrong horse")).await.unwrap_err();
    let unknown = auth
        .login(shown("bob@example.org", PASSWORD))
        .await
        .unwrap_err();
    assert_eq!(wrong.code().name, "invalid_credentials");
    assert_eq!(wrong.to_string(), unknown.to_string());
}

#[tokio::test]
async fn tokens_expire_by_the_clock() {
    let world = World::new().await;
    let auth = &world.services.auth;
    ada(&world.services).await;
    let pair = auth.login(shown(EMAIL, PASSWORD)).await.unwrap();

    world.clock.advance(Duration::from_secs(599));
    assert!(auth.authenticate(&pair.access_token).is_ok());
    world.clock.advance(Duration::from_secs(1));
    let error = auth.authenticate(&pair.access_token).unwrap_err();
    assert_eq!(error.code().name, "token_expired");

    world.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    let error = auth
        .refresh(&pair.refresh_token, Visit::default())
        .await
        .unwrap_err();
    assert_eq!(error.code().name, "invalid_token");
}

#[tokio::test]
async fn foreign_and_broken_tokens_are_invalid() {
    let world = World::new().await;
    let auth = &world.services.auth;
    ada(&world.services).await;
    let foreign = world.another_engine().await;
    let pair = foreign.auth.login(shown(EMAIL, PASSWORD)).await.unwrap();
    let none = r#"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30."#;
    for token in [pair.access_token.as_str(), "", "a.b.c", none] {
        let error = auth.authenticate(token).unwrap_err();
        assert_eq!(error.code().name, "invalid_token", "{token}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_reuse_ends_the_family() {
    let world = World::new().await;
    let auth = &world.services.auth;
    ada(&world.services).await;
    let first = auth.login(shown(EMAIL, PASSWORD)).await.unwrap();
    let second = auth
        .refresh(&first.refresh_token, Visit::default())
        .await
        .unwrap();
    assert_ne!(first.refresh_token, second.refresh_token);
    assert!(auth.authenticate(&second.access_token).is_ok());

    let error = auth
        .refresh(&first.refresh_token, Visit::default())
        .await
        .unwrap_err();
    assert_eq!(error.code().name, "token_reused");
    let error = auth
        .refresh(&second.refresh_token, Visit::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), inkstone_domain::ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn logout_ends_the_sign_in() {
    let world = World::new().await;
    let auth = &world.services.auth;
    ada(&world.services).await;
    let pair = auth.login(shown(EMAIL, PASSWORD)).await.unwrap();
    auth.logout(&pair.refresh_token, Visit::default())
        .await
        .unwrap();
    assert!(
        auth.refresh(&pair.refresh_token, Visit::default())
            .await
            .is_err()
    );
    auth.logout("never seen", Visit::default()).await.unwrap();
}

#[tokio::test]
async fn the_first_admin_is_made_once() {
    let world = World::new().await;
    let auth = &world.services.auth;
    let setup = auth.ensure_admin("admin@example.org", None).await.unwrap();
    let AdminSetup::Created {
        email,
        generated_password: Some(password),
    } = setup
    else {
        panic!("{setup:?}");
    };
    let pair = auth.login(shown(&email, &password)).await.unwrap();
    assert!(auth.authenticate(&pair.access_token).unwrap().is_admin());
    let again = auth.ensure_admin("other@example.org", None).await.unwrap();
    assert_eq!(again, AdminSetup::Exists);
}

#[tokio::test]
async fn bad_users_are_refused_by_field() {
    let world = World::new().await;
    let error = world
        .services
        .auth
        .create_user(NewUser {
            email: "nobody".to_owned(),
            name: String::new(),
            role: Role::Viewer,
            password: "short".to_owned(),
        })
        .await
        .unwrap_err();
    let pointers: Vec<&str> = error.fields().iter().map(|f| f.pointer.as_str()).collect();
    assert_eq!(pointers, ["/email", "/password"]);
}

#[test]
fn what_is_no_key_is_refused() {
    let error = SigningKey::from_bytes(b"not a key").err().unwrap();
    assert_eq!(error.code().name, "invalid_config");
}

#[tokio::test]
async fn passwords_may_be_good_for_nothing() {
    let store = Arc::new(MemStore::new());
    let ports = AuthPorts {
        users: store.clone(),
        people: store.clone(),
        signing_keys: Arc::new(MemSigningKeys::of(SigningKey::generate())),
        audit: Audit::new(store),
        bus: Arc::new(NoOthers),
        tries: None,
        clock: Arc::new(ManualClock::default()),
    };
    let config = AuthConfig {
        password_sign_in: PasswordSignIn::Off,
        ..AuthConfig::default()
    };
    let auth = Auth::new(ports, config, SealingKey::new([7; 32])).unwrap();
    let user = NewUser {
        email: "ada@example.org".to_owned(),
        name: "Ada".to_owned(),
        role: Role::Admin,
        password: "correct horse".to_owned(),
    };
    auth.create_user(user).await.unwrap();
    let work = auth.hashing_work();
    for password in ["correct horse", "wrong"] {
        let refused = auth.login(shown("ada@example.org", password)).await;
        assert_eq!(refused.unwrap_err().code().name, "forbidden");
    }
    assert_eq!(auth.hashing_work(), work, "nothing is looked at");
}
