//! What became of an article over time: its revisions, what changed between two of them, going back
//! to one, and bringing two changes of the same one together.

use inkstone_domain::content::{Article, Page, PageRequest, Revision};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::diff::{RevisionDiff, diff};
use super::merge::{Merged, merge};
use super::{ArticlePatch, Articles, check_article, check_page, off_reactor};

impl Articles {
    /// Newest first; for the owner, members of the project and admins, since old revisions may never have
    /// been published.
    pub async fn revisions(
        &self,
        principal: &Principal,
        id: ArticleId,
        page: PageRequest,
    ) -> Result<Page<Revision>> {
        check_page(&page)?;
        self.inspectable(principal, id).await?;
        self.store.revisions(id, page).await
    }

    /// For the same as the list.
    pub async fn revision(
        &self,
        principal: &Principal,
        id: ArticleId,
        revision: u64,
    ) -> Result<Revision> {
        self.inspectable(principal, id).await?;
        self.kept(id, revision).await
    }

    /// What was changed from revision `against` to `revision`, word by word; `against` of `None` is
    /// the one before it, and before the first there is an empty text.
    pub async fn diff(
        &self,
        principal: &Principal,
        id: ArticleId,
        revision: u64,
        against: Option<u64>,
    ) -> Result<RevisionDiff> {
        let after = self.revision(principal, id, revision).await?;
        let against = against.unwrap_or(revision - 1);
        let before = match against {
            0 => None,
            _ => Some(self.kept(id, against).await?.text),
        };
        off_reactor(move || RevisionDiff {
            from: against,
            to: revision,
            fields: diff(&before.unwrap_or_default(), &after.text),
        })
        .await
    }

    /// Gives the article the text of an old revision, as a new one. Its status stays. Conditions as
    /// for an update.
    pub async fn restore_revision(
        &self,
        principal: &Principal,
        id: ArticleId,
        revision: u64,
        expected_revision: Option<u64>,
    ) -> Result<Article> {
        self.changeable(principal, id, expected_revision).await?;
        let old = self.kept(id, revision).await?.text;
        let comment = Some(format!("back to revision {revision}"));
        self.change(
            principal,
            id,
            expected_revision,
            comment,
            |before, footing| {
                let mut article = before.clone();
                article.text = old.clone();
                article.text.status = before.text.status;
                article.text.publish_at = before.text.publish_at;
                if article == *before {
                    return Ok(None);
                }
                check_article(&article)?;
                self.check_change(footing, before, &article, "/publish_at")?;
                Ok(Some(article))
            },
        )
        .await
    }

    /// Brings a change that was made on revision `base` together with what others have stored since.
    /// Nothing is written: what comes back can be sent as a change of the present revision.
    pub async fn merge(
        &self,
        principal: &Principal,
        id: ArticleId,
        base: u64,
        patch: ArticlePatch,
    ) -> Result<Merged> {
        let (stored, _) = self.changeable(principal, id, None).await?;
        let base = self.kept(id, base).await?.text;
        off_reactor(move || merge(&base, &stored, patch)).await
    }

    pub(super) async fn kept(&self, id: ArticleId, revision: u64) -> Result<Revision> {
        self.store.revision(id, revision).await?.ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!("the article {id} has no revision {revision}"),
            )
        })
    }
}
