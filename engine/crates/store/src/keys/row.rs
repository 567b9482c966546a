//! Rows of `virtual_key` and `allowance`, and how they become words of the domain.

use chrono::{DateTime, Utc};
use inkstone_domain::allowance::{Allowance, Subject};
use inkstone_domain::key::{PreviousToken, VirtualKey};
use surrealdb::types::{Bytes, SurrealValue};

use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, parse, to_bytes, to_hash, to_json, unreadable};

const KEY: &str = "virtual_key";
const ALLOWANCE: &str = "allowance";

#[derive(SurrealValue)]
pub(crate) struct KeyRow {
    key: String,
    name: String,
    owner: String,
    project: Option<String>,
    models: Vec<String>,
    allowance: String,
    metadata: String,
    token_hash: Bytes,
    hint: String,
    previous_hash: Option<Bytes>,
    previous_holds_until: Option<DateTime<Utc>>,
    revision: u64,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

#[derive(SurrealValue)]
pub(super) struct AllowanceRow {
    subject: String,
    /// `None` where it was taken away.
    bounds: Option<String>,
    revision: u64,
}

/// Reads what `Subject` writes as text, also what nobody may set an allowance for: a call that failed
/// may have named a model that is none, and stands in the ledger all the same.
fn subject_of(table: &'static str, text: &str) -> RowResult<Subject> {
    match text.split_once(':') {
        Some(("key", id)) => Ok(Subject::Key(parse(table, id)?)),
        Some(("user", id)) => Ok(Subject::User(parse(table, id)?)),
        Some(("project", name)) => Ok(Subject::Project(name.to_owned())),
        Some(("model", name)) => Ok(Subject::Model(name.to_owned())),
        _ => Err(unreadable(table, format!("`{text}` is no subject"))),
    }
}

impl KeyRow {
    pub(super) fn of(key: &VirtualKey) -> RowResult<Self> {
        Ok(Self {
            key: key.id.to_string(),
            name: key.name.clone(),
            owner: key.owner.to_string(),
            project: key.project.clone(),
            models: key.models.clone(),
            allowance: to_json(KEY, &key.allowance)?,
            metadata: to_json(KEY, &key.metadata)?,
            token_hash: to_bytes(key.token_hash),
            hint: key.hint.clone(),
            previous_hash: key.previous.map(|previous| to_bytes(previous.hash)),
            previous_holds_until: key.previous.map(|previous| previous.holds_until),
            revision: key.revision,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
        })
    }
}

impl TryFrom<KeyRow> for VirtualKey {
    type Error = StoreFailure;

    fn try_from(row: KeyRow) -> RowResult<Self> {
        let previous = match (row.previous_hash, row.previous_holds_until) {
            (Some(hash), Some(holds_until)) => Some(PreviousToken {
                hash: to_hash(KEY, &hash)?,
                holds_until,
            }),
            _ => None,
        };
        Ok(Self {
            id: parse(KEY, &row.key)?,
            name: row.name,
            owner: parse(KEY, &row.owner)?,
            project: row.project,
            models: row.models,
            allowance: from_json(KEY, &row.allowance)?,
            metadata: from_json(KEY, &row.metadata)?,
            token_hash: to_hash(KEY, &row.token_hash)?,
            hint: row.hint,
            previous,
            revision: row.revision,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        })
    }
}

/// The bounds as they are kept.
pub(super) fn bounds(allowance: Option<&Allowance>) -> RowResult<Option<String>> {
    allowance
        .map(|allowance| to_json(ALLOWANCE, allowance))
        .transpose()
}

impl AllowanceRow {
    /// With its revision.
    pub(super) fn allowance(self) -> RowResult<(Option<Allowance>, u64)> {
        let bounds = self.bounds.as_deref();
        let allowance = bounds.map(|bounds| from_json(ALLOWANCE, bounds));
        Ok((allowance.transpose()?, self.revision))
    }

    /// `None` where it was taken away.
    pub(super) fn set(self) -> RowResult<Option<(Subject, Allowance)>> {
        let subject = subject_of(ALLOWANCE, &self.subject)?;
        let (allowance, _) = self.allowance()?;
        Ok(allowance.map(|allowance| (subject, allowance)))
    }
}
