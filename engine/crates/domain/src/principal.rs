//! Who acts. A principal is made at the edge from a checked token and goes with every call.

use std::net::IpAddr;
use std::sync::Arc;

use crate::api_key::ApiKey;
use crate::audit::SharedOrigin;
use crate::ids::{SessionId, UserId};
use crate::key::VirtualKey;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a user may do, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Writes and generates, and changes what is theirs.
    Creator,
    /// Everything.
    Admin,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Creator => "creator",
            Self::Admin => "admin",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    /// Lower case; unique.
    pub email: String,
    pub name: String,
    pub role: Role,
    /// Whether it was shown that mail to `email` reaches them.
    pub email_verified: bool,
    /// Since when they may not sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// 1 at first; every change of these fields adds one.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
}

impl User {
    /// A new one, whose address is taken to be theirs.
    pub fn new(email: String, name: String, role: Role, now: DateTime<Utc>) -> Self {
        Self {
            id: UserId::new(),
            email,
            name,
            role,
            email_verified: true,
            disabled_at: None,
            revision: 1,
            created_at: now,
        }
    }

    pub fn is_disabled(&self) -> bool {
        self.disabled_at.is_some()
    }

    /// Whether a sign-up made them and nobody has shown that the address is theirs: it is still everybody's then,
    /// unless an admin has disabled the account.
    pub fn is_pending(&self) -> bool {
        !self.email_verified && !self.is_disabled()
    }
}

/// A user with what proves them. Never leaves the services.
#[derive(Clone)]
pub struct Account {
    pub user: User,
    /// PHC string of Argon2id, or bcrypt's where the account was imported; empty where they sign in
    /// elsewhere only: no password fits that.
    pub password_hash: String,
}

/// The identity behind one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    pub user: UserId,
    pub role: Role,
    /// The virtual key it came with: such a caller may call models and nothing else.
    pub key: Option<Arc<VirtualKey>>,
    /// The API key it came with: such a caller may do what the key's scopes say and nothing else.
    pub api_key: Option<Arc<ApiKey>>,
    /// The sign-in its access token came from.
    pub session: Option<SessionId>,
    /// From where they ask, for the audit log; `None` within the engine.
    pub origin: Option<SharedOrigin>,
}

impl Principal {
    /// Somebody who signed in.
    pub fn of(user: UserId, role: Role) -> Self {
        Self {
            user,
            role,
            key: None,
            api_key: None,
            session: None,
            origin: None,
        }
    }

    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether this principal may write at all.
    pub fn can_create(&self) -> bool {
        self.role >= Role::Creator
    }
}

/// One refresh token. All tokens that came from one sign-in share a family; showing a used one ends the family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    /// The first session of the family.
    pub family: SessionId,
    pub user: UserId,
    /// SHA-256 of the token; the token itself is never stored.
    pub token_hash: [u8; 32],
    /// SHA-256 of the part that all tokens of the family share; `None` where they have none, as tokens of before had.
    pub family_hash: Option<[u8; 32]>,
    /// When the family began.
    pub signed_in_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// By whom this token was asked for.
    pub seen: SeenFrom,
}

/// Where a request came from, for people who look at their sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenFrom {
    pub address: Option<IpAddr>,
    /// Its first 200 characters.
    pub user_agent: Option<String>,
}
