//! Articles that are like another, among those that the principal may read. What is like what, the search
//! index decides; that what it gives may be read is asked once more, for an index may lag behind.

use std::collections::HashMap;
use std::sync::Arc;

use inkstone_domain::content::{Article, Status};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::SearchIndex;
use inkstone_domain::principal::Principal;
use inkstone_domain::related::RelatedQuery;
use inkstone_domain::{Error, Result, codes};

use super::{Articles, policy};
use crate::access::Access;
use crate::search::visibility_in;

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelatedRequest {
    /// Any where `None`.
    pub project: Option<String>,
    pub status: Option<Status>,
    /// 1 to 100.
    pub limit: usize,
}

/// Finds articles that are like another.
pub struct RelatedArticles {
    index: Arc<dyn SearchIndex>,
    articles: Arc<Articles>,
    access: Arc<Access>,
}

impl RelatedArticles {
    pub fn new(
        index: &Arc<dyn SearchIndex>,
        articles: &Arc<Articles>,
        access: &Arc<Access>,
    ) -> Self {
        Self {
            index: Arc::clone(index),
            articles: Arc::clone(articles),
            access: Arc::clone(access),
        }
    }

    /// Those that share tags, categories or words with an article that the principal may read, and that may
    /// be read themselves, best first with their scores. Its translations are not among them.
    pub async fn find(
        &self,
        principal: &Principal,
        id: ArticleId,
        request: RelatedRequest,
    ) -> Result<Vec<(Article, f32)>> {
        if !(1..=100).contains(&request.limit) {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                "`limit` must be from 1 to 100",
            ));
        }
        let article = self.articles.get(principal, id).await?;
        let original = article.translation_of.unwrap_or(id);
        let group = self.articles.store.translations(original).await?;
        let projects = match principal.is_admin() {
            true => Vec::new(),
            false => self.access.projects_of(principal).await?,
        };
        let query = RelatedQuery {
            article,
            visibility: visibility_in(principal, projects),
            project: request.project,
            status: request.status,
            without: group.iter().map(|article| article.id).collect(),
            limit: request.limit,
        };
        let found = self.index.related(query.clone()).await?;
        let ids: Vec<ArticleId> = found.iter().map(|one| one.id).collect();
        let stored = self.articles.store.articles_by_id(&ids).await?;
        let mut stored: HashMap<_, _> = stored.into_iter().map(|it| (it.id, it)).collect();
        let mut related = Vec::with_capacity(found.len());
        for one in found {
            let Some(article) = stored.remove(&one.id) else {
                continue;
            };
            let is_wanted = query
                .project
                .as_ref()
                .is_none_or(|it| *it == article.project)
                && query.status.is_none_or(|it| it == article.text.status);
            let standing = self.articles.standing(principal, &article).await?;
            if is_wanted && policy::may_read(standing, &article) {
                related.push((article, one.score));
            }
        }
        Ok(related)
    }
}
