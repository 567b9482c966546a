//! Tags of a project: counted, renamed, merged and taken away. A change of a tag is a change of each article
//! that has it, with a revision of its own; who was stopped in the middle asks again, and it goes on.

use std::sync::Arc;

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Article, ArticleFilter, Facet, Page, PageRequest};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::{Clock, TagStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::tag::Tag;
use inkstone_domain::{Error, Result, codes};

use super::check::check_tag;
use super::{Articles, DEFAULT_PROJECT, check_page, check_project};
use crate::access::Access;
use crate::policy::Act;

/// Articles that one call changes at most.
const AT_MOST: usize = 1_000;
/// Read together before they are changed one by one.
const BATCH: usize = 100;

/// What became of a change of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retagged {
    /// Articles that have another revision now.
    pub changed: u64,
    /// Whether none is left; else the same call goes on.
    pub is_done: bool,
}

/// Keeps the tags of projects.
pub struct Tags {
    store: Arc<dyn TagStore>,
    articles: Arc<Articles>,
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
}

impl Tags {
    /// `clock` dates the entries in the audit log.
    pub fn new(
        store: Arc<dyn TagStore>,
        articles: &Arc<Articles>,
        access: &Arc<Access>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            articles: Arc::clone(articles),
            access: Arc::clone(access),
            clock: Arc::clone(clock),
        }
    }

    /// By name, with how many articles have them; in `default` those of what is published. For members.
    pub async fn list(
        &self,
        principal: &Principal,
        project: &str,
        page: PageRequest,
    ) -> Result<Page<Tag>> {
        check_page(&page)?;
        self.access
            .enter(principal, project, Act::SeeProject)
            .await?;
        self.store.tags(project, page).await
    }

    /// Gives a tag another name. For editors; in `default` everybody renames on their own articles alone.
    /// `conflict` where the project has a tag of that name: that is a merger.
    pub async fn rename(
        &self,
        principal: &Principal,
        project: &str,
        from: &str,
        to: &str,
    ) -> Result<Retagged> {
        check_tag("/to", to)?;
        self.enter(principal, project).await?;
        let (olds, news) = (
            self.having(principal, project, from, 1).await?,
            self.having(principal, project, to, 1).await?,
        );
        // Where a call before was stopped, articles of the new name are there already.
        let goes_on = !olds.is_empty() && self.was_begun(&news, from, to).await?;
        if !news.is_empty() && !goes_on {
            return Err(Error::new(
                &codes::CONFLICT,
                format!("the project has a tag `{to}` already; merge `{from}` into it instead"),
            ));
        }
        self.retag(principal, project, from, Some(to)).await
    }

    /// Makes of two tags the second. For editors, as above.
    pub async fn merge(
        &self,
        principal: &Principal,
        project: &str,
        from: &str,
        into: &str,
    ) -> Result<Retagged> {
        check_tag("/into", into)?;
        self.enter(principal, project).await?;
        self.retag(principal, project, from, Some(into)).await
    }

    /// Takes a tag from all articles. For editors, as above.
    pub async fn remove(
        &self,
        principal: &Principal,
        project: &str,
        tag: &str,
    ) -> Result<Retagged> {
        self.enter(principal, project).await?;
        self.retag(principal, project, tag, None).await
    }

    async fn enter(&self, principal: &Principal, project: &str) -> Result<()> {
        check_project(project)?;
        self.access
            .enter_to_change(principal, project, Act::CreateArticle)
            .await?;
        Ok(())
    }

    /// Whether the newest article with the new name got it from this very renaming.
    async fn was_begun(&self, news: &[Article], from: &str, to: &str) -> Result<bool> {
        let Some(article) = news.first() else {
            return Ok(false);
        };
        let newest = self.articles.store.revision(article.id, article.revision);
        let comment = newest.await?.and_then(|revision| revision.comment);
        Ok(comment == Some(said(from, Some(to))))
    }

    /// Newest first. In `default` only their own.
    async fn having(
        &self,
        principal: &Principal,
        project: &str,
        tag: &str,
        limit: usize,
    ) -> Result<Vec<Article>> {
        let filter = ArticleFilter {
            project: Some(project.to_owned()),
            owner: (project == DEFAULT_PROJECT).then_some(principal.user),
            facet: Some(Facet::Tag(tag.to_owned())),
            ..ArticleFilter::default()
        };
        let page = PageRequest {
            limit,
            cursor: None,
        };
        Ok(self.articles.store.list_articles(filter, page).await?.items)
    }

    async fn retag(
        &self,
        principal: &Principal,
        project: &str,
        from: &str,
        to: Option<&str>,
    ) -> Result<Retagged> {
        let same = to == Some(from);
        let first = match same {
            true => Vec::new(),
            false => self.having(principal, project, from, BATCH).await?,
        };
        if first.is_empty() {
            return match same {
                true => Ok(Retagged {
                    changed: 0,
                    is_done: true,
                }),
                false => Err(Error::new(
                    &codes::NOT_FOUND,
                    format!("no article that you may change has the tag `{from}` here"),
                )),
            };
        }
        let action = match to {
            Some(_) => actions::TAG_RENAMED,
            None => actions::TAG_REMOVED,
        };
        let subject = format!("project:{project}");
        let record = AuditRecord::by(principal, self.clock.now(), action, subject);
        let record = record.with_detail(said(from, to));
        self.access.audit().append(&record).await?;
        let mut changed = 0;
        let mut batch = first;
        while !batch.is_empty() && changed < AT_MOST {
            for article in &batch {
                self.retag_one(principal, article.id, from, to).await?;
            }
            changed += batch.len();
            batch = self.having(principal, project, from, BATCH).await?;
        }
        Ok(Retagged {
            changed: changed as u64,
            is_done: batch.is_empty(),
        })
    }

    async fn retag_one(
        &self,
        principal: &Principal,
        id: ArticleId,
        from: &str,
        to: Option<&str>,
    ) -> Result<()> {
        let comment = Some(said(from, to));
        let changing = self
            .articles
            .change(principal, id, None, comment, |before, footing| {
                let mut article = before.clone();
                article.text.tags = replaced(&before.text.tags, from, to);
                self.articles
                    .check_change(footing, before, &article, "/tags")?;
                Ok((article != *before).then_some(article))
            });
        match changing.await {
            // Somebody has put it into the trash meanwhile.
            Err(error) if error.code() == &codes::NOT_FOUND => Ok(()),
            done => done.map(drop),
        }
    }
}

/// What the revisions say.
fn said(from: &str, to: Option<&str>) -> String {
    match to {
        Some(to) => format!("tag `{from}` → `{to}`"),
        None => format!("tag `{from}` removed"),
    }
}

/// In the place of the old one, and not twice.
fn replaced(tags: &[String], from: &str, to: Option<&str>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags {
        let tag = match (tag == from, to) {
            (false, _) => tag.as_str(),
            (true, Some(to)) => to,
            (true, None) => continue,
        };
        if !kept.iter().any(|it| it == tag) {
            kept.push(tag.to_owned());
        }
    }
    kept
}
