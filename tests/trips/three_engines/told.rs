//! What one engine changes the others know at once, long before they would have looked.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Place, until};
use crate::engine::{ADMIN_EMAIL, ADMIN_PASSWORD, Setup};

/// A look comes every five seconds, and an access token lives for ten minutes.
const AT_ONCE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_sessions_end_everywhere_at_once() {
    let mut place = Place::open().await;
    let [one, other, third] = place.three(|| Setup::new().only("")).await;

    // A token of one engine is good at the others.
    let me = |engine: &crate::engine::Engine, token: &str| {
        let request = engine.http.get(format!("{}/v1/me", engine.url));
        let request = request.bearer_auth(token).send();
        async move { request.await.unwrap().status().as_u16() }
    };
    let signed_in = json!({ "email": ADMIN_EMAIL, "password": ADMIN_PASSWORD });
    let (status, pair) = one.post("/v1/auth/login", &signed_in).await;
    assert_eq!(status, 200, "{pair}");
    let token = pair["access_token"].as_str().unwrap();
    for engine in [&one, &other, &third] {
        assert_eq!(me(engine, token).await, 200, "{}", engine.log());
    }
    let ended = json!({ "refresh_token": pair["refresh_token"] });
    let (status, _) = one.post("/v1/auth/logout", &ended).await;
    assert_eq!(status, 204);
    let began = Instant::now();
    for engine in [&one, &other, &third] {
        until("the session goes on", async || {
            (me(engine, token).await == 401).then_some(())
        })
        .await;
    }
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());

    // A key that is made here is good there, and gone everywhere once it is revoked.
    let key = one.make_key(json!({})).await;
    let (id, key) = (
        key["id"].as_str().unwrap().to_owned(),
        key["token"].as_str().unwrap().to_owned(),
    );
    let models = async |engine: &crate::engine::Engine| {
        let request = engine.http.get(format!("{}/v1/models", engine.url));
        request
            .bearer_auth(&key)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    for engine in [&one, &other, &third] {
        until("the key is unknown", async || {
            (models(engine).await == 200).then_some(())
        })
        .await;
    }
    let revoke = other.request("DELETE", &format!("/v1/keys/{id}"));
    let (status, _) = other.send(revoke).await;
    assert_eq!(status, 204);
    let began = Instant::now();
    for engine in [&one, &other, &third] {
        until("the key goes on", async || {
            (models(engine).await == 401).then_some(())
        })
        .await;
    }
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}
