//! Rows of files, their versions and their bytes, and how they become words of the domain.

use chrono::{DateTime, Utc};
use inkstone_domain::media::{BlobKey, Media, MediaVersion, VariantState};
use surrealdb::types::SurrealValue;

use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, parse, to_json, unknown_word};

pub(super) const MEDIA: &str = "media";
pub(super) const VERSION: &str = "media_version";
pub(super) const BLOB: &str = "media_blob";

#[derive(SurrealValue)]
pub(super) struct MediaRow {
    key: String,
    project: String,
    owner: String,
    name: String,
    alt: String,
    revision: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    is_trashed: bool,
    trashed_at: Option<DateTime<Utc>>,
    version: u32,
    content_type: String,
    kind: String,
    size_bytes: u64,
    content: String,
    variants: String,
    variant_state: String,
    author: String,
    version_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
pub(super) struct VersionRow {
    media: String,
    version: u32,
    size_bytes: u64,
    content: String,
    variants: String,
    variant_state: String,
    author: String,
    created_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
pub(super) struct BlobRow {
    pub(super) key: String,
    pub(super) project: String,
    pub(super) holder: String,
}

#[derive(SurrealValue)]
pub(super) struct PendingRow {
    pub(super) media: String,
    pub(super) version: u32,
}

impl MediaRow {
    pub(super) fn of(media: &Media) -> RowResult<Self> {
        let newest = &media.newest;
        let content_type = &newest.content.content_type;
        let kind = content_type.split('/').next().unwrap_or_default();
        Ok(Self {
            key: media.id.to_string(),
            project: media.project.clone(),
            owner: media.owner.to_string(),
            name: media.name.clone(),
            alt: media.alt.clone(),
            revision: media.revision,
            created_at: media.created_at,
            updated_at: media.updated_at,
            is_trashed: media.trashed_at.is_some(),
            trashed_at: media.trashed_at,
            version: newest.version,
            content_type: content_type.clone(),
            kind: kind.to_owned(),
            size_bytes: newest.content.size_bytes,
            content: to_json(MEDIA, &newest.content)?,
            variants: to_json(MEDIA, &newest.variants)?,
            variant_state: newest.variant_state.as_str().to_owned(),
            author: newest.author.to_string(),
            version_at: newest.created_at,
        })
    }
}

impl VersionRow {
    pub(super) fn of(media: &Media) -> RowResult<Self> {
        Self::of_version(media, &media.newest)
    }

    pub(super) fn of_version(media: &Media, version: &MediaVersion) -> RowResult<Self> {
        Ok(Self {
            media: media.id.to_string(),
            version: version.version,
            size_bytes: version.content.size_bytes,
            content: to_json(VERSION, &version.content)?,
            variants: to_json(VERSION, &version.variants)?,
            variant_state: version.variant_state.as_str().to_owned(),
            author: version.author.to_string(),
            created_at: version.created_at,
        })
    }
}

impl BlobRow {
    pub(super) fn of(media: &Media) -> Self {
        Self::of_version(media, &media.newest)
    }

    pub(super) fn of_version(media: &Media, version: &MediaVersion) -> Self {
        Self {
            key: version.content.blob.to_string(),
            project: media.project.clone(),
            holder: media.id.to_string(),
        }
    }
}

impl TryFrom<MediaRow> for Media {
    type Error = StoreFailure;

    fn try_from(row: MediaRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(MEDIA, &row.key)?,
            project: row.project,
            owner: parse(MEDIA, &row.owner)?,
            name: row.name,
            alt: row.alt,
            newest: MediaVersion {
                version: row.version,
                content: from_json(MEDIA, &row.content)?,
                variants: from_json(MEDIA, &row.variants)?,
                variant_state: state_of(&row.variant_state)?,
                author: parse(MEDIA, &row.author)?,
                created_at: row.version_at,
            },
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            trashed_at: row.trashed_at,
        })
    }
}

impl TryFrom<VersionRow> for MediaVersion {
    type Error = StoreFailure;

    fn try_from(row: VersionRow) -> RowResult<Self> {
        Ok(Self {
            version: row.version,
            content: from_json(VERSION, &row.content)?,
            variants: from_json(VERSION, &row.variants)?,
            variant_state: state_of(&row.variant_state)?,
            author: parse(VERSION, &row.author)?,
            created_at: row.created_at,
        })
    }
}

impl TryFrom<BlobRow> for BlobKey {
    type Error = StoreFailure;

    fn try_from(row: BlobRow) -> RowResult<Self> {
        Ok(Self {
            blob: parse(BLOB, &row.key)?,
            project: row.project,
        })
    }
}

fn state_of(word: &str) -> RowResult<VariantState> {
    match word {
        "none" => Ok(VariantState::None),
        "pending" => Ok(VariantState::Pending),
        "ready" => Ok(VariantState::Ready),
        "failed" => Ok(VariantState::Failed),
        _ => Err(unknown_word(VERSION, "variant_state", word)),
    }
}
