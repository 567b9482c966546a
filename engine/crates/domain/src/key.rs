//! Virtual keys: tokens that call models in their owner's name, within bounds of their own.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::allowance::Allowance;
use crate::audit::AuditRecord;
use crate::ids::{KeyId, UserId};

/// A key as it is kept. Its token is shown once and never stored.
#[derive(Debug, Clone, PartialEq)]
pub struct VirtualKey {
    pub id: KeyId,
    pub name: String,
    /// In whose name it calls, and whose bounds hold beside its own.
    pub owner: UserId,
    /// Whose bounds hold too, and who is told in the ledger.
    pub project: Option<String>,
    /// `provider/model` or an alias, a `*` at the end stands for any rest; none of them is any model.
    pub models: Vec<String>,
    pub allowance: Allowance,
    /// The owner's own words.
    pub metadata: Map<String, Value>,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// The last characters of the token, to tell keys apart.
    pub hint: String,
    /// The token before the last rotation, while it still holds.
    pub previous: Option<PreviousToken>,
    /// 1 for a new key; rises with every change.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key that is revoked together with something else, in the same act.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedKey {
    /// As it is from now on.
    pub key: VirtualKey,
    pub audit: AuditRecord,
}

/// A token that was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviousToken {
    /// SHA-256.
    pub hash: [u8; 32],
    pub holds_until: DateTime<Utc>,
}

impl VirtualKey {
    /// Whether this name, as the caller wrote it or as it was resolved, is one of the key's models.
    pub fn may_use(&self, model: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => pattern == model,
        };
        self.models.is_empty() || self.models.iter().any(fits)
    }
}
