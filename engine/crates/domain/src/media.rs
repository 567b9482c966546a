//! Media: files of a project in versions, the smaller pictures made of them, and uploads under way. The
//! bytes lie in a blob store, each piece under a key that is used once and never again; what is known
//! of them is a record. So a record always has its bytes, and bytes without a record can be removed.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{BlobId, MediaId, UploadId, UserId};

/// A file by its newest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    pub id: MediaId,
    /// Slug of the project.
    pub project: String,
    pub owner: UserId,
    /// As it is offered for saving; no path.
    pub name: String,
    /// What a picture shows, for those who do not see it.
    pub alt: String,
    pub newest: MediaVersion,
    /// 1 at creation, one more with every change, also of its variants.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Since when it has been in the trash, if it is.
    pub trashed_at: Option<DateTime<Utc>>,
}

/// One version of a file; its bytes never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaVersion {
    /// 1 at creation, one more with every new file.
    pub version: u32,
    pub content: MediaContent,
    /// Smaller pictures of it, by name.
    pub variants: Vec<Variant>,
    pub variant_state: VariantState,
    pub author: UserId,
    pub created_at: DateTime<Utc>,
}

/// Bytes, and what was found out about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaContent {
    pub blob: BlobId,
    /// As the bytes say, such as `image/png`.
    pub content_type: String,
    pub size_bytes: u64,
    /// 64 small hexadecimal digits.
    pub sha256: String,
    /// In pixels; of pictures.
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// The beginning of what it says, by which it is found; of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A smaller picture of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// As the configuration calls it, such as `thumbnail`.
    pub name: String,
    pub content: MediaContent,
}

/// A smaller picture to be made of every picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantSpec {
    /// `[a-z0-9-]+`
    pub name: String,
    /// In pixels, at most; pictures are never made larger.
    pub width: u32,
    pub height: u32,
    pub fit: Fit,
    pub format: PictureFormat,
    /// 1 to 100.
    pub quality: u8,
}

/// How a picture comes into a frame of another shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Whole; one side may be shorter than the frame's.
    Inside,
    /// It fills the frame; what is beyond it is cut off on both sides alike.
    Cover,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    Webp,
    Avif,
    Jpeg,
}

impl PictureFormat {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// What became of a version's smaller pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariantState {
    /// It is no picture that can be made smaller.
    #[default]
    None,
    Pending,
    Ready,
    /// The picture could not be read.
    Failed,
}

impl VariantState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

/// Where bytes lie: under their project, by an id that is given once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey {
    /// Slug of the project.
    pub project: String,
    pub blob: BlobId,
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.blob)
    }
}

impl Media {
    /// Where the bytes of something of it lie.
    pub fn key(&self, content: &MediaContent) -> BlobKey {
        BlobKey {
            project: self.project.clone(),
            blob: content.blob,
        }
    }
}

impl MediaVersion {
    /// What a variant is made of; the version itself where none is named.
    pub fn content_of(&self, variant: Option<&str>) -> Option<&MediaContent> {
        let Some(name) = variant else {
            return Some(&self.content);
        };
        let mut variants = self.variants.iter();
        let variant = variants.find(|variant| variant.name == name);
        variant.map(|variant| &variant.content)
    }
}

/// An upload in pieces. What is acknowledged lies in the blob store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    pub id: UploadId,
    /// Slug of the project.
    pub project: String,
    pub owner: UserId,
    pub name: String,
    /// What the client calls it; not believed.
    pub claimed_type: Option<String>,
    pub alt: String,
    /// Of the whole file. It counts against the project's quota while the upload lasts.
    pub size_bytes: u64,
    /// In their order, without gaps; none any more once it became something.
    pub parts: Vec<UploadPart>,
    pub created_at: DateTime<Utc>,
    /// Then it is removed, whatever there is of it.
    pub expires_at: DateTime<Utc>,
    /// What it became.
    pub media: Option<MediaId>,
}

/// One acknowledged piece of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadPart {
    pub blob: BlobId,
    pub size_bytes: u64,
}

impl Upload {
    /// How many bytes were acknowledged.
    pub fn offset(&self) -> u64 {
        match self.media {
            Some(_) => self.size_bytes,
            None => self.parts.iter().map(|part| part.size_bytes).sum(),
        }
    }

    pub fn is_whole(&self) -> bool {
        self.offset() == self.size_bytes
    }
}

/// Which media to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaFilter {
    /// Slug of the project.
    pub project: String,
    /// Whole, such as `image/png`, or its first half, such as `image`.
    pub content_type: Option<String>,
    pub owner: Option<UserId>,
    /// Those in the trash, and no others.
    pub is_trashed: bool,
}

impl MediaFilter {
    /// Whether a thing belongs into the list.
    pub fn takes(&self, media: &Media) -> bool {
        let content_type = media.newest.content.content_type.as_str();
        let kind = content_type.split('/').next().unwrap_or_default();
        self.project == media.project
            && self.is_trashed == media.trashed_at.is_some()
            && self.owner.is_none_or(|owner| owner == media.owner)
            && self
                .content_type
                .as_deref()
                .is_none_or(|wanted| wanted == content_type || wanted == kind)
    }
}
