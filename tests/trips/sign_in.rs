//! Sign-in at a real issuer: `oidc-provider`, which is certified for OpenID Connect, with its own pages for
//! signing in and consent, walked through as a browser does.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::engine::{Engine, Setup, root};
use crate::upstream::{free_port, listening};

/// The issuer as a process.
struct Issuer {
    child: Child,
    url: String,
}

impl Issuer {
    /// Sends people back to `redirect`, and nowhere else.
    fn start(redirect: &str) -> Self {
        let mut issuer = Command::new("node");
        issuer
            .arg(root().join("tests/node/oidc_provider.mjs"))
            .arg(redirect)
            .stderr(Stdio::null());
        let (child, url) = listening(&mut issuer);
        Self { child, url }
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Goes where it is sent, step by step, and keeps what it is given.
struct Browser {
    http: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new() -> Self {
        // The issuer hangs up between two answers when it likes.
        let http = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(Policy::none());
        Self {
            http: http.build().unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    async fn send(&mut self, request: RequestBuilder) -> Response {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies: Vec<String> = cookies.collect();
        let reply = request
            .header(COOKIE, cookies.join("; "))
            .send()
            .await
            .unwrap();
        for line in reply.headers().get_all(SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        reply
    }

    /// Where it is sent next.
    async fn sent_on(&mut self, request: RequestBuilder, base: &str) -> String {
        let reply = self.send(request).await;
        assert!(reply.status().is_redirection(), "{reply:?}");
        let place = reply.headers()[LOCATION].to_str().unwrap();
        match place.starts_with('/') {
            true => format!("{base}{place}"),
            false => place.to_owned(),
        }
    }

    /// The status of a page that sends nobody on.
    async fn status(&mut self, place: &str) -> u16 {
        let reply = self.send(self.http.get(place)).await;
        reply.status().as_u16()
    }

    /// From the engine to the issuer and back: signs in there as this person, and consents.
    async fn walk(&mut self, start: &str, issuer: &str, person: &str) -> String {
        let mut place = self.sent_on(self.http.get(start), issuer).await;
        assert!(place.starts_with(issuer), "{place}");
        let mut steps = 0;
        while place.starts_with(issuer) {
            steps += 1;
            assert!(steps < 20, "it goes in a circle: {place}");
            let page = self.http.get(&place);
            let request = match place.contains("/interaction/") {
                false => page,
                true => {
                    let text = self.send(page).await.text().await.unwrap();
                    let form = match text.contains(r#"value="login""#) {
                        true => format!("prompt=login&login={person}&password=any"),
                        false => "prompt=consent".to_owned(),
                    };
                    let kind = "application/x-www-form-urlencoded";
                    self.http
                        .post(&place)
                        .header("content-type", kind)
                        .body(form)
                }
            };
            place = self.sent_on(request, issuer).await;
        }
        place
    }
}

async fn tokens(engine: &Engine, ticket: &str) -> (u16, Value) {
    let request = engine
        .http
        .post(format!("{}/v1/auth/oidc/tokens", engine.url));
    engine
        .send(request.json(&json!({ "ticket": ticket })))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_at_a_certified_issuer() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let issuer = Issuer::start(&format!("{url}/v1/auth/oidc/corp/callback"));
    let table = format!(
        "\n[accounts.oidc.corp]\ntitle = \"Example Corp\"\nissuer = \"{}\"\nclient_id = \"inkstone\"\n\
         client_secret = {{ env = \"CORP_SECRET\" }}\nsignup = true\n",
        issuer.url
    );
    let engine = Setup::new()
        .only("")
        .configure(&table)
        .set("CORP_SECRET", "from-the-issuer")
        .set("INKSTONE__SERVER__LISTEN", format!("127.0.0.1:{port}"))
        .start()
        .await;
    let start = format!("{url}/v1/auth/oidc/corp/start?return_to=/studio");

    let mut browser = Browser::new();
    let back = browser.walk(&start, &issuer.url, "ada").await;
    assert!(back.starts_with(&url), "{back}");
    let home = browser.sent_on(browser.http.get(&back), &url).await;
    let (place, ticket) = home.split_once("#ticket=").unwrap_or_else(|| {
        panic!("{home}\n{}", engine.log());
    });
    assert_eq!(place, format!("{url}/studio"));
    // The same answer once more, after the browser gave its cookie back.
    browser
        .cookies
        .retain(|name, _| !name.starts_with("inkstone_oidc_"));
    assert_eq!(browser.status(&back).await, 401);
    let (status, pair) = tokens(&engine, ticket).await;
    assert_eq!(status, 200, "{pair}");
    let (status, _) = tokens(&engine, ticket).await;
    assert_eq!(status, 401);

    let access = pair["access_token"].as_str().unwrap();
    let me = engine.http.get(format!("{url}/v1/me")).bearer_auth(access);
    let (status, me) = engine.send(me).await;
    assert_eq!(status, 200, "{me}");
    assert_eq!(me["email"], "ada@example.org");
    assert_eq!(me["name"], "Ada of the issuer");
    let identities = engine.http.get(format!("{url}/v1/me/identities"));
    let (_, identities) = engine.send(identities.bearer_auth(access)).await;
    assert_eq!(identities["data"][0]["issuer"], issuer.url);
    assert_eq!(identities["data"][0]["subject"], "ada");

    // The refresh token is of the same kind as any other.
    let body = json!({ "refresh_token": pair["refresh_token"] });
    let refresh = engine
        .http
        .post(format!("{url}/v1/auth/refresh"))
        .json(&body);
    let (status, next) = engine.send(refresh).await;
    assert_eq!(status, 200, "{next}");
    let refresh = engine
        .http
        .post(format!("{url}/v1/auth/refresh"))
        .json(&body);
    let (_, reused) = engine.send(refresh).await;
    assert_eq!(reused["code"], "token_reused", "{reused}");

    let (_, log) = engine.get("/v1/audit?filter[action]=user.created").await;
    let made = log["data"].as_array().unwrap();
    let detail = json!("viewer by the issuer corp");
    assert!(made.iter().any(|entry| entry["detail"] == detail), "{log}");
    let secret = "from-the-issuer";
    assert!(!engine.log().contains(secret), "the log knows the secret");
}
