//! Articles that are published at their time. An agenda follows them by their events; whoever takes what is
//! due from it changes the article as it is then, by its revision: so it is published once, with one event,
//! however many engines look and whenever one dies.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::content::{
    Article, ArticleFilter, Cause, ClaimedPublication, Page, PageRequest, Publication, Status,
};
use inkstone_domain::event::{Event, EventBody, Told};
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{ArticleWrite, PublicationStore};
use inkstone_domain::{Error, Result, codes};
use tokio_util::sync::CancellationToken;

use super::{Articles, CHANGE_ATTEMPTS, contended, retries};
use crate::events::EventHandler;

/// Where one cannot be published now, it is tried again after this.
const LEASE: Duration = Duration::from_secs(60);
/// How long what belongs to an archived project is left alone, unless that is opened before.
const CLOSED_WAIT: Duration = Duration::from_secs(60 * 60);
/// How late an article may be.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const READ_AT_ONCE: usize = 100;

/// Publishes what is scheduled.
pub struct Publications {
    store: Arc<dyn PublicationStore>,
    articles: Arc<Articles>,
}

/// The handler `publications`: keeps the agenda.
pub struct Agenda(pub Arc<Publications>);

#[async_trait]
impl EventHandler for Agenda {
    fn name(&self) -> &str {
        "publications"
    }

    async fn handle(&self, told: &[Arc<Told>]) -> Result<()> {
        for told in told {
            if let Some(article) = rescheduled(&told.event.body) {
                self.0.look_at(article, told.event.actor).await?;
            }
            if let Some(project) = opened(&told.event.body) {
                self.0.recall(project).await?;
            }
        }
        Ok(())
    }
}

/// The article that may be on the agenda, or may have to be. What says that it neither is scheduled nor was is not looked
/// at: that is most of what happens.
fn rescheduled(body: &EventBody) -> Option<ArticleId> {
    let is_other = |status: &Option<Status>| status.is_some_and(|it| it != Status::Scheduled);
    match body {
        EventBody::ArticleCreated { status, .. } | EventBody::ArticleRestored { status, .. }
            if is_other(status) =>
        {
            None
        }
        EventBody::ArticleUpdated { status, was, .. }
            if is_other(status) && *was != Some(Status::Scheduled) =>
        {
            None
        }
        EventBody::ArticleCreated { article, .. }
        | EventBody::ArticleUpdated { article, .. }
        | EventBody::ArticleDeleted { article, .. }
        | EventBody::ArticleRestored { article, .. }
        | EventBody::ArticleRemoved { article, .. } => Some(*article),
        _ => None,
    }
}

/// The project that may have been archived until now.
fn opened(body: &EventBody) -> Option<&str> {
    match body {
        EventBody::ProjectChanged {
            project,
            is_archived: false,
            ..
        } => Some(project),
        _ => None,
    }
}

/// What became of an article whose time has come.
enum Outcome {
    /// Or there was nothing to publish any more.
    Published,
    /// Its project is archived.
    Closed(Error),
}

impl Publications {
    pub fn new(store: Arc<dyn PublicationStore>, articles: Arc<Articles>) -> Self {
        Self { store, articles }
    }

    /// Publishes what is due until `stop`, and begins with putting on the agenda what was scheduled before
    /// there was one.
    pub async fn keep_publishing(self: Arc<Self>, stop: CancellationToken) {
        if let Err(error) = self.take_in().await {
            tracing::warn!(
                ?error,
                "articles that were scheduled before could not be read"
            );
        }
        loop {
            match self.publish_due().await {
                Ok(true) if !stop.is_cancelled() => continue,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(
                        ?error,
                        "an article could not be published; it is tried again"
                    );
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Publishes one that is due, or puts it off where its project is archived; false where none is due.
    pub async fn publish_due(&self) -> Result<bool> {
        let now = self.articles.clock.now();
        let Some(claimed) = self.store.claim_publication(LEASE, now).await? else {
            return Ok(false);
        };
        let Publication { article, by, .. } = claimed.publication;
        match self.articles.publish_scheduled(article, by, now).await? {
            Outcome::Published => self.store.settle_publication(&claimed).await?,
            Outcome::Closed(why) => self.put_off(&claimed, &why, now).await?,
        }
        Ok(true)
    }

    /// Out of the way of the others, and said once: it may stay so for ever.
    async fn put_off(
        &self,
        claimed: &ClaimedPublication,
        why: &Error,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Publication { article, at, .. } = claimed.publication;
        if claimed.due_at == at {
            tracing::warn!(article.id = %article, error = ?why, "an article whose time has come is not published");
        }
        let until = now + CLOSED_WAIT;
        self.store.postpone_publication(claimed, until).await
    }

    /// Makes due what was put off in this project.
    async fn recall(&self, project: &str) -> Result<()> {
        let mut cursor = None;
        loop {
            let found = self.scheduled(Some(project), cursor).await?;
            let ids: Vec<ArticleId> = found.items.iter().map(|it| it.id).collect();
            if !ids.is_empty() {
                self.store.recall_publications(&ids).await?;
            }
            cursor = found.next_cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// Puts all that are scheduled on the agenda, in the names of their owners where it does not know better.
    pub async fn take_in(&self) -> Result<()> {
        let mut cursor = None;
        loop {
            let found = self.scheduled(None, cursor).await?;
            for article in &found.items {
                self.note(article, article.owner).await?;
            }
            cursor = found.next_cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// A page of all that are scheduled, in one project or in all.
    async fn scheduled(
        &self,
        project: Option<&str>,
        cursor: Option<String>,
    ) -> Result<Page<Article>> {
        let filter = ArticleFilter {
            project: project.map(str::to_owned),
            status: Some(Status::Scheduled),
            ..ArticleFilter::default()
        };
        let page = PageRequest {
            limit: READ_AT_ONCE,
            cursor,
        };
        self.articles.store.list_articles(filter, page).await
    }

    /// Brings the agenda in line with the article as it is now.
    async fn look_at(&self, id: ArticleId, by: UserId) -> Result<()> {
        match self.articles.store.article(id).await? {
            Some(article) => self.note(&article, by).await,
            None => self.store.drop_publication(id).await,
        }
    }

    async fn note(&self, article: &Article, by: UserId) -> Result<()> {
        let at = article.text.publish_at;
        let at = at.filter(|_| article.text.status == Status::Scheduled);
        let Some(at) = at else {
            return self.store.drop_publication(article.id).await;
        };
        let stored = self.store.publication(article.id).await?;
        if stored.is_some_and(|stored| stored.at == at) {
            // By who scheduled it, whoever has changed a word since.
            return Ok(());
        }
        let publication = Publication {
            article: article.id,
            at,
            by,
        };
        self.store.put_publication(&publication).await
    }
}

impl Articles {
    /// Publishes an article that is scheduled for `now` or before, in the name of who scheduled it: they were
    /// asked whether they may when they did. Nothing where it is not, or not any more, or its project is archived.
    async fn publish_scheduled(
        &self,
        id: ArticleId,
        by: UserId,
        now: DateTime<Utc>,
    ) -> Result<Outcome> {
        for _ in 0..CHANGE_ATTEMPTS {
            let found = self.store.article(id).await?;
            let is_due = |article: &Article| {
                article.text.status == Status::Scheduled
                    && article.text.publish_at.is_some_and(|at| at <= now)
            };
            let Some(before) = found.filter(is_due) else {
                return Ok(Outcome::Published);
            };
            match self.check_open(&before).await {
                Err(error) if error.code() == &codes::CONFLICT => {
                    return Ok(Outcome::Closed(error));
                }
                checked => checked?,
            }
            let mut article = self.next_revision(before);
            article.text.status = Status::Published;
            article.text.publish_at = None;
            let body = EventBody::article_updated(&article, Status::Scheduled);
            let write = ArticleWrite {
                event: Event::new(article.updated_at, by, body),
                article,
                author: by,
                cause: Cause::Person,
                comment: Some("as scheduled".to_owned()),
                audit: None,
            };
            match self.store.update_article(write).await {
                Ok(()) => return Ok(Outcome::Published),
                Err(error) if retries(&error, None) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended(id))
    }
}
