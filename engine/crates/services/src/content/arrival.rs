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
use crate::policy::{Act, Verdict};

/// Out of what an article comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Somebody's texts, which are taken in as if they were written here.
    Texts,
    /// The archive of a project, by whoever may move it: what was right there is kept.
    Archive,
}

/// What is to be written, and what is not as it came, for people.
pub(crate) struct Arrived {
    pub write: ArticleWrite,
    pub notes: Vec<String>,
}

impl Articles {
    /// The write of a new article with any status that its importer could bring it to. The newest
    /// revision is theirs, and made by a person, unless the caller says otherwise.
    pub(crate) async fn arrival(
        &self,
        principal: &Principal,
        mut article: Article,
        origin: Origin,
    ) -> Result<Arrived> {
        let mut notes = Vec::new();
        policy::check_may_write(principal)?;
        check_article(&article)?;
        let (verdict, review) = self.enter(principal, &article.project).await?;
        let importers = Article {
            owner: principal.user,
            ..article.clone()
        };
        let standing = self.standing(principal, &importers).await?;
        let hands = Footing { standing, review }.hands(&importers);
        if hands.needs_review && !self.keeps_status(principal, &article, origin).await? {
            notes.push(format!(
                "the project wants reviews, so it comes as `in_review` and not as `{}`",
                article.text.status.as_str()
            ));
            article.text.status = Status::InReview;
            article.text.publish_at = None;
        }
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
        notes.extend(self.unfit_fields(&article, origin).await?);
        let audit = (verdict == Verdict::AllowedAsAdmin)
            .then(|| audited::record(principal, actions::ARTICLE_CREATED, None, &article));
        let body = EventBody::article_created(&article);
        let mut write = self.write(principal, article, body);
        // Its last change was elsewhere, but it came now.
        write.event.at = self.clock.now();
        write.audit = audit;
        Ok(Arrived { write, notes })
    }

    /// Whether the status needs no review, or has had it where the article comes from.
    async fn keeps_status(
        &self,
        principal: &Principal,
        article: &Article,
        origin: Origin,
    ) -> Result<bool> {
        if !matches!(article.text.status, Status::Scheduled | Status::Published) {
            return Ok(true);
        }
        let project = &article.project;
        match origin {
            Origin::Texts => Ok(false),
            // They may have lost the right since they sent the archive.
            Origin::Archive => match self
                .access
                .enter(principal, project, Act::MoveArchive)
                .await
            {
                Err(error) if error.code() == &codes::FORBIDDEN => Ok(false),
                entered => entered.map(|_| true),
            },
        }
    }

    /// That the fields do not fit the type, where they are kept nevertheless: it may have become stricter since
    /// the article was written. `schema_mismatch` where they are not.
    async fn unfit_fields(&self, article: &Article, origin: Origin) -> Result<Option<String>> {
        match self.check_fields(article).await {
            Err(error) if origin == Origin::Archive && error.code() == &codes::SCHEMA_MISMATCH => {
                Ok(Some(format!(
                    "{}; they are kept as they were",
                    error.message()
                )))
            }
            checked => checked.map(|()| None),
        }
    }

    /// The write that makes of `before` what `after` says, as its next revision.
    pub(crate) async fn replacement(
        &self,
        principal: &Principal,
        before: &Article,
        after: Article,
        origin: Origin,
    ) -> Result<Arrived> {
        let standing = self.standing(principal, before).await?;
        policy::check_has_hands(principal, standing, before)?;
        let review = self.review_of(before).await?;
        let footing = Footing { standing, review };
        check_article(&after)?;
        self.check_change(footing, before, &after, "/publish_at")?;
        let unfit = match after.text.extras == before.text.extras {
            true => None,
            false => self.unfit_fields(&after, origin).await?,
        };
        let article = self.next_revision(after);
        let audit = (!footing.is_by_right(before, &article))
            .then(|| audited::record(principal, actions::ARTICLE_CHANGED, Some(before), &article));
        let body = EventBody::article_updated(&article, before.text.status);
        Ok(Arrived {
            write: ArticleWrite {
                comment: Some("imported".to_owned()),
                audit,
                ..self.write(principal, article, body)
            },
            notes: unfit.into_iter().collect(),
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
