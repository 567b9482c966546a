//! What keeps imports within bounds: how many somebody may have open, what is done now and then for those that
//! ended without anybody looking, and how long what has ended is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use inkstone_domain::ids::{ImportId, UserId};
use inkstone_domain::{Error, Result, codes};
use tokio_util::sync::CancellationToken;

use super::Transfers;
use super::limits::MOST_OPEN;
use crate::rounds::Rounds;
use crate::sweep::in_pieces;

/// Between two looks.
const TIDY_EVERY: Duration = Duration::from_secs(600);
const FORGET_EVERY: Duration = Duration::from_secs(3600);
const FORGOTTEN_AT_ONCE: usize = 10;

/// Files that are being sent, and by whom: nothing in the store knows them yet.
#[derive(Default)]
pub(super) struct Coming(Mutex<HashMap<ImportId, UserId>>);

impl Coming {
    /// Until what this gives is dropped.
    pub fn begin(self: &Arc<Self>, id: ImportId, owner: UserId) -> ComingFile {
        self.all(|all| all.insert(id, owner));
        ComingFile {
            coming: Arc::clone(self),
            id,
        }
    }

    fn of(&self, owner: UserId) -> usize {
        self.all(|all| all.values().filter(|it| **it == owner).count())
    }

    fn ids(&self) -> Vec<ImportId> {
        self.all(|all| all.keys().copied().collect())
    }

    fn all<T>(&self, look: impl FnOnce(&mut HashMap<ImportId, UserId>) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut all)
    }
}

/// One of them.
pub(super) struct ComingFile {
    coming: Arc<Coming>,
    id: ImportId,
}

impl Drop for ComingFile {
    fn drop(&mut self) {
        self.coming.all(|all| all.remove(&self.id));
    }
}

impl Transfers {
    /// For one whose file is coming already. `conflict` where too many others have not ended.
    pub(super) async fn check_open(&self, owner: UserId) -> Result<()> {
        let coming = self.coming.of(owner);
        let open = self.parts.store.open_imports_of(owner, MOST_OPEN).await?;
        if open.len() + coming <= MOST_OPEN {
            return Ok(());
        }
        // The jobs of some may have ended without them.
        let mut still_open = 0;
        for import in open {
            still_open += usize::from(!self.settled(import).await?.status.is_final());
        }
        if still_open + coming <= MOST_OPEN {
            return Ok(());
        }
        Err(Error::new(
            &codes::CONFLICT,
            format!(
                "you have {MOST_OPEN} imports that have not ended, which are the most; wait for one, or end one"
            ),
        ))
    }

    /// Ends what ended without anybody looking, and removes files that nobody needs, now and then until `stop`.
    pub(crate) async fn keep_tidy(self: Arc<Self>, stop: CancellationToken) {
        let mut rounds = Rounds::every(TIDY_EVERY, stop);
        while rounds.next().await {
            if let Err(error) = self.tidy().await {
                tracing::warn!(?error, "imports could not be tidied up; it is tried again");
            }
        }
    }

    /// The same once, for what this engine has.
    pub async fn tidy(&self) -> Result<()> {
        for import in self.parts.store.open_imports(&self.parts.engine).await? {
            let id = import.id;
            if let Err(error) = self.settled(import).await {
                tracing::warn!(?error, import.id = %id, "an import could not be looked at");
            }
        }
        self.remove_unneeded_files().await
    }

    /// What is listed first, and neither coming nor of an open import after it, is needed by nobody: a file that
    /// came in between was not listed, and one that had come by then has its record.
    async fn remove_unneeded_files(&self) -> Result<()> {
        let files = self.spool.files().await?;
        if files.is_empty() {
            return Ok(());
        }
        let coming = self.coming.ids();
        let open = self.parts.store.open_imports(&self.parts.engine).await?;
        for file in files {
            let is_coming = coming.contains(&file.import);
            let is_open = open.iter().any(|import| import.id == file.import);
            if !is_coming && (file.is_part || !is_open) {
                self.spool.remove(&file).await?;
            }
        }
        Ok(())
    }

    /// Forgets imports with their reports once they were kept as long as jobs are, until `stop`.
    pub(crate) async fn forget_old(self: Arc<Self>, stop: CancellationToken) {
        let mut rounds = Rounds::every(FORGET_EVERY, stop.clone());
        while rounds.next().await {
            let forget = |_| self.forget_some();
            if let Err(error) = in_pieces(FORGOTTEN_AT_ONCE, &stop, forget).await {
                tracing::warn!(?error, "old imports could not be forgotten");
            }
        }
    }

    /// A few of the oldest; how many.
    pub async fn forget_some(&self) -> Result<u64> {
        let Some(kept) = self.parts.kept else {
            return Ok(0);
        };
        let before = self.parts.clock.now() - kept;
        let store = &self.parts.store;
        store.forget_imports(before, FORGOTTEN_AT_ONCE).await
    }
}
