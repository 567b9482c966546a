//! The audit log.

use chrono::{DateTime, Utc};
use inkstone_domain::audit::{AuditEntry, AuditHead, Stage};
use inkstone_domain::{Error, Result, codes};
use serde::Serialize;
use utoipa::ToSchema;

/// An entry of the log. Absent fields are left out: what is hashed has none.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntryReply {
    /// 1, 2, 3 … without gaps.
    pub seq: u64,
    pub at: DateTime<Utc>,
    /// `usr_…`; absent where the engine itself acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Whose thing it was, where an admin acted on that of somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    #[schema(example = "key.rotated")]
    pub action: String,
    #[schema(example = "project:handbook")]
    pub subject: String,
    pub stage: StageWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// SHA-256 of the thing as canonical JSON, before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The same after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    pub origin: OriginReply,
    /// Hash of the entry before.
    pub previous: String,
    pub hash: String,
}

/// From where somebody asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginReply {
    /// Of the connection: a proxy's, where one stands before the engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `done`: written with the change. `intended`: written before a change outside the database.
/// `failed`: what was intended did not happen.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StageWord {
    Done,
    Intended,
    Failed,
}

/// The end of the chain.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditHeadReply {
    /// 0 where nothing was written yet.
    pub seq: u64,
    pub hash: String,
}

impl From<AuditEntry> for AuditEntryReply {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry {
            seq,
            record,
            previous,
            hash,
        } = entry;
        Self {
            seq,
            at: record.at,
            actor: record.actor.map(|actor| actor.to_string()),
            on_behalf_of: record.on_behalf_of.map(|owner| owner.to_string()),
            action: record.action,
            subject: record.subject,
            stage: match record.stage {
                Stage::Done => StageWord::Done,
                Stage::Intended => StageWord::Intended,
                Stage::Failed => StageWord::Failed,
            },
            detail: record.detail,
            before: record.before,
            after: record.after,
            origin: OriginReply {
                address: record.origin.address,
                user_agent: record.origin.user_agent,
                request_id: record.origin.request_id,
            },
            previous,
            hash,
        }
    }
}

impl From<AuditHead> for AuditHeadReply {
    fn from(head: AuditHead) -> Self {
        Self {
            seq: head.seq,
            hash: head.hash,
        }
    }
}

/// A line of JSON for each entry.
pub(crate) fn json_lines(entries: Vec<AuditEntry>) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for entry in entries {
        let reply = AuditEntryReply::from(entry);
        serde_json::to_writer(&mut text, &reply).map_err(unwritten)?;
        text.push(b'\n');
    }
    Ok(text)
}

const COLUMNS: [&str; 15] = [
    "seq",
    "at",
    "actor",
    "on_behalf_of",
    "action",
    "subject",
    "stage",
    "detail",
    "before",
    "after",
    "address",
    "user_agent",
    "request_id",
    "previous",
    "hash",
];

/// Lines of a table, below the names of its columns where it is the first.
pub(crate) fn csv_lines(entries: Vec<AuditEntry>, is_first: bool) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if is_first {
        writer.write_record(COLUMNS).map_err(unwritten)?;
    }
    for AuditEntry {
        seq,
        record,
        previous,
        hash,
    } in entries
    {
        let text = |value: Option<String>| value.unwrap_or_default();
        let cells = [
            seq.to_string(),
            record.at.to_rfc3339(),
            text(record.actor.map(|actor| actor.to_string())),
            text(record.on_behalf_of.map(|owner| owner.to_string())),
            record.action,
            record.subject,
            record.stage.as_str().to_owned(),
            text(record.detail),
            text(record.before),
            text(record.after),
            text(record.origin.address),
            text(record.origin.user_agent),
            text(record.origin.request_id),
            previous,
            hash,
        ];
        // A spreadsheet takes a cell that begins so for a formula; whoever asks writes the user agent.
        let harmless = cells.map(
            |cell| match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                true => format!("'{cell}"),
                false => cell,
            },
        );
        writer.write_record(harmless).map_err(unwritten)?;
    }
    writer
        .into_inner()
        .map_err(|error| unwritten(error.into_error()))
}

fn unwritten(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(&codes::INTERNAL, "the log could not be written out").with_source(error)
}
