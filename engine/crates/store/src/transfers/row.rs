//! Rows of `transfer` and `transfer_line`, and how they become words of the domain.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::ImportId;
use inkstone_domain::job::{JobError, JobStatus};
use inkstone_domain::transfer::{Counts, Format, Import, OnConflict, Outcome, ReportLine};
use surrealdb::types::SurrealValue;

use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, parse_option, unknown_word};

const IMPORT: &str = "transfer";
const LINE: &str = "transfer_line";

#[derive(SurrealValue)]
pub(super) struct ImportRow {
    key: String,
    project: String,
    owner: String,
    format: String,
    on_conflict: String,
    dry_run: bool,
    job: String,
    engine: String,
    size_bytes: u64,
    sha256: String,
    status: String,
    open: bool,
    position: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    skipped: u64,
    refused: u64,
    error_code: Option<String>,
    error_message: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

#[derive(SurrealValue)]
pub(super) struct LineRow {
    transfer: String,
    number: u64,
    entry: String,
    outcome: String,
    article: Option<String>,
    slug: Option<String>,
    code: Option<String>,
    message: Option<String>,
}

/// What a step adds.
#[derive(SurrealValue)]
pub(super) struct CountsRow {
    created: u64,
    updated: u64,
    unchanged: u64,
    skipped: u64,
    refused: u64,
}

impl From<&Import> for ImportRow {
    fn from(import: &Import) -> Self {
        let error = import.error.as_ref();
        Self {
            key: import.id.to_string(),
            project: import.project.clone(),
            owner: import.owner.to_string(),
            format: import.format.as_str().to_owned(),
            on_conflict: import.on_conflict.as_str().to_owned(),
            dry_run: import.dry_run,
            job: import.job.to_string(),
            engine: import.engine.clone(),
            size_bytes: import.size_bytes,
            sha256: import.sha256.clone(),
            status: import.status.as_str().to_owned(),
            open: !import.status.is_final(),
            position: import.position,
            created: import.counts.created,
            updated: import.counts.updated,
            unchanged: import.counts.unchanged,
            skipped: import.counts.skipped,
            refused: import.counts.refused,
            error_code: error.map(|error| error.code.clone()),
            error_message: error.map(|error| error.message.clone()),
            created_at: import.created_at,
            finished_at: import.finished_at,
        }
    }
}

impl TryFrom<ImportRow> for Import {
    type Error = StoreFailure;

    fn try_from(row: ImportRow) -> RowResult<Self> {
        let format = Format::named(&row.format);
        let on_conflict = OnConflict::named(&row.on_conflict);
        let error = match (row.error_code, row.error_message) {
            (Some(code), Some(message)) => Some(JobError { code, message }),
            _ => None,
        };
        Ok(Self {
            id: parse(IMPORT, &row.key)?,
            project: row.project,
            owner: parse(IMPORT, &row.owner)?,
            format: format.ok_or_else(|| unknown_word(IMPORT, "format", &row.format))?,
            on_conflict: on_conflict
                .ok_or_else(|| unknown_word(IMPORT, "on_conflict", &row.on_conflict))?,
            dry_run: row.dry_run,
            job: parse(IMPORT, &row.job)?,
            engine: row.engine,
            size_bytes: row.size_bytes,
            sha256: row.sha256,
            status: status_of(&row.status)?,
            position: row.position,
            counts: Counts {
                created: row.created,
                updated: row.updated,
                unchanged: row.unchanged,
                skipped: row.skipped,
                refused: row.refused,
            },
            error,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

fn status_of(word: &str) -> RowResult<JobStatus> {
    let all = [
        JobStatus::Queued,
        JobStatus::Running,
        JobStatus::Succeeded,
        JobStatus::Failed,
        JobStatus::Cancelled,
    ];
    let known = all.into_iter().find(|status| status.as_str() == word);
    known.ok_or_else(|| unknown_word(IMPORT, "status", word))
}

impl LineRow {
    pub(super) fn of(import: ImportId, line: ReportLine) -> Self {
        Self {
            transfer: import.to_string(),
            number: line.number,
            entry: line.entry,
            outcome: line.outcome.as_str().to_owned(),
            article: line.article.map(|id| id.to_string()),
            slug: line.slug,
            code: line.code,
            message: line.message,
        }
    }
}

impl TryFrom<LineRow> for ReportLine {
    type Error = StoreFailure;

    fn try_from(row: LineRow) -> RowResult<Self> {
        let outcome = Outcome::named(&row.outcome);
        Ok(Self {
            number: row.number,
            entry: row.entry,
            outcome: outcome.ok_or_else(|| unknown_word(LINE, "outcome", &row.outcome))?,
            article: parse_option(LINE, row.article)?,
            slug: row.slug,
            code: row.code,
            message: row.message,
        })
    }
}

impl From<Counts> for CountsRow {
    fn from(counts: Counts) -> Self {
        Self {
            created: counts.created,
            updated: counts.updated,
            unchanged: counts.unchanged,
            skipped: counts.skipped,
            refused: counts.refused,
        }
    }
}
