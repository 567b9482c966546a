//! The trash: articles that were deleted can be brought back for a while, and are gone for good after it.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::audit::actions;
use inkstone_domain::content::Article;
use inkstone_domain::event::EventBody;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::ArticleWrite;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Result, codes};
use tokio_util::sync::CancellationToken;

use super::{
    Articles, CHANGE_ATTEMPTS, SLUG_ATTEMPTS, audited, check_revision, contended, numbered, policy,
    retries,
};
use crate::policy::Verdict;
use crate::rounds::Rounds;
use crate::sweep::LeftOver;

/// Between two looks into the trash.
const EMPTY_EVERY: Duration = Duration::from_secs(600);
/// Removed together before the next are read.
const BATCH: usize = 100;
/// Longer than whoever follows the store lags behind; at its start it compares everything anyhow.
const STAMPS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

impl Articles {
    /// Puts an article into the trash; gives it as it is there. Conditions as for an update.
    pub async fn delete(
        &self,
        principal: &Principal,
        id: ArticleId,
        expected_revision: Option<u64>,
    ) -> Result<Article> {
        for _ in 0..CHANGE_ATTEMPTS {
            let (before, verdict) = self.changeable(principal, id, expected_revision).await?;
            let mut article = self.next_revision(before.clone());
            article.trashed_at = Some(article.updated_at);
            let event = EventBody::ArticleDeleted {
                article: id,
                revision: article.revision,
            };
            let action = actions::ARTICLE_DELETED;
            let record = audited::record(principal, action, Some(&before), &article);
            let write = ArticleWrite {
                audit: (verdict == Verdict::AllowedAsAdmin).then_some(record),
                ..self.write(principal, article.clone(), event)
            };
            match self.store.delete_article(write).await {
                Ok(()) => return Ok(article),
                Err(error) if retries(&error, expected_revision) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended(id))
    }

    /// Takes an article out of the trash, as it was. Needs the right to change it; `not_found` where it is
    /// not in the trash. Where another has its slug by now, it gets a number.
    pub async fn restore(
        &self,
        principal: &Principal,
        id: ArticleId,
        expected_revision: Option<u64>,
    ) -> Result<Article> {
        let (trashed, verdict) = self.trashed(principal, id).await?;
        check_revision(&trashed, expected_revision)?;
        let base = trashed.slug.clone();
        let mut article = self.next_revision(trashed.clone());
        article.trashed_at = None;
        let mut clashes = 0;
        loop {
            let event = EventBody::article_restored(&article);
            let action = actions::ARTICLE_RESTORED;
            let record = audited::record(principal, action, Some(&trashed), &article);
            let write = ArticleWrite {
                comment: Some("back from the trash".to_owned()),
                audit: (verdict == Verdict::AllowedAsAdmin).then_some(record),
                ..self.write(principal, article.clone(), event)
            };
            match self.store.restore_article(write).await {
                Ok(()) => return Ok(article),
                Err(error) if error.code() == &codes::SLUG_TAKEN && clashes < SLUG_ATTEMPTS => {
                    clashes += 1;
                    article.slug = numbered(&base, clashes);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes an article for good, with its revisions, from the trash or past it. Nobody can bring it
    /// back. Conditions as for an update.
    pub async fn remove(
        &self,
        principal: &Principal,
        id: ArticleId,
        expected_revision: Option<u64>,
    ) -> Result<()> {
        let expected_revision = match self.store.trashed_article(id).await? {
            Some(_) => expected_revision,
            None => {
                self.delete(principal, id, expected_revision).await?;
                None
            }
        };
        let (trashed, verdict) = self.trashed(principal, id).await?;
        check_revision(&trashed, expected_revision)?;
        self.remove_trashed(principal, trashed, verdict).await
    }

    /// Removes what has been in the trash long enough; how many.
    pub async fn empty_trash(&self) -> Result<u64> {
        let Some(kept) = self.config.trash else {
            return Ok(0);
        };
        let now = self.clock.now();
        let mut removed = 0;
        let mut left = LeftOver::default();
        loop {
            let batch = left.beside(BATCH);
            let expired = self.store.trashed_before(now - kept, batch).await?;
            let is_last = expired.len() < batch;
            for article in expired {
                let id = article.id;
                if left.has(id) {
                    continue;
                }
                // Nobody else acts here; it is done for the owner.
                let owner = Principal::of(article.owner, Role::Creator);
                match self.remove_trashed(&owner, article, Verdict::Allowed).await {
                    Ok(()) => removed += 1,
                    // Somebody brought it back or removed it meanwhile.
                    Err(error) if is_gone(&error) => left.leave(id),
                    Err(error) => left.pass("an article in the trash", id, error)?,
                }
            }
            if is_last {
                break;
            }
        }
        self.store.forget_removed(now - STAMPS_KEPT).await?;
        Ok(removed)
    }

    /// Empties the trash now and then until it is stopped.
    pub(crate) async fn keep_trash_empty(self: Arc<Self>, stop: CancellationToken) {
        let mut rounds = Rounds::every(EMPTY_EVERY, stop);
        while rounds.next().await {
            match self.empty_trash().await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "articles in the trash are gone for good"),
                Err(error) => tracing::warn!(?error, "the trash could not be emptied"),
            }
        }
    }

    async fn remove_trashed(
        &self,
        principal: &Principal,
        trashed: Article,
        verdict: Verdict,
    ) -> Result<()> {
        let article = self.next_revision(trashed.clone());
        let event = EventBody::ArticleRemoved {
            article: article.id,
            revision: article.revision,
        };
        let record = || {
            let action = actions::ARTICLE_REMOVED;
            audited::record(principal, action, Some(&trashed), &article)
        };
        let write = ArticleWrite {
            audit: (verdict == Verdict::AllowedAsAdmin).then(record),
            ..self.write(principal, article.clone(), event)
        };
        self.store.remove_article(write).await
    }

    /// One in the trash that the principal may change, and whether only as an admin. For all others it
    /// is gone, whatever its status was.
    async fn trashed(&self, principal: &Principal, id: ArticleId) -> Result<(Article, Verdict)> {
        let trashed = self.store.trashed_article(id).await?;
        let trashed = trashed.ok_or_else(|| policy::not_found(id))?;
        let standing = self.standing(principal, &trashed).await?;
        let may_know = standing.owns || policy::hands(standing, &trashed).author;
        if !may_know {
            return Err(policy::not_found(id));
        }
        let verdict = policy::check_may_change(principal, standing, &trashed)?;
        self.check_open(&trashed).await?;
        Ok((trashed, verdict))
    }
}

fn is_gone(error: &inkstone_domain::Error) -> bool {
    [&codes::NOT_FOUND, &codes::REVISION_MISMATCH].contains(&error.code())
}
