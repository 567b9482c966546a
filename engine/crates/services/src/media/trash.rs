//! The trash of files: what was deleted can be brought back for a while, and is gone for good after it. What
//! is the cover of an article is not thrown away by accident; the store asks once more, in its transactions.

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::{MediaId, UserId};
use inkstone_domain::media::Media;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::{MediaLibrary, reach};
use crate::projects::{CHANGE_ATTEMPTS, check_revision, contended, retries};
use crate::sweep::LeftOver;

/// Removed together before the next are read.
const BATCH: usize = 100;

impl MediaLibrary {
    /// Puts a file into the trash. Conditions as for an update; `conflict` where it is the cover of an
    /// article.
    pub async fn delete(
        &self,
        principal: &Principal,
        id: MediaId,
        expected: Option<u64>,
    ) -> Result<()> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (before, verdict) = self.changeable(principal, id, expected).await?;
            self.check_no_cover(&before).await?;
            let mut after = self.next_revision(before.clone());
            after.trashed_at = Some(after.updated_at);
            let action = actions::MEDIA_DELETED;
            let audit = reach::record(principal, action, verdict, Some(&before), &after);
            let changing = self
                .store
                .update_media(&after, principal.user, audit.as_ref());
            match changing.await {
                Err(error) if retries(&error, expected) => {}
                done => return done,
            }
        }
        Err(contended("medium", &id.to_string()))
    }

    /// Takes a file out of the trash. `not_found` where it is not in there.
    pub async fn restore(
        &self,
        principal: &Principal,
        id: MediaId,
        expected: Option<u64>,
    ) -> Result<Media> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (before, verdict) = self.trashed(principal, id).await?;
            self.access.check_open(&before.project).await?;
            check_revision(&format!("medium `{id}`"), before.revision, expected)?;
            let mut after = self.next_revision(before.clone());
            after.trashed_at = None;
            let action = actions::MEDIA_RESTORED;
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

    /// Removes a file for good, with all its versions, from the trash or past it. Conditions as for
    /// [`MediaLibrary::delete`].
    pub async fn remove(
        &self,
        principal: &Principal,
        id: MediaId,
        expected: Option<u64>,
    ) -> Result<()> {
        let is_trashed = self.store.media(id).await?;
        let is_trashed = is_trashed.is_some_and(|media| media.trashed_at.is_some());
        let expected = match is_trashed {
            true => expected,
            false => {
                self.delete(principal, id, expected).await?;
                None
            }
        };
        for _ in 0..CHANGE_ATTEMPTS {
            let (before, verdict) = self.trashed(principal, id).await?;
            self.access.check_open(&before.project).await?;
            check_revision(&format!("medium `{id}`"), before.revision, expected)?;
            let after = self.next_revision(before.clone());
            let action = actions::MEDIA_REMOVED;
            let audit = reach::record(principal, action, verdict, Some(&before), &after);
            let removing = self.remove_trashed(&before, principal.user, audit.as_ref());
            match removing.await {
                Err(error) if retries(&error, expected) => {}
                done => return done,
            }
        }
        Err(contended("medium", &id.to_string()))
    }

    /// Removes what has been in the trash long enough; how many.
    pub async fn empty_trash(&self) -> Result<u64> {
        let Some(kept) = self.config.trash else {
            return Ok(0);
        };
        let before = self.clock.now() - kept;
        let mut removed = 0;
        let mut left = LeftOver::default();
        loop {
            let batch = left.beside(BATCH);
            let expired = self.store.media_trashed_before(before, batch).await?;
            let is_last = expired.len() < batch;
            for media in expired {
                if left.has(media.id) {
                    continue;
                }
                match self.remove_trashed(&media, media.owner, None).await {
                    Ok(()) => removed += 1,
                    // Somebody brought it back or removed it meanwhile.
                    Err(error) if is_gone(&error) => left.leave(media.id),
                    // An article that has it as its cover came out of the trash.
                    Err(error) if error.code() == &codes::CONFLICT => left.leave(media.id),
                    Err(error) => left.pass("a file in the trash", media.id, error)?,
                }
            }
            if is_last {
                return Ok(removed);
            }
        }
    }

    /// The record first: bytes without one are swept away, a record without bytes would be a hole.
    async fn remove_trashed(
        &self,
        media: &Media,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let removing = self.store.remove_media(media, by, audit);
        let keys = removing.await?;
        self.forget_bytes(&keys).await;
        Ok(())
    }

    async fn check_no_cover(&self, media: &Media) -> Result<()> {
        let articles = self.store.covers_with(media).await?;
        if articles.is_empty() {
            return Ok(());
        }
        let count = articles.len();
        let what = match count {
            1 => "an article".to_owned(),
            _ => format!("{count} articles"),
        };
        Err(Error::new(
            &codes::CONFLICT,
            format!("the file is the cover of {what}; give them another cover first"),
        ))
    }
}

fn is_gone(error: &Error) -> bool {
    [&codes::NOT_FOUND, &codes::REVISION_MISMATCH].contains(&error.code())
}
