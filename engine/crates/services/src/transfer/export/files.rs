//! The media of a project for its archive: a record each, and the bytes of all versions as they are read.

use std::sync::atomic::Ordering;

use futures::StreamExt;
use inkstone_domain::content::PageRequest;
use inkstone_domain::media::{BlobKey, Media, MediaFilter, MediaVersion};
use inkstone_domain::{Error, Result, codes};

use super::gather::Gather;
use crate::transfer::medium::{MediaRecord, MediumBytes};
use crate::transfer::piece::Piece;

impl Gather {
    /// All of the project; what is in the trash stays there.
    pub(super) async fn media(&self) -> Result<()> {
        let filter = MediaFilter {
            project: self.project.slug.clone(),
            owner: self.filter.owner,
            ..MediaFilter::default()
        };
        let mut page = PageRequest {
            limit: 50,
            cursor: None,
        };
        loop {
            let found = self.powers.media.list_media(&filter, page.clone()).await?;
            for media in found.items {
                self.medium(media).await?;
            }
            match found.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => return Ok(()),
            }
        }
    }

    async fn medium(&self, media: Media) -> Result<()> {
        let versions = self.versions(&media).await?;
        for version in &versions {
            let key = media.key(&version.content);
            if self.powers.blobs.size(&key).await?.is_some() {
                continue;
            }
            // Somebody may have removed it since it was listed.
            return match self.powers.media.media(media.id).await? {
                None => Ok(()),
                Some(_) => Err(no_bytes(&key)),
            };
        }
        let record = MediaRecord::of(media.clone(), &versions);
        self.put(Piece::Medium(Box::new(record))).await?;
        for version in &versions {
            let key = media.key(&version.content);
            let blob = self.powers.blobs.get(&key, None).await?;
            let mut blob = blob.ok_or_else(|| no_bytes(&key))?;
            while let Some(bytes) = blob.bytes.next().await {
                let part = MediumBytes {
                    media: media.id,
                    version: version.version,
                    size_bytes: version.content.size_bytes,
                    bytes: bytes?,
                };
                self.put(Piece::MediumBytes(part)).await?;
            }
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Oldest first; none that came since the file was read.
    async fn versions(&self, media: &Media) -> Result<Vec<MediaVersion>> {
        let mut versions = Vec::new();
        let mut page = PageRequest {
            limit: 100,
            cursor: None,
        };
        loop {
            let found = self.powers.media.media_versions(media.id, page.clone());
            let found = found.await?;
            versions.extend(found.items);
            match found.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => break,
            }
        }
        versions.retain(|version| version.version <= media.newest.version);
        versions.reverse();
        Ok(versions)
    }
}

fn no_bytes(key: &BlobKey) -> Error {
    Error::new(&codes::INTERNAL, "the bytes of a medium are not there")
        .with_source(format!("there is no blob {key}"))
}
