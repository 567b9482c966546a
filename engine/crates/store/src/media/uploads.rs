//! The table `media_upload`: uploads in pieces. A piece is added only at the end, in one transaction with
//! the row that says whose its bytes are.

use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::ids::UploadId;
use inkstone_domain::media::{BlobKey, Upload, UploadPart};
use surrealdb::types::SurrealValue;

use super::quota;
use super::row::BlobRow;
use super::take_space;
use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, parse_option, unreadable};
use crate::statement::Statement;

const TABLE: &str = "media_upload";

const BEGIN: &str = concat!(
    "{",
    take_space!("0"),
    "
        CREATE type::record('media_upload', $row.key) CONTENT $row RETURN NONE;
        RETURN NONE;
    }"
);
const GROW: &str = "{
    LET $stored = SELECT offset, size_bytes FROM ONLY type::record('media_upload', $upload);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored.offset != $offset { THROW 'refused:upload_offset:' + <string>$stored.offset };
    IF $offset + $more > $stored.size_bytes { THROW 'refused:upload_length:' + <string>$stored.size_bytes };
    UPDATE type::record('media_upload', $upload)
        SET offset += $more, parts = array::append(parts, $part) RETURN NONE;
    CREATE type::record('media_blob', $blob.key) CONTENT $blob RETURN NONE;
    RETURN SELECT * FROM ONLY type::record('media_upload', $upload);
}";
const END: &str = "{
    LET $stored = SELECT * FROM ONLY type::record('media_upload', $upload);
    IF $stored != NONE AND $stored.media = NONE {
        UPDATE type::record('media_space', $stored.project) SET bytes -= $stored.size_bytes RETURN NONE;
    };
    LET $blobs = SELECT * FROM media_blob WHERE holder = $upload;
    DELETE media_blob WHERE holder = $upload RETURN NONE;
    DELETE type::record('media_upload', $upload) RETURN NONE;
    RETURN $blobs;
}";

#[derive(SurrealValue)]
struct UploadRow {
    key: String,
    project: String,
    owner: String,
    name: String,
    claimed_type: Option<String>,
    alt: String,
    size_bytes: u64,
    offset: u64,
    parts: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    media: Option<String>,
}

impl SurrealStore {
    pub(super) async fn begin_upload(&self, upload: &Upload, quota_bytes: u64) -> Result<()> {
        let statement = Statement::new(BEGIN)
            .about(subject(upload.id))
            .bind("project", upload.project.as_str())
            .bind("more", upload.size_bytes)
            .bind("quota", quota(quota_bytes))
            .bind("row", UploadRow::from(upload));
        Ok(self.write(statement).await?)
    }

    pub(super) async fn stored_upload(&self, id: UploadId) -> Result<Option<Upload>> {
        let statement = Statement::new("SELECT * FROM ONLY type::record('media_upload', $upload)")
            .bind("upload", id.to_string());
        let row: Option<UploadRow> = self.read(statement).await?;
        Ok(row.map(Upload::try_from).transpose()?)
    }

    pub(super) async fn grow_upload(
        &self,
        id: UploadId,
        offset: u64,
        part: &UploadPart,
    ) -> Result<Upload> {
        let Some(upload) = self.stored_upload(id).await? else {
            let refusal = crate::failure::Refusal::NotFound;
            return Err(StoreFailure::Refused {
                subject: subject(id),
                refusal,
            }
            .into());
        };
        let blob = BlobRow {
            key: part.blob.to_string(),
            project: upload.project,
            holder: id.to_string(),
        };
        let statement = Statement::new(GROW)
            .about(subject(id))
            .bind("upload", id.to_string())
            .bind("offset", offset)
            .bind("more", part.size_bytes)
            .bind("part", text_of(part))
            .bind("blob", blob);
        let row: UploadRow = self.write(statement).await?;
        Ok(Upload::try_from(row)?)
    }

    pub(super) async fn end_upload(&self, id: UploadId) -> Result<Vec<BlobKey>> {
        let statement = Statement::new(END)
            .about(subject(id))
            .bind("upload", id.to_string());
        let rows: Vec<BlobRow> = self.write(statement).await?;
        Ok(read_all(rows)?)
    }

    pub(super) async fn uploads_before(
        &self,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Upload>> {
        let statement = Statement::new(
            "SELECT * FROM media_upload WHERE expires_at < $before ORDER BY expires_at LIMIT $limit",
        )
        .bind("before", before)
        .bind("limit", limit as u64);
        let rows: Vec<UploadRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }
}

impl From<&Upload> for UploadRow {
    fn from(upload: &Upload) -> Self {
        Self {
            key: upload.id.to_string(),
            project: upload.project.clone(),
            owner: upload.owner.to_string(),
            name: upload.name.clone(),
            claimed_type: upload.claimed_type.clone(),
            alt: upload.alt.clone(),
            size_bytes: upload.size_bytes,
            offset: upload.offset(),
            parts: upload.parts.iter().map(text_of).collect(),
            created_at: upload.created_at,
            expires_at: upload.expires_at,
            media: upload.media.map(|media| media.to_string()),
        }
    }
}

impl TryFrom<UploadRow> for Upload {
    type Error = StoreFailure;

    fn try_from(row: UploadRow) -> RowResult<Self> {
        let parts = row.parts.iter().map(|text| part_of(text));
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            owner: parse(TABLE, &row.owner)?,
            parts: parts.collect::<RowResult<_>>()?,
            media: parse_option(TABLE, row.media)?,
            project: row.project,
            name: row.name,
            claimed_type: row.claimed_type,
            alt: row.alt,
            size_bytes: row.size_bytes,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

fn text_of(part: &UploadPart) -> String {
    format!("{}:{}", part.blob, part.size_bytes)
}

fn part_of(text: &str) -> RowResult<UploadPart> {
    let (blob, size_bytes) = text
        .split_once(':')
        .ok_or_else(|| unreadable(TABLE, "a part has no length"))?;
    Ok(UploadPart {
        blob: parse(TABLE, blob)?,
        size_bytes: parse(TABLE, size_bytes)?,
    })
}

fn subject(id: UploadId) -> String {
    format!("upload `{id}`")
}
