//! A file of a project as it travels: what is known of it in a record, the bytes of its versions beside it.
//! Its smaller pictures do not travel; they are made anew.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::ids::{MediaId, UserId};
use inkstone_domain::media::{Media, MediaVersion};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::media::TakenIn;

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaRecord {
    pub id: MediaId,
    /// As it is offered for saving.
    pub name: String,
    pub alt: String,
    /// Whose it was where it comes from; kept as for articles.
    pub owner: UserId,
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// All of them, oldest first.
    pub versions: Vec<VersionRecord>,
}

/// What is known of a version. Whoever takes it in looks at the bytes themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionRecord {
    pub version: u32,
    pub content_type: String,
    pub size_bytes: u64,
    /// Hex.
    pub sha256: String,
    pub author: UserId,
    pub created_at: DateTime<Utc>,
}

/// Some of the bytes of a version; they come in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediumBytes {
    pub media: MediaId,
    pub version: u32,
    /// Of the whole version.
    pub size_bytes: u64,
    pub bytes: Bytes,
}

/// A file that is being read: its record, and its versions while they come.
#[derive(Debug)]
pub struct ArrivingMedium {
    pub record: MediaRecord,
    /// Each once, in the order of the record. What is dropped is not read.
    pub versions: mpsc::Receiver<ArrivingVersion>,
    /// What was kept of it, and is in no record yet.
    pub taken: Vec<(u32, TakenIn)>,
}

/// A version that is being read. Where its reader breaks off, its bytes just end.
#[derive(Debug)]
pub struct ArrivingVersion {
    pub version: u32,
    pub bytes: mpsc::Receiver<Result<Bytes>>,
}

impl ArrivingMedium {
    pub fn new(record: MediaRecord, versions: mpsc::Receiver<ArrivingVersion>) -> Self {
        Self {
            record,
            versions,
            taken: Vec::new(),
        }
    }
}

impl MediaRecord {
    /// Of a file with all its versions, oldest first.
    pub fn of(media: Media, versions: &[MediaVersion]) -> Self {
        Self {
            id: media.id,
            name: media.name,
            alt: media.alt,
            owner: media.owner,
            revision: media.revision,
            created_at: media.created_at,
            updated_at: media.updated_at,
            versions: versions.iter().map(VersionRecord::from).collect(),
        }
    }
}

impl From<&MediaVersion> for VersionRecord {
    fn from(version: &MediaVersion) -> Self {
        Self {
            version: version.version,
            content_type: version.content.content_type.clone(),
            size_bytes: version.content.size_bytes,
            sha256: version.content.sha256.clone(),
            author: version.author,
            created_at: version.created_at,
        }
    }
}
