//! Codes of an app, and recovery codes.

use std::time::Duration;

use inkstone_domain::ports::{Clock, PeopleStore};
use inkstone_domain::principal::Principal;
use inkstone_services::auth::SignIn;
use totp_rs::{Algorithm, Secret, TOTP};

use crate::people::{PASSWORD, ada, principal, shown};
use crate::world::World;

/// What an app shows now.
fn code(world: &World, secret: &str) -> String {
    let secret = Secret::Encoded(secret.to_owned()).to_bytes().unwrap();
    let app = TOTP::new(Algorithm::SHA1, 6, 0, 30, secret, None, "ada".to_owned()).unwrap();
    app.generate(u64::try_from(world.clock.now().timestamp()).unwrap())
}

fn with_code(code: &str) -> SignIn {
    SignIn {
        totp: Some(code.to_owned()),
        ..shown(PASSWORD)
    }
}

/// Turned on; the secret and the recovery codes.
pub async fn turned_on(world: &World, caller: &Principal) -> (String, Vec<String>) {
    let auth = &world.services.auth;
    let begun = auth.begin_second_factor(caller, PASSWORD.to_owned());
    let begun = begun.await.unwrap();
    assert!(
        begun
            .uri
            .starts_with("otpauth://totp/inkstone:ada%40example.org?secret="),
        "{}",
        begun.uri
    );
    let code = code(world, &begun.secret);
    let recovery = auth.confirm_second_factor(caller, &code).await.unwrap();
    (begun.secret, recovery)
}

async fn outcome(world: &World, shown: SignIn) -> Result<(), &'static str> {
    let pair = world.services.auth.login(shown).await;
    pair.map(drop).map_err(|error| error.code().name)
}

#[tokio::test]
async fn sign_in_asks_for_a_code_that_is_good_once() {
    let world = World::new().await;
    ada(&world).await;
    let caller = principal(&world).await;
    let (secret, _) = turned_on(&world, &caller).await;
    assert_eq!(outcome(&world, shown(PASSWORD)).await, Err("totp_required"));
    let now = code(&world, &secret);
    let spent = outcome(&world, with_code(&now)).await;
    assert_eq!(spent, Err("totp_required"), "it was spent to turn it on");

    world.clock.advance(Duration::from_secs(60));
    let next = code(&world, &secret);
    let mut wrong_password = with_code(&next);
    wrong_password.password = "wrong horse".to_owned();
    let wrong = outcome(&world, wrong_password).await;
    assert_eq!(wrong, Err("invalid_credentials"), "that spends no code");
    assert_eq!(outcome(&world, with_code(&next)).await, Ok(()));
    let replayed = outcome(&world, with_code(&next)).await;
    assert_eq!(replayed, Err("totp_required"));
    // The step before the one that was spent is within the skew, and spent all the same.
    assert_eq!(outcome(&world, with_code(&now)).await, Err("totp_required"));
}

#[tokio::test]
async fn each_recovery_code_is_good_once() {
    let world = World::new().await;
    ada(&world).await;
    let caller = principal(&world).await;
    let (_, recovery) = turned_on(&world, &caller).await;
    assert_eq!(recovery.len(), 10);
    let written = recovery[0].to_uppercase().replace('-', " ");
    assert_eq!(outcome(&world, with_code(&written)).await, Ok(()));
    let again = outcome(&world, with_code(&recovery[0])).await;
    assert_eq!(again, Err("totp_required"));
    assert_eq!(outcome(&world, with_code(&recovery[1])).await, Ok(()));
    let state = world.services.auth.second_factor(&caller).await.unwrap();
    assert_eq!((state.is_on, state.recovery_codes_left), (true, 8));
}

#[tokio::test]
async fn setting_up_and_turning_off_need_the_password() {
    let world = World::new().await;
    ada(&world).await;
    let caller = principal(&world).await;
    let auth = &world.services.auth;
    let wrong = auth.begin_second_factor(&caller, "wrong horse".to_owned());
    assert_eq!(
        wrong.await.err().unwrap().code().name,
        "invalid_credentials"
    );
    let none = auth.confirm_second_factor(&caller, "123456").await;
    assert_eq!(none.unwrap_err().code().name, "conflict");

    let begun = auth.begin_second_factor(&caller, PASSWORD.to_owned());
    let begun = begun.await.unwrap();
    assert_eq!(outcome(&world, shown(PASSWORD)).await, Ok(()), "not on yet");
    for wrong in ["", "12345", "not a code"] {
        let refused = auth.confirm_second_factor(&caller, wrong).await;
        assert_eq!(refused.unwrap_err().code().name, "invalid_input");
    }
    let code = code(&world, &begun.secret);
    auth.confirm_second_factor(&caller, &code).await.unwrap();
    let twice = auth.begin_second_factor(&caller, PASSWORD.to_owned());
    assert_eq!(twice.await.err().unwrap().code().name, "conflict");

    let wrong = auth.remove_second_factor(&caller, "wrong horse".to_owned());
    assert!(wrong.await.is_err());
    let right = auth.remove_second_factor(&caller, PASSWORD.to_owned());
    right.await.unwrap();
    assert_eq!(outcome(&world, shown(PASSWORD)).await, Ok(()));
}

#[tokio::test]
async fn the_secret_is_stored_sealed() {
    let world = World::new().await;
    let user = ada(&world).await;
    let caller = principal(&world).await;
    let (secret, recovery) = turned_on(&world, &caller).await;
    let raw = Secret::Encoded(secret).to_bytes().unwrap();
    let stored = world.store.second_factor(user.id).await.unwrap().unwrap();
    let sealed = &stored.sealed_secret;
    assert!(!sealed.windows(raw.len()).any(|bytes| bytes == raw));
    assert_eq!(stored.recovery_hashes.len(), recovery.len());
}
