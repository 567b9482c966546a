//! Sign-in at other issuers, and what people try with it.

mod linking;

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use inkstone_domain::ports::{Clock, UserStore};
use inkstone_domain::principal::Role;
use inkstone_services::oidc::{IssuerConfig, LinkRule, SecondFactorRule, Strangers};
use inkstone_testkit::api_client::{
    ApiClient, Identity, PASSWORD, PUBLIC_URL, Setup, TestApi, TestReply,
};
use inkstone_testkit::{
    Answer, CLIENT_ID, CLIENT_SECRET, FakeIssuer, FakeIssuers, Forgery, ManualClock, Signature,
    sample,
};
use serde_json::{Value, json};
use totp_rs::{Algorithm, Secret, TOTP};

use crate::check;

const CORP: &str = "https://login.example.org";
const OTHER: &str = "https://evil.example.com";

struct World {
    api: TestApi,
    corp: Arc<FakeIssuer>,
    other: Arc<FakeIssuer>,
}

fn issuer(id: &str, address: &str) -> IssuerConfig {
    IssuerConfig {
        id: id.to_owned(),
        name: "Example Corp".to_owned(),
        issuer: address.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(CLIENT_SECRET.to_owned()),
        scopes: vec!["email".to_owned(), "profile".to_owned()],
        email_domains: Vec::new(),
        strangers: Strangers::SignUp(Role::Viewer),
        link: LinkRule::Explicit,
        second_factor: SecondFactorRule::Ask,
    }
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut IssuerConfig)) -> Self {
        let clock = ManualClock::at(sample::now());
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let corp = FakeIssuer::new(CORP, shared.clone());
        let other = FakeIssuer::new(OTHER, shared);
        let mut config = issuer("corp", CORP);
        change(&mut config);
        let api = TestApi::with(Setup {
            issuers: vec![config, issuer("other", OTHER)],
            egress: Some(Arc::new(FakeIssuers(vec![corp.clone(), other.clone()]))),
            clock: Some(clock),
            ..Setup::default()
        })
        .await;
        Self { api, corp, other }
    }

    /// Sent to an issuer: the address there, and the cookie.
    async fn start(&self, id: &str, query: &str) -> (String, String) {
        let path = format!("/v1/auth/oidc/{id}/start{query}");
        let reply = self.api.anonymous().get(&path).await;
        assert_eq!(reply.status, 302, "{reply:?}");
        (reply.header("location").to_owned(), cookie(&reply))
    }

    /// From the start to the answer of the issuer.
    async fn answered(&self) -> (Answer, String) {
        let (url, cookie) = self.start("corp", "").await;
        (self.corp.authorize(&url), cookie)
    }

    async fn back(&self, answer: &Answer, cookie: &str) -> TestReply {
        self.back_to("corp", answer, cookie).await
    }

    async fn back_to(&self, id: &str, answer: &Answer, cookie: &str) -> TestReply {
        let Answer { code, state, iss } = answer;
        let path = format!("/v1/auth/oidc/{id}/callback?code={code}&state={state}&iss={iss}");
        let browser = self.api.anonymous().with_header("cookie", cookie);
        browser.get(&path).await
    }

    /// A whole sign-in up to the ticket.
    async fn ticket(&self) -> String {
        let (answer, cookie) = self.answered().await;
        let reply = self.back(&answer, &cookie).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["ticket"].as_str().unwrap().to_owned()
    }

    async fn spend(&self, ticket: &str, totp: Option<&str>) -> TestReply {
        let body = json!({"ticket": ticket, "totp": totp});
        self.api
            .anonymous()
            .post("/v1/auth/oidc/tokens", body)
            .await
    }

    async fn signed_in(&self) -> ApiClient {
        let pair = self.spend(&self.ticket().await, None).await;
        assert_eq!(pair.status, 200, "{pair:?}");
        let token = pair.json()["access_token"].as_str().unwrap().to_owned();
        self.api.anonymous().with_token(&token)
    }
}

/// As a browser sends it back.
fn cookie(reply: &TestReply) -> String {
    let line = reply.header("set-cookie");
    line.split(';').next().unwrap().to_owned()
}

async fn actions(api: &TestApi) -> Vec<String> {
    let log = api.admin().get("/v1/audit?limit=100").await.json();
    let entries = log["data"].as_array().unwrap();
    let actions = entries
        .iter()
        .map(|entry| entry["action"].as_str().unwrap());
    actions.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_stranger_signs_in_and_is_the_same_next_time() {
    let world = World::new().await;
    let list = world.api.anonymous().get("/v1/auth/oidc").await.json();
    let first = json!({"id": "corp", "name": "Example Corp", "issuer": CORP});
    assert_eq!(list["data"][0], first);

    let me = world.signed_in().await.get("/v1/me").await.json();
    assert_eq!(
        (&me["email"], &me["role"]),
        (&json!("ada@example.org"), &json!("viewer"))
    );
    assert_eq!(me["email_verified"], true);
    let again = world.signed_in().await;
    assert_eq!(again.get("/v1/me").await.json()["id"], me["id"]);
    // Even where the issuer has another address for them by now.
    world
        .corp
        .sign_in_as(json!({"sub": "ada", "email": "new@example.org", "email_verified": true}));
    let again = world.signed_in().await;
    assert_eq!(again.get("/v1/me").await.json()["id"], me["id"]);

    let identities = again.get("/v1/me/identities").await.json();
    let one = &identities["data"][0];
    assert_eq!(
        (&one["id"], &one["subject"]),
        (&json!("corp"), &json!("ada"))
    );
    let sessions = again.get("/v1/me/sessions").await.json();
    assert_eq!(sessions["data"].as_array().unwrap().len(), 3);
    let told = actions(&world.api).await;
    assert!(told.contains(&"user.created".to_owned()), "{told:?}");
    assert!(told.contains(&"session.started".to_owned()), "{told:?}");
    // Read once, for three sign-ins.
    let reads = world.corp.asked();
    assert_eq!(reads.iter().filter(|path| *path == "/jwks").count(), 1);
}

#[tokio::test]
async fn the_address_may_be_told_elsewhere_only() {
    let world = World::new().await;
    world.corp.tell_in_userinfo();
    let me = world.signed_in().await.get("/v1/me").await.json();
    assert_eq!(me["email"], "ada@example.org");
}

#[tokio::test]
async fn the_cookie_is_the_browsers_own() {
    let world = World::new().await;
    let reply = world.api.anonymous().get("/v1/auth/oidc/corp/start").await;
    let line = reply.header("set-cookie");
    for word in [
        "; HttpOnly",
        "; SameSite=Lax",
        "; Path=/v1/auth/oidc",
        "; Max-Age=600",
    ] {
        assert!(line.contains(word), "{line}");
    }
    assert_eq!(reply.header("cache-control"), "no-store");
    let url = reply.header("location");
    for secret in ["nonce", "verifier"] {
        assert!(!line.contains(secret), "sealed: {line}");
    }
    let redirect = format!("{PUBLIC_URL}/v1/auth/oidc/corp/callback");
    let redirect: String = url::form_urlencoded::byte_serialize(redirect.as_bytes()).collect();
    assert!(url.contains(&format!("redirect_uri={redirect}")), "{url}");

    let (answer, cookie) = world.answered().await;
    let landed = world.back(&answer, &cookie).await;
    assert!(
        landed.header("set-cookie").contains("Max-Age=0"),
        "taken away again"
    );
}

#[tokio::test]
async fn the_way_goes_on_where_it_may() {
    let world = World::new().await;
    for (wished, place) in [
        ("/studio?x=1", format!("{PUBLIC_URL}/studio?x=1#ticket=")),
        (
            "https://app.example.org/in",
            "https://app.example.org/in#ticket=".to_owned(),
        ),
    ] {
        let wished: String = url::form_urlencoded::byte_serialize(wished.as_bytes()).collect();
        let (url, cookie) = world.start("corp", &format!("?return_to={wished}")).await;
        let landed = world.back(&world.corp.authorize(&url), &cookie).await;
        assert_eq!(landed.status, 303, "{landed:?}");
        let location = landed.header("location");
        assert!(location.starts_with(&place), "{location}");
        let (_, ticket) = location.split_once("#ticket=").unwrap();
        assert_eq!(world.spend(ticket, None).await.status, 200);
    }
    // Whatever goes wrong is told there too, as a word.
    let (url, cookie) = world.start("corp", "?return_to=/studio").await;
    let answer = world.corp.authorize(&url);
    world
        .corp
        .forge(|token| token.claims["aud"] = json!("another"));
    let landed = world.back(&answer, &cookie).await;
    let place = format!("{PUBLIC_URL}/studio#error=sign_in_refused");
    assert_eq!(
        (landed.status, landed.header("location")),
        (303, place.as_str())
    );
}

#[tokio::test]
async fn nobody_is_sent_to_strangers() {
    let world = World::new().await;
    for foreign in [
        "https://evil.example.com/",
        "//evil.example.com",
        "/%5Cevil.example.com",
        "https:%5C%5Cevil.example.com",
        "https://app.example.org@evil.example.com/",
        "https://app.example.org.evil.example.com/",
        "javascript:alert(1)",
    ] {
        let path = format!("/v1/auth/oidc/corp/start?return_to={foreign}");
        let reply = world.api.anonymous().get(&path).await;
        check::problem(&reply, 400, "invalid_input");
    }
    let path = "/v1/auth/oidc/nobody/start";
    check::problem(&world.api.anonymous().get(path).await, 404, "not_found");
}

#[tokio::test]
async fn an_answer_holds_for_one_browser_and_once() {
    let world = World::new().await;
    let (answer, cookie) = world.answered().await;
    let path = format!(
        "/v1/auth/oidc/corp/callback?code={}&state={}",
        answer.code, answer.state
    );
    let strange = world.api.anonymous().get(&path).await;
    check::problem(&strange, 401, "sign_in_refused");
    // Somebody puts their own answer under another's browser.
    let (_, cookie_of_another) = world.answered().await;
    let (name, _) = cookie.split_once('=').unwrap();
    let (_, value) = cookie_of_another.split_once('=').unwrap();
    let moved = world.back(&answer, &format!("{name}={value}")).await;
    check::problem(&moved, 401, "sign_in_refused");
    let made_up = world.back(&answer, &format!("{name}=AAAA")).await;
    check::problem(&made_up, 401, "sign_in_refused");

    assert_eq!(world.back(&answer, &cookie).await.status, 200);
    let replayed = world.back(&answer, &cookie).await;
    check::problem(&replayed, 401, "sign_in_refused");

    let (answer, cookie) = world.answered().await;
    world.api.clock.advance(Duration::from_secs(601));
    let late = world.back(&answer, &cookie).await;
    check::problem(&late, 401, "sign_in_refused");
}

#[tokio::test]
async fn a_ticket_is_good_once_and_for_a_minute() {
    let world = World::new().await;
    let ticket = world.ticket().await;
    assert_eq!(world.spend(&ticket, None).await.status, 200);
    check::problem(&world.spend(&ticket, None).await, 401, "invalid_token");
    let late = world.ticket().await;
    world.api.clock.advance(Duration::from_secs(61));
    check::problem(&world.spend(&late, None).await, 401, "invalid_token");
    check::problem(
        &world.spend("tic_made-up", None).await,
        401,
        "invalid_token",
    );
}

type Forging = fn(&mut Forgery);

#[tokio::test]
async fn tokens_that_prove_nothing_are_refused() {
    let forgeries: [(&str, Forging); 13] = [
        ("alg none", |token| {
            token.header = json!({"alg": "none"});
            token.signature = Signature::None;
        }),
        ("no signature", |token| token.signature = Signature::None),
        ("HS256 under the client's secret", |token| {
            token.header = json!({"alg": "HS256"});
            token.signature = Signature::Shared(CLIENT_SECRET.into());
        }),
        ("HS256 under the public key", |token| {
            token.header["alg"] = json!("HS256");
            let key = ed25519_public();
            token.signature = Signature::Shared(key);
        }),
        ("another key", |token| token.signature = Signature::Foreign),
        ("an unknown kid", |token| {
            token.header["kid"] = json!("99");
            token.signature = Signature::Foreign;
        }),
        ("another nonce", |token| {
            token.claims["nonce"] = json!("another")
        }),
        ("no nonce", |token| {
            drop(token.claims.as_object_mut().unwrap().remove("nonce"))
        }),
        ("another audience", |token| {
            token.claims["aud"] = json!("another")
        }),
        ("another audience beside", |token| {
            token.claims["aud"] = json!([CLIENT_ID, "another"]);
        }),
        ("another issuer", |token| token.claims["iss"] = json!(OTHER)),
        ("expired", |token| {
            let expired = token.claims["iat"].as_i64().unwrap() - 3_600;
            token.claims["exp"] = json!(expired);
        }),
        ("of another access token", |token| {
            token.claims["at_hash"] = json!("AAAA")
        }),
    ];
    for (name, forge) in forgeries {
        let world = World::new().await;
        world.corp.forge(forge);
        let (answer, cookie) = world.answered().await;
        let reply = world.back(&answer, &cookie).await;
        let problem = check::problem(&reply, 401, "sign_in_refused");
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!(
            detail, "the issuer's id_token does not prove who you are",
            "{name}"
        );
        let account = world.api.store.account_by_email("ada@example.org").await;
        assert!(account.unwrap().is_none(), "{name}");
        let told = actions(&world.api).await;
        assert!(
            told.contains(&"session.refused".to_owned()),
            "{name}: {told:?}"
        );
    }
}

/// As the issuer publishes it.
fn ed25519_public() -> Vec<u8> {
    use base64::Engine;
    let x = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w";
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(x)
        .unwrap()
}

#[tokio::test]
async fn issuers_are_not_mixed_up() {
    let world = World::new().await;
    // The browser was sent to the other one; its answer comes back as corp's, or the other way round.
    let (url, cookie) = world.start("other", "").await;
    let theirs = world.other.authorize(&url);
    let mixed = world.back_to("corp", &theirs, &cookie).await;
    check::problem(&mixed, 401, "sign_in_refused");

    // A start at corp, whose answer says it is the other's (RFC 9207), or does not say it.
    let (answer, cookie) = world.answered().await;
    let iss = OTHER.to_owned();
    let lying = world.back(&Answer { iss, ..answer }, &cookie).await;
    check::problem(&lying, 401, "sign_in_refused");
    let (answer, cookie) = world.answered().await;
    let path = format!(
        "/v1/auth/oidc/corp/callback?code={}&state={}",
        answer.code, answer.state
    );
    let silent = world
        .api
        .anonymous()
        .with_header("cookie", &cookie)
        .get(&path)
        .await;
    check::problem(&silent, 401, "sign_in_refused");
    assert!(
        !world.corp.asked().contains(&"/token".to_owned()),
        "no code went anywhere"
    );

    // A code of the other one's.
    let (answer, cookie) = world.answered().await;
    let (url, _) = world.start("other", "").await;
    let code = world.other.authorize(&url).code;
    let foreign = world.back(&Answer { code, ..answer }, &cookie).await;
    check::problem(&foreign, 401, "sign_in_refused");
}

#[tokio::test]
async fn an_issuer_that_refuses_or_fails_is_told() {
    let world = World::new().await;
    let (answer, cookie) = world.answered().await;
    let path = format!(
        "/v1/auth/oidc/corp/callback?error=access_denied&state={}&iss={CORP}",
        answer.state
    );
    let reply = world
        .api
        .anonymous()
        .with_header("cookie", &cookie)
        .get(&path)
        .await;
    let problem = check::problem(&reply, 401, "sign_in_refused");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("access_denied")
    );

    let (answer, cookie) = world.answered().await;
    world.corp.send_elsewhere();
    check::problem(&world.back(&answer, &cookie).await, 502, "upstream_error");
    let (answer, cookie) = world.answered().await;
    world.corp.go_down();
    check::problem(
        &world.back(&answer, &cookie).await,
        503,
        "upstream_unreachable",
    );
    // What it said of itself before holds on, and then no more.
    world.start("corp", "").await;
    world.api.clock.advance(Duration::from_secs(25 * 60 * 60));
    let reply = world.api.anonymous().get("/v1/auth/oidc/corp/start").await;
    check::problem(&reply, 503, "upstream_unreachable");
}

#[tokio::test]
async fn new_keys_are_learnt() {
    let world = World::new().await;
    world.signed_in().await;
    world.api.clock.advance(Duration::from_secs(120));
    world.corp.rotate_key();
    world.signed_in().await;
    let reads = world.corp.asked();
    assert_eq!(reads.iter().filter(|path| *path == "/jwks").count(), 2);
}
