//! Smaller pictures of pictures. They are made once, by a job, from the pixels alone; that they are to be
//! made stands with the version, so that none is forgotten, whatever becomes of the job.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use inkstone_domain::digest::sha256;
use inkstone_domain::ids::MediaId;
use inkstone_domain::job::WorkTask;
use inkstone_domain::media::{BlobKey, Media, MediaContent, Variant, VariantState};
use inkstone_domain::ports::MadePicture;
use inkstone_domain::{ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::MediaLibrary;
use crate::jobs::{Work, WorkKind};

/// Does these jobs.
pub struct MediaVariants(pub Arc<MediaLibrary>);

impl MediaVariants {
    /// The kind of the jobs that make them.
    pub const KIND: &str = "media_variants";
}

/// What such a job is given.
#[derive(Serialize, Deserialize)]
struct Input {
    media: MediaId,
    version: u32,
}

#[async_trait]
impl WorkKind for MediaVariants {
    fn name(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &Work<'_>) -> Result<Value> {
        let Input { media, version } = work.input()?;
        self.0.make_variants(media, version).await?;
        Ok(json!({ "media": media, "version": version }))
    }
}

impl MediaLibrary {
    /// Has the variants of its newest version made, in the name of who added it. Where the queue does not
    /// take it now, `upkeep` finds it later.
    pub(super) async fn queue_variants(&self, media: &Media) {
        if media.newest.variant_state != VariantState::Pending {
            return;
        }
        let work = WorkTask {
            kind: MediaVariants::KIND.to_owned(),
            project: media.project.clone(),
            input: json!(Input {
                media: media.id,
                version: media.newest.version,
            }),
        };
        if let Err(error) = self.queue.add(media.newest.author, work).await {
            tracing::warn!(media.id = %media.id, ?error, "the variants of a picture are made later");
        }
    }

    /// Makes the variants of a version, if they are still to be made.
    pub async fn make_variants(&self, id: MediaId, version: u32) -> Result<()> {
        let Some(media) = self.store.media(id).await? else {
            return Ok(());
        };
        let stored = self.store.media_version(id, version).await?;
        let pending = stored.filter(|stored| stored.variant_state == VariantState::Pending);
        let Some(stored) = pending else {
            return Ok(());
        };
        let Some(blob) = self.blobs.get(&media.key(&stored.content), None).await? else {
            // Removed since.
            return Ok(());
        };
        let picture: Vec<Bytes> = blob.bytes.try_collect().await?;
        let picture = Bytes::from(picture.concat());
        let made = match self.images.make(picture, &self.config.variants).await {
            Ok(made) => made,
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                tracing::info!(media.id = %id, media.version = version, ?error, "a picture cannot be made smaller");
                let failed = VariantState::Failed;
                return self.store.put_variants(id, version, &[], failed).await;
            }
            Err(error) => return Err(error),
        };
        let kept = self.keep_variants(&media, made).await?;
        let ready = VariantState::Ready;
        // After a fault they may be known in a moment, so nothing is forgotten.
        self.store.put_variants(id, version, &kept, ready).await?;
        self.forget_unknown(&media, &kept).await
    }

    async fn keep_variants(&self, media: &Media, made: Vec<MadePicture>) -> Result<Vec<Variant>> {
        let mut kept = Vec::new();
        for picture in made {
            let spec = self
                .config
                .variants
                .iter()
                .find(|spec| spec.name == picture.name);
            let Some(spec) = spec else { continue };
            let key = self.new_key(&media.project);
            let content = MediaContent {
                blob: key.blob,
                content_type: spec.format.content_type().to_owned(),
                size_bytes: picture.bytes.len() as u64,
                sha256: sha256(&picture.bytes),
                width: Some(picture.width),
                height: Some(picture.height),
                text: None,
            };
            let bytes = stream::iter([Ok(picture.bytes)]).boxed();
            self.blobs.put(&key, bytes).await?;
            kept.push(Variant {
                name: picture.name,
                content,
            });
        }
        Ok(kept)
    }

    /// Where the version is gone by now, or another had made them.
    async fn forget_unknown(&self, media: &Media, variants: &[Variant]) -> Result<()> {
        let keys: Vec<BlobKey> = variants
            .iter()
            .map(|variant| media.key(&variant.content))
            .collect();
        let blobs: Vec<_> = keys.iter().map(|key| key.blob).collect();
        let known = self.store.known_blobs(&blobs).await?;
        let unknown = keys.into_iter().filter(|key| !known.contains(&key.blob));
        self.forget_bytes(&unknown.collect::<Vec<_>>()).await;
        Ok(())
    }
}

/// Of a variant as it is offered for saving.
pub(super) fn name_of(name: &str, variant: &str, content_type: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let ending = match content_type {
        "image/jpeg" => "jpg",
        other => other.rsplit('/').next().unwrap_or_default(),
    };
    format!("{stem}-{variant}.{ending}")
}
