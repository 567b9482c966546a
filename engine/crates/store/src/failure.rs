//! What can go wrong in here, and the one place where it becomes an error of the domain.

use std::time::Duration;

use inkstone_domain::{Error, codes};
use surrealdb::types::{AlreadyExistsError, ErrorDetails, QueryError};

/// How a statement says that a rule of ours was broken: `THROW 'refused:<rule>:<detail>'`.
const REFUSED: &str = "refused:";

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreFailure {
    /// A rule that the transaction checks.
    #[error("{subject}: {refusal:?}")]
    Refused { subject: String, refusal: Refusal },
    /// Others wrote the same records first. Retried; this one was left after the last attempt.
    #[error("others kept writing the same records")]
    Conflict(#[source] Box<surrealdb::Error>),
    #[error("{subject}: the database refused the statement")]
    Database {
        subject: String,
        source: Box<surrealdb::Error>,
    },
    /// A row that is not what this engine writes.
    #[error("a row of `{table}` cannot be read: {reason}")]
    Row { table: &'static str, reason: String },
    #[error("a migration stands in the way: {0}")]
    Migration(String),
    #[error("the cursor `{0}` is of another list")]
    Cursor(String),
    #[error("the database did not answer in time")]
    Deadline,
    #[error("the store is closed")]
    Closed,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    /// Its id.
    ArticleNotFound(String),
    AlreadyExists,
    LeaseLost,
    /// The revision that is stored.
    RevisionMismatch(String),
    /// The same of what is no article.
    Stale(String),
    LastOwner,
    /// Somebody was about to do something on the word of a password that is another one by now.
    CredentialsChanged,
    /// The slug that another article has.
    SlugTaken(String),
    /// The article of the same group of translations that is in the language.
    LanguageTaken(String),
    /// How many articles' cover a file is.
    IsCover(String),
    /// The bytes that would be kept.
    QuotaExceeded(String),
    /// The bytes that are left of a project's quota for media.
    MediaQuota(String),
    /// The bytes that an upload has.
    UploadOffset(String),
    /// The bytes that an upload is to have.
    UploadLength(String),
    /// It is not whole, or became a file already.
    UploadDone,
    /// The status that the job ended with.
    JobEnded(String),
    /// The status of a job that did not end badly.
    JobNotFailed(String),
    /// A job that was to be waited for, and is not there.
    AwaitedNotFound(String),
    /// A job that was to be waited for, and the status it ended with.
    AwaitedFailed(String),
    /// The migration.
    NoWayBack(String),
}

impl StoreFailure {
    /// Sorts what SurrealDB reports. `subject` is what the statement is about, for people.
    pub(crate) fn from_statement(subject: &str, error: surrealdb::Error) -> Self {
        if is_conflict(&error) {
            return Self::Conflict(Box::new(error));
        }
        if let ErrorDetails::AlreadyExists(Some(AlreadyExistsError::Record { id })) =
            error.details()
        {
            return Self::Refused {
                subject: format!("record `{id}`"),
                refusal: Refusal::AlreadyExists,
            };
        }
        let subject = subject.to_owned();
        match thrown_refusal(error.message()) {
            Some(refusal) => Self::Refused { subject, refusal },
            None => Self::Database {
                subject,
                source: Box::new(error),
            },
        }
    }

    /// There is no such thing; `subject` as in [`crate::statement::Statement::about`].
    pub(crate) fn not_found(subject: String) -> Self {
        Self::Refused {
            subject,
            refusal: Refusal::NotFound,
        }
    }

    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}

pub(crate) fn is_conflict(error: &surrealdb::Error) -> bool {
    let by_details = matches!(
        error.details(),
        ErrorDetails::Query(Some(QueryError::TransactionConflict))
    );
    by_details || error.message().contains("This transaction can be retried")
}

fn thrown_refusal(message: &str) -> Option<Refusal> {
    let (_, thrown) = message.split_once(REFUSED)?;
    let (rule, detail) = thrown.split_once(':').unwrap_or((thrown, ""));
    let detail = || detail.to_owned();
    match rule {
        "not_found" => Some(Refusal::NotFound),
        "article_not_found" => Some(Refusal::ArticleNotFound(detail())),
        "already_exists" => Some(Refusal::AlreadyExists),
        "lease_lost" => Some(Refusal::LeaseLost),
        "revision_mismatch" => Some(Refusal::RevisionMismatch(detail())),
        "stale" => Some(Refusal::Stale(detail())),
        "last_owner" => Some(Refusal::LastOwner),
        "credentials_changed" => Some(Refusal::CredentialsChanged),
        "slug_taken" => Some(Refusal::SlugTaken(detail())),
        "language_taken" => Some(Refusal::LanguageTaken(detail())),
        "is_cover" => Some(Refusal::IsCover(detail())),
        "quota_exceeded" => Some(Refusal::QuotaExceeded(detail())),
        "media_quota" => Some(Refusal::MediaQuota(detail())),
        "upload_offset" => Some(Refusal::UploadOffset(detail())),
        "upload_length" => Some(Refusal::UploadLength(detail())),
        "upload_done" => Some(Refusal::UploadDone),
        "job_ended" => Some(Refusal::JobEnded(detail())),
        "job_not_failed" => Some(Refusal::JobNotFailed(detail())),
        "awaited_not_found" => Some(Refusal::AwaitedNotFound(detail())),
        "awaited_failed" => Some(Refusal::AwaitedFailed(detail())),
        "no_way_back" => Some(Refusal::NoWayBack(detail())),
        _ => None,
    }
}

impl From<StoreFailure> for Error {
    fn from(failure: StoreFailure) -> Self {
        match &failure {
            StoreFailure::Refused { subject, refusal } => refused(subject, refusal),
            StoreFailure::Cursor(cursor) => Self::new(
                &codes::INVALID_INPUT,
                format!(
                    "`{cursor}` is no cursor of this list; take `next_cursor` of its last page, or none"
                ),
            ),
            StoreFailure::Conflict(_) => Self::new(
                &codes::STORE_UNAVAILABLE,
                "the database is too busy with the same records; try again",
            )
            .with_retry_after(Some(Duration::from_secs(1)))
            .with_source(failure),
            StoreFailure::Database { source, .. } if source.is_connection() => {
                unavailable("the connection to the database is broken").with_source(failure)
            }
            StoreFailure::Deadline => unavailable("the database did not answer in time"),
            StoreFailure::Closed => unavailable("the database is closed"),
            StoreFailure::Migration(reason) => unavailable(reason),
            StoreFailure::Database { .. } | StoreFailure::Row { .. } => Self::new(
                &codes::INTERNAL,
                "the database could not do this; the log says why",
            )
            .with_source(failure),
        }
    }
}

fn refused(subject: &str, refusal: &Refusal) -> Error {
    match refusal {
        Refusal::NotFound => Error::new(&codes::NOT_FOUND, format!("there is no {subject}")),
        Refusal::ArticleNotFound(id) => Error::new(
            &codes::NOT_FOUND,
            format!("there is no article `{id}`; it may have been deleted"),
        ),
        Refusal::AlreadyExists => Error::new(
            &codes::ALREADY_EXISTS,
            format!("the {subject} exists already"),
        ),
        Refusal::LeaseLost => Error::new(
            &codes::LEASE_LOST,
            format!("the {subject} has ended or is in the hands of another worker"),
        ),
        Refusal::RevisionMismatch(stored) => Error::new(
            &codes::REVISION_MISMATCH,
            format!(
                "the {subject} is at revision {stored} by now; read it again and repeat the change"
            ),
        )
        .with_revision(stored.parse().ok()),
        Refusal::SlugTaken(slug) => Error::new(
            &codes::SLUG_TAKEN,
            format!(
                "another article of the project and language has or had the slug `{slug}`; take another"
            ),
        ),
        Refusal::LanguageTaken(twin) => Error::new(
            &codes::CONFLICT,
            format!("the article {twin} is the one of this group in the language already"),
        ),
        Refusal::IsCover(count) => Error::new(
            &codes::CONFLICT,
            match count.as_str() {
                "1" => {
                    "the file is the cover of an article; give it another cover first".to_owned()
                }
                _ => format!(
                    "the file is the cover of {count} articles; give them another cover first"
                ),
            },
        ),
        Refusal::Stale(stored) => Error::new(
            &codes::REVISION_MISMATCH,
            format!(
                "the {subject} is at revision {stored} by now; read it again and repeat the change"
            ),
        ),
        Refusal::LastOwner => Error::new(
            &codes::CONFLICT,
            "a project needs an owner; make somebody else one first",
        ),
        Refusal::CredentialsChanged => Error::new(
            &codes::INVALID_CREDENTIALS,
            "the account was changed in this moment; sign in again",
        ),
        Refusal::QuotaExceeded(wanted) => Error::new(
            &codes::QUOTA_EXCEEDED,
            format!(
                "the {subject} would keep {wanted} bytes, more than it may; \
                 let it delete keys, or raise `kv_quota_bytes`"
            ),
        ),
        Refusal::MediaQuota(left) => Error::new(
            &codes::MEDIA_QUOTA_EXCEEDED,
            format!(
                "of what the project may keep, {left} bytes are left; remove files from its trash, \
                 or raise `[media] project_quota_mib`"
            ),
        ),
        Refusal::UploadOffset(stored) => Error::new(
            &codes::CONFLICT,
            format!("the {subject} has {stored} bytes; go on from there"),
        ),
        Refusal::UploadLength(length) => Error::new(
            &codes::BODY_TOO_LARGE,
            format!("the {subject} is to have {length} bytes, and no more"),
        ),
        Refusal::UploadDone => Error::new(
            &codes::CONFLICT,
            format!("the {subject} is not whole, or became a file already"),
        ),
        Refusal::JobEnded(status) => Error::new(
            &codes::CONFLICT,
            format!("the {subject} has ended already, as {status}; there is nothing to cancel"),
        ),
        Refusal::JobNotFailed(status) => Error::new(
            &codes::CONFLICT,
            format!(
                "the {subject} is {status}; only what failed, died or was cancelled can be requeued"
            ),
        ),
        Refusal::AwaitedNotFound(job) => {
            Error::new(&codes::NOT_FOUND, format!("there is no job `{job}`"))
        }
        Refusal::AwaitedFailed(job) => Error::new(
            &codes::CONFLICT,
            format!("the job {job}, so nothing can come after it"),
        ),
        Refusal::NoWayBack(migration) => Error::new(
            &codes::CONFLICT,
            format!("there is no way back from the migration `{migration}`; restore a backup"),
        ),
    }
}

fn unavailable(reason: &str) -> Error {
    Error::new(&codes::STORE_UNAVAILABLE, reason)
}
