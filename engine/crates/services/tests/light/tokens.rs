//! Access tokens under attack, and the change of keys.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use inkstone_domain::ports::Clock;
use inkstone_domain::principal::Role;
use inkstone_services::SigningKey;
use inkstone_services::auth::{TokenPair, Visit};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::people::{ada, sign_in};
use crate::world::World;

async fn signed_in(world: &World) -> TokenPair {
    ada(world).await;
    sign_in(world).await
}

/// The parts of a token.
fn parts(token: &str) -> Vec<Value> {
    let parts = token.split('.').take(2);
    parts
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect()
}

fn forged(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

#[tokio::test]
async fn forged_tokens_are_invalid() {
    let world = World::new().await;
    let auth = &world.services.auth;
    let token = signed_in(&world).await.access_token;
    let [header, claims] = parts(&token).try_into().unwrap();
    let kid = auth.public_keys()[0].id.clone();
    assert_eq!(header, json!({"typ": "JWT", "alg": "EdDSA", "kid": kid}));
    let mut admin = claims.clone();
    admin["role"] = json!("admin");

    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = token.rsplit('.').next().unwrap();
    let mut none = header.clone();
    none["alg"] = json!("none");
    let other_key = EncodingKey::from_ed_der(&SigningKey::generate());
    let public = auth.public_keys()[0].x.clone();
    let as_secret = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(&public).unwrap());
    let mut named = Header::new(Algorithm::EdDSA);
    named.kid = Some(kid.clone());
    let mut symmetric = Header::new(Algorithm::HS256);
    symmetric.kid = Some(kid.clone());
    let mut traversal = named.clone();
    traversal.kid = Some("../../dev/null".to_owned());
    for (what, forgery) in [
        ("alg none", format!("{}.{}.", text(&none), text(&admin))),
        (
            "alg none with a signature",
            format!("{}.{}.{signature}", text(&none), text(&admin)),
        ),
        (
            "other claims under the signature",
            format!("{}.{}.{signature}", text(&header), text(&admin)),
        ),
        ("another key", forged(&named, &admin, &other_key)),
        (
            "the public key as a secret",
            forged(&symmetric, &admin, &as_secret),
        ),
        ("another kid", forged(&traversal, &admin, &other_key)),
        (
            "no kid",
            forged(&Header::new(Algorithm::EdDSA), &admin, &other_key),
        ),
        ("half a token", token[..token.len() - 10].to_owned()),
    ] {
        let error = auth.authenticate(&forgery).unwrap_err();
        assert_eq!(error.code().name, "invalid_token", "{what}");
    }
    assert_eq!(auth.authenticate(&token).unwrap().role, Role::Creator);
}

/// With the engine's own key: the issuer, and what must be there, are looked at too.
#[tokio::test]
async fn tokens_of_another_issuer_are_invalid() {
    let world = World::new().await;
    let auth = &world.services.auth;
    let token = signed_in(&world).await.access_token;
    let claims = parts(&token).remove(1);
    let key = SigningKey::generate();
    let config = inkstone_services::AuthConfig {
        issuer: "another".to_owned(),
        ..inkstone_services::AuthConfig::default()
    };
    let signing = SigningKey::from_bytes(&key).unwrap();
    let user = claims["sub"].as_str().unwrap().parse().unwrap();
    let foreign = config
        .operator_token(&signing, user, world.clock.now())
        .unwrap();
    let error = auth.authenticate(&foreign).unwrap_err();
    assert_eq!(error.code().name, "invalid_token");
}

#[tokio::test]
async fn the_tokens_of_an_old_key_run_out_and_no_more() {
    let world = World::new().await;
    let auth = &world.services.auth;
    let old = signed_in(&world).await;
    let admin = world.somebody(Role::Admin).await;
    let before = auth.public_keys();
    assert_eq!(before.len(), 1);

    let creator = world.somebody(Role::Creator).await;
    let refused = auth.rotate_signing_key(&creator).await.unwrap_err();
    assert_eq!(refused.code().name, "forbidden");
    let after = auth.rotate_signing_key(&admin).await.unwrap();
    assert_eq!(after.len(), 2);
    assert_eq!(after[1], before[0]);
    let new = auth
        .refresh(&old.refresh_token, Default::default())
        .await
        .unwrap();
    let kid = parts(&new.access_token)[0]["kid"].clone();
    assert_eq!(kid, json!(after[0].id));
    for token in [&old.access_token, &new.access_token] {
        assert!(auth.authenticate(token).is_ok());
    }

    world.clock.advance(Duration::from_secs(600));
    assert_eq!(auth.public_keys(), after[..1]);
    let error = auth.authenticate(&old.access_token).unwrap_err();
    assert_eq!(error.code().name, "token_expired");
    // A third key: the first one is forgotten for good.
    let third = auth.rotate_signing_key(&admin).await.unwrap();
    let ids: Vec<&str> = third.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids[1..], [after[0].id.as_str()]);
}

#[tokio::test]
async fn a_session_that_is_ended_takes_its_access_tokens_along() {
    let world = World::new().await;
    let auth = &world.services.auth;
    let here = signed_in(&world).await;
    let there = sign_in(&world).await;
    auth.logout(&there.refresh_token, Visit::default())
        .await
        .unwrap();
    let error = auth.authenticate(&there.access_token).unwrap_err();
    assert_eq!(error.code().name, "invalid_token");
    assert!(auth.authenticate(&here.access_token).is_ok());
    let sessions = world
        .services
        .accounts
        .sessions(&auth.authenticate(&here.access_token).unwrap())
        .await
        .unwrap();
    assert_eq!(sessions.len(), 1);
    assert!(sessions[0].is_current);
}
