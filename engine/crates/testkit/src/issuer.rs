//! An issuer of OpenID Connect behind the port of egress: honest as long as nobody says otherwise. It checks
//! what a real one checks (client, redirect, PKCE, one use of a code), so that leaving it out here fails too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, Mac};
use inkstone_domain::capability::Effective;
use inkstone_domain::outbound::{OutboundRequest, OutboundResponse, Redirects};
use inkstone_domain::ports::{Clock, Egress};
use inkstone_domain::{Error, Result, codes};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

/// What the issuer knows us as.
pub const CLIENT_ID: &str = "inkstone";
/// What we prove it with.
pub const CLIENT_SECRET: &str = "s3cret:with/odd characters";

/// Several issuers, by their addresses.
#[derive(Default)]
pub struct FakeIssuers(pub Vec<Arc<FakeIssuer>>);

/// One issuer.
pub struct FakeIssuer {
    address: String,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    key: SigningKey,
    kid: u32,
    /// The claims of who signs in.
    person: Value,
    tells_in_userinfo: bool,
    is_down: bool,
    sends_elsewhere: bool,
    codes: HashMap<String, Grant>,
    forge: Option<Forge>,
    asked: Vec<String>,
}

type Forge = Box<dyn Fn(&mut Forgery) + Send>;

struct Grant {
    nonce: String,
    challenge: String,
    redirect: String,
}

/// What an id_token is made of.
pub struct Forgery {
    pub header: Value,
    pub claims: Value,
    pub signature: Signature,
}

/// How it is signed.
pub enum Signature {
    /// With the issuer's key.
    Own,
    /// With a key that nobody published.
    Foreign,
    /// HMAC-SHA-256 under this.
    Shared(Vec<u8>),
    None,
}

/// What the issuer sends the browser back with.
#[derive(Debug, Clone)]
pub struct Answer {
    pub code: String,
    pub state: String,
    pub iss: String,
}

impl FakeIssuer {
    /// `address` such as `https://login.example.org`.
    pub fn new(address: &str, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            address: address.to_owned(),
            clock,
            state: Mutex::new(State {
                key: SigningKey::from_bytes(&[1; 32]),
                kid: 1,
                person: json!({"sub": "ada", "email": "ada@example.org", "email_verified": true}),
                tells_in_userinfo: false,
                is_down: false,
                sends_elsewhere: false,
                codes: HashMap::new(),
                forge: None,
                asked: Vec::new(),
            }),
        })
    }

    /// Who signs in from now on: `sub`, and what else is told of them.
    pub fn sign_in_as(&self, person: Value) {
        self.state().person = person;
    }

    /// Tells the address at the userinfo endpoint only, as many do.
    pub fn tell_in_userinfo(&self) {
        self.state().tells_in_userinfo = true;
    }

    /// Changes every id_token from now on.
    pub fn forge(&self, forge: impl Fn(&mut Forgery) + Send + 'static) {
        self.state().forge = Some(Box::new(forge));
    }

    /// Signs with a new key, and publishes it alone.
    pub fn rotate_key(&self) {
        let mut state = self.state();
        state.kid += 1;
        let kid = u8::try_from(state.kid).unwrap();
        state.key = SigningKey::from_bytes(&[kid; 32]);
    }

    pub fn go_down(&self) {
        self.state().is_down = true;
    }

    /// Answers as if it had sent us to another address.
    pub fn send_elsewhere(&self) {
        self.state().sends_elsewhere = true;
    }

    /// The paths that were asked, in order.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// What a browser does at the address it was sent to: somebody signs in.
    pub fn authorize(&self, url: &str) -> Answer {
        let url = Url::parse(url).unwrap();
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert!(url.as_str().starts_with(&self.address), "{url}");
        assert_eq!(query["client_id"], CLIENT_ID);
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(query["scope"].split(' ').any(|scope| scope == "openid"));
        let mut state = self.state();
        let code = format!("code-{}-{}", self.address.len(), state.codes.len());
        let grant = Grant {
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            redirect: query["redirect_uri"].clone(),
        };
        state.codes.insert(code.clone(), grant);
        Answer {
            code,
            state: query["state"].clone(),
            iss: self.address.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &OutboundRequest) -> (u16, Value) {
        let path = request.url.strip_prefix(&self.address).unwrap_or_default();
        self.state().asked.push(path.to_owned());
        match path {
            "/.well-known/openid-configuration" => (200, self.metadata()),
            "/jwks" => (200, self.keys()),
            "/token" => self.token(request),
            "/me" => self.userinfo(request),
            _ => (404, json!({})),
        }
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.address);
        json!({
            "issuer": self.address,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/me"),
            "jwks_uri": at("/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            // What it claims to be able to do is no reason to take it.
            "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn keys(&self) -> Value {
        let state = self.state();
        let x = URL_SAFE_NO_PAD.encode(state.key.verifying_key().to_bytes());
        let kid = state.kid.to_string();
        json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x},
        ]})
    }

    fn token(&self, request: &OutboundRequest) -> (u16, Value) {
        let body = request.body.clone().unwrap_or_default();
        let form: HashMap<String, String> =
            url::form_urlencoded::parse(&body).into_owned().collect();
        let encode = |text: &str| -> String {
            url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
        };
        let pair = format!("{}:{}", encode(CLIENT_ID), encode(CLIENT_SECRET));
        let basic = format!("Basic {}", STANDARD.encode(pair));
        let sent = request
            .headers
            .iter()
            .find(|(name, _)| name == "authorization");
        if sent.is_none_or(|(_, value)| *value != basic) {
            return (401, json!({"error": "invalid_client"}));
        }
        let mut state = self.state();
        let grant = form.get("code").and_then(|code| state.codes.remove(code));
        let verifier = form.get("code_verifier").cloned().unwrap_or_default();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let grant = grant.filter(|grant| {
            grant.challenge == challenge && form.get("redirect_uri") == Some(&grant.redirect)
        });
        let Some(grant) = grant else {
            return (400, json!({"error": "invalid_grant"}));
        };
        let now = self.clock.now().timestamp();
        let mut claims = json!({
            "iss": self.address, "aud": CLIENT_ID, "nonce": grant.nonce, "iat": now, "exp": now + 300,
        });
        let told = match state.tells_in_userinfo {
            true => json!({"sub": state.person["sub"]}),
            false => state.person.clone(),
        };
        let claims_map = claims.as_object_mut().unwrap();
        claims_map.extend(told.as_object().unwrap().clone());
        let mut forgery = Forgery {
            header: json!({"alg": "EdDSA", "kid": state.kid.to_string()}),
            claims,
            signature: Signature::Own,
        };
        if let Some(forge) = &state.forge {
            forge(&mut forgery);
        }
        let id_token = sign(&forgery, &state.key);
        (
            200,
            json!({"access_token": "at", "token_type": "Bearer", "id_token": id_token}),
        )
    }

    fn userinfo(&self, request: &OutboundRequest) -> (u16, Value) {
        let bearer = ("authorization".to_owned(), "Bearer at".to_owned());
        match request.headers.contains(&bearer) {
            true => (200, self.state().person.clone()),
            false => (401, json!({})),
        }
    }
}

fn sign(forgery: &Forgery, key: &SigningKey) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&forgery.header), part(&forgery.claims));
    let signature = match &forgery.signature {
        Signature::Own => key.sign(signed.as_bytes()).to_bytes().to_vec(),
        Signature::Foreign => {
            let key = SigningKey::from_bytes(&[99; 32]);
            key.sign(signed.as_bytes()).to_bytes().to_vec()
        }
        Signature::Shared(secret) => {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
            mac.update(signed.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        Signature::None => Vec::new(),
    };
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[async_trait]
impl Egress for FakeIssuers {
    async fn send(
        &self,
        _plugin: &str,
        powers: &Effective,
        request: OutboundRequest,
    ) -> Result<OutboundResponse> {
        let issuers = self.0.iter();
        let issuer = issuers
            .filter(|issuer| request.url.starts_with(&issuer.address))
            .find(|issuer| !issuer.state().is_down)
            .ok_or_else(|| Error::new(&codes::UPSTREAM_UNREACHABLE, "nobody is there"))?;
        let host = Url::parse(&request.url).unwrap();
        let host = host.host_str().unwrap();
        assert!(powers.names_exactly("https", host, 443, &request.method));
        assert_eq!(request.redirects, Redirects::Answer);
        let (status, body) = issuer.answer(&request);
        let url = match issuer.state().sends_elsewhere {
            true => "https://elsewhere.example.org/".to_owned(),
            false => request.url,
        };
        Ok(OutboundResponse {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            url,
            body: Box::pin(futures::stream::iter([Ok(body.to_string().into())])),
        })
    }
}
