//! Files of projects under the rules of who may see and change them: taken in, read, changed, thrown away.
//! Bytes are kept before the record that knows them, and removed after it; what a crash leaves between is
//! swept away by `upkeep`. Pictures get smaller ones by a job, in `variants`.

mod arrivals;
mod intake;
mod kinds;
mod links;
mod names;
mod reach;
mod shown;
mod trash;
mod upkeep;
mod uploads;
mod variants;

use std::ops::Range;
use std::sync::Arc;

use chrono::TimeDelta;
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::MediaId;
use inkstone_domain::media::{
    Fit, Media, MediaContent, MediaFilter, MediaVersion, PictureFormat, VariantSpec, VariantState,
};
use inkstone_domain::ports::{Blob, BlobStore, ByteStream, Clock, ImageEngine, MediaStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use crate::access::Access;
use crate::auth::SealingKey;
use crate::content::check_page;
use crate::jobs::Queue;
use crate::policy::{self, Act, Verdict};
use crate::projects::{CHANGE_ATTEMPTS, check_revision, contended, retries};

pub use self::intake::{Claim, TakenIn};
pub use self::kinds::is_known_type;
use self::kinds::{Class, Kind};
use self::links::Signer;
pub use self::links::{Link, LinkClaim};
pub use self::shown::{Shown, ShownFile, ShownState, is_picture, is_text};
use self::uploads::Finishing;
pub use self::uploads::NewUpload;
pub use self::variants::MediaVariants;

/// Settings of media.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// Of one file.
    pub max_bytes: u64,
    /// Of all files of a project, all their versions and uploads under way.
    pub project_quota_bytes: u64,
    /// Of one picture.
    pub max_pixels: u64,
    /// Content types that are taken, of those that [`is_known_type`] says.
    pub types: Vec<String>,
    /// How long an upload in pieces may take.
    pub upload_time: TimeDelta,
    /// How long files stay in the trash; for ever where `None`.
    pub trash: Option<TimeDelta>,
    /// How long a link may last.
    pub longest_link: TimeDelta,
    pub variants: Vec<VariantSpec>,
}

impl Default for MediaConfig {
    fn default() -> Self {
        let picture = |name: &str, side, format, quality| VariantSpec {
            name: name.to_owned(),
            width: side,
            height: side,
            fit: Fit::Inside,
            format,
            quality,
        };
        Self {
            max_bytes: 100 << 20,
            project_quota_bytes: 10 << 30,
            max_pixels: 50_000_000,
            types: DEFAULT_TYPES.map(str::to_owned).into(),
            upload_time: TimeDelta::hours(24),
            trash: Some(TimeDelta::days(30)),
            longest_link: TimeDelta::days(7),
            variants: vec![
                picture("thumbnail", 320, PictureFormat::Webp, 75),
                picture("medium", 1_024, PictureFormat::Webp, 80),
                picture("medium-avif", 1_024, PictureFormat::Avif, 60),
            ],
        }
    }
}

/// What is taken where nothing else is said.
const DEFAULT_TYPES: [&str; 17] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/avif",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/flac",
    "audio/mp4",
    "video/mp4",
    "video/webm",
    "application/pdf",
    "text/plain",
    "text/markdown",
    "text/csv",
    "application/json",
];

/// What to change; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaPatch {
    pub name: Option<String>,
    pub alt: Option<String>,
}

/// Bytes of a file that somebody may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable {
    pub media: Media,
    pub content: MediaContent,
    /// As it is offered for saving.
    pub name: String,
}

impl Readable {
    /// Whether a browser may show it by itself; all else is offered for saving.
    pub fn is_shown(&self) -> bool {
        let kind = Kind::stored(&self.content.content_type);
        kind.is_some_and(|kind| matches!(kind.class, Class::Picture | Class::Stream))
    }
}

/// What media stand on.
pub struct MediaPorts {
    pub store: Arc<dyn MediaStore>,
    pub blobs: Arc<dyn BlobStore>,
    pub images: Arc<dyn ImageEngine>,
}

/// Keeps files in the name of a principal.
pub struct MediaLibrary {
    store: Arc<dyn MediaStore>,
    blobs: Arc<dyn BlobStore>,
    images: Arc<dyn ImageEngine>,
    access: Arc<Access>,
    queue: Queue,
    clock: Arc<dyn Clock>,
    links: Signer,
    config: MediaConfig,
    /// Uploads that become files on this engine.
    finishing: Finishing,
}

impl MediaLibrary {
    pub fn new(
        ports: MediaPorts,
        access: Arc<Access>,
        queue: Queue,
        clock: Arc<dyn Clock>,
        key: &SealingKey,
        config: MediaConfig,
    ) -> Self {
        Self {
            store: ports.store,
            blobs: ports.blobs,
            images: ports.images,
            access,
            queue,
            clock,
            links: Signer::new(key),
            config,
            finishing: Finishing::default(),
        }
    }

    pub fn config(&self) -> &MediaConfig {
        &self.config
    }

    /// Whether somebody may add files to a project: to be asked before any of their bytes is read.
    pub async fn may_add(&self, principal: &Principal, project: &str) -> Result<()> {
        self.enter(principal, project).await.map(drop)
    }

    /// Keeps the bytes of a file; [`MediaLibrary::add`] or [`MediaLibrary::discard`] must follow. Needs
    /// the right to add files.
    pub async fn take_in(
        &self,
        principal: &Principal,
        project: &str,
        claim: Claim,
        bytes: ByteStream,
    ) -> Result<TakenIn> {
        self.enter(principal, project).await?;
        self.check_room(project).await?;
        self.keep(project, &claim, bytes).await
    }

    /// Forgets what was taken in.
    pub async fn discard(&self, taken: TakenIn) {
        self.forget_bytes(&[taken.key]).await;
    }

    /// Makes a file of what was taken in. For editors of the project; `media_quota_exceeded` where it keeps
    /// as much as it may.
    pub async fn add(&self, principal: &Principal, taken: TakenIn, alt: String) -> Result<Media> {
        let key = taken.key.clone();
        let added = self.add_taken(principal, taken, alt).await;
        if let Err(error) = &added {
            self.forget_refused(vec![key], error).await;
        }
        added
    }

    /// For members, and for who added it.
    pub async fn get(&self, principal: &Principal, id: MediaId) -> Result<Media> {
        self.readable(principal, id).await.map(|(media, _)| media)
    }

    /// Newest first. For members all of a project's; in `default` everybody sees their own.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: MediaFilter,
        page: PageRequest,
    ) -> Result<Page<Media>> {
        check_page(&page)?;
        let filter = self.visible(principal, filter).await?;
        match filter {
            Some(filter) => self.store.list_media(&filter, page).await,
            None => Ok(Page {
                items: Vec::new(),
                next_cursor: None,
            }),
        }
    }

    /// Changes what is said of a file, for its owner and for editors. With `expected` the stored revision
    /// must be that one, else `revision_mismatch`. A patch that changes nothing makes no revision.
    pub async fn update(
        &self,
        principal: &Principal,
        id: MediaId,
        patch: MediaPatch,
        expected: Option<u64>,
    ) -> Result<Media> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (before, verdict) = self.changeable(principal, id, expected).await?;
            let mut after = before.clone();
            if let Some(name) = patch.name.clone() {
                names::check(&name)?;
                if let Some(kind) = Kind::stored(&before.newest.content.content_type) {
                    kind.check_name(&name)?;
                }
                after.name = name;
            }
            if let Some(alt) = patch.alt.clone() {
                names::check_alt(&alt)?;
                after.alt = alt;
            }
            if after == before {
                return Ok(before);
            }
            let after = self.next_revision(after);
            let action = actions::MEDIA_CHANGED;
            let audit = reach::record(principal, action, verdict, Some(&before), &after);
            let changing = self
                .store
                .update_media(&after, principal.user, audit.as_ref());
            match changing.await {
                Ok(()) => return Ok(after),
                Err(error) if retries(&error, expected) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("medium", &id.to_string()))
    }

    /// Gives a file new bytes, which become its newest version; older ones stay. Conditions as for an
    /// update; the name stays where the claim has none, and must fit the new bytes.
    pub async fn add_version(
        &self,
        principal: &Principal,
        id: MediaId,
        mut claim: Claim,
        bytes: ByteStream,
        expected: Option<u64>,
    ) -> Result<Media> {
        let (media, _) = self.changeable(principal, id, expected).await?;
        self.check_room(&media.project).await?;
        if claim.name.is_empty() {
            claim.name = media.name;
        }
        let taken = self.keep(&media.project, &claim, bytes).await?;
        let key = taken.key.clone();
        let added = self.add_taken_version(principal, id, taken, expected).await;
        if let Err(error) = &added {
            self.forget_refused(vec![key], error).await;
        }
        added
    }

    /// Newest first. As for [`MediaLibrary::get`].
    pub async fn versions(
        &self,
        principal: &Principal,
        id: MediaId,
        page: PageRequest,
    ) -> Result<Page<MediaVersion>> {
        check_page(&page)?;
        self.readable(principal, id).await?;
        self.store.media_versions(id, page).await
    }

    /// The bytes of a version, or of one of its variants. As for [`MediaLibrary::get`].
    pub async fn content(
        &self,
        principal: &Principal,
        id: MediaId,
        version: Option<u32>,
        variant: Option<&str>,
    ) -> Result<Readable> {
        let (media, _) = self.readable(principal, id).await?;
        self.content_of(media, version, variant).await
    }

    /// A link to a version, or to one of its variants, that opens it for everybody until it expires. For
    /// who may read it.
    pub async fn link(
        &self,
        principal: &Principal,
        id: MediaId,
        version: Option<u32>,
        variant: Option<&str>,
        lasting: TimeDelta,
    ) -> Result<Link> {
        if lasting < TimeDelta::seconds(1) || lasting > self.config.longest_link {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!(
                    "a link lasts 1 to {} seconds",
                    self.config.longest_link.num_seconds()
                ),
            ));
        }
        let (media, standing) = self.readable(principal, id).await?;
        let verdict = policy::decide(standing, Act::ReadMedia);
        let audit =
            reach::record(principal, actions::MEDIA_LINKED, verdict, None, &media).map(|audit| {
                AuditRecord {
                    at: self.clock.now(),
                    ..audit
                }
            });
        let readable = self.content_of(media, version, variant).await?;
        if let Some(audit) = audit {
            self.access.audit().append(&audit).await?;
        }
        let version = version.unwrap_or(readable.media.newest.version);
        Ok(self.links.sign(LinkClaim {
            media: id,
            version,
            variant: variant.map(str::to_owned),
            expires: (self.clock.now() + lasting).timestamp(),
        }))
    }

    /// What a link opens: `invalid_link` where it is not ours or has expired, `not_found` where the file is
    /// gone or in the trash.
    pub async fn linked(&self, link: &Link) -> Result<Readable> {
        self.links.check(link, self.clock.now())?;
        let LinkClaim {
            media,
            version,
            variant,
            ..
        } = &link.claim;
        let found = self.store.media(*media).await?;
        let found = found.filter(|found| found.trashed_at.is_none());
        let found = found.ok_or_else(|| reach::not_found(*media))?;
        self.content_of(found, Some(*version), variant.as_deref())
            .await
    }

    /// How long a link still opens something.
    pub fn lasting(&self, link: &Link) -> TimeDelta {
        let left = link.claim.expires - self.clock.now().timestamp();
        TimeDelta::seconds(left.max(0))
    }

    /// The bytes, or those within the range.
    pub async fn open(&self, readable: &Readable, range: Option<Range<u64>>) -> Result<Blob> {
        let key = readable.media.key(&readable.content);
        let blob = self.blobs.get(&key, range).await?;
        blob.ok_or_else(|| {
            Error::new(&codes::INTERNAL, "the bytes of the file are not there")
                .with_source(format!("there is no blob {key}"))
        })
    }

    async fn content_of(
        &self,
        media: Media,
        version: Option<u32>,
        variant: Option<&str>,
    ) -> Result<Readable> {
        let wanted = version.unwrap_or(media.newest.version);
        let found = match wanted == media.newest.version {
            true => Some(media.newest.clone()),
            false => self.store.media_version(media.id, wanted).await?,
        };
        let found = found.ok_or_else(|| {
            let message = format!(
                "the file has no version {wanted}; the newest is {}",
                media.newest.version
            );
            Error::new(&codes::NOT_FOUND, message)
        })?;
        let content = found.content_of(variant).cloned().ok_or_else(|| {
            let names = found.variants.iter().map(|variant| variant.name.as_str());
            let message = match found.variant_state {
                VariantState::Pending => "its variants are not made yet; try again".to_owned(),
                _ => format!(
                    "it has these variants: {}",
                    names.collect::<Vec<_>>().join(", ")
                ),
            };
            Error::new(&codes::NOT_FOUND, message).context("the file has no such variant")
        })?;
        let name = match variant {
            None => media.name.clone(),
            Some(variant) => variants::name_of(&media.name, variant, &content.content_type),
        };
        Ok(Readable {
            media,
            content,
            name,
        })
    }

    async fn add_taken(&self, principal: &Principal, taken: TakenIn, alt: String) -> Result<Media> {
        names::check_alt(&alt)?;
        let verdict = self.enter(principal, &taken.key.project).await?;
        let media = self.new_media(principal, taken, alt);
        let audit = reach::record(principal, actions::MEDIA_CREATED, verdict, None, &media);
        let quota = self.config.project_quota_bytes;
        self.store
            .create_media(&media, None, quota, audit.as_ref())
            .await?;
        self.queue_variants(&media).await;
        Ok(media)
    }

    async fn add_taken_version(
        &self,
        principal: &Principal,
        id: MediaId,
        taken: TakenIn,
        expected: Option<u64>,
    ) -> Result<Media> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (before, verdict) = self.changeable(principal, id, expected).await?;
            let version = before.newest.version + 1;
            let newest = self.new_version(principal, version, taken.content.clone());
            let after = self.next_revision(Media {
                name: taken.name.clone(),
                newest,
                ..before.clone()
            });
            let action = actions::MEDIA_CHANGED;
            let audit = reach::record(principal, action, verdict, Some(&before), &after);
            let quota = self.config.project_quota_bytes;
            let added = self.store.add_media_version(&after, quota, audit.as_ref());
            match added.await {
                Ok(()) => {
                    self.queue_variants(&after).await;
                    return Ok(after);
                }
                Err(error) if retries(&error, expected) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("medium", &id.to_string()))
    }

    fn new_media(&self, principal: &Principal, taken: TakenIn, alt: String) -> Media {
        let now = self.clock.now();
        Media {
            id: MediaId::new(),
            project: taken.key.project,
            owner: principal.user,
            name: taken.name,
            alt,
            newest: self.new_version(principal, 1, taken.content),
            revision: 1,
            created_at: now,
            updated_at: now,
            trashed_at: None,
        }
    }

    fn new_version(
        &self,
        principal: &Principal,
        version: u32,
        content: MediaContent,
    ) -> MediaVersion {
        let variant_state = self.first_state(&content);
        MediaVersion {
            version,
            content,
            variants: Vec::new(),
            variant_state,
            author: principal.user,
            created_at: self.clock.now(),
        }
    }

    fn next_revision(&self, media: Media) -> Media {
        Media {
            revision: media.revision + 1,
            updated_at: self.clock.now(),
            ..media
        }
    }

    /// Refuses early what cannot fit: the store decides when the length is known.
    async fn check_room(&self, project: &str) -> Result<()> {
        let used = self.store.media_bytes(project).await?;
        match used < self.config.project_quota_bytes {
            true => Ok(()),
            false => Err(Error::new(
                &codes::MEDIA_QUOTA_EXCEEDED,
                format!(
                    "the project `{project}` keeps {used} bytes and may keep {}; remove files from its trash",
                    self.config.project_quota_bytes
                ),
            )),
        }
    }

    async fn enter(&self, principal: &Principal, project: &str) -> Result<Verdict> {
        let entered = self
            .access
            .enter_to_change(principal, project, Act::AddMedia);
        Ok(entered.await?.1)
    }

    async fn changeable(
        &self,
        principal: &Principal,
        id: MediaId,
        expected: Option<u64>,
    ) -> Result<(Media, Verdict)> {
        let (media, standing) = self.readable(principal, id).await?;
        let verdict = reach::check_may_change(standing, id)?;
        self.access.check_open(&media.project).await?;
        check_revision(&format!("medium `{id}`"), media.revision, expected)?;
        Ok((media, verdict))
    }
}
