//! Articles in and out of projects: imports as background work with a report by entry, exports as a body
//! that grows while it is read. What each format looks like is in the module of its name; readers and
//! writers are pure and know neither store nor network.

mod archive;
mod background;
mod export;
pub mod folder;
mod html;
mod importer;
mod json_lines;
mod limits;
mod lines;
mod markdown;
mod medium;
mod piece;
mod reading;
mod record;
mod spool;
mod upkeep;
mod work;
mod writer;
mod wxr;
mod wxr_writer;
mod zip_entries;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use futures::Stream;
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::engine::EngineRole;
use inkstone_domain::ids::{ImportId, JobId};
use inkstone_domain::job::{JobError, JobStatus, WorkTask};
use inkstone_domain::ports::{Clock, JobStore, TransferStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::project::DEFAULT_PROJECT;
use inkstone_domain::transfer::{Counts, Format, Import, OnConflict, ReportLine};
use inkstone_domain::{Error, Result, codes};
use serde_json::json;

pub use self::background::{BackgroundExport, ExportLink, ExportWork, ExportedFile, OpenExport};
use self::export::Scope;
pub use self::export::{Body, ExportPowers, ExportWish};
pub use self::importer::ImportPowers;
pub use self::limits::TransferLimits;
use self::spool::Spool;
use self::upkeep::Coming;
pub use self::work::ImportWork;
use crate::access::Access;
use crate::auth::SealingKey;
use crate::content::check_page;
use crate::jobs::Queue;
use crate::policy::{Act, Verdict};
use crate::projects::by_right;
use crate::signatures::Signatures;

/// Settings of imports and exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferConfig {
    /// Where files lie until their imports have ended.
    pub folder: PathBuf,
    pub limits: TransferLimits,
    /// Of this engine: its workers do the imports of the files that it takes.
    pub role: EngineRole,
}

impl Default for TransferConfig {
    /// `transfers`, counted from where the engine runs.
    fn default() -> Self {
        Self {
            folder: PathBuf::from("transfers"),
            limits: TransferLimits::default(),
            role: EngineRole::All,
        }
    }
}

/// An import to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImport {
    pub format: Format,
    pub on_conflict: OnConflict,
    pub dry_run: bool,
}

/// An export that has begun.
pub struct Export {
    /// Plain ASCII, without anything that a header could take for more.
    pub file_name: String,
    pub media_type: &'static str,
    pub body: Body,
}

/// Lines of a report that are read at a time.
pub const REPORT_BATCH: usize = 500;
/// An import without a job waits so long for its engine to queue it.
const PATIENCE: TimeDelta = TimeDelta::days(1);

/// What transfers are done with.
pub struct TransferParts {
    pub store: Arc<dyn TransferStore>,
    pub jobs: Arc<dyn JobStore>,
    pub queue: Queue,
    pub access: Arc<Access>,
    pub export: ExportPowers,
    pub clock: Arc<dyn Clock>,
    /// This engine.
    pub engine: String,
    /// How long imports that have ended are kept, as jobs are; `None` is for ever.
    pub kept: Option<TimeDelta>,
    pub config: TransferConfig,
}

/// Imports and exports in the name of a principal.
pub struct Transfers {
    parts: TransferParts,
    spool: Arc<Spool>,
    coming: Arc<Coming>,
    links: Signatures,
}

impl Transfers {
    pub fn new(parts: TransferParts, key: &SealingKey) -> Self {
        Self {
            spool: Arc::new(Spool::new(parts.config.folder.clone())),
            coming: Arc::default(),
            links: Signatures::new(key, "inkstone links to exports 1"),
            parts,
        }
    }

    /// Does the imports.
    pub fn work(&self, powers: ImportPowers) -> ImportWork {
        ImportWork {
            powers,
            spool: Arc::clone(&self.spool),
            limits: self.parts.config.limits,
            engine: self.parts.engine.clone(),
        }
    }

    /// Does the exports in the background.
    pub fn export_work(&self) -> ExportWork {
        ExportWork {
            powers: self.parts.export.clone(),
            access: Arc::clone(&self.parts.access),
            clock: Arc::clone(&self.parts.clock),
        }
    }

    /// Whether the principal may import into the project, before anything is sent. Editors may, and
    /// owners where it is an archive; `not_found` for strangers, `conflict` where it is archived, and where
    /// this engine could keep the file, but not take it in.
    pub async fn may_import(
        &self,
        principal: &Principal,
        project: &str,
        format: Format,
    ) -> Result<Verdict> {
        let act = match format {
            Format::Archive => Act::MoveArchive,
            _ => Act::ImportArticles,
        };
        let entered = self.parts.access.enter_to_change(principal, project, act);
        let (_, verdict) = entered.await?;
        match self.parts.config.role.works() {
            true => Ok(verdict),
            false => Err(Error::new(
                &codes::CONFLICT,
                "this engine has the role `api`, and an import is done by the engine that took its file; send it to one with the role `all`",
            )),
        }
    }

    /// Takes a file and queues its import. `body_too_large` where the file is too long, `conflict` where too
    /// many of the principal's imports have not ended.
    pub async fn import(
        &self,
        principal: &Principal,
        project: &str,
        new: NewImport,
        body: impl Stream<Item = Result<Bytes>> + Send,
    ) -> Result<Import> {
        let verdict = self.may_import(principal, project, new.format).await?;
        let id = ImportId::new();
        // Until there is a record of it, or none will be.
        let _coming = self.coming.begin(id, principal.user);
        self.check_open(principal.user).await?;
        let most = self.parts.config.limits.file_bytes;
        let kept = self.spool.keep(id, body, most).await?;
        let now = self.parts.clock.now();
        let import = Import {
            id,
            project: project.to_owned(),
            owner: principal.user,
            format: new.format,
            on_conflict: new.on_conflict,
            dry_run: new.dry_run,
            job: JobId::new(),
            engine: self.parts.engine.clone(),
            size_bytes: kept.size_bytes,
            sha256: kept.sha256,
            status: JobStatus::Queued,
            position: 0,
            counts: Counts::default(),
            error: None,
            created_at: now,
            finished_at: None,
        };
        let detail = format!(
            "{} of {} bytes, {}{}",
            new.format.as_str(),
            import.size_bytes,
            new.on_conflict.as_str(),
            if new.dry_run { ", dry run" } else { "" }
        );
        let audit = AuditRecord::by(principal, now, actions::IMPORT_STARTED, subject(project))
            .with_detail(format!("{id}: {detail}"));
        let audit = by_right(audit, verdict);
        if let Err(error) = self.parts.store.create_import(&import, &audit).await {
            self.spool.forget(id).await;
            return Err(error);
        }
        self.queue(&import).await?;
        Ok(import)
    }

    async fn queue(&self, import: &Import) -> Result<()> {
        let work = WorkTask {
            kind: ImportWork::KIND.to_owned(),
            project: import.project.clone(),
            input: json!({ "import": import.id }),
        };
        let queued = self.parts.queue.add_as(import.job, import.owner, work);
        match queued.await {
            Err(error) if error.code() == &codes::ALREADY_EXISTS => Ok(()),
            done => done.map(drop),
        }
    }

    /// Takes up what an engine that was cut off left behind: imports that never came into the queue, and
    /// files that nobody needs. For the start.
    pub async fn recover(&self) -> Result<()> {
        let open = self.parts.store.open_imports(&self.parts.engine).await?;
        for import in &open {
            if self.parts.jobs.job(import.job).await?.is_none() {
                self.queue(import).await?;
            }
        }
        self.tidy().await
    }

    /// For editors of the project; in `default` everybody sees their own.
    pub async fn get(&self, principal: &Principal, project: &str, id: ImportId) -> Result<Import> {
        let verdict = self.enter(principal, project).await?;
        let import = self.parts.store.import(id).await?;
        let is_seen =
            |import: &Import| import.project == project && self.is_seen(principal, import, verdict);
        let import = import.filter(is_seen).ok_or_else(|| not_found(id))?;
        self.settled(import).await
    }

    /// Newest first. For the same as one of them.
    pub async fn list(
        &self,
        principal: &Principal,
        project: &str,
        page: PageRequest,
    ) -> Result<Page<Import>> {
        check_page(&page)?;
        let verdict = self.enter(principal, project).await?;
        let mut found = self.parts.store.list_imports(project, page).await?;
        found
            .items
            .retain(|import| self.is_seen(principal, import, verdict));
        Ok(found)
    }

    /// The next [`REPORT_BATCH`] lines after a number; none at the end. For the same as the import.
    pub async fn report(
        &self,
        principal: &Principal,
        project: &str,
        id: ImportId,
        after: u64,
    ) -> Result<Vec<ReportLine>> {
        self.get(principal, project, id).await?;
        self.parts.store.report(id, after, REPORT_BATCH).await
    }

    /// Ends an import where it is; what it has written stays. `conflict` where it has ended.
    pub async fn cancel(
        &self,
        principal: &Principal,
        project: &str,
        id: ImportId,
    ) -> Result<Import> {
        let verdict = self.enter(principal, project).await?;
        let import = self.get(principal, project, id).await?;
        if import.status.is_final() {
            return Err(Error::new(
                &codes::CONFLICT,
                format!("the import {id} has {} already", import.status.as_str()),
            ));
        }
        let now = self.parts.clock.now();
        let audit = AuditRecord::by(principal, now, actions::IMPORT_CANCELLED, subject(project))
            .with_detail(id.to_string());
        self.parts
            .access
            .audit()
            .append(&by_right(audit, verdict))
            .await?;
        let ended = self
            .parts
            .store
            .end_import(id, JobStatus::Cancelled, None, now)
            .await?;
        self.spool.forget(id).await;
        Ok(ended)
    }

    /// Gives out what is in a project: for editors, and for owners where it is the whole archive. In
    /// `default` everybody gives out their own.
    pub async fn export(
        &self,
        principal: &Principal,
        slug: &str,
        wish: ExportWish,
    ) -> Result<Export> {
        let access = &self.parts.access;
        let scope = export::scope(access, principal, slug, &wish).await?;
        let now = self.parts.clock.now();
        let audit = AuditRecord::by(principal, now, actions::PROJECT_EXPORTED, subject(slug))
            .with_detail(wish.format.as_str());
        access
            .audit()
            .append(&by_right(audit, scope.verdict))
            .await?;
        let format = wish.format;
        let Scope {
            filter, project, ..
        } = scope;
        let powers = self.parts.export.clone();
        Ok(Export {
            file_name: export::file_name(slug, format),
            media_type: format.media_type(),
            body: export::start(powers, wish, filter, project, Arc::default()),
        })
    }

    async fn enter(&self, principal: &Principal, project: &str) -> Result<Verdict> {
        let act = Act::ImportArticles;
        let entered = self.parts.access.enter(principal, project, act).await?;
        Ok(entered.1)
    }

    fn is_seen(&self, principal: &Principal, import: &Import, verdict: Verdict) -> bool {
        import.project != DEFAULT_PROJECT
            || import.owner == principal.user
            || principal.is_admin() && verdict.is_allowed()
    }

    /// A job that was given up, or cancelled in the queue, takes its import with it.
    async fn settled(&self, import: Import) -> Result<Import> {
        if import.status.is_final() {
            return Ok(import);
        }
        let now = self.parts.clock.now();
        let lost = || JobError {
            code: codes::INTERNAL.name.to_owned(),
            message: "the work on the import ended without it; import the file again".to_owned(),
        };
        let (status, error) = match self.parts.jobs.job(import.job).await? {
            // It is about to be queued, by its engine when that starts again at the latest.
            None if now - import.created_at < PATIENCE => return Ok(import),
            None => (JobStatus::Failed, Some(lost())),
            Some(job) => match job.status {
                JobStatus::Waiting | JobStatus::Queued | JobStatus::Running => return Ok(import),
                JobStatus::Cancelled => (JobStatus::Cancelled, None),
                JobStatus::Failed | JobStatus::Dead | JobStatus::Succeeded => {
                    (JobStatus::Failed, Some(job.error.unwrap_or_else(lost)))
                }
            },
        };
        let ended = self
            .parts
            .store
            .end_import(import.id, status, error, now)
            .await?;
        self.spool.forget(import.id).await;
        Ok(ended)
    }
}

fn subject(project: &str) -> String {
    format!("project:{project}")
}

/// Said for what does not exist and for what must not be seen alike.
fn not_found(id: ImportId) -> Error {
    Error::new(&codes::NOT_FOUND, format!("there is no import {id}"))
}
