//! Taking articles in from other places and giving them out: in which form, what becomes of each entry,
//! and how far an import has come. An import is a record that outlives the engine.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{ArticleId, ImportId, JobId, UserId};
use crate::job::{JobError, JobStatus};

/// What a file of articles is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One file with front matter in YAML, or a ZIP file of them.
    Markdown,
    /// An article a line, with every field.
    Jsonl,
    /// One page, or a ZIP file of them.
    Html,
    /// What WordPress writes out: RSS with elements of its own.
    Wxr,
    /// A whole project as a ZIP file.
    Archive,
}

impl Format {
    pub const ALL: [Self; 5] = [
        Self::Markdown,
        Self::Jsonl,
        Self::Html,
        Self::Wxr,
        Self::Archive,
    ];

    /// The format of this name, as [`Format::as_str`] gives it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Jsonl => "jsonl",
            Self::Html => "html",
            Self::Wxr => "wxr",
            Self::Archive => "archive",
        }
    }

    /// Of what an export of this format is.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Markdown | Self::Html | Self::Archive => "application/zip",
            Self::Jsonl => "application/jsonl",
            Self::Wxr => "application/rss+xml; charset=utf-8",
        }
    }

    /// How the name of an export ends.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown | Self::Html | Self::Archive => "zip",
            Self::Jsonl => "jsonl",
            Self::Wxr => "xml",
        }
    }
}

/// What happens to an entry whose article is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// The article stays as it is.
    #[default]
    Skip,
    /// The article takes what the entry says, as a new revision.
    Update,
    /// The import ends there.
    Fail,
}

impl OnConflict {
    pub const ALL: [Self; 3] = [Self::Skip, Self::Update, Self::Fail];

    /// The choice of this name, as [`OnConflict::as_str`] gives it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Update => "update",
            Self::Fail => "fail",
        }
    }
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Created,
    Updated,
    /// The article says the same already.
    Unchanged,
    /// Left out on purpose: it is there already, or is nothing that is taken in.
    Skipped,
    /// It is wrong, or clashes; the line says how.
    Refused,
}

impl Outcome {
    pub const ALL: [Self; 5] = [
        Self::Created,
        Self::Updated,
        Self::Unchanged,
        Self::Skipped,
        Self::Refused,
    ];

    /// The outcome of this name, as [`Outcome::as_str`] gives it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
        }
    }
}

/// A line of the report: what became of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLine {
    /// 1, 2, 3 … in the order of the file: its line, or its entry.
    pub number: u64,
    /// What the file calls it: a path, a title, an id.
    pub entry: String,
    pub outcome: Outcome,
    pub article: Option<ArticleId>,
    pub slug: Option<String>,
    /// A name of `codes.rs`, where it was refused or skipped.
    pub code: Option<String>,
    /// Why, and what would help; or what of the entry could not be kept.
    pub message: Option<String>,
}

/// How many entries came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub refused: u64,
}

impl Counts {
    pub fn add(&mut self, outcome: Outcome) {
        let count = match outcome {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Skipped => &mut self.skipped,
            Outcome::Refused => &mut self.refused,
        };
        *count += 1;
    }

    /// Of all outcomes.
    pub fn total(&self) -> u64 {
        self.created + self.updated + self.unchanged + self.skipped + self.refused
    }
}

/// An import, from the upload on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub id: ImportId,
    /// Slug of the project.
    pub project: String,
    /// In whose name it is done.
    pub owner: UserId,
    pub format: Format,
    pub on_conflict: OnConflict,
    /// Nothing is written but the report.
    pub dry_run: bool,
    /// The work on it.
    pub job: JobId,
    /// The engine that has the file.
    pub engine: String,
    pub size_bytes: u64,
    /// Of the file, hex.
    pub sha256: String,
    pub status: JobStatus,
    /// Entries that are in the report.
    pub position: u64,
    pub counts: Counts,
    pub error: Option<JobError>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// An address that an article had.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FormerSlug {
    /// BCP 47, in lower case.
    pub language: String,
    pub slug: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_both_ways() {
        for format in Format::ALL {
            assert_eq!(Format::named(format.as_str()), Some(format));
        }
        for choice in OnConflict::ALL {
            assert_eq!(OnConflict::named(choice.as_str()), Some(choice));
        }
        let mut counts = Counts::default();
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::named(outcome.as_str()), Some(outcome));
            counts.add(outcome);
        }
        assert_eq!(counts.total(), 5);
    }
}
