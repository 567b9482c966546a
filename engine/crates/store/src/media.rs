//! The tables `media`, `media_version`, `media_blob` and `media_space`: what is known of files. Uploads
//! under way stand in `uploads`. Every change of what a project keeps goes through its row of
//! `media_space`, so that a quota holds however many write at once.

pub(crate) mod arrivals;
mod row;
mod uploads;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{ArticleId, BlobId, MediaId, UploadId, UserId};
use inkstone_domain::media::{
    BlobKey, Media, MediaFilter, MediaVersion, Upload, UploadPart, Variant, VariantState,
};
use inkstone_domain::ports::MediaStore;
use surrealdb::types::RecordId;

use self::row::{BLOB, BlobRow, MediaRow, PendingRow, VERSION, VersionRow};
use crate::article_claims::check_no_cover;
use crate::articles::read_all;
use crate::audit::transaction;
use crate::connection::SurrealStore;
use crate::events::tell;
use crate::pages::Place;
use crate::row::{RowResult, parse, to_json};
use crate::statement::Statement;

/// Takes `$project`, `$more` and `$quota`; `$less` bytes are given back.
macro_rules! take_space {
    ($less:literal) => {
        concat!(
            "LET $used = (SELECT VALUE bytes FROM ONLY type::record('media_space', $project)) ?? 0;
             LET $wanted = $used + $more - ",
            $less,
            ";
             IF $more > 0 AND $wanted > $quota { THROW 'refused:media_quota:' + <string>math::max([0, $quota - $used]) };
             UPSERT type::record('media_space', $project) SET bytes = $wanted RETURN NONE;"
        )
    };
}
use take_space;

const CREATE_FROM_UPLOAD: &str = concat!(
    "
    LET $upload = SELECT size_bytes, offset, media FROM ONLY type::record('media_upload', $upload_key);
    IF $upload = NONE { THROW 'refused:not_found' };
    IF $upload.media != NONE OR $upload.offset != $upload.size_bytes { THROW 'refused:upload_done' };
    ",
    take_space!("$upload.size_bytes"),
    "
    UPDATE type::record('media_upload', $upload_key) SET media = $row.key, parts = [] RETURN NONE;
    DELETE media_blob WHERE holder = $upload_key RETURN NONE;
    CREATE type::record('media', $row.key) CONTENT $row RETURN NONE;
    CREATE type::record('media_version', [$row.key, $row.version]) CONTENT $version RETURN NONE;
    CREATE type::record('media_blob', $blob.key) CONTENT $blob RETURN NONE;
    ",
    tell!()
);
const CREATE: &str = concat!(
    take_space!("0"),
    "
    CREATE type::record('media', $row.key) CONTENT $row RETURN NONE;
    CREATE type::record('media_version', [$row.key, $row.version]) CONTENT $version RETURN NONE;
    CREATE type::record('media_blob', $blob.key) CONTENT $blob RETURN NONE;
    ",
    tell!()
);
macro_rules! hold {
    () => {
        "
    LET $stored = SELECT VALUE revision FROM ONLY type::record('media', $row.key);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored != $row.revision - 1 { THROW 'refused:stale:' + <string>$stored };
    "
    };
}
use hold;
const ADD_VERSION: &str = concat!(
    hold!(),
    take_space!("0"),
    "
    UPDATE type::record('media', $row.key) CONTENT $row RETURN NONE;
    CREATE type::record('media_version', [$row.key, $row.version]) CONTENT $version RETURN NONE;
    CREATE type::record('media_blob', $blob.key) CONTENT $blob RETURN NONE;
    ",
    tell!()
);
const UPDATE: &str = concat!(
    hold!(),
    "
    IF $row.is_trashed {",
    check_no_cover!("$row.key", "$row"),
    "};
    UPDATE type::record('media', $row.key) SET
        name = $row.name, alt = $row.alt, is_trashed = $row.is_trashed, trashed_at = $row.trashed_at,
        revision = $row.revision, updated_at = $row.updated_at RETURN NONE;
    ",
    tell!()
);
const PUT_VARIANTS: &str = "
    LET $pending = SELECT VALUE variant_state FROM ONLY type::record('media_version', [$media, $version]);
    IF $pending = 'pending' {
        UPDATE type::record('media_version', [$media, $version])
            SET variants = $variants, variant_state = $state RETURN NONE;
        UPDATE type::record('media', $media) SET revision += 1 RETURN NONE;
        UPDATE type::record('media', $media)
            SET variants = $variants, variant_state = $state WHERE version = $version RETURN NONE;
        FOR $blob IN $blobs {
            LET $project = SELECT VALUE project FROM ONLY type::record('media', $media);
            CREATE type::record('media_blob', $blob)
                CONTENT { key: $blob, project: $project, holder: $media } RETURN NONE;
        };
    };
";
const REMOVE: &str = concat!(
    "
    LET $stored = SELECT revision, project, owner FROM ONLY type::record('media', $media);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored.revision != $revision { THROW 'refused:stale:' + <string>$stored.revision };
    ",
    check_no_cover!("$media", "$stored"),
    "
    LET $project = $stored.project;
    LET $kept = math::sum(SELECT VALUE size_bytes FROM media_version WHERE media = $media);
    LET $used = (SELECT VALUE bytes FROM ONLY type::record('media_space', $project)) ?? 0;
    UPSERT type::record('media_space', $project) SET bytes = $used - $kept RETURN NONE;
    DELETE media_blob WHERE holder = $media RETURN NONE;
    DELETE media_version WHERE media = $media RETURN NONE;
    DELETE type::record('media', $media) RETURN NONE;
",
    tell!()
);

#[async_trait]
impl MediaStore for SurrealStore {
    async fn create_media(
        &self,
        media: &Media,
        upload: Option<UploadId>,
        quota_bytes: u64,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let (parts, subject) = match upload {
            Some(upload) => (CREATE_FROM_UPLOAD, format!("upload `{upload}`")),
            None => (CREATE, subject(media.id)),
        };
        let statement = transaction(parts, audit)
            .about(subject)
            .bind("upload_key", upload.map(|upload| upload.to_string()));
        let statement = of_version(statement, media, quota_bytes)?;
        let statement = statement.tell(ScopedEvent::media_created(media))?;
        Ok(self.write(statement).await?)
    }

    async fn add_media_version(
        &self,
        media: &Media,
        quota_bytes: u64,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let statement = transaction(ADD_VERSION, audit).about(subject(media.id));
        let statement = of_version(statement, media, quota_bytes)?;
        let told = ScopedEvent::media_changed(media, media.newest.author);
        Ok(self.write(statement.tell(told)?).await?)
    }

    async fn update_media(
        &self,
        media: &Media,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let statement = transaction(UPDATE, audit)
            .about(subject(media.id))
            .bind("row", MediaRow::of(media)?)
            .tell(ScopedEvent::media_changed(media, by))?;
        Ok(self.write(statement).await?)
    }

    async fn put_variants(
        &self,
        media: MediaId,
        version: u32,
        variants: &[Variant],
        state: VariantState,
    ) -> Result<()> {
        let blobs = variants.iter().map(|variant| variant.content.blob);
        let blobs: Vec<String> = blobs.map(|blob| blob.to_string()).collect();
        let statement = transaction(PUT_VARIANTS, None)
            .about(subject(media))
            .bind("media", media.to_string())
            .bind("version", version)
            .bind("variants", to_json(VERSION, &variants)?)
            .bind("state", state.as_str())
            .bind("blobs", blobs);
        Ok(self.write(statement).await?)
    }

    async fn media(&self, id: MediaId) -> Result<Option<Media>> {
        let statement = Statement::new("SELECT * FROM ONLY type::record('media', $media)")
            .bind("media", id.to_string());
        let row: Option<MediaRow> = self.read(statement).await?;
        Ok(row.map(Media::try_from).transpose()?)
    }

    async fn list_media(&self, filter: &MediaFilter, page: PageRequest) -> Result<Page<Media>> {
        let place: Place<MediaId> = Place::of(&page)?;
        let rows: Vec<MediaRow> = self.read(list(filter, &place)).await?;
        Ok(place.page(read_all(rows)?, |media: &Media| media.id))
    }

    async fn media_version(&self, id: MediaId, version: u32) -> Result<Option<MediaVersion>> {
        let statement =
            Statement::new("SELECT * FROM ONLY type::record('media_version', [$media, $version])")
                .bind("media", id.to_string())
                .bind("version", version);
        let row: Option<VersionRow> = self.read(statement).await?;
        Ok(row.map(MediaVersion::try_from).transpose()?)
    }

    async fn media_versions(&self, id: MediaId, page: PageRequest) -> Result<Page<MediaVersion>> {
        let place: Place<u32> = Place::of(&page)?;
        let beginning = match place.before {
            Some(_) => "AND version < $before",
            None => "",
        };
        let text = format!(
            "SELECT * FROM media_version WHERE media = $media {beginning} ORDER BY version DESC LIMIT $rows"
        );
        let statement = Statement::new(text)
            .bind("media", id.to_string())
            .bind("before", place.before)
            .bind("rows", place.rows);
        let rows: Vec<VersionRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |version: &MediaVersion| version.version))
    }

    async fn remove_media(
        &self,
        media: &Media,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<Vec<BlobKey>> {
        let id = media.id;
        // Whatever comes between this and the transaction changes the revision.
        let blobs = self.blobs_of(id.to_string()).await?;
        let statement = transaction(REMOVE, audit)
            .about(subject(id))
            .bind("media", id.to_string())
            .bind("revision", media.revision)
            .tell(ScopedEvent::media_removed(media, by, Utc::now()))?;
        let () = self.write(statement).await?;
        Ok(blobs)
    }

    async fn media_trashed_before(
        &self,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Media>> {
        let statement = Statement::new(
            "SELECT * FROM media WHERE trashed_at > d'1970-01-01T00:00:00Z' AND trashed_at < $before \
             ORDER BY trashed_at LIMIT $limit",
        )
        .bind("before", before)
        .bind("limit", limit as u64);
        let rows: Vec<MediaRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn pending_variants(
        &self,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<(MediaId, u32)>> {
        let statement = Statement::new(
            "SELECT media, version FROM media_version \
             WHERE variant_state = 'pending' AND created_at < $before LIMIT $limit",
        )
        .bind("before", before)
        .bind("limit", limit as u64);
        let rows: Vec<PendingRow> = self.read(statement).await?;
        let pending = rows
            .into_iter()
            .map(|row| Ok((parse(VERSION, &row.media)?, row.version)));
        let pending: RowResult<Vec<_>> = pending.collect();
        Ok(pending?)
    }

    async fn media_bytes(&self, project: &str) -> Result<u64> {
        let statement = Statement::new(
            "RETURN (SELECT VALUE bytes FROM ONLY type::record('media_space', $project)) ?? 0",
        )
        .bind("project", project);
        Ok(self.read(statement).await?)
    }

    async fn known_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>> {
        let records = blobs
            .iter()
            .map(|blob| RecordId::new(BLOB, blob.to_string()));
        let statement = Statement::new("SELECT VALUE key FROM $records WHERE key != NONE")
            .bind("records", records.collect::<Vec<_>>());
        let keys: Vec<String> = self.read(statement).await?;
        let known: RowResult<Vec<_>> = keys.iter().map(|key| parse(BLOB, key)).collect();
        Ok(known?)
    }

    async fn covers_with(&self, media: &Media) -> Result<Vec<ArticleId>> {
        let statement = Statement::new(
            "SELECT VALUE key FROM article WHERE deleted = false AND text.cover = $media \
             AND project = $project AND (project != 'default' OR owner = $owner) LIMIT 10",
        )
        .bind("media", media.id.to_string())
        .bind("project", media.project.as_str())
        .bind("owner", media.owner.to_string());
        let keys: Vec<String> = self.read(statement).await?;
        let articles: RowResult<Vec<_>> = keys.iter().map(|key| parse("article", key)).collect();
        Ok(articles?)
    }

    async fn create_upload(&self, upload: &Upload, quota_bytes: u64) -> Result<()> {
        self.begin_upload(upload, quota_bytes).await
    }

    async fn upload(&self, id: UploadId) -> Result<Option<Upload>> {
        self.stored_upload(id).await
    }

    async fn add_upload_part(
        &self,
        id: UploadId,
        offset: u64,
        part: &UploadPart,
    ) -> Result<Upload> {
        self.grow_upload(id, offset, part).await
    }

    async fn remove_upload(&self, id: UploadId) -> Result<Vec<BlobKey>> {
        self.end_upload(id).await
    }

    async fn expired_uploads(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<Upload>> {
        self.uploads_before(before, limit).await
    }
}

impl SurrealStore {
    /// Those of them that there are, also in the trash.
    pub(crate) async fn media_by_id(&self, ids: &[MediaId]) -> Result<Vec<Media>> {
        let records = ids
            .iter()
            .map(|id| RecordId::new(row::MEDIA, id.to_string()));
        let statement = Statement::new("SELECT * FROM $records WHERE key != NONE")
            .bind("records", records.collect::<Vec<_>>());
        let rows: Vec<MediaRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    /// What a file or an upload has.
    async fn blobs_of(&self, holder: String) -> Result<Vec<BlobKey>> {
        let statement = Statement::new("SELECT * FROM media_blob WHERE holder = $holder")
            .bind("holder", holder);
        let rows: Vec<BlobRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }
}

/// Binds a file with its newest version.
fn of_version(statement: Statement, media: &Media, quota_bytes: u64) -> RowResult<Statement> {
    Ok(statement
        .bind("project", media.project.as_str())
        .bind("more", media.newest.content.size_bytes)
        .bind("quota", quota(quota_bytes))
        .bind("row", MediaRow::of(media)?)
        .bind("version", VersionRow::of(media)?)
        .bind("blob", BlobRow::of(media)))
}

/// The database counts in signed numbers.
fn quota(quota_bytes: u64) -> u64 {
    quota_bytes.min(i64::MAX as u64)
}

fn list(filter: &MediaFilter, place: &Place<MediaId>) -> Statement {
    let mut conditions = vec!["project = $project", "is_trashed = $is_trashed"];
    if filter.owner.is_some() {
        conditions.push("owner = $owner");
    }
    match filter.content_type.as_deref() {
        Some(wanted) if wanted.contains('/') => conditions.push("content_type = $content_type"),
        Some(_) => conditions.push("kind = $content_type"),
        None => {}
    }
    if place.before.is_some() {
        conditions.push("key < $before");
    }
    let text = format!(
        "SELECT * FROM media WHERE {} ORDER BY key DESC LIMIT $rows",
        conditions.join(" AND ")
    );
    Statement::new(text)
        .bind("project", filter.project.as_str())
        .bind("is_trashed", filter.is_trashed)
        .bind("owner", filter.owner.map(|owner| owner.to_string()))
        .bind("content_type", filter.content_type.clone())
        .bind("before", place.before.map(|id| id.to_string()))
        .bind("rows", place.rows)
}

fn subject(id: MediaId) -> String {
    format!("medium `{id}`")
}
