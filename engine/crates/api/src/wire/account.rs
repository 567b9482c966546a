//! Sign-in and the signed-in user.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::UserId;
use inkstone_domain::principal::{Role, User};
use inkstone_services::auth::TokenPair;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// E-mail and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    #[schema(example = "admin@example.org")]
    pub email: String,
    #[schema(format = Password)]
    pub password: String,
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

/// A user.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserReply {
    #[schema(value_type = String, example = "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: UserId,
    pub email: String,
    pub name: String,
    /// `viewer`, `creator` or `admin`.
    pub role: &'static str,
    pub created_at: DateTime<Utc>,
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

impl From<User> for UserReply {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            role: match user.role {
                Role::Viewer => "viewer",
                Role::Creator => "creator",
                Role::Admin => "admin",
            },
            created_at: user.created_at,
        }
    }
}
