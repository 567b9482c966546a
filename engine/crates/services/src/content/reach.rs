//! Who asks: what the principal is to an article or its project, and the articles that are within their
//! reach. The rules themselves stand in `policy`.

use inkstone_domain::Result;
use inkstone_domain::content::Article;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::principal::Principal;
use inkstone_domain::project::Review;

use super::status::Hands;
use super::{Articles, DEFAULT_PROJECT, check_revision, policy, status};
use crate::policy::{Act, Standing, Verdict};

/// What the principal is to an article that is changed, and what its project wants.
#[derive(Clone, Copy)]
pub(super) struct Footing {
    pub(super) standing: Standing,
    pub(super) review: Review,
}

impl Footing {
    pub(super) fn hands(self, article: &Article) -> Hands {
        self.with_review(policy::hands(self.standing, article))
    }

    /// Whether a change that was checked would have been allowed to who is no admin.
    pub(super) fn is_by_right(self, before: &Article, after: &Article) -> bool {
        let hands = self.with_review(policy::hands_by_right(self.standing, before));
        // Times were checked already.
        status::check_hands(before, after, hands).is_ok()
    }

    fn with_review(self, hands: Hands) -> Hands {
        Hands {
            needs_review: self.review == Review::Required,
            ..hands
        }
    }
}

/// An article, and what the principal is to it.
pub(super) struct Found {
    pub(super) article: Article,
    pub(super) standing: Standing,
}

impl Articles {
    /// For a new article in a project.
    pub(super) async fn enter(
        &self,
        principal: &Principal,
        project: &str,
    ) -> Result<(Verdict, Review)> {
        if project == DEFAULT_PROJECT {
            return Ok((Verdict::Allowed, Review::Optional));
        }
        let entered = self
            .access
            .enter_to_change(principal, project, Act::CreateArticle);
        let (project, verdict) = entered.await?;
        Ok((verdict, project.settings.review))
    }

    /// `conflict` where the project of the article is archived. `default` never is.
    pub(super) async fn check_open(&self, article: &Article) -> Result<()> {
        self.review_of(article).await.map(drop)
    }

    /// The same, with what the project wants.
    pub(super) async fn review_of(&self, article: &Article) -> Result<Review> {
        match article.project.as_str() {
            DEFAULT_PROJECT => Ok(Review::Optional),
            project => {
                let project = self.access.open_project(project).await?;
                Ok(project.map_or(Review::Optional, |it| it.settings.review))
            }
        }
    }

    pub(super) async fn standing(
        &self,
        principal: &Principal,
        article: &Article,
    ) -> Result<Standing> {
        let role = policy::role(&self.access, principal, &article.project).await?;
        Ok(policy::standing(principal, article, role))
    }

    pub(super) async fn readable(&self, principal: &Principal, id: ArticleId) -> Result<Found> {
        let article = self.stored(id).await?;
        let standing = self.standing(principal, &article).await?;
        match policy::may_read(standing, &article) {
            true => Ok(Found { article, standing }),
            false => Err(policy::not_found(id)),
        }
    }

    /// One whose past the principal may see.
    pub(super) async fn inspectable(
        &self,
        principal: &Principal,
        id: ArticleId,
    ) -> Result<Article> {
        let Found { article, standing } = self.readable(principal, id).await?;
        policy::check_may_inspect(standing, &article)?;
        Ok(article)
    }

    /// One whose text the principal may change, and whether only as an admin.
    pub(super) async fn changeable(
        &self,
        principal: &Principal,
        id: ArticleId,
        expected_revision: Option<u64>,
    ) -> Result<(Article, Verdict)> {
        let Found { article, standing } = self.readable(principal, id).await?;
        let verdict = policy::check_may_change(principal, standing, &article)?;
        self.check_open(&article).await?;
        check_revision(&article, expected_revision)?;
        Ok((article, verdict))
    }

    pub(super) async fn stored(&self, id: ArticleId) -> Result<Article> {
        self.store
            .article(id)
            .await?
            .ok_or_else(|| policy::not_found(id))
    }
}
