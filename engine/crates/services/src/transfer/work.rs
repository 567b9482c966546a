//! Imports as work of the queue: a job is claimed with a lease, and brought back where its engine was cut
//! off. The import itself knows how far it is.

use std::sync::Arc;

use async_trait::async_trait;
use inkstone_domain::ids::ImportId;
use inkstone_domain::job::{JobError, JobStatus, Progress};
use inkstone_domain::transfer::Import;
use inkstone_domain::{Error, Result, codes};
use serde::Deserialize;
use serde_json::{Value, json};

use super::importer::{self, End, ImportPowers};
use super::limits::TransferLimits;
use super::spool::Spool;
use crate::jobs::{Work, WorkKind};

/// Does imports.
pub struct ImportWork {
    pub(super) powers: ImportPowers,
    pub(super) spool: Arc<Spool>,
    pub(super) limits: TransferLimits,
    /// This one.
    pub(super) engine: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    import: ImportId,
}

impl ImportWork {
    pub const KIND: &str = "import";

    async fn end(
        &self,
        import: &Import,
        status: JobStatus,
        error: Option<&Error>,
    ) -> Result<Import> {
        let error = error.map(|error| JobError {
            code: error.code().name.to_owned(),
            message: error.message().to_owned(),
        });
        let now = self.powers.clock.now();
        let store = &self.powers.store;
        let ended = store.end_import(import.id, status, error, now).await?;
        self.spool.forget(import.id).await;
        Ok(ended)
    }
}

#[async_trait]
impl WorkKind for ImportWork {
    fn name(&self) -> &'static str {
        Self::KIND
    }

    /// The file lies with the engine that took it.
    async fn missing(&self, work: &Work<'_>) -> Result<Option<Error>> {
        let Input { import: id } = work.input()?;
        let import = self.powers.store.import(id).await?;
        let open = import.filter(|import| !import.status.is_final());
        let Some(import) = open.filter(|import| import.engine != self.engine) else {
            return Ok(None);
        };
        let is_here = self.spool.has(id).await?;
        Ok((!is_here).then(|| elsewhere(&import)))
    }

    async fn run(&self, work: &Work<'_>) -> Result<Value> {
        let Input { import: id } = work.input()?;
        let import = self.powers.store.import(id).await?;
        let import = import
            .ok_or_else(|| Error::new(&codes::NOT_FOUND, format!("there is no import {id}")))?;
        if import.status.is_final() {
            return Ok(result_of(&import));
        }
        let path = self.spool.path(id);
        if !self.spool.has(id).await? {
            if import.engine != self.engine {
                return Err(elsewhere(&import));
            }
            let message = "the file of the import is not with its engine any more; import it again";
            let gone = Error::new(&codes::NOT_FOUND, message);
            let ended = self.end(&import, JobStatus::Failed, Some(&gone)).await?;
            // Another worker may have been faster.
            return match ended.status {
                JobStatus::Failed => Err(gone),
                _ => Ok(result_of(&ended)),
            };
        }
        let told = |done: u64| {
            work.progress(Progress {
                step: "entries".to_owned(),
                done: u32::try_from(done).unwrap_or(u32::MAX),
                total: 0,
            });
        };
        let principal = work.principal().clone();
        let run = importer::run(
            &self.powers,
            import.clone(),
            principal,
            path,
            self.limits,
            told,
        );
        match run.await? {
            End::Done => {
                let ended = self.end(&import, JobStatus::Succeeded, None).await?;
                Ok(result_of(&ended))
            }
            End::Lost => Ok(json!({ "import": id, "status": "lost" })),
            End::Failed(error) => {
                self.end(&import, JobStatus::Failed, Some(&error)).await?;
                Err(error)
            }
        }
    }
}

fn elsewhere(import: &Import) -> Error {
    let engine = &import.engine;
    Error::new(
        &codes::STORE_UNAVAILABLE,
        format!("the file of the import is with the engine `{engine}`"),
    )
}

fn result_of(import: &Import) -> Value {
    json!({
        "import": import.id,
        "status": import.status.as_str(),
        "counts": import.counts,
    })
}
