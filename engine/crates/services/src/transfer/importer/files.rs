//! What becomes of a medium of an archive: which one here it is, if any, and what is written. Its bytes are
//! kept before the step that tells of them, as with uploads, and nothing of what the archive says of them is
//! believed.

use chrono::{DateTime, Utc};
use futures::StreamExt;
use inkstone_domain::ids::{MediaId, UserId};
use inkstone_domain::media::{Media, MediaContent, MediaVersion};
use inkstone_domain::ports::ImportChange;
use inkstone_domain::project::DEFAULT_PROJECT;
use inkstone_domain::transfer::{OnConflict, Outcome};
use inkstone_domain::{Error, Result, codes};
use tokio_stream::wrappers::ReceiverStream;

use super::arrivals::{add, check_number};
use super::{Decision, Run};
use crate::transfer::medium::{ArrivingMedium, MediaRecord, VersionRecord};
use crate::transfer::piece::wrong;

/// Of one file.
const MAX_VERSIONS: usize = 10_000;

/// What is here already of a file.
enum Match {
    /// Nothing; it can have this id.
    None(MediaId),
    Media(Box<Media>),
}

impl Run<'_> {
    pub(super) async fn medium(
        &mut self,
        medium: &mut ArrivingMedium,
        notes: &mut Vec<String>,
    ) -> Result<Decision> {
        let record = medium.record.clone();
        check_record(&record)?;
        let found = self.find_medium(record.id).await?;
        match found {
            Match::None(id) => self.new_medium(id, &record, medium, notes).await,
            Match::Media(before) => self.medium_again(*before, &record, medium, notes).await,
        }
    }

    async fn new_medium(
        &mut self,
        id: MediaId,
        record: &MediaRecord,
        medium: &mut ArrivingMedium,
        notes: &mut Vec<String>,
    ) -> Result<Decision> {
        let versions = self.take_versions(medium, &record.versions).await?;
        let Some(newest) = versions.last().cloned() else {
            return Err(wrong("has no versions"));
        };
        let now = self.powers.clock.now();
        let created_at = record.created_at.min(now);
        let media = Media {
            id,
            project: self.import.project.clone(),
            owner: self.known_user(record.owner).await?,
            name: record.name.clone(),
            alt: record.alt.clone(),
            newest,
            revision: record.revision,
            created_at,
            updated_at: record.updated_at.min(now).max(created_at),
            trashed_at: None,
        };
        let library = &self.powers.media;
        let arrival = library.arrival(&self.principal, None, media, versions);
        let arrival = arrival.await?;
        self.known.references.insert(record.id, Some(id));
        if id != record.id {
            add(notes, &format!("it is `{id}` here"));
        }
        Ok(Decision {
            change: Some(ImportChange::CreateMedia(Box::new(arrival))),
            ..Decision::of(Outcome::Created)
        })
    }

    /// For one that is here already. Versions that are here stay; where they are how the archive's begin,
    /// the rest follows them, else the archive's newest does.
    async fn medium_again(
        &mut self,
        before: Media,
        record: &MediaRecord,
        medium: &mut ArrivingMedium,
        notes: &mut Vec<String>,
    ) -> Result<Decision> {
        let here = self.powers.media.history(before.id).await?;
        let missing = missing(&here, &record.versions);
        let is_same = before.name == record.name && before.alt == record.alt;
        if before.id != record.id {
            add(notes, &format!("it is `{}` here", before.id));
        }
        if missing.is_empty() && is_same {
            return Ok(Decision::of(Outcome::Unchanged));
        }
        if let Some(kept) = self.kept("the medium") {
            return Ok(kept);
        }
        let mut versions = self.take_versions(medium, missing).await?;
        for (version, number) in versions.iter_mut().zip(before.newest.version + 1..) {
            version.version = number;
        }
        let newest = versions.last().cloned();
        let after = Media {
            name: record.name.clone(),
            alt: record.alt.clone(),
            newest: newest.unwrap_or_else(|| before.newest.clone()),
            revision: before.revision + 1,
            updated_at: self.powers.clock.now(),
            ..before.clone()
        };
        let library = &self.powers.media;
        let arrival = library.arrival(&self.principal, Some(&before), after, versions);
        let arrival = arrival.await?;
        Ok(Decision {
            change: Some(ImportChange::UpdateMedia(Box::new(arrival))),
            ..Decision::of(Outcome::Updated)
        })
    }

    /// By its id, or by the one that it has in this project where that belongs to another.
    async fn find_medium(&self, id: MediaId) -> Result<Match> {
        let mut free = None;
        for id in [id, self.medium_twin(id)] {
            match self.powers.media.stored_file(id).await? {
                None => {
                    free.get_or_insert(id);
                }
                Some(media) if !self.is_ours(&media.project, media.owner) => {}
                Some(media) if media.trashed_at.is_some() => return Err(in_trash(id)),
                Some(media) => return Ok(Match::Media(Box::new(media))),
            }
        }
        free.map(Match::None).ok_or_else(|| {
            Error::new(
                &codes::ALREADY_EXISTS,
                format!("the id `{id}` is another medium's"),
            )
        })
    }

    /// Nothing of another project is ever a match, and in `default` nothing of somebody else.
    pub(super) fn is_ours(&self, project: &str, owner: UserId) -> bool {
        project == self.import.project
            && (project != DEFAULT_PROJECT
                || self.principal.is_admin()
                || owner == self.principal.user)
    }

    /// The id that a medium of another project has here: always the same one.
    pub(super) fn medium_twin(&self, id: MediaId) -> MediaId {
        let at: DateTime<Utc> = id.0.datetime().into();
        MediaId(self.derived_own(&id.to_string(), at))
    }

    /// Keeps the bytes of these versions; in a dry run they are only looked at.
    async fn take_versions(
        &mut self,
        medium: &mut ArrivingMedium,
        wanted: &[VersionRecord],
    ) -> Result<Vec<MediaVersion>> {
        let sizes = wanted.iter().map(|version| version.size_bytes);
        let more = sizes.fold(0, u64::saturating_add);
        let library = self.powers.media.clone();
        let project = self.import.project.clone();
        let planned = self.known.media_bytes.saturating_add(more);
        library.check_room_for(&project, planned).await?;
        let mut versions = Vec::with_capacity(wanted.len());
        for record in wanted {
            let content = self.take_version(medium, record).await?;
            let same = content.sha256 == record.sha256 && content.size_bytes == record.size_bytes;
            if !same {
                let number = record.version;
                return Err(wrong(format!(
                    "its version {number} has other bytes than it says"
                )));
            }
            let author = self.known_user(record.author).await?;
            let (number, at) = (record.version, record.created_at);
            versions.push(library.arrived_version(number, content, author, at));
        }
        if self.import.dry_run {
            self.known.media_bytes = planned;
        }
        Ok(versions)
    }

    async fn take_version(
        &mut self,
        medium: &mut ArrivingMedium,
        record: &VersionRecord,
    ) -> Result<MediaContent> {
        let number = record.version;
        let taken = medium.taken.iter().find(|taken| taken.0 == number);
        if let Some((_, taken)) = taken {
            return Ok(taken.content().clone());
        }
        let version = loop {
            match medium.versions.recv().await {
                Some(version) if version.version == number => break version,
                // Not wanted: it is dropped, and passed over by the reader.
                Some(version) if version.version < number => {}
                _ => {
                    return Err(wrong(format!(
                        "the bytes of its version {number} are not there"
                    )));
                }
            }
        };
        let bytes = ReceiverStream::new(version.bytes).boxed();
        let library = &self.powers.media;
        let named = |error: Error| error.context(format!("its version {number}"));
        if self.import.dry_run {
            let content = library.look_at_version(&record.content_type, bytes);
            return content.await.map_err(named);
        }
        let project = &self.import.project;
        let taken = library.take_version(project, &record.content_type, bytes);
        let taken = taken.await.map_err(named)?;
        let content = taken.content().clone();
        medium.taken.push((number, taken));
        Ok(content)
    }

    /// What `on_conflict` says of what is here and differs; `None` where it is to be updated.
    pub(super) fn kept(&self, what: &str) -> Option<Decision> {
        match self.import.on_conflict {
            OnConflict::Update => None,
            OnConflict::Skip => Some(Decision::skipped(format!(
                "{what} is here already and differs; `update` would change it"
            ))),
            OnConflict::Fail => Some(Decision::refused(Error::new(
                &codes::ALREADY_EXISTS,
                format!("{what} is here already and differs; choose `skip` or `update`"),
            ))),
        }
    }
}

/// Those of the archive that are not here.
fn missing<'a>(here: &[MediaVersion], there: &'a [VersionRecord]) -> &'a [VersionRecord] {
    let same = |here: &MediaVersion, there: &VersionRecord| here.content.sha256 == there.sha256;
    let is_beginning = here.len() <= there.len()
        && here
            .iter()
            .zip(there)
            .all(|(here, there)| same(here, there));
    if is_beginning {
        return &there[here.len()..];
    }
    let newest = there.len().saturating_sub(1);
    match (here.last(), there.last()) {
        (Some(here), Some(there)) if same(here, there) => &[],
        _ => &there[newest..],
    }
}

fn check_record(record: &MediaRecord) -> Result<()> {
    let numbers: Vec<u32> = record.versions.iter().map(|one| one.version).collect();
    let is_ordered = numbers.is_sorted_by(|one, next| one < next) && !numbers.contains(&0);
    if numbers.is_empty() || numbers.len() > MAX_VERSIONS || !is_ordered {
        return Err(wrong(
            "its versions are none, too many, or not in their order",
        ));
    }
    check_number("its revision", record.revision)?;
    numbers
        .into_iter()
        .try_for_each(|number| check_number("its version", number.into()))
}

fn in_trash(id: MediaId) -> Error {
    Error::new(
        &codes::CONFLICT,
        format!("the medium {id} is in the trash; restore it first"),
    )
}
