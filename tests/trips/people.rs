//! People, from the mail that confirms their address to the end of their access: the whole way over HTTP,
//! and what the audit log says of it.

use std::path::Path;
use std::time::{Instant, SystemTime};

use inkstone_domain::audit::{AuditEntry, ChainCheck};
use serde_json::{Value, json};
use totp_rs::{Algorithm, Secret, TOTP};

use crate::engine::{Engine, PATIENCE, Setup};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "purple tides at noon";
const NEW_PASSWORD: &str = "green tides at night";

/// Posts without a token, or with one.
async fn post(engine: &Engine, path: &str, token: Option<&str>, body: Value) -> (u16, Value) {
    let mut request = engine
        .http
        .post(format!("{}{path}", engine.url))
        .json(&body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    engine.send(request).await
}

async fn get(engine: &Engine, path: &str, token: &str) -> (u16, Value) {
    let request = engine.http.get(format!("{}{path}", engine.url));
    engine.send(request.bearer_auth(token)).await
}

/// The token of the mail with this subject, once it lies in the outbox.
async fn mailed(outbox: &Path, subject: &str) -> String {
    let began = Instant::now();
    loop {
        let files = std::fs::read_dir(outbox).into_iter().flatten();
        let mails = files.filter_map(|file| {
            let path = file.ok()?.path();
            let is_mail = path.extension().is_some_and(|end| end == "eml");
            is_mail.then(|| std::fs::read_to_string(path).ok())?
        });
        let subject = format!("Subject: {subject}");
        let mut fitting = mails.filter(|mail| mail.contains(&subject));
        if let Some(mail) = fitting.next() {
            let is_token = |line: &&str| {
                line.len() > 40
                    && line
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
            };
            let (_, text) = mail.split_once("\r\n\r\n").unwrap();
            return text.lines().find(is_token).unwrap().to_owned();
        }
        assert!(began.elapsed() < PATIENCE, "no mail `{subject}` comes");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// What an app shows so many seconds from now.
fn code(secret: &str, ahead_s: u64) -> String {
    let secret = Secret::Encoded(secret.to_owned()).to_bytes().unwrap();
    let app = TOTP::new(Algorithm::SHA1, 6, 0, 30, secret, None, "ada".to_owned()).unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    app.generate(now + ahead_s)
}

async fn sign_in(engine: &Engine, password: &str, totp: Option<&str>) -> (u16, Value) {
    let mut body = json!({ "email": EMAIL, "password": password });
    if let Some(totp) = totp {
        body["totp"] = totp.into();
    }
    post(engine, "/v1/auth/login", None, body).await
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no `{field}` in {value}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_of_an_account() {
    let setup = Setup::new()
        .only("")
        .set("INKSTONE__ACCOUNTS__SIGNUP", "open");
    let outbox = setup.data.path().join("outbox");
    let engine = setup.start().await;

    // In.
    let wish = json!({ "email": EMAIL, "name": "Ada", "password": PASSWORD });
    let made = post(&engine, "/v1/auth/signup", None, wish).await;
    assert_eq!(made.0, 202, "{}", made.1);
    let token = mailed(&outbox, "Confirm your e-mail address").await;
    let early = sign_in(&engine, PASSWORD, None).await;
    assert_eq!(early.1["code"], "email_not_verified", "{}", early.1);
    let body = json!({ "token": token });
    let verified = post(&engine, "/v1/auth/email/verify", None, body).await;
    assert_eq!(verified.0, 204, "{}", verified.1);
    let (status, pair) = sign_in(&engine, PASSWORD, None).await;
    assert_eq!(status, 200, "{pair}");
    let access = text(&pair, "access_token");
    let (_, me) = get(&engine, "/v1/me", access).await;
    let user = text(&me, "id");

    // A second factor.
    let body = json!({ "password": PASSWORD });
    let (status, begun) = post(&engine, "/v1/me/totp", Some(access), body).await;
    assert_eq!(status, 201, "{begun}");
    let secret = text(&begun, "secret");
    let body = json!({ "code": code(secret, 0) });
    let confirmed = post(&engine, "/v1/me/totp/confirm", Some(access), body).await;
    assert_eq!(confirmed.0, 200, "{}", confirmed.1);
    let half = sign_in(&engine, PASSWORD, None).await;
    assert_eq!(half.1["code"], "totp_required", "{}", half.1);
    // The present one is spent; the next one holds already.
    let (status, pair) = sign_in(&engine, PASSWORD, Some(&code(secret, 30))).await;
    assert_eq!(status, 200, "{pair}");
    let access = text(&pair, "access_token");

    // A key that opens one door.
    let wish = json!({ "name": "ci", "scopes": ["articles:read"] });
    let (status, key) = post(&engine, "/v1/me/api-keys", Some(access), wish).await;
    assert_eq!(status, 201, "{key}");
    let key = text(&key, "token");
    assert_eq!(get(&engine, "/v1/articles", key).await.0, 200);
    for closed in ["/v1/jobs", "/v1/me/sessions", "/v1/users", "/v1/audit"] {
        let (status, problem) = get(&engine, closed, key).await;
        assert_eq!(status, 403, "{closed}: {problem}");
    }
    let chat = json!({ "message": "hi" });
    let chat = post(&engine, "/v1/projects/default/chat", Some(key), chat).await;
    assert_eq!(chat.0, 403, "{}", chat.1);

    // A forgotten password.
    let body = json!({ "email": EMAIL });
    let forgot = post(&engine, "/v1/auth/password/forgot", None, body).await;
    assert_eq!(forgot.0, 202, "{}", forgot.1);
    let token = mailed(&outbox, "Set a new password").await;
    let body = json!({ "token": token, "new_password": NEW_PASSWORD });
    let reset = post(&engine, "/v1/auth/password/reset", None, body).await;
    assert_eq!(reset.0, 204, "{}", reset.1);
    assert_eq!(get(&engine, "/v1/me", access).await.0, 401);
    let body = json!({ "refresh_token": pair["refresh_token"] });
    let refreshed = post(&engine, "/v1/auth/refresh", None, body).await;
    assert_eq!(refreshed.0, 401, "{}", refreshed.1);
    assert_eq!(sign_in(&engine, PASSWORD, None).await.0, 401);

    // Out.
    let path = format!("/v1/users/{user}");
    let before = engine.request("GET", &path).send().await.unwrap();
    let etag = before.headers()["etag"].clone();
    let change = engine.request("PATCH", &path).header("if-match", etag);
    let (status, changed) = engine.send(change.json(&json!({ "disabled": true }))).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(get(&engine, "/v1/articles", key).await.0, 401);
    let (status, refused) = sign_in(&engine, NEW_PASSWORD, None).await;
    assert_eq!((status, &refused["code"]), (403, &json!("forbidden")));

    told(&engine, user);
}

/// The command line says that the chain is whole, and what was done is in it.
fn told(engine: &Engine, user: &str) {
    let run = |arguments: &[&str]| {
        let output = engine.setup().command(arguments).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}{complaint}");
        said
    };
    let verdict = run(&["audit", "verify"]);
    assert!(verdict.contains("all in place"), "{verdict}");
    let exported = run(&["audit", "export"]);
    for secret in [PASSWORD, NEW_PASSWORD, EMAIL] {
        assert!(!exported.contains(secret), "{secret}");
    }
    let mut chain = ChainCheck::default();
    let mut acts = Vec::new();
    for line in exported.lines() {
        let entry: AuditEntry = serde_json::from_str(line).unwrap();
        chain.push(&entry).unwrap();
        let record = entry.record;
        let is_theirs = record.actor.is_some_and(|actor| actor.to_string() == user);
        if is_theirs || record.subject == format!("user:{user}") {
            acts.push((record.action, is_theirs, record.origin.address.is_some()));
        }
    }
    // How many there are depends on how fast this machine is: one a minute.
    let is_refused =
        |(action, is_theirs, _): &(String, bool, bool)| action == "session.refused" && !is_theirs;
    assert!(acts.iter().any(is_refused), "{acts:?}");
    acts.retain(|act| !is_refused(act));
    let acts: Vec<(&str, bool, bool)> = acts
        .iter()
        .map(|(action, is_theirs, has_address)| (action.as_str(), *is_theirs, *has_address))
        .collect();
    assert_eq!(
        acts,
        [
            ("user.created", false, true),
            ("user.verified", true, true),
            ("session.started", true, true),
            ("second_factor.enabled", true, true),
            ("session.started", true, true),
            ("api_key.created", true, true),
            ("password.reset", true, true),
            ("user.disabled", false, true),
        ],
    );
}
