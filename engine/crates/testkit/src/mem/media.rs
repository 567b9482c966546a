//! Media and uploads in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::{Scope, ScopedEvent};
use inkstone_domain::ids::{ArticleId, BlobId, MediaId, UploadId, UserId};
use inkstone_domain::media::{
    BlobKey, Media, MediaFilter, MediaVersion, Upload, UploadPart, Variant, VariantState,
};
use inkstone_domain::ports::{MediaArrival, MediaStore};
use inkstone_domain::{Error, Result, codes};

use super::projects::mismatch;
use super::{MemStore, State, already_exists, not_found, page_of};

impl State {
    fn versions_of(&self, id: MediaId) -> impl DoubleEndedIterator<Item = &MediaVersion> {
        let range = self.media_versions.range((id, 0)..=(id, u32::MAX));
        range.map(|(_, version)| version)
    }

    fn media_bytes(&self, project: &str) -> u64 {
        let own = self.media.values();
        let own = own.filter(|media| media.project == project);
        let versions = own.flat_map(|media| self.versions_of(media.id));
        let kept: u64 = versions.map(|version| version.content.size_bytes).sum();
        let uploads = self.uploads.values();
        let uploads = uploads.filter(|upload| upload.project == project && upload.media.is_none());
        kept + uploads.map(|upload| upload.size_bytes).sum::<u64>()
    }

    fn check_no_cover(&self, media: &Media) -> Result<()> {
        match self.articles_with_cover(media).len() {
            0 => Ok(()),
            count => Err(Error::new(
                &codes::CONFLICT,
                format!("the file is the cover of {count} articles; give them another cover first"),
            )),
        }
    }

    fn check_quota(&self, project: &str, more: u64, less: u64, quota_bytes: u64) -> Result<()> {
        match self.media_bytes(project) + more - less > quota_bytes {
            true => Err(Error::new(
                &codes::MEDIA_QUOTA_EXCEEDED,
                format!("the project `{project}` keeps as much as it may"),
            )),
            false => Ok(()),
        }
    }

    fn blobs_of(&self, media: &Media) -> Vec<BlobKey> {
        let versions = self.versions_of(media.id);
        let contents = versions.flat_map(|version| {
            let variants = version.variants.iter().map(|variant| &variant.content);
            std::iter::once(&version.content).chain(variants)
        });
        contents.map(|content| media.key(content)).collect()
    }

    /// The stored one, if a change to `media` may follow it.
    fn previous(&mut self, media: &Media) -> Result<&mut Media> {
        let stored = self.media.get_mut(&media.id);
        let stored = stored.ok_or_else(|| not_found("medium", media.id))?;
        match stored.revision + 1 == media.revision {
            true => Ok(stored),
            false => Err(mismatch()),
        }
    }

    pub(super) fn create_arrived_media(&mut self, arrival: MediaArrival) -> Result<()> {
        if self.media.contains_key(&arrival.media.id) {
            return Err(already_exists("medium", arrival.media.id));
        }
        self.put_arrived_media(arrival)
    }

    pub(super) fn update_arrived_media(&mut self, arrival: MediaArrival) -> Result<()> {
        self.previous(&arrival.media)?;
        self.put_arrived_media(arrival)
    }

    fn put_arrived_media(&mut self, arrival: MediaArrival) -> Result<()> {
        let MediaArrival {
            media,
            versions,
            quota_bytes,
            event,
            audit,
        } = arrival;
        let more = versions.iter().map(|version| version.content.size_bytes);
        let more: u64 = more.sum();
        if more > 0 {
            self.check_quota(&media.project, more, 0, quota_bytes)?;
        }
        for version in versions {
            self.media_versions
                .insert((media.id, version.version), version);
        }
        self.tell_of(event.within(Scope::of_media(&media)));
        self.media.insert(media.id, media);
        self.append_some_audit(audit.as_ref());
        Ok(())
    }
}

#[async_trait]
impl MediaStore for MemStore {
    async fn create_media(
        &self,
        media: &Media,
        upload: Option<UploadId>,
        quota_bytes: u64,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let mut state = self.state();
        if state.media.contains_key(&media.id) {
            return Err(already_exists("medium", media.id));
        }
        let mut reserved = 0;
        if let Some(id) = upload {
            let upload = state.uploads.get(&id);
            let upload = upload.ok_or_else(|| not_found("upload", id))?;
            if upload.media.is_some() || !upload.is_whole() {
                return Err(Error::new(&codes::CONFLICT, "the upload is not whole"));
            }
            reserved = upload.size_bytes;
        }
        let more = media.newest.content.size_bytes;
        state.check_quota(&media.project, more, reserved, quota_bytes)?;
        if let Some(upload) = upload.and_then(|id| state.uploads.get_mut(&id)) {
            upload.media = Some(media.id);
            upload.parts.clear();
        }
        let place = (media.id, media.newest.version);
        state.media_versions.insert(place, media.newest.clone());
        state.media.insert(media.id, media.clone());
        state.tell_of(ScopedEvent::media_created(media));
        state.append_some_audit(audit);
        state.answered(())
    }

    async fn add_media_version(
        &self,
        media: &Media,
        quota_bytes: u64,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let mut state = self.state();
        state.previous(media)?;
        let more = media.newest.content.size_bytes;
        state.check_quota(&media.project, more, 0, quota_bytes)?;
        let place = (media.id, media.newest.version);
        state.media_versions.insert(place, media.newest.clone());
        state.media.insert(media.id, media.clone());
        state.tell_of(ScopedEvent::media_changed(media, media.newest.author));
        state.append_some_audit(audit);
        state.answered(())
    }

    async fn update_media(
        &self,
        media: &Media,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let mut state = self.state();
        state.previous(media)?;
        if media.trashed_at.is_some() {
            state.check_no_cover(media)?;
        }
        let stored = state.previous(media)?;
        *stored = Media {
            newest: stored.newest.clone(),
            ..media.clone()
        };
        let told = ScopedEvent::media_changed(stored, by);
        state.tell_of(told);
        state.append_some_audit(audit);
        Ok(())
    }

    async fn put_variants(
        &self,
        media: MediaId,
        version: u32,
        variants: &[Variant],
        variant_state: VariantState,
    ) -> Result<()> {
        let mut state = self.state();
        let Some(stored) = state.media_versions.get_mut(&(media, version)) else {
            return Ok(());
        };
        if stored.variant_state != VariantState::Pending {
            return Ok(());
        }
        stored.variants = variants.to_vec();
        stored.variant_state = variant_state;
        let stored = stored.clone();
        if let Some(media) = state.media.get_mut(&media) {
            media.revision += 1;
            if media.newest.version == version {
                media.newest = stored;
            }
        }
        Ok(())
    }

    async fn media(&self, id: MediaId) -> Result<Option<Media>> {
        Ok(self.state().media.get(&id).cloned())
    }

    async fn list_media(&self, filter: &MediaFilter, page: PageRequest) -> Result<Page<Media>> {
        let state = self.state();
        let taken = state
            .media
            .values()
            .rev()
            .filter(|media| filter.takes(media));
        let keyed = taken.map(|media| (media.id, media.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn media_version(&self, id: MediaId, version: u32) -> Result<Option<MediaVersion>> {
        Ok(self.state().media_versions.get(&(id, version)).cloned())
    }

    async fn media_versions(&self, id: MediaId, page: PageRequest) -> Result<Page<MediaVersion>> {
        let state = self.state();
        let newest_first = state.versions_of(id).rev();
        let keyed = newest_first.map(|version| (version.version, version.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn remove_media(
        &self,
        media: &Media,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<Vec<BlobKey>> {
        let (id, now) = (media.id, self.shared.clock.now());
        let mut state = self.state();
        state.check_not_jammed(id)?;
        let stored = state.media.get(&id).cloned();
        let stored = stored.ok_or_else(|| not_found("medium", id))?;
        if stored.revision != media.revision {
            return Err(mismatch());
        }
        state.check_no_cover(&stored)?;
        let blobs = state.blobs_of(&stored);
        state.tell_of(ScopedEvent::media_removed(&stored, by, now));
        state.media_versions.retain(|(media, _), _| *media != id);
        state.media.remove(&id);
        state.append_some_audit(audit);
        Ok(blobs)
    }

    async fn media_trashed_before(
        &self,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Media>> {
        let state = self.state();
        let trashed = state.media.values();
        let trashed = trashed.filter(|media| media.trashed_at.is_some_and(|at| at < before));
        let mut trashed: Vec<Media> = trashed.cloned().collect();
        trashed.sort_by_key(|media| media.trashed_at);
        trashed.truncate(limit);
        Ok(trashed)
    }

    async fn pending_variants(
        &self,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<(MediaId, u32)>> {
        let state = self.state();
        let pending = state.media_versions.iter().filter(|(_, version)| {
            version.variant_state == VariantState::Pending && version.created_at < before
        });
        Ok(pending.map(|(place, _)| *place).take(limit).collect())
    }

    async fn media_bytes(&self, project: &str) -> Result<u64> {
        Ok(self.state().media_bytes(project))
    }

    async fn known_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>> {
        let state = self.state();
        let of_media = state.media.values().flat_map(|media| state.blobs_of(media));
        let of_media = of_media.map(|key| key.blob);
        let of_uploads = state.uploads.values().flat_map(|upload| &upload.parts);
        let of_uploads = of_uploads.map(|part| part.blob);
        let known = of_media.chain(of_uploads);
        Ok(known.filter(|blob| blobs.contains(blob)).collect())
    }

    async fn covers_with(&self, media: &Media) -> Result<Vec<ArticleId>> {
        Ok(self.state().articles_with_cover(media))
    }

    async fn create_upload(&self, upload: &Upload, quota_bytes: u64) -> Result<()> {
        let mut state = self.state();
        state.check_quota(&upload.project, upload.size_bytes, 0, quota_bytes)?;
        state.uploads.insert(upload.id, upload.clone());
        Ok(())
    }

    async fn upload(&self, id: UploadId) -> Result<Option<Upload>> {
        Ok(self.state().uploads.get(&id).cloned())
    }

    async fn add_upload_part(
        &self,
        id: UploadId,
        offset: u64,
        part: &UploadPart,
    ) -> Result<Upload> {
        let mut state = self.state();
        let upload = state.uploads.get_mut(&id);
        let upload = upload.ok_or_else(|| not_found("upload", id))?;
        if upload.offset() != offset {
            return Err(Error::new(&codes::CONFLICT, "the upload is elsewhere"));
        }
        if offset + part.size_bytes > upload.size_bytes {
            return Err(Error::new(&codes::BODY_TOO_LARGE, "beyond the length"));
        }
        upload.parts.push(part.clone());
        let upload = upload.clone();
        state.answered(upload)
    }

    async fn remove_upload(&self, id: UploadId) -> Result<Vec<BlobKey>> {
        let upload = self.state().uploads.remove(&id);
        let keys = upload.into_iter().flat_map(|upload| {
            let project = upload.project;
            let parts = upload.parts.into_iter();
            parts.map(move |part| BlobKey {
                project: project.clone(),
                blob: part.blob,
            })
        });
        Ok(keys.collect())
    }

    async fn expired_uploads(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<Upload>> {
        let state = self.state();
        let expired = state.uploads.values();
        let expired = expired.filter(|upload| upload.expires_at < before);
        Ok(expired.take(limit).cloned().collect())
    }
}
