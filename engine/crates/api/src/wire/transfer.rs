//! Imports, and the lines of their reports.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{ArticleId, ImportId, JobId, UserId};
use inkstone_domain::transfer::{Counts, Format, Import, OnConflict, Outcome, ReportLine};
use inkstone_domain::{Error, Result, codes};
use inkstone_services::transfer::{BackgroundExport, ExportLink};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::job::JobErrorReply;

/// What a file of articles is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FormatWord {
    /// A file with front matter, or a ZIP file of them.
    Markdown,
    /// An article a line, with every field.
    Jsonl,
    /// A page, or a ZIP file of them.
    Html,
    /// What WordPress writes out.
    Wxr,
    /// A whole project.
    Archive,
}

/// What happens to an entry whose article is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnConflictWord {
    /// The article stays as it is.
    #[default]
    Skip,
    /// The article takes what the entry says, as a new revision.
    Update,
    /// The import ends there.
    Fail,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutcomeWord {
    Created,
    Updated,
    Unchanged,
    Skipped,
    Refused,
}

/// An import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportReply {
    #[schema(value_type = String, example = "imp_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: ImportId,
    /// Slug of the project.
    pub project: String,
    /// In whose name it is done.
    #[schema(value_type = String)]
    pub owner: UserId,
    pub format: FormatWord,
    pub on_conflict: OnConflictWord,
    /// Nothing is written but the report.
    pub dry_run: bool,
    /// The work on it, for `GET /v1/jobs/{id}/events`.
    #[schema(value_type = String)]
    pub job: JobId,
    pub size_bytes: u64,
    /// Of the file, hex.
    pub sha256: String,
    /// `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    pub status: &'static str,
    /// Entries that are in the report.
    pub position: u64,
    pub counts: CountsReply,
    /// Why it failed, where it did.
    pub error: Option<JobErrorReply>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// How many entries came to what.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountsReply {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub refused: u64,
}

/// What became of one entry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportLineReply {
    /// 1, 2, 3 … in the order of the file: its line, or its entry.
    pub number: u64,
    /// What the file calls it.
    pub entry: String,
    pub outcome: OutcomeWord,
    #[schema(value_type = Option<String>)]
    pub article: Option<ArticleId>,
    pub slug: Option<String>,
    /// Stable, the same codes as in problem details; where it was refused.
    pub code: Option<String>,
    /// Why, and what would help; or what of the entry could not be kept.
    pub message: Option<String>,
}

/// What to write into a file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportBody {
    pub format: FormatWord,
    /// Only articles of this status, such as `published`.
    #[serde(default)]
    pub status: Option<String>,
    /// Only articles with this tag.
    #[serde(default)]
    pub tag: Option<String>,
    /// Only articles in this language, BCP 47.
    #[serde(default)]
    pub language: Option<String>,
}

/// An export in the background.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportReply {
    /// The work on it: `GET /v1/jobs/{id}/events` tells how far it is.
    #[schema(value_type = String, example = "job_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: JobId,
    /// Slug of the project.
    pub project: String,
    pub format: FormatWord,
    /// `queued`, `running`, `succeeded`, `failed` or `cancelled`.
    pub status: &'static str,
    /// Why it failed, where it did.
    pub error: Option<JobErrorReply>,
    /// Once it is written.
    pub file: Option<ExportFileReply>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// The file of an export.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportFileReply {
    pub name: String,
    pub media_type: String,
    pub size_bytes: u64,
    /// Articles and media in it.
    pub entries: u64,
    /// Hex.
    pub sha256: String,
    /// Then it is gone.
    pub expires_at: DateTime<Utc>,
    /// Opens the file for everybody who has it, until `url_expires_at`.
    pub url: String,
    pub url_expires_at: DateTime<Utc>,
}

/// The form of an import.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct ImportForm {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
}

const COLUMNS: [&str; 7] = [
    "number", "entry", "outcome", "article", "slug", "code", "message",
];

/// Lines of JSON.
pub(crate) fn json_lines(lines: Vec<ReportLine>) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, &ReportLineReply::from(line)).map_err(unwritten)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Lines of a table, below the names of its columns where it is the first.
pub(crate) fn csv_lines(lines: Vec<ReportLine>, is_first: bool) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if is_first {
        writer.write_record(COLUMNS).map_err(unwritten)?;
    }
    for line in lines {
        let cells = [
            line.number.to_string(),
            line.entry,
            line.outcome.as_str().to_owned(),
            line.article.map(|id| id.to_string()).unwrap_or_default(),
            line.slug.unwrap_or_default(),
            line.code.unwrap_or_default(),
            line.message.unwrap_or_default(),
        ];
        // A spreadsheet takes a cell that begins so for a formula; whoever wrote the file names entries.
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
    Error::new(&codes::INTERNAL, "the report could not be written out").with_source(error)
}

impl From<Import> for ImportReply {
    fn from(import: Import) -> Self {
        Self {
            id: import.id,
            project: import.project,
            owner: import.owner,
            format: import.format.into(),
            on_conflict: import.on_conflict.into(),
            dry_run: import.dry_run,
            job: import.job,
            size_bytes: import.size_bytes,
            sha256: import.sha256,
            status: import.status.as_str(),
            position: import.position,
            counts: import.counts.into(),
            error: import.error.map(|error| JobErrorReply {
                code: error.code,
                message: error.message,
            }),
            created_at: import.created_at,
            finished_at: import.finished_at,
        }
    }
}

impl ExportReply {
    /// `url` leads to the file.
    pub(crate) fn of(export: BackgroundExport, url: impl FnOnce(&ExportLink) -> String) -> Self {
        let BackgroundExport { job, wish, file } = export;
        let file = file.map(|(file, link)| ExportFileReply {
            name: file.file_name,
            media_type: file.media_type,
            size_bytes: file.size_bytes,
            entries: file.entries,
            sha256: file.sha256,
            expires_at: file.expires_at,
            url: url(&link),
            url_expires_at: DateTime::from_timestamp(link.expires, 0).unwrap_or_default(),
        });
        Self {
            id: job.id,
            project: job.task.project().to_owned(),
            format: wish.format.into(),
            status: job.status.as_str(),
            error: job.error.map(|error| JobErrorReply {
                code: error.code,
                message: error.message,
            }),
            file,
            created_at: job.enqueued_at,
            finished_at: job.finished_at,
        }
    }
}

impl From<Counts> for CountsReply {
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

impl From<ReportLine> for ReportLineReply {
    fn from(line: ReportLine) -> Self {
        Self {
            number: line.number,
            entry: line.entry,
            outcome: line.outcome.into(),
            article: line.article,
            slug: line.slug,
            code: line.code,
            message: line.message,
        }
    }
}

impl From<Outcome> for OutcomeWord {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Created => Self::Created,
            Outcome::Updated => Self::Updated,
            Outcome::Unchanged => Self::Unchanged,
            Outcome::Skipped => Self::Skipped,
            Outcome::Refused => Self::Refused,
        }
    }
}

impl From<Format> for FormatWord {
    fn from(format: Format) -> Self {
        match format {
            Format::Markdown => Self::Markdown,
            Format::Jsonl => Self::Jsonl,
            Format::Html => Self::Html,
            Format::Wxr => Self::Wxr,
            Format::Archive => Self::Archive,
        }
    }
}

impl From<FormatWord> for Format {
    fn from(word: FormatWord) -> Self {
        match word {
            FormatWord::Markdown => Self::Markdown,
            FormatWord::Jsonl => Self::Jsonl,
            FormatWord::Html => Self::Html,
            FormatWord::Wxr => Self::Wxr,
            FormatWord::Archive => Self::Archive,
        }
    }
}

impl From<OnConflict> for OnConflictWord {
    fn from(choice: OnConflict) -> Self {
        match choice {
            OnConflict::Skip => Self::Skip,
            OnConflict::Update => Self::Update,
            OnConflict::Fail => Self::Fail,
        }
    }
}

impl From<OnConflictWord> for OnConflict {
    fn from(word: OnConflictWord) -> Self {
        match word {
            OnConflictWord::Skip => Self::Skip,
            OnConflictWord::Update => Self::Update,
            OnConflictWord::Fail => Self::Fail,
        }
    }
}
