//! API keys: tokens that act in their owner's name, as far as their scopes go. Virtual keys, which call
//! models within budgets, are in [`crate::key`].

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::ids::{ApiKeyId, UserId};
use crate::principal::Role;

/// A key as it is kept. Its token is shown once and never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub owner: UserId,
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// The last characters of the token, to tell keys apart.
    pub hint: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a key may be used for. Beside it the owner's role holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    ArticlesRead,
    ArticlesWrite,
    /// Jobs and their state.
    JobsRead,
    /// Starting and cancelling jobs.
    JobsWrite,
    /// Everything that asks a model or a plugin and gives its answer back.
    ModelsCall,
    ProjectsRead,
    ProjectsWrite,
    MediaRead,
    MediaWrite,
    /// Everything that the owner may do, but what concerns the owner's own account.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 10] = [
        Self::ArticlesRead,
        Self::ArticlesWrite,
        Self::JobsRead,
        Self::JobsWrite,
        Self::ModelsCall,
        Self::ProjectsRead,
        Self::ProjectsWrite,
        Self::MediaRead,
        Self::MediaWrite,
        Self::Admin,
    ];

    /// As people write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::ArticlesRead => "articles:read",
            Self::ArticlesWrite => "articles:write",
            Self::JobsRead => "jobs:read",
            Self::JobsWrite => "jobs:write",
            Self::ModelsCall => "models:call",
            Self::ProjectsRead => "projects:read",
            Self::ProjectsWrite => "projects:write",
            Self::MediaRead => "media:read",
            Self::MediaWrite => "media:write",
            Self::Admin => "admin",
        }
    }

    /// The least role that can do anything with it.
    fn role(self) -> Role {
        match self {
            Self::ArticlesRead | Self::JobsRead | Self::ProjectsRead | Self::MediaRead => {
                Role::Viewer
            }
            Self::ArticlesWrite
            | Self::JobsWrite
            | Self::ModelsCall
            | Self::ProjectsWrite
            | Self::MediaWrite => Role::Creator,
            Self::Admin => Role::Admin,
        }
    }
}

impl ApiKey {
    /// The role that its bearer acts in: no higher than the owner's, and no higher than its scopes need.
    pub fn role_of(&self, owner: Role) -> Role {
        let needed = self.scopes.iter().map(|scope| scope.role()).max();
        needed.unwrap_or(Role::Viewer).min(owner)
    }

    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scope| scope.word() == text);
        known.ok_or_else(|| {
            let words = Self::ALL.map(Self::word).join("`, `");
            format!("`{text}` is no scope; they are `{words}`")
        })
    }
}
