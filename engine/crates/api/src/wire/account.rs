//! Sign-in, users, and what belongs to the signed-in one: sessions, second factor, API keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use inkstone_domain::api_key::{ApiKey, Scope};
use inkstone_domain::ids::{ApiKeyId, SessionId, UserId};
use inkstone_domain::principal::{Role, User};
use inkstone_domain::{FieldError, Result};
use inkstone_services::accounts::{Proof, SignedIn, UserChange, UserWish};
use inkstone_services::api_keys::ApiKeyWish;
use inkstone_services::auth::{NewSecondFactor, PublicKey, SecondFactorState, TokenPair};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::invalid_fields;

/// E-mail and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    #[schema(example = "admin@example.org")]
    pub email: String,
    #[schema(format = Password, example = "correct horse battery staple")]
    pub password: String,
    /// Where the account has a second factor: the code of the app, or a recovery code. Good once.
    #[serde(default)]
    #[schema(example = "492039")]
    pub totp: Option<String>,
}

/// The refresh token of the last sign-in or refresh.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    pub refresh_token: String,
}

/// A fresh pair of tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenReply {
    /// Send it as `Authorization: Bearer <access_token>`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Good for one `POST /v1/auth/refresh`.
    pub refresh_token: String,
}

/// What a user may do, in rising order.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleWord {
    Viewer,
    Creator,
    Admin,
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserReply {
    #[schema(value_type = String, example = "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub role: RoleWord,
    /// Whether it was shown that mail reaches them.
    pub email_verified: bool,
    /// Since when they may not sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// A user that an admin makes: with a password, or with a hash that another system made of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUserBody {
    #[schema(example = "ada@example.org")]
    pub email: String,
    #[serde(default)]
    pub name: String,
    pub role: RoleWord,
    #[serde(default)]
    #[schema(format = Password, example = "correct horse battery staple", min_length = 8, max_length = 1024)]
    pub password: Option<String>,
    /// Argon2id as a PHC string, or bcrypt. It is made anew at the first sign-in.
    #[serde(default)]
    pub password_hash: Option<String>,
}

/// What shall change of a user; what is left out stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChangeBody {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub role: Option<RoleWord>,
    /// Disabling ends all sessions and keys of the user.
    #[serde(default)]
    pub disabled: Option<bool>,
}

/// What shall change of oneself; what is left out stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeChangeBody {
    /// At most 100 characters.
    #[serde(default)]
    pub name: Option<String>,
}

/// The present password, and the one to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    #[schema(format = Password)]
    pub current_password: String,
    #[schema(format = Password, example = "correct horse battery staple", min_length = 8, max_length = 1024)]
    pub new_password: String,
}

/// The password, once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmBody {
    #[schema(format = Password)]
    pub password: String,
}

/// The code that the app shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeBody {
    #[schema(example = "492039")]
    pub code: String,
}

/// A sign-in that goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionReply {
    #[schema(value_type = String, example = "ses_01J9ZQ7Y3M5T8V2W4X6A8B0C2D")]
    pub id: SessionId,
    /// Whether this request came from it.
    pub current: bool,
    pub created_at: DateTime<Utc>,
    /// When its tokens were refreshed last.
    pub last_used_at: DateTime<Utc>,
    /// When it ends by itself, unless it is used.
    pub expires_at: DateTime<Utc>,
    #[schema(value_type = Option<String>, example = "192.0.2.7")]
    pub address: Option<std::net::IpAddr>,
    pub user_agent: Option<String>,
}

/// Whether sign-in asks for a code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecondFactorReply {
    pub enabled: bool,
    pub recovery_codes_left: usize,
}

/// A secret for an authenticator app, shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewSecondFactorReply {
    /// Base32, for typing.
    pub secret: String,
    /// For a QR code.
    #[schema(example = "otpauth://totp/…")]
    pub uri: String,
}

/// Codes for whoever has lost the app, each good once; shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodesReply {
    #[schema(example = json!(["abcd-efgh-jkmn-pqrs"]))]
    pub recovery_codes: Vec<String>,
}

/// An API key to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeyBody {
    /// 1 to 100 characters.
    #[schema(example = "ci")]
    pub name: String,
    /// `articles:read`, `articles:write`, `jobs:read`, `jobs:write`, `models:call`, `projects:read`,
    /// `projects:write`, `media:read`, `media:write`, `admin`.
    #[schema(example = json!(["articles:read"]))]
    pub scopes: Vec<String>,
    #[serde(default)]
    #[schema(example = "2099-01-01T00:00:00Z")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// An API key, without its token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKeyReply {
    #[schema(value_type = String, example = "apk_01J9ZQ7Y3M5T8V2W4X6A8B0C2D")]
    pub id: ApiKeyId,
    pub name: String,
    pub scopes: Vec<&'static str>,
    /// The last characters of the token.
    #[schema(example = "x3Fg")]
    pub hint: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// An API key with its token, which is never shown again.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewApiKeyReply {
    /// Send it as `Authorization: Bearer …`.
    #[schema(example = "ink_…")]
    pub token: String,
    #[serde(flatten)]
    pub key: ApiKeyReply,
}

/// The keys that access tokens are checked with (RFC 7517), the one that signs first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeySetReply {
    pub keys: Vec<JwkReply>,
}

/// An Ed25519 key (RFC 8037).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JwkReply {
    /// Always `OKP`.
    pub kty: &'static str,
    /// Always `Ed25519`.
    pub crv: &'static str,
    /// Always `EdDSA`.
    pub alg: &'static str,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub purpose: &'static str,
    /// Access tokens name it.
    pub kid: String,
    pub x: String,
}

impl From<TokenPair> for TokenReply {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access_token,
            token_type: pair.token_type,
            expires_in: pair.expires_in_s,
            refresh_token: pair.refresh_token,
        }
    }
}

impl From<Role> for RoleWord {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Creator => Self::Creator,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Viewer => Self::Viewer,
            RoleWord::Creator => Self::Creator,
            RoleWord::Admin => Self::Admin,
        }
    }
}

impl From<User> for UserReply {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            role: user.role.into(),
            email_verified: user.email_verified,
            disabled_at: user.disabled_at,
            created_at: user.created_at,
        }
    }
}

impl NewUserBody {
    pub(crate) fn into_domain(self) -> Result<UserWish> {
        let proof = match (self.password, self.password_hash) {
            (Some(password), None) => Proof::Password(password),
            (None, Some(hash)) => Proof::Imported(hash),
            _ => {
                let field = FieldError {
                    pointer: "/password".to_owned(),
                    detail: "or `password_hash` must be given, and not both".to_owned(),
                };
                return Err(invalid_fields("the user is not valid", vec![field]));
            }
        };
        Ok(UserWish {
            email: self.email,
            name: self.name,
            role: self.role.into(),
            proof,
        })
    }
}

impl From<UserChangeBody> for UserChange {
    fn from(body: UserChangeBody) -> Self {
        Self {
            name: body.name,
            role: body.role.map(Role::from),
            disabled: body.disabled,
        }
    }
}

impl From<SignedIn> for SessionReply {
    fn from(signed_in: SignedIn) -> Self {
        let session = signed_in.session;
        Self {
            id: session.family,
            current: signed_in.is_current,
            created_at: session.signed_in_at,
            last_used_at: session.created_at,
            expires_at: session.expires_at,
            address: session.seen.address,
            user_agent: session.seen.user_agent,
        }
    }
}

impl From<SecondFactorState> for SecondFactorReply {
    fn from(state: SecondFactorState) -> Self {
        Self {
            enabled: state.is_on,
            recovery_codes_left: state.recovery_codes_left,
        }
    }
}

impl From<NewSecondFactor> for NewSecondFactorReply {
    fn from(factor: NewSecondFactor) -> Self {
        Self {
            secret: factor.secret,
            uri: factor.uri,
        }
    }
}

impl ApiKeyBody {
    pub(crate) fn into_domain(self) -> Result<ApiKeyWish> {
        let mut scopes = BTreeSet::new();
        let mut wrong = Vec::new();
        for (index, text) in self.scopes.iter().enumerate() {
            match text.parse::<Scope>() {
                Ok(scope) => drop(scopes.insert(scope)),
                Err(detail) => wrong.push(FieldError {
                    pointer: format!("/scopes/{index}"),
                    detail,
                }),
            }
        }
        match wrong.is_empty() {
            true => Ok(ApiKeyWish {
                name: self.name,
                scopes,
                expires_at: self.expires_at,
            }),
            false => Err(invalid_fields("the key is not valid", wrong)),
        }
    }
}

impl From<Arc<ApiKey>> for ApiKeyReply {
    fn from(key: Arc<ApiKey>) -> Self {
        Self {
            id: key.id,
            name: key.name.clone(),
            scopes: key.scopes.iter().map(|scope| scope.word()).collect(),
            hint: key.hint.clone(),
            created_at: key.created_at,
            expires_at: key.expires_at,
        }
    }
}

impl From<Vec<PublicKey>> for KeySetReply {
    fn from(keys: Vec<PublicKey>) -> Self {
        let keys = keys.into_iter().map(|key| JwkReply {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            purpose: "sig",
            kid: key.id,
            x: key.x,
        });
        Self {
            keys: keys.collect(),
        }
    }
}
