//! Uploads in pieces, which go on after a broken connection, a restart, or through another engine: what is
//! acknowledged lies in the blob store. A whole upload becomes a file by the same way as any other.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use inkstone_domain::audit::actions;
use inkstone_domain::ids::UploadId;
use inkstone_domain::media::{BlobKey, Upload, UploadPart};
use inkstone_domain::ports::ByteStream;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, ErrorKind, Result, codes};

use super::intake::{Claim, too_large};
use super::{MediaLibrary, names, reach};
use crate::sweep::LeftOver;

/// Kept at once; so much of a piece may be lost with a connection.
const PART_BYTES: usize = 8 << 20;
/// Of one upload.
const MOST_PARTS: usize = 10_000;

/// An upload to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewUpload {
    pub claim: Claim,
    pub alt: String,
    pub size_bytes: u64,
}

impl MediaLibrary {
    /// Begins an upload of so many bytes, which the project's quota has room for until it ends. For editors
    /// of the project.
    pub async fn begin_upload(
        &self,
        principal: &Principal,
        project: &str,
        new: NewUpload,
    ) -> Result<Upload> {
        self.may_add(principal, project).await?;
        names::check_alt(&new.alt)?;
        if new.size_bytes == 0 {
            return Err(Error::new(&codes::INVALID_INPUT, "the file is empty"));
        }
        if new.size_bytes > self.config.max_bytes {
            return Err(too_large(self.config.max_bytes));
        }
        let now = self.clock.now();
        let upload = Upload {
            id: UploadId::new(),
            project: project.to_owned(),
            owner: principal.user,
            name: names::cleaned(&new.claim.name),
            claimed_type: new.claim.content_type,
            alt: new.alt,
            size_bytes: new.size_bytes,
            parts: Vec::new(),
            created_at: now,
            expires_at: now + self.config.upload_time,
            media: None,
        };
        let quota = self.config.project_quota_bytes;
        self.store.create_upload(&upload, quota).await?;
        Ok(upload)
    }

    /// How far an upload is, for who began it. One that is whole and became no file yet, because the engine
    /// stopped in between, becomes it now; while it does so here, it is told as it is.
    pub async fn upload(
        &self,
        principal: &Principal,
        project: &str,
        id: UploadId,
    ) -> Result<Upload> {
        let upload = self.own_upload(principal, project, id).await?;
        match upload.is_whole() && upload.media.is_none() {
            true => self.finish_once(principal, upload).await,
            false => Ok(upload),
        }
    }

    /// Adds bytes at the end of an upload, which is at `offset`, else `conflict`. What came before the
    /// bytes broke off is kept. With its last byte the upload becomes a file; where it cannot be one, it
    /// ends.
    pub async fn continue_upload(
        &self,
        principal: &Principal,
        project: &str,
        id: UploadId,
        offset: u64,
        mut bytes: ByteStream,
    ) -> Result<Upload> {
        self.may_add(principal, project).await?;
        let mut upload = self.own_upload(principal, project, id).await?;
        if upload.offset() != offset {
            return Err(Error::new(
                &codes::CONFLICT,
                format!(
                    "the upload has {} bytes, not {offset}; go on from there",
                    upload.offset()
                ),
            ));
        }
        let mut waiting = BytesMut::new();
        loop {
            let piece = bytes.next().await;
            let is_over = !matches!(piece, Some(Ok(_)));
            if let Some(Ok(piece)) = &piece {
                let there = upload.offset() + (waiting.len() + piece.len()) as u64;
                if there > upload.size_bytes {
                    return Err(too_large(upload.size_bytes));
                }
                waiting.extend_from_slice(piece);
            }
            if waiting.len() >= PART_BYTES || (is_over && !waiting.is_empty()) {
                upload = self.add_part(upload, waiting.split().freeze()).await?;
            }
            match piece {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => break,
            }
        }
        match upload.is_whole() && upload.media.is_none() {
            true => self.finish_once(principal, upload).await,
            false => Ok(upload),
        }
    }

    /// Ends an upload, whatever there is of it; a file that it became stays.
    pub async fn end_upload(
        &self,
        principal: &Principal,
        project: &str,
        id: UploadId,
    ) -> Result<()> {
        self.own_upload(principal, project, id).await?;
        self.drop_upload(id).await
    }

    /// Ends what nobody went on with in time; how many.
    pub async fn end_expired_uploads(&self) -> Result<u64> {
        const BATCH: usize = 100;
        let mut ended = 0;
        let mut left = LeftOver::default();
        loop {
            let now = self.clock.now();
            let batch = left.beside(BATCH);
            let expired = self.store.expired_uploads(now, batch).await?;
            let is_last = expired.len() < batch;
            for upload in expired {
                if left.has(upload.id) {
                    continue;
                }
                match self.drop_upload(upload.id).await {
                    Ok(()) => ended += 1,
                    Err(error) => left.pass("an upload that has expired", upload.id, error)?,
                }
            }
            if is_last {
                return Ok(ended);
            }
        }
    }

    async fn drop_upload(&self, id: UploadId) -> Result<()> {
        let keys = self.store.remove_upload(id).await?;
        self.forget_bytes(&keys).await;
        Ok(())
    }

    async fn own_upload(
        &self,
        principal: &Principal,
        project: &str,
        id: UploadId,
    ) -> Result<Upload> {
        let upload = self.store.upload(id).await?;
        let is_shown = |upload: &Upload| {
            upload.project == project
                && upload.owner == principal.user
                && self.clock.now() < upload.expires_at
        };
        upload.filter(is_shown).ok_or_else(|| no_upload(id))
    }

    /// The bytes first, then the row that knows them.
    async fn add_part(&self, upload: Upload, bytes: Bytes) -> Result<Upload> {
        if upload.parts.len() >= MOST_PARTS {
            return Err(Error::new(
                &codes::CONFLICT,
                format!("an upload has at most {MOST_PARTS} pieces; begin again with larger ones"),
            ));
        }
        let key = self.new_key(&upload.project);
        let part = UploadPart {
            blob: key.blob,
            size_bytes: bytes.len() as u64,
        };
        self.blobs
            .put(&key, stream::iter([Ok(bytes)]).boxed())
            .await?;
        let offset = upload.offset();
        let grown = self.store.add_upload_part(upload.id, offset, &part).await;
        if let Err(error) = &grown {
            self.forget_refused(vec![key], error).await;
        }
        grown
    }

    /// The upload as it became a file, or as it is where another call makes it one.
    async fn finish_once(&self, principal: &Principal, upload: Upload) -> Result<Upload> {
        let Some(_turn) = self.finishing.begin(upload.id) else {
            return Ok(upload);
        };
        // Whoever had the turn before may have done it.
        let upload = self
            .own_upload(principal, &upload.project, upload.id)
            .await?;
        if upload.media.is_some() {
            return Ok(upload);
        }
        let id = upload.id;
        match self.finish(principal, upload).await {
            // So may another engine, with which the pieces went; or it has found that it can be no file.
            Err(error) if error.kind() == ErrorKind::Internal => {
                let stored = self.store.upload(id).await?;
                let stored = stored.ok_or_else(|| no_upload(id))?;
                match stored.media {
                    Some(_) => Ok(stored),
                    None => Err(error),
                }
            }
            done => done,
        }
    }

    async fn finish(&self, principal: &Principal, upload: Upload) -> Result<Upload> {
        let verdict = self.enter(principal, &upload.project).await?;
        let claim = Claim {
            name: upload.name.clone(),
            content_type: upload.claimed_type.clone(),
        };
        let taken = match self
            .keep(&upload.project, &claim, self.joined(&upload))
            .await
        {
            Ok(taken) => taken,
            Err(error) => {
                if error.kind() == ErrorKind::InvalidInput {
                    self.drop_upload(upload.id).await?;
                }
                return Err(error);
            }
        };
        let key = taken.key.clone();
        let media = self.new_media(principal, taken, upload.alt.clone());
        let audit = reach::record(principal, actions::MEDIA_CREATED, verdict, None, &media);
        let quota = self.config.project_quota_bytes;
        let created = self
            .store
            .create_media(&media, Some(upload.id), quota, audit.as_ref());
        if let Err(error) = created.await {
            self.forget_refused(vec![key], &error).await;
            // Another engine was asked at the same time, and made it a file; or this one did, and was not told.
            let stored = self.store.upload(upload.id).await;
            let stored = stored.ok().flatten().filter(|it| it.media.is_some());
            if stored.as_ref().and_then(|stored| stored.media) != Some(media.id) {
                return stored.ok_or(error);
            }
        }
        self.queue_variants(&media).await;
        self.forget_bytes(&part_keys(&upload)).await;
        Ok(Upload {
            media: Some(media.id),
            parts: Vec::new(),
            ..upload
        })
    }

    /// All pieces, one after the other.
    fn joined(&self, upload: &Upload) -> ByteStream {
        let blobs = self.blobs.clone();
        let pieces = stream::iter(part_keys(upload)).then(move |key| {
            let blobs = blobs.clone();
            async move {
                let blob = blobs.get(&key, None).await?;
                let blob = blob.ok_or_else(|| {
                    Error::new(&codes::INTERNAL, "a piece of the upload is not there")
                        .with_source(format!("there is no blob {key}"))
                })?;
                Ok::<_, Error>(blob.bytes)
            }
        });
        pieces.try_flatten().boxed()
    }
}

/// Uploads of which a call makes a file: it may take long, and is not done twice.
#[derive(Default)]
pub(super) struct Finishing(Arc<Mutex<HashSet<UploadId>>>);

/// The right to make a file of an upload; given back when it is dropped.
struct Turn {
    finishing: Arc<Mutex<HashSet<UploadId>>>,
    upload: UploadId,
}

impl Finishing {
    /// `None` while somebody else has it.
    fn begin(&self, upload: UploadId) -> Option<Turn> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.insert(upload).then(|| Turn {
            finishing: Arc::clone(&self.0),
            upload,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let under_way = self.finishing.lock();
        let mut under_way = under_way.unwrap_or_else(PoisonError::into_inner);
        under_way.remove(&self.upload);
    }
}

fn no_upload(id: UploadId) -> Error {
    let message = format!("there is no upload {id}, or it has expired; begin a new one");
    Error::new(&codes::NOT_FOUND, message)
}

fn part_keys(upload: &Upload) -> Vec<BlobKey> {
    let keys = upload.parts.iter().map(|part| BlobKey {
        project: upload.project.clone(),
        blob: part.blob,
    });
    keys.collect()
}
