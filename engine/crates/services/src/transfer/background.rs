//! Exports in the background: a job writes the file into the blob store, and a link that expires opens it for
//! everybody who has it. The job is all that is known of an export. Its bytes are in no record, so they are
//! swept away with all that no record knows.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::digest::hex;
use inkstone_domain::ids::{BlobId, JobId};
use inkstone_domain::job::{Job, JobStatus, Progress, Task, WorkTask};
use inkstone_domain::media::BlobKey;
use inkstone_domain::ports::{Blob, Clock};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::export::{self, ExportPowers, ExportWish};
use super::{Transfers, subject};
use crate::access::Access;
use crate::jobs::{Work, WorkKind};
use crate::projects::by_right;

/// Less than the time after which bytes that no record knows are swept away.
const KEPT: TimeDelta = TimeDelta::hours(23);
/// How long a link lasts; who may have the file may have another one.
const LINK: TimeDelta = TimeDelta::hours(1);

/// What such a job is given.
#[derive(Serialize, Deserialize)]
struct Input {
    wish: ExportWish,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    pub blob: BlobId,
    /// Plain ASCII, without anything that a header could take for more.
    pub file_name: String,
    pub media_type: String,
    pub size_bytes: u64,
    /// Articles and media in it.
    pub entries: u64,
    /// Hex.
    pub sha256: String,
    /// Then it is gone.
    pub expires_at: DateTime<Utc>,
}

/// An export in the background.
#[derive(Debug, Clone, PartialEq)]
pub struct BackgroundExport {
    pub job: Job,
    pub wish: ExportWish,
    /// Once it is written, with a link to it.
    pub file: Option<(ExportedFile, ExportLink)>,
}

/// Opens the file of an export until it expires.
#[derive(Clone, PartialEq, Eq)]
pub struct ExportLink {
    pub job: JobId,
    /// Unix seconds.
    pub expires: i64,
    pub signature: String,
}

impl fmt::Debug for ExportLink {
    /// Without the signature: who has it may read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportLink")
            .field("job", &self.job)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// A file that somebody may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenExport {
    pub file: ExportedFile,
    key: BlobKey,
}

impl Transfers {
    /// Queues an export, for whoever may have one that is read at once.
    pub async fn begin_export(
        &self,
        principal: &Principal,
        slug: &str,
        wish: ExportWish,
    ) -> Result<BackgroundExport> {
        let access = &self.parts.access;
        let scope = export::scope(access, principal, slug, &wish).await?;
        let now = self.parts.clock.now();
        let detail = format!("{}, in the background", wish.format.as_str());
        let audit = AuditRecord::by(principal, now, actions::PROJECT_EXPORTED, subject(slug))
            .with_detail(detail);
        access
            .audit()
            .append(&by_right(audit, scope.verdict))
            .await?;
        let work = WorkTask {
            kind: ExportWork::KIND.to_owned(),
            project: slug.to_owned(),
            input: json!(Input { wish: wish.clone() }),
        };
        let job = self.parts.queue.add(principal.user, work).await?;
        Ok(BackgroundExport {
            job,
            wish,
            file: None,
        })
    }

    /// How far an export is, for who asked for it and may still have it. `not_found` for all others, and
    /// once its file is gone.
    pub async fn background_export(
        &self,
        principal: &Principal,
        slug: &str,
        id: JobId,
    ) -> Result<BackgroundExport> {
        let job = self.parts.jobs.job(id).await?;
        let job = job.filter(|job| job.owner == principal.user && job.task.project() == slug);
        let found = job.and_then(|job| wish_of(&job).map(|wish| (job, wish)));
        let (job, wish) = found.ok_or_else(|| not_found(id))?;
        export::scope(&self.parts.access, principal, slug, &wish).await?;
        let now = self.parts.clock.now();
        let file = file_of(&job);
        if file.as_ref().is_some_and(|file| file.expires_at <= now) {
            return Err(not_found(id));
        }
        let file = file.map(|file| {
            let expires = file.expires_at.min(now + LINK).timestamp();
            let link = ExportLink {
                job: id,
                expires,
                signature: self.links.sign(&signed(id, expires)),
            };
            (file, link)
        });
        Ok(BackgroundExport { job, wish, file })
    }

    /// The file itself, for who may see the export. `not_found` also while it is not written yet.
    pub async fn own_export(
        &self,
        principal: &Principal,
        slug: &str,
        id: JobId,
    ) -> Result<OpenExport> {
        let export = self.background_export(principal, slug, id).await?;
        open(&export.job).ok_or_else(|| {
            let message = format!("the file of the export {id} is not written yet");
            Error::new(&codes::NOT_FOUND, message)
        })
    }

    /// What a link opens: `invalid_link` where it is not ours or has expired.
    pub async fn linked_export(&self, link: &ExportLink) -> Result<OpenExport> {
        let claim = signed(link.job, link.expires);
        if !self.links.is_of(&claim, &link.signature) {
            return Err(invalid_link("the link was not made here, or was changed"));
        }
        if self.parts.clock.now().timestamp() >= link.expires {
            return Err(invalid_link("the link has expired; ask for a new one"));
        }
        let job = self.parts.jobs.job(link.job).await?;
        job.as_ref()
            .and_then(open)
            .ok_or_else(|| not_found(link.job))
    }

    /// The bytes, or those within the range.
    pub async fn open_export(&self, open: &OpenExport, range: Option<Range<u64>>) -> Result<Blob> {
        let blob = self.parts.export.blobs.get(&open.key, range).await?;
        blob.ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                "the file is gone; export the project again",
            )
        })
    }
}

/// Does these jobs.
pub struct ExportWork {
    pub(super) powers: ExportPowers,
    pub(super) access: Arc<Access>,
    pub(super) clock: Arc<dyn Clock>,
}

impl ExportWork {
    pub const KIND: &str = "export";
}

#[async_trait]
impl WorkKind for ExportWork {
    fn name(&self) -> &'static str {
        Self::KIND
    }

    /// Begun twice it writes two files, of which nobody knows the first.
    async fn run(&self, work: &Work<'_>) -> Result<Value> {
        let Input { wish } = work.input()?;
        let format = wish.format;
        let slug = work.project().to_owned();
        let scope = export::scope(&self.access, work.principal(), &slug, &wish).await?;
        let done: Arc<AtomicU64> = Arc::default();
        let body = export::start(
            self.powers.clone(),
            wish,
            scope.filter,
            scope.project,
            Arc::clone(&done),
        );
        let created_at = self.clock.now();
        let key = BlobKey {
            project: slug.clone(),
            blob: BlobId::at(created_at),
        };
        let hash = Arc::new(Mutex::new(Sha256::new()));
        let (seen, counted) = (Arc::clone(&hash), Arc::clone(&done));
        let (told, tell) = tokio::sync::watch::channel(0_u64);
        let watched = body.map(move |piece| {
            let piece = piece?;
            let mut hash = seen.lock().unwrap_or_else(PoisonError::into_inner);
            hash.update(&piece);
            // Nobody may be listening any more.
            let _ = told.send(counted.load(Ordering::Relaxed));
            Ok(piece)
        });
        let put = self.powers.blobs.put(&key, watched.boxed());
        let size_bytes = tokio::select! {
            put = put => put?,
            () = tell_all(work, tell) => return Err(Error::new(&codes::INTERNAL, "the export ended early")),
        };
        let hash = hash.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let file = ExportedFile {
            blob: key.blob,
            file_name: export::file_name(&slug, format),
            media_type: format.media_type().to_owned(),
            size_bytes,
            entries: done.load(Ordering::Relaxed),
            sha256: hex(&hash.finalize()),
            expires_at: created_at + KEPT,
        };
        Ok(json!(file))
    }
}

/// Tells how far it is; never ends by itself.
async fn tell_all(work: &Work<'_>, mut done: tokio::sync::watch::Receiver<u64>) {
    while done.changed().await.is_ok() {
        let done = *done.borrow_and_update();
        work.progress(Progress {
            step: "entries".to_owned(),
            done: u32::try_from(done).unwrap_or(u32::MAX),
            total: 0,
        });
    }
    // The last piece has gone by; what follows is up to the blob store.
    std::future::pending().await
}

fn wish_of(job: &Job) -> Option<ExportWish> {
    let Task::Work(work) = &job.task else {
        return None;
    };
    let input = (work.kind == ExportWork::KIND).then(|| work.input.clone())?;
    let Input { wish } = serde_json::from_value(input).ok()?;
    Some(wish)
}

fn file_of(job: &Job) -> Option<ExportedFile> {
    wish_of(job)?;
    let result = job.result.clone();
    let result = result.filter(|_| job.status == JobStatus::Succeeded)?;
    serde_json::from_value(result).ok()
}

fn open(job: &Job) -> Option<OpenExport> {
    let file = file_of(job)?;
    let key = BlobKey {
        project: job.task.project().to_owned(),
        blob: file.blob,
    };
    Some(OpenExport { file, key })
}

fn signed(job: JobId, expires: i64) -> Vec<u8> {
    format!("{job}\n{expires}\n").into_bytes()
}

fn invalid_link(message: &str) -> Error {
    Error::new(&codes::INVALID_LINK, message)
}

/// Said for what does not exist and for what must not be seen alike.
fn not_found(id: JobId) -> Error {
    let message = format!("there is no export {id}, or its file is gone; export the project again");
    Error::new(&codes::NOT_FOUND, message)
}
