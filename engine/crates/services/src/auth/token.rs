//! The two kinds of tokens: access tokens (JWT, Ed25519, nothing stored) and refresh tokens (random,
//! stored as a hash only).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use inkstone_domain::ids::UserId;
use inkstone_domain::principal::{Principal, Role, User};
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
        Ok(Self {
            encoding: EncodingKey::from_ed_der(pkcs8),
            decoding: DecodingKey::from_ed_der(key.verifying_key().as_bytes()),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: UserId,
    role: Role,
    iat: i64,
    exp: i64,
}

/// Issues and checks access tokens.
pub struct AccessTokens {
    key: SigningKey,
    issuer: String,
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
    pub fn new(key: SigningKey, issuer: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        // Time comes from our own clock, below.
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self {
            key,
            issuer: issuer.to_owned(),
            validation,
            checked: Cache::new(REMEMBERED_TOKENS),
        }
    }

    /// A token that names the user and their role at this moment.
    pub fn issue(&self, user: &User, now: DateTime<Utc>, ttl: Duration) -> Result<String> {
        issue(&self.key, &self.issuer, user.id, user.role, now, ttl)
    }

    /// `token_expired` where only its time is over, else `invalid_token`.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Principal> {
        let fingerprint: [u8; 32] = Sha256::digest(token).into();
        let checked = self
            .checked
            .get_or_insert_with(&fingerprint, || self.check_signature(token))?;
        if now.timestamp() >= checked.expires {
            return Err(Error::new(
                &codes::TOKEN_EXPIRED,
                "the access token has expired; get a new one with the refresh token",
            ));
        }
        Ok(checked.principal)
    }

    fn check_signature(&self, token: &str) -> Result<Checked> {
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.key.decoding, &self.validation);
        let claims = decoded.map_err(invalid)?.claims;
        Ok(Checked {
            principal: Principal::of(claims.sub, claims.role),
            expires: claims.exp,
        })
    }
}

/// Signs a token for a user in a role.
pub fn issue(
    key: &SigningKey,
    issuer: &str,
    user: UserId,
    role: Role,
    now: DateTime<Utc>,
    ttl: Duration,
) -> Result<String> {
    let claims = Claims {
        iss: issuer.to_owned(),
        sub: user,
        role,
        iat: now.timestamp(),
        exp: (now + ttl).timestamp(),
    };
    jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key.encoding).map_err(|error| {
        Error::new(&codes::INTERNAL, "the access token could not be signed").with_source(error)
    })
}

/// 256 random bits, good for one new pair of tokens.
pub struct RefreshToken([u8; 32]);

impl RefreshToken {
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// Reads what a client shows; what cannot be a token of ours is `invalid_token`.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).unwrap_or_default();
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| unknown_refresh_token())
    }

    /// What the store keeps.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    pub fn into_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
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
    Error::new(
        &codes::INVALID_TOKEN,
        "the access token is not valid; sign in again, and send it as `Authorization: Bearer <token>`",
    )
    .with_source(source)
}
