//! Files that come from an archive, with their past: looked at as closely as uploads, and stored by the step
//! of the import that tells of them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::PageRequest;
use inkstone_domain::event::{Event, EventBody};
use inkstone_domain::ids::{MediaId, UserId};
use inkstone_domain::media::{Media, MediaContent, MediaVersion, VariantState};
use inkstone_domain::ports::{ByteStream, MediaArrival};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::intake::{Claim, TakenIn};
use super::kinds::Kind;
use super::{MediaLibrary, names, reach};
use crate::policy::Verdict;

impl MediaLibrary {
    /// Whether the project has room for so many bytes more; the store decides in the end.
    pub(crate) async fn check_room_for(&self, project: &str, more_bytes: u64) -> Result<()> {
        let used = self.store.media_bytes(project).await?;
        match used.saturating_add(more_bytes) <= self.config.project_quota_bytes {
            true => Ok(()),
            false => Err(Error::new(
                &codes::MEDIA_QUOTA_EXCEEDED,
                format!(
                    "the project `{project}` keeps {used} bytes and may keep {}; {more_bytes} more do not fit",
                    self.config.project_quota_bytes
                ),
            )),
        }
    }

    /// Keeps the bytes of a version that is said to be of this type; [`MediaLibrary::forget_unknown`] must
    /// follow where no record comes to know them. Errors as of uploads.
    pub(crate) async fn take_version(
        &self,
        project: &str,
        content_type: &str,
        bytes: ByteStream,
    ) -> Result<TakenIn> {
        self.keep(project, &claim_of(content_type), bytes).await
    }

    /// The same, and keeps nothing.
    pub(crate) async fn look_at_version(
        &self,
        content_type: &str,
        bytes: ByteStream,
    ) -> Result<MediaContent> {
        self.look_at(&claim_of(content_type), bytes).await
    }

    /// A version of what was taken in; its smaller pictures are made once the step is done.
    pub(crate) fn arrived_version(
        &self,
        version: u32,
        content: MediaContent,
        author: UserId,
        created_at: DateTime<Utc>,
    ) -> MediaVersion {
        MediaVersion {
            version,
            variants: Vec::new(),
            variant_state: self.first_state(&content),
            content,
            author,
            created_at: created_at.min(self.clock.now()),
        }
    }

    /// What an import writes of a file. For editors of the project; what is said of the file must be as for
    /// uploads. With `before` the file is there.
    pub(crate) async fn arrival(
        &self,
        principal: &Principal,
        before: Option<&Media>,
        media: Media,
        versions: Vec<MediaVersion>,
    ) -> Result<MediaArrival> {
        names::check(&media.name)?;
        names::check_alt(&media.alt)?;
        if let Some(kind) = Kind::stored(&media.newest.content.content_type) {
            kind.check_name(&media.name)?;
        }
        let verdict = self.may_arrive(principal, before, &media).await?;
        let (action, body) = match before {
            None => (actions::MEDIA_CREATED, EventBody::media_created(&media)),
            Some(_) => (actions::MEDIA_CHANGED, EventBody::media_changed(&media)),
        };
        // Its last change was elsewhere, but it came now.
        let now = self.clock.now();
        let audit = reach::record(principal, action, verdict, before, &media);
        let audit = audit.map(|audit| AuditRecord { at: now, ..audit });
        Ok(MediaArrival {
            media,
            versions,
            quota_bytes: self.config.project_quota_bytes,
            event: Event::new(now, principal.user, body),
            audit,
        })
    }

    async fn may_arrive(
        &self,
        principal: &Principal,
        before: Option<&Media>,
        media: &Media,
    ) -> Result<Verdict> {
        match before {
            None => self.enter(principal, &media.project).await,
            Some(before) => {
                let changed = self.changeable(principal, before.id, Some(before.revision));
                Ok(changed.await?.1)
            }
        }
    }

    /// To be called once an arrival is stored.
    pub(crate) async fn arrived(&self, arrival: MediaArrival) {
        for version in arrival.versions {
            let media = Media {
                newest: version,
                ..arrival.media.clone()
            };
            self.queue_variants(&media).await;
        }
    }

    /// Forgets what was taken in and is in no record.
    pub(crate) async fn forget_unused(&self, taken: &[TakenIn]) -> Result<()> {
        let blobs: Vec<_> = taken.iter().map(|taken| taken.key.blob).collect();
        let known = self.store.known_blobs(&blobs).await?;
        let known: HashSet<_> = known.into_iter().collect();
        let unused = taken.iter().map(|taken| taken.key.clone());
        let unused: Vec<_> = unused.filter(|key| !known.contains(&key.blob)).collect();
        self.forget_bytes(&unused).await;
        Ok(())
    }

    /// The file of this id, whoever asks, also from the trash: whether the principal may see it decides what
    /// is said of it.
    pub(crate) async fn stored_file(&self, id: MediaId) -> Result<Option<Media>> {
        self.store.media(id).await
    }

    /// All versions of a file, oldest first.
    pub(crate) async fn history(&self, id: MediaId) -> Result<Vec<MediaVersion>> {
        let mut versions = Vec::new();
        let mut page = PageRequest {
            limit: 100,
            cursor: None,
        };
        loop {
            let found = self.store.media_versions(id, page.clone()).await?;
            versions.extend(found.items);
            match found.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => break,
            }
        }
        versions.reverse();
        Ok(versions)
    }

    pub(super) fn first_state(&self, content: &MediaContent) -> VariantState {
        let is_picture = Kind::stored(&content.content_type).is_some_and(Kind::is_picture);
        match is_picture && !self.config.variants.is_empty() {
            true => VariantState::Pending,
            false => VariantState::None,
        }
    }
}

/// Names change and versions do not: a version is looked at under a name that fits what it is said to be.
fn claim_of(content_type: &str) -> Claim {
    let name = match Kind::stored(content_type) {
        Some(kind) => kind.plain_name(),
        None => "version".to_owned(),
    };
    Claim {
        name,
        content_type: Some(content_type.to_owned()),
    }
}
