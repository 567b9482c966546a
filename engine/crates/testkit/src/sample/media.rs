//! Files, and uploads under way.

use inkstone_domain::ids::{BlobId, MediaId, UploadId, UserId};
use inkstone_domain::media::{Media, MediaContent, MediaVersion, Upload, VariantState};

use super::now;

/// A picture of 100 bytes whose variants are not made yet.
pub fn media(project: &str, owner: UserId) -> Media {
    Media {
        id: MediaId::new(),
        project: project.to_owned(),
        owner,
        name: "tide.png".to_owned(),
        alt: "The tide at noon".to_owned(),
        newest: media_version(1, owner),
        revision: 1,
        created_at: now(),
        updated_at: now(),
        trashed_at: None,
    }
}

pub fn media_version(version: u32, author: UserId) -> MediaVersion {
    MediaVersion {
        version,
        content: media_content(100),
        variants: Vec::new(),
        variant_state: VariantState::Pending,
        author,
        created_at: now(),
    }
}

pub fn media_content(size_bytes: u64) -> MediaContent {
    MediaContent {
        blob: BlobId::new(),
        content_type: "image/png".to_owned(),
        size_bytes,
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned(),
        width: Some(640),
        height: Some(480),
        text: None,
    }
}

/// The first bytes of a PNG of this size in pixels, and so many more.
pub fn png(width: u32, height: u32, more_bytes: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0]);
    bytes.extend((0..more_bytes).map(|at| at as u8));
    bytes
}

/// Of 100 bytes, of which none are there.
pub fn upload(project: &str, owner: UserId) -> Upload {
    Upload {
        id: UploadId::new(),
        project: project.to_owned(),
        owner,
        name: "tide.png".to_owned(),
        claimed_type: Some("image/png".to_owned()),
        alt: String::new(),
        size_bytes: 100,
        parts: Vec::new(),
        created_at: now(),
        expires_at: now() + chrono::TimeDelta::hours(1),
        media: None,
    }
}
