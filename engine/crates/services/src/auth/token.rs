//! The tokens: access tokens (JWT, Ed25519, nothing stored, with the `kid` of the key that signed them), and
//! those that are random and stored as a hash only: refresh tokens, and tokens that come by mail.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::people::StoredSigningKey;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, Result, codes};
use jsonwebtoken::errors::Error as JwtError;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// An Ed25519 key pair.
pub struct SigningKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
    public: [u8; 32],
    id: String,
}

impl SigningKey {
    /// A new key as PKCS#8 DER, for the caller to keep secret and give to [`SigningKey::from_bytes`].
    pub fn generate() -> Vec<u8> {
        let key = ed25519_dalek::SigningKey::from_bytes(&rand::random::<[u8; 32]>());
        key.to_pkcs8_der()
            .expect("a fresh Ed25519 key always has a PKCS#8 form")
            .as_bytes()
            .to_vec()
    }

    /// Reads PKCS#8 DER; `invalid_config` where it is no Ed25519 key.
    pub fn from_bytes(pkcs8: &[u8]) -> Result<Self> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_der(pkcs8).map_err(|error| {
            Error::new(
                &codes::INVALID_CONFIG,
                "the signing key is no Ed25519 key in PKCS#8 DER; remove its file to have a new one made (everybody signs in again)",
            )
            .with_source(error)
        })?;
        let public = key.verifying_key().to_bytes();
        Ok(Self {
            encoding: EncodingKey::from_ed_der(pkcs8),
            decoding: DecodingKey::from_ed_der(&public),
            id: thumbprint(&public),
            public,
        })
    }

    /// Its `kid`: the thumbprint of RFC 7638.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `x` of its JWK: the public key in base64url.
    pub fn public_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public)
    }
}

/// The members that RFC 7638 asks for, in its order and without spaces.
fn thumbprint(public: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

/// A key, and since when it signs no more.
#[derive(Clone)]
pub struct RingKey {
    pub key: Arc<SigningKey>,
    pub retired_at: Option<DateTime<Utc>>,
}

impl RingKey {
    /// Reads what is stored.
    pub fn read(stored: &StoredSigningKey) -> Result<Self> {
        Ok(Self {
            key: Arc::new(SigningKey::from_bytes(&stored.pkcs8)?),
            retired_at: stored.retired_at,
        })
    }
}

/// What a token says of its bearer.
#[derive(Clone, Copy)]
pub struct Bearer {
    pub user: UserId,
    pub role: Role,
    /// `None` for operators of the machine, who never signed in.
    pub session: Option<SessionId>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: UserId,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    iat: i64,
    exp: i64,
}

/// Issues and checks access tokens.
pub struct AccessTokens {
    /// The first one signs; the others are retired, and verify until their last token has run out.
    ring: ArcSwap<Vec<RingKey>>,
    issuer: String,
    ttl: Duration,
    validation: Validation,
    /// Tokens whose signature was checked before, by their SHA-256: the check costs more than reading
    /// an article. Their time is looked at again on every use.
    checked: Cache<[u8; 32], Checked>,
}

/// What a token with a good signature says.
#[derive(Clone)]
struct Checked {
    principal: Principal,
    /// Seconds since 1970.
    expires: i64,
}

/// Tokens remembered; beyond this the least used are forgotten.
const REMEMBERED_TOKENS: usize = 4096;

impl AccessTokens {
    pub fn new(ring: Vec<RingKey>, issuer: &str, ttl: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        // Time comes from our own clock, below.
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self {
            ring: ArcSwap::from_pointee(ring),
            issuer: issuer.to_owned(),
            ttl,
            validation,
            checked: Cache::new(REMEMBERED_TOKENS),
        }
    }

    /// All keys whose tokens hold at `now`, the one that signs first.
    pub fn keys(&self, now: DateTime<Utc>) -> Vec<RingKey> {
        let ring = self.ring.load();
        let holding = ring.iter().filter(|key| self.holds(key, now));
        holding.cloned().collect()
    }

    /// Takes up other keys.
    pub fn set_keys(&self, ring: Vec<RingKey>) {
        self.ring.store(Arc::new(ring));
    }

    /// A token that names the user and their role at this moment.
    pub fn issue(&self, bearer: Bearer, now: DateTime<Utc>) -> Result<String> {
        let ring = self.ring.load();
        let signing = ring
            .first()
            .ok_or_else(|| Error::new(&codes::INTERNAL, "there is no key to sign access tokens"))?;
        issue(&signing.key, &self.issuer, bearer, now, self.ttl)
    }

    /// `token_expired` where only its time is over, else `invalid_token`.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Principal> {
        let fingerprint: [u8; 32] = Sha256::digest(token).into();
        let checked = self
            .checked
            .get_or_insert_with(&fingerprint, || self.check_signature(token, now))?;
        if now.timestamp() >= checked.expires {
            return Err(Error::new(
                &codes::TOKEN_EXPIRED,
                "the access token has expired; get a new one with the refresh token",
            ));
        }
        Ok(checked.principal)
    }

    fn check_signature(&self, token: &str, now: DateTime<Utc>) -> Result<Checked> {
        let header = jsonwebtoken::decode_header(token).map_err(invalid)?;
        let ring = self.ring.load();
        let known = ring
            .iter()
            .find(|known| header.kid.as_deref() == Some(known.key.id()))
            .filter(|known| self.holds(known, now))
            .ok_or_else(invalid_access_token)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &known.key.decoding, &self.validation);
        let claims = decoded.map_err(invalid)?.claims;
        Ok(Checked {
            principal: Principal {
                session: claims.sid,
                ..Principal::of(claims.sub, claims.role)
            },
            expires: claims.exp,
        })
    }

    fn holds(&self, key: &RingKey, now: DateTime<Utc>) -> bool {
        key.retired_at
            .is_none_or(|retired| now < retired + self.ttl)
    }
}

/// Signs a token.
pub fn issue(
    key: &SigningKey,
    issuer: &str,
    bearer: Bearer,
    now: DateTime<Utc>,
    ttl: Duration,
) -> Result<String> {
    let claims = Claims {
        iss: issuer.to_owned(),
        sub: bearer.user,
        role: bearer.role,
        sid: bearer.session,
        iat: now.timestamp(),
        exp: (now + ttl).timestamp(),
    };
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(key.id().to_owned());
    jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(|error| {
        Error::new(&codes::INTERNAL, "the access token could not be signed").with_source(error)
    })
}

/// A text of 256 random bits, and what the store keeps of it: nobody can guess them, so a plain digest
/// hides them.
pub fn random_token(prefix: &str) -> (String, [u8; 32]) {
    let token = format!(
        "{prefix}{}",
        URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
    );
    let hash = token_hash(&token);
    (token, hash)
}

/// What the store keeps of a token.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.trim()).into()
}

/// What lists show of a token, so that people know which one it is.
pub fn token_hint(token: &str) -> String {
    let start = token.len().saturating_sub(4);
    token.get(start..).unwrap_or_default().to_owned()
}

/// Good for one new pair of tokens: 256 random bits that all tokens of a sign-in share, and 256 of its own. Tokens of
/// before had the latter alone.
pub struct RefreshToken {
    family: Option<[u8; 32]>,
    own: [u8; 32],
}

impl RefreshToken {
    /// The first of a sign-in.
    pub fn generate() -> Self {
        Self {
            family: Some(rand::random()),
            own: rand::random(),
        }
    }

    /// The one after this.
    pub fn next(&self) -> Self {
        Self {
            family: self.family.or_else(|| Some(rand::random())),
            own: rand::random(),
        }
    }

    /// Reads what a client shows; what cannot be a token of ours is `invalid_token`.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).unwrap_or_default();
        let (shared, own) = bytes.split_at(bytes.len().saturating_sub(32));
        let own = own.try_into().map_err(|_| unknown_refresh_token())?;
        let family = match shared {
            [] => None,
            shared => Some(shared.try_into().map_err(|_| unknown_refresh_token())?),
        };
        Ok(Self { family, own })
    }

    /// What the store keeps.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.bytes()).into()
    }

    /// What the store keeps of the part that all share.
    pub fn family_hash(&self) -> Option<[u8; 32]> {
        self.family.map(|family| Sha256::digest(family).into())
    }

    pub fn into_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes())
    }

    fn bytes(&self) -> Vec<u8> {
        let family = self.family.as_ref().map(<[u8; 32]>::as_slice);
        [family.unwrap_or_default(), &self.own].concat()
    }
}

/// The answer to a refresh token nobody has, or that ran out.
pub fn unknown_refresh_token() -> Error {
    Error::new(
        &codes::INVALID_TOKEN,
        "the refresh token is unknown or has run out; sign in again",
    )
}

fn invalid(source: JwtError) -> Error {
    invalid_access_token().with_source(source)
}

/// The answer to an access token that is not ours, or that was ended.
pub fn invalid_access_token() -> Error {
    Error::new(
        &codes::INVALID_TOKEN,
        "the access token is not valid; sign in again, and send it as `Authorization: Bearer <token>`",
    )
}
