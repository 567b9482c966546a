//! Who acts. A principal is made at the edge from a checked token and goes with every call.

use std::sync::Arc;

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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    /// Lower case; unique.
    pub email: String,
    pub name: String,
    pub role: Role,
    pub created_at: DateTime<Utc>,
}

/// A user with what proves them. Never leaves the services.
#[derive(Clone)]
pub struct Account {
    pub user: User,
    /// PHC string of Argon2id.
    pub password_hash: String,
}

/// The identity behind one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    pub user: UserId,
    pub role: Role,
    /// The virtual key it came with: such a caller may call models and nothing else.
    pub key: Option<Arc<VirtualKey>>,
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
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}
