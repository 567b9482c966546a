//! Articles that come from elsewhere: with a status and a past of their own, but under the rules of who
//! may write what here. What is found out here is written by the import, in the step it belongs to.

use inkstone_domain::audit::actions;
use inkstone_domain::content::{Article, Status};
use inkstone_domain::event::EventBody;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::ArticleWrite;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::reach::Footing;
use super::{Articles, audited, check_article, policy};
use crate::policy::Verdict;

impl Articles {
    /// The write of a new article with any status that its importer could bring it to. The newest
    /// revision is theirs, and made by a person, unless the caller says otherwise.
    pub(crate) async fn arrival(
        &self,
        principal: &Principal,
        article: Article,
    ) -> Result<ArticleWrite> {
        policy::check_may_write(principal)?;
        check_article(&article)?;
        let (verdict, review) = self.enter(principal, &article.project).await?;
        let importers = Article {
            owner: principal.user,
            ..article.clone()
        };
        let standing = self.standing(principal, &importers).await?;
        let hands = Footing { standing, review }.hands(&importers);
        let publishes = hands.publisher && (hands.reviewer || !hands.needs_review);
        let (is_allowed, whose) = match article.text.status {
            Status::Draft | Status::InReview | Status::Archived => (hands.author, "its author"),
            Status::Approved => (hands.reviewer, "a reviewer"),
            Status::Scheduled | Status::Published => (
                publishes,
                "an editor of the project, and a reviewer where it wants reviews",
            ),
        };
        if !is_allowed {
            let status = article.text.status.as_str();
            return Err(Error::new(
                &codes::FORBIDDEN,
                format!("the status `{status}` is for {whose}; import it as a draft"),
            ));
        }
        if article.text.status == Status::Scheduled && article.text.publish_at.is_none() {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                "the status `scheduled` needs `publish_at`",
            ));
        }
        self.check_fields(&article).await?;
        let audit = (verdict == Verdict::AllowedAsAdmin)
            .then(|| audited::record(principal, actions::ARTICLE_CREATED, None, &article));
        let body = EventBody::article_created(&article);
        let mut write = self.write(principal, article, body);
        // Its last change was elsewhere, but it came now.
        write.event.at = self.clock.now();
        write.audit = audit;
        Ok(write)
    }

    /// The write that makes of `before` what `after` says, as its next revision.
    pub(crate) async fn replacement(
        &self,
        principal: &Principal,
        before: &Article,
        after: Article,
    ) -> Result<ArticleWrite> {
        let standing = self.standing(principal, before).await?;
        policy::check_has_hands(principal, standing, before)?;
        let review = self.review_of(before).await?;
        let footing = Footing { standing, review };
        check_article(&after)?;
        self.check_change(footing, before, &after, "/publish_at")?;
        if after.text.extras != before.text.extras {
            self.check_fields(&after).await?;
        }
        let article = self.next_revision(after);
        let audit = (!footing.is_by_right(before, &article))
            .then(|| audited::record(principal, actions::ARTICLE_CHANGED, Some(before), &article));
        let body = EventBody::article_updated(&article, before.text.status);
        Ok(ArticleWrite {
            comment: Some("imported".to_owned()),
            audit,
            ..self.write(principal, article, body)
        })
    }

    /// Whether the principal may know of an article that was found for them.
    pub(crate) async fn is_seen(&self, principal: &Principal, article: &Article) -> Result<bool> {
        let standing = self.standing(principal, article).await?;
        Ok(policy::may_read(standing, article))
    }

    /// What an article that comes is a translation of, where that is the article `id`.
    pub(crate) async fn original_of(
        &self,
        principal: &Principal,
        id: ArticleId,
        translation: &Article,
    ) -> Result<ArticleId> {
        self.original_for(principal, id, translation).await
    }
}
