//! What is done now and then: the trash is emptied, uploads that nobody goes on with end, variants that were
//! forgotten are made, and bytes that nothing knows are swept away.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use inkstone_domain::Result;
use inkstone_domain::media::BlobKey;
use tokio_util::sync::CancellationToken;

use super::MediaLibrary;
use crate::rounds::Rounds;
use crate::sweep::LeftOver;

/// Between two looks.
const TIDY_EVERY: Duration = Duration::from_secs(600);
/// Every so many looks all bytes are gone through.
const SWEEP_EVERY: u64 = 36;
/// Bytes are there before their record. Whatever takes longer than this for a file has failed.
const YOUNGEST_SWEPT: TimeDelta = TimeDelta::hours(24);
/// A job has long made them by then, or is lost.
const PENDING_FOR: TimeDelta = TimeDelta::minutes(15);
/// Asked about at once.
const BATCH: usize = 500;

impl MediaLibrary {
    /// Until `stop`.
    pub async fn keep_tidy(self: Arc<Self>, stop: CancellationToken) {
        let mut rounds = Rounds::every(TIDY_EVERY, stop);
        for look in 0_u64.. {
            if !rounds.next().await {
                return;
            }
            // Each by itself: one that fails holds up none of the others.
            told("trash", self.empty_trash().await.map(drop));
            told("uploads", self.end_expired_uploads().await.map(drop));
            told("variants", self.make_forgotten_variants().await);
            if look % SWEEP_EVERY == 0 {
                told("bytes", self.sweep().await.map(drop));
            }
        }
    }

    /// Removes bytes that nothing knows: what is left of a crash between bytes and their record. How many.
    pub async fn sweep(&self) -> Result<u64> {
        let oldest_kept = self.clock.now() - YOUNGEST_SWEPT;
        let entries = self.blobs.list().await?;
        let old = entries.filter_map(|entry| async move {
            match entry {
                Ok(entry) => (born(&entry.key) < oldest_kept).then_some(Ok(entry.key)),
                Err(error) => Some(Err(error)),
            }
        });
        let mut batches = std::pin::pin!(old.chunks(BATCH));
        let mut swept = 0;
        let mut left = LeftOver::default();
        while let Some(batch) = batches.next().await {
            let keys: Vec<BlobKey> = batch.into_iter().collect::<Result<_>>()?;
            let blobs: Vec<_> = keys.iter().map(|key| key.blob).collect();
            let known = self.store.known_blobs(&blobs).await?;
            for key in keys.iter().filter(|key| !known.contains(&key.blob)) {
                match self.blobs.delete(key).await {
                    Ok(()) => swept += 1,
                    Err(error) => left.pass("bytes that no file has", key.blob, error)?,
                }
            }
        }
        if swept > 0 {
            tracing::info!(blobs = swept, "bytes that no file had were removed");
        }
        Ok(swept)
    }

    /// Of versions whose job was lost.
    pub async fn make_forgotten_variants(&self) -> Result<()> {
        let before = self.clock.now() - PENDING_FOR;
        let mut left = LeftOver::default();
        for (id, version) in self.store.pending_variants(before, BATCH).await? {
            if let Err(error) = self.make_variants(id, version).await {
                left.pass("a picture without smaller ones", id, error)?;
            }
        }
        Ok(())
    }
}

fn told(part: &str, done: Result<()>) {
    if let Err(error) = done {
        tracing::warn!(
            ?error,
            part,
            "media could not be tidied up; it is tried again"
        );
    }
}

fn born(key: &BlobKey) -> DateTime<Utc> {
    key.blob.0.datetime().into()
}
