//! Where files are kept: what is known of them in one store, their bytes in another. Bytes are there
//! before their record, and go after it.

use std::ops::Range;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::Stream;

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::ids::{ArticleId, BlobId, MediaId, UploadId, UserId};
use crate::media::{
    BlobKey, Media, MediaFilter, MediaVersion, Upload, UploadPart, Variant, VariantSpec,
    VariantState,
};

/// What is known of files and of uploads under way. What a project keeps (its versions, in the trash too,
/// and the whole length of uploads under way; not variants) never exceeds the quota that a call names,
/// however many come at once: `media_quota_exceeded` else.
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Stores a file and its first version. With `upload` that upload becomes it and loses its pieces:
    /// `conflict` where it is not whole or became something before, `not_found` where it is gone.
    async fn create_media(
        &self,
        media: &Media,
        upload: Option<UploadId>,
        quota_bytes: u64,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    /// Stores the file with its newest version as one more, if the stored revision is
    /// `media.revision - 1`, else `revision_mismatch`; `not_found` where there is none.
    async fn add_media_version(
        &self,
        media: &Media,
        quota_bytes: u64,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    /// Replaces name, alternative text and trash, in the name of `by`, if the stored revision is
    /// `media.revision - 1`, else `revision_mismatch`; `not_found` where there is none. Versions stay as
    /// they are. `conflict` where it goes into the trash and [`MediaStore::covers_with`] has any.
    async fn update_media(
        &self,
        media: &Media,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    /// Says what became of a version's variants, and adds one to the file's revision. Nothing where the
    /// version is gone or has its variants already: the blobs are not known then.
    async fn put_variants(
        &self,
        media: MediaId,
        version: u32,
        variants: &[Variant],
        state: VariantState,
    ) -> Result<()>;
    /// Also one in the trash.
    async fn media(&self, id: MediaId) -> Result<Option<Media>>;
    /// Newest first.
    async fn list_media(&self, filter: &MediaFilter, page: PageRequest) -> Result<Page<Media>>;
    async fn media_version(&self, id: MediaId, version: u32) -> Result<Option<MediaVersion>>;
    /// Newest first.
    async fn media_versions(&self, id: MediaId, page: PageRequest) -> Result<Page<MediaVersion>>;
    /// Removes a file with all its versions, in the name of `by`, if the stored revision is
    /// `media.revision`, else `revision_mismatch`; `not_found` where there is none, `conflict` where
    /// [`MediaStore::covers_with`] has any. Gives the keys of the bytes that nobody knows any more.
    async fn remove_media(
        &self,
        media: &Media,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<Vec<BlobKey>>;
    /// In the trash since before that instant, longest first.
    async fn media_trashed_before(&self, before: DateTime<Utc>, limit: usize)
    -> Result<Vec<Media>>;
    /// Versions whose variants are pending since before that instant.
    async fn pending_variants(
        &self,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<(MediaId, u32)>>;
    /// What counts against a project's quota.
    async fn media_bytes(&self, project: &str) -> Result<u64>;
    /// Those of these that a version, a variant or an upload has.
    async fn known_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>>;
    /// Articles of its project whose cover it is, without those in the trash; at most ten. In `default`
    /// only those of its owner: nobody holds fast what is somebody else's.
    async fn covers_with(&self, media: &Media) -> Result<Vec<ArticleId>>;

    /// Begins an upload.
    async fn create_upload(&self, upload: &Upload, quota_bytes: u64) -> Result<()>;
    async fn upload(&self, id: UploadId) -> Result<Option<Upload>>;
    /// Adds a piece at its end, if that is at `offset`, else `conflict`; `not_found` where there is no such
    /// upload. A piece that goes beyond the length is `body_too_large`.
    async fn add_upload_part(&self, id: UploadId, offset: u64, part: &UploadPart)
    -> Result<Upload>;
    /// Removes an upload and gives the keys of what nobody knows any more; nothing where there is none.
    async fn remove_upload(&self, id: UploadId) -> Result<Vec<BlobKey>>;
    /// Those that expired before that instant.
    async fn expired_uploads(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<Upload>>;
}

/// Bytes as they come. An error ends it.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Bytes, or a part of them, with the length of the whole.
pub struct Blob {
    pub size_bytes: u64,
    /// What of it is in `bytes`.
    pub range: Range<u64>,
    pub bytes: ByteStream,
}

/// Some bytes that lie somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobEntry {
    pub key: BlobKey,
    pub size_bytes: u64,
}

/// Where bytes lie.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Stores all that comes, and gives its length in bytes. When it returns they outlive a crash; where
    /// the stream fails, nothing is there under the key.
    async fn put(&self, key: &BlobKey, bytes: ByteStream) -> Result<u64>;
    /// The bytes, or the part of them that is within the range. `None` where there are none.
    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Option<Blob>>;
    /// In bytes; `None` where there is nothing.
    async fn size(&self, key: &BlobKey) -> Result<Option<u64>>;
    /// Nothing to delete is no error.
    async fn delete(&self, key: &BlobKey) -> Result<()>;
    /// All there are, in no order.
    async fn list(&self) -> Result<Pin<Box<dyn Stream<Item = Result<BlobEntry>> + Send>>>;
}

/// A picture that was made.
#[derive(Clone)]
pub struct MadePicture {
    /// Of its specification.
    pub name: String,
    pub bytes: Bytes,
    /// In pixels.
    pub width: u32,
    pub height: u32,
}

/// Makes pictures of pictures.
#[async_trait]
pub trait ImageEngine: Send + Sync {
    /// Decodes a picture and makes all these of it, in their order; nothing of what was beside the pixels
    /// comes with them. `invalid_input` where it cannot be read or has more pixels than the engine decodes.
    async fn make(&self, picture: Bytes, wanted: &[VariantSpec]) -> Result<Vec<MadePicture>>;
}
