//! Articles, revisions and provenance in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::listing::{RowCursor, rows_of, tag_lists};
use inkstone_domain::content::{
    Article, ArticleFilter, ArticleSort, ArticleStamp, ArticleText, Page, PageRequest, Revision,
};
use inkstone_domain::event::{Scope, ScopedEvent};
use inkstone_domain::following::Span;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::media::Media;
use inkstone_domain::ports::{ArticleStore, ArticleWrite, ChangeSignal, TagStore};
use inkstone_domain::project::DEFAULT_PROJECT;
use inkstone_domain::provenance::Provenance;
use inkstone_domain::tag::Tag;
use inkstone_domain::{Error, Result, codes};
use tokio_stream::wrappers::WatchStream;

use super::{MemStore, State, already_exists, bad_cursor, not_found, page_of};

pub(super) struct ArticleEntry {
    article: Article,
    deleted: bool,
    /// Gone for good; only its stamp is left.
    removed_at: Option<DateTime<Utc>>,
    changed_at: DateTime<Utc>,
    /// Oldest first.
    revisions: Vec<Revision>,
}

#[async_trait]
impl ArticleStore for MemStore {
    async fn create_article(&self, write: ArticleWrite) -> Result<()> {
        let now = self.shared.clock.now();
        self.state().create_article(write, now)?;
        self.nudge();
        Ok(())
    }

    async fn update_article(&self, write: ArticleWrite) -> Result<()> {
        let now = self.shared.clock.now();
        self.state().update_article(write, now)?;
        self.nudge();
        Ok(())
    }

    async fn delete_article(&self, write: ArticleWrite) -> Result<()> {
        let now = self.shared.clock.now();
        let mut state = self.state();
        let told = write.event.within(Scope::of_article(&write.article));
        let entry = state.expect_previous(&write.article)?;
        entry.article.revision = write.article.revision;
        entry.article.updated_at = write.article.updated_at;
        entry.article.trashed_at = Some(write.article.updated_at);
        entry.deleted = true;
        entry.changed_at = now;
        state.tell(told, write.audit);
        drop(state);
        self.nudge();
        Ok(())
    }

    async fn restore_article(&self, write: ArticleWrite) -> Result<()> {
        let now = self.shared.clock.now();
        let mut state = self.state();
        let told = write
            .event
            .clone()
            .within(Scope::of_article(&write.article));
        state.expect_trashed(&write.article)?;
        state.check_language(&write.article)?;
        state.claim_slug(&write.article)?;
        let entry = state.expect_trashed(&write.article)?;
        entry.revisions.push(revision(&write));
        entry.article = write.article;
        entry.deleted = false;
        entry.changed_at = now;
        state.tell(told, write.audit);
        drop(state);
        self.nudge();
        Ok(())
    }

    async fn remove_article(&self, write: ArticleWrite) -> Result<()> {
        let now = self.shared.clock.now();
        let id = write.article.id;
        let told = write.event.within(Scope::of_article(&write.article));
        let mut state = self.state();
        state.check_not_jammed(id)?;
        let entry = state.expect_trashed(&write.article)?;
        entry.article = Article {
            text: ArticleText::default(),
            slug: String::new(),
            ..write.article
        };
        entry.removed_at = Some(entry.article.updated_at);
        entry.revisions.clear();
        entry.changed_at = now;
        state.provenance.remove(&id);
        state.slugs.retain(|_, holder| *holder != id);
        state.comments.retain(|_, comment| comment.article != id);
        state.tell(told, write.audit);
        drop(state);
        self.nudge();
        Ok(())
    }

    async fn trashed_article(&self, id: ArticleId) -> Result<Option<Article>> {
        let state = self.state();
        let entry = state.articles.get(&id).filter(|entry| entry.is_trashed());
        Ok(entry.map(|entry| entry.article.clone()))
    }

    async fn trashed_before(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<Article>> {
        let state = self.state();
        let mut trashed: Vec<Article> = state
            .articles
            .values()
            .filter(|entry| entry.is_trashed() && entry.article.trashed_at < Some(before))
            .map(|entry| entry.article.clone())
            .collect();
        trashed.sort_by_key(|article| (article.trashed_at, article.id));
        trashed.truncate(limit);
        Ok(trashed)
    }

    async fn forget_removed(&self, before: DateTime<Utc>) -> Result<u64> {
        let mut state = self.state();
        let all = state.articles.len();
        let is_old = |entry: &ArticleEntry| entry.removed_at.is_some_and(|at| at < before);
        state.articles.retain(|_, entry| !is_old(entry));
        Ok((all - state.articles.len()) as u64)
    }

    async fn article(&self, id: ArticleId) -> Result<Option<Article>> {
        Ok(self.state().visible(id).cloned())
    }

    async fn article_by_slug(
        &self,
        project: &str,
        language: &str,
        slug: &str,
    ) -> Result<Option<Article>> {
        let state = self.state();
        let id = state.slugs.get(&slug_key(project, language, slug));
        Ok(id.and_then(|id| state.visible(*id)).cloned())
    }

    async fn translations(&self, original: ArticleId) -> Result<Vec<Article>> {
        let state = self.state();
        let all = state.articles.values().filter(|entry| !entry.deleted);
        let mut group: Vec<Article> = all
            .map(|entry| &entry.article)
            .filter(|it| it.id == original || it.translation_of == Some(original))
            .cloned()
            .collect();
        group.sort_by(|a, b| (&a.text.language, a.id).cmp(&(&b.text.language, b.id)));
        group.truncate(200);
        Ok(group)
    }

    async fn articles_by_id(&self, ids: &[ArticleId]) -> Result<Vec<Article>> {
        let state = self.state();
        Ok(ids
            .iter()
            .filter_map(|id| state.visible(*id).cloned())
            .collect())
    }

    async fn list_articles(
        &self,
        filter: ArticleFilter,
        page: PageRequest,
    ) -> Result<Page<Article>> {
        filter.walk()?;
        let state = self.state();
        let met = state
            .articles
            .iter()
            .filter(|(_, entry)| match filter.trashed {
                true => entry.is_trashed(),
                false => !entry.deleted,
            })
            .filter(|(_, entry)| filter.is_met_by(&entry.article))
            .map(|(_, entry)| entry.article.clone());
        let mut rows: Vec<_> = met.map(|it| (filter.place_of(&it), it)).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let is_backward = filter.sort == ArticleSort::Oldest;
        if is_backward {
            rows.reverse();
        }
        page_of_rows(rows, is_backward, &page)
    }

    async fn revisions(&self, article: ArticleId, page: PageRequest) -> Result<Page<Revision>> {
        let state = self.state();
        let newest_first = state
            .articles
            .get(&article)
            .into_iter()
            .flat_map(|entry| entry.revisions.iter().rev())
            .map(|revision| (revision.revision, revision.clone()));
        page_of(newest_first, &page, |cursor| cursor.parse().ok())
    }

    async fn revision(&self, article: ArticleId, revision: u64) -> Result<Option<Revision>> {
        let state = self.state();
        let entry = state.articles.get(&article);
        let mut kept = entry.into_iter().flat_map(|entry| &entry.revisions);
        Ok(kept.find(|kept| kept.revision == revision).cloned())
    }

    async fn provenance(&self, article: ArticleId) -> Result<Option<Provenance>> {
        Ok(self.state().provenance.get(&article).cloned())
    }

    async fn changed_articles(&self, within: Span) -> Result<Vec<ArticleStamp>> {
        let state = self.state();
        let mut stamps: Vec<ArticleStamp> = state
            .articles
            .values()
            .filter(|entry| within.holds(entry.changed_at))
            .map(stamp)
            .collect();
        stamps.sort_by_key(|stamp| (stamp.changed_at, stamp.id));
        Ok(stamps)
    }

    async fn stamps(&self, after: Option<ArticleId>, limit: usize) -> Result<Vec<ArticleStamp>> {
        let state = self.state();
        let in_order = state.articles.iter();
        Ok(in_order
            .filter(|(id, _)| after.is_none_or(|after| **id > after))
            .take(limit)
            .map(|(_, entry)| stamp(entry))
            .collect())
    }

    async fn now(&self) -> Result<DateTime<Utc>> {
        Ok(self.shared.clock.now())
    }

    fn changes(&self) -> ChangeSignal {
        Box::pin(WatchStream::from_changes(self.shared.nudge.subscribe()))
    }
}

impl ArticleEntry {
    fn is_trashed(&self) -> bool {
        self.deleted && self.removed_at.is_none()
    }
}

impl State {
    /// As [`inkstone_domain::ports::MediaStore::covers_with`] has it.
    pub(super) fn articles_with_cover(&self, media: &Media) -> Vec<ArticleId> {
        let cover = media.id.to_string();
        let is_of = |article: &Article| {
            article.text.extras.cover == cover
                && article.project == media.project
                && (article.project != DEFAULT_PROJECT || article.owner == media.owner)
        };
        let entries = self.articles.values();
        let with = entries.filter(|entry| !entry.deleted && is_of(&entry.article));
        with.map(|entry| entry.article.id).take(10).collect()
    }

    pub(super) fn create_article(&mut self, write: ArticleWrite, now: DateTime<Utc>) -> Result<()> {
        let id = write.article.id;
        if self.articles.contains_key(&id) {
            return Err(already_exists("article", id));
        }
        if write.article.translation_of.is_some() {
            self.check_language(&write.article)?;
        }
        self.claim_slug(&write.article)?;
        let told = write
            .event
            .clone()
            .within(Scope::of_article(&write.article));
        let entry = ArticleEntry {
            revisions: vec![revision(&write)],
            article: write.article,
            deleted: false,
            removed_at: None,
            changed_at: now,
        };
        self.articles.insert(id, entry);
        self.tell(told, write.audit);
        Ok(())
    }

    pub(super) fn update_article(&mut self, write: ArticleWrite, now: DateTime<Utc>) -> Result<()> {
        let before = self.expect_previous(&write.article)?.article.clone();
        if place_in_group(&write.article) != place_in_group(&before) {
            self.check_language(&write.article)?;
        }
        self.claim_slug(&write.article)?;
        let told = write
            .event
            .clone()
            .within(Scope::of_article(&write.article));
        let entry = self.expect_previous(&write.article)?;
        entry.revisions.push(revision(&write));
        entry.article = write.article;
        entry.changed_at = now;
        self.tell(told, write.audit);
        Ok(())
    }

    /// The revisions before those it has.
    pub(super) fn put_past(&mut self, id: ArticleId, past: Vec<Revision>) {
        if let Some(entry) = self.articles.get_mut(&id) {
            entry.revisions.splice(0..0, past);
        }
    }

    /// What goes with every change.
    fn tell(&mut self, event: ScopedEvent, audit: Option<AuditRecord>) {
        self.tell_of(event);
        if let Some(audit) = audit {
            self.append_audit(&audit);
        }
    }

    /// The entry that `next` may replace.
    fn expect_previous(&mut self, next: &Article) -> Result<&mut ArticleEntry> {
        self.expect(next, |entry| !entry.deleted)
    }

    /// The entry in the trash that `next` may replace.
    fn expect_trashed(&mut self, next: &Article) -> Result<&mut ArticleEntry> {
        self.expect(next, ArticleEntry::is_trashed)
    }

    fn expect(
        &mut self,
        next: &Article,
        is_there: impl Fn(&ArticleEntry) -> bool,
    ) -> Result<&mut ArticleEntry> {
        let entry = self
            .articles
            .get_mut(&next.id)
            .filter(|entry| is_there(entry))
            .ok_or_else(|| not_found("article", next.id))?;
        let stored = entry.article.revision;
        if stored + 1 != next.revision {
            return Err(Error::new(
                &codes::REVISION_MISMATCH,
                format!(
                    "the article is at revision {stored} by now; read it again and repeat the change"
                ),
            )
            .with_revision(Some(stored)));
        }
        Ok(entry)
    }

    /// Whether no other article in sight has its place in its group of translations.
    fn check_language(&self, article: &Article) -> Result<()> {
        let place = place_in_group(article);
        let mut others = self.articles.values();
        let twin = others.find(|entry| {
            let other = &entry.article;
            !entry.deleted && other.id != article.id && place_in_group(other) == place
        });
        match twin {
            None => Ok(()),
            Some(twin) => Err(Error::new(
                &codes::CONFLICT,
                format!(
                    "the article {} is the one of this group in the language already",
                    twin.article.id
                ),
            )),
        }
    }

    fn claim_slug(&mut self, article: &Article) -> Result<()> {
        let key = slug_key(&article.project, &article.text.language, &article.slug);
        let holder = *self.slugs.entry(key).or_insert(article.id);
        match holder == article.id {
            true => Ok(()),
            false => Err(Error::new(
                &codes::SLUG_TAKEN,
                format!(
                    "another article of the project and language has or had the slug `{}`; take another",
                    article.slug
                ),
            )),
        }
    }

    /// Out of sight too.
    pub(super) fn stored_article(&self, id: ArticleId) -> Option<&Article> {
        self.articles.get(&id).map(|entry| &entry.article)
    }

    fn visible(&self, id: ArticleId) -> Option<&Article> {
        let entry = self.articles.get(&id)?;
        (!entry.deleted).then_some(&entry.article)
    }
}

/// The original of its group, and its language there.
fn place_in_group(article: &Article) -> (ArticleId, String) {
    let original = article.translation_of.unwrap_or(article.id);
    (original, article.text.language.to_ascii_lowercase())
}

fn slug_key(project: &str, language: &str, slug: &str) -> (String, String, String) {
    let language = language.to_ascii_lowercase();
    (project.to_owned(), language, slug.to_owned())
}

fn revision(write: &ArticleWrite) -> Revision {
    Revision {
        article: write.article.id,
        revision: write.article.revision,
        author: write.author,
        cause: write.cause.clone(),
        comment: write.comment.clone(),
        text: write.article.text.clone(),
        created_at: write.article.updated_at,
    }
}

fn stamp(entry: &ArticleEntry) -> ArticleStamp {
    ArticleStamp {
        id: entry.article.id,
        revision: entry.article.revision,
        deleted: entry.deleted,
        changed_at: entry.changed_at,
    }
}

/// Cuts a page out of rows that are in their order.
fn page_of_rows(
    rows: Vec<(RowCursor, Article)>,
    is_backward: bool,
    request: &PageRequest,
) -> Result<Page<Article>> {
    let after = match request.cursor.as_deref() {
        None => None,
        Some(text) => Some(text.parse::<RowCursor>().map_err(|_| bad_cursor(text))?),
    };
    let mut rest = rows.into_iter().filter(|(place, _)| {
        let beyond = |after: &RowCursor| match is_backward {
            true => place < after,
            false => place > after,
        };
        after.as_ref().is_none_or(beyond)
    });
    let shown: Vec<_> = rest.by_ref().take(request.limit.clamp(1, 100)).collect();
    let next_cursor = match rest.next() {
        Some(_) => shown.last().map(|(place, _)| place.to_string()),
        None => None,
    };
    Ok(Page {
        items: shown.into_iter().map(|(_, item)| item).collect(),
        next_cursor,
    })
}

#[async_trait]
impl TagStore for MemStore {
    async fn tags(&self, project: &str, page: PageRequest) -> Result<Page<Tag>> {
        let state = self.state();
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for entry in state.articles.values().filter(|entry| !entry.deleted) {
            let lists: BTreeSet<String> = rows_of(&entry.article)
                .into_iter()
                .filter_map(|row| {
                    row.list
                        .strip_prefix(&tag_lists(project))
                        .map(str::to_owned)
                })
                .collect();
            for name in lists {
                *counts.entry(name).or_default() += 1;
            }
        }
        let after = page.cursor.clone();
        let mut rest = counts
            .into_iter()
            .filter(|(name, _)| after.as_ref().is_none_or(|after| name > after))
            .map(|(name, articles)| Tag { name, articles });
        let items: Vec<Tag> = rest.by_ref().take(page.limit.clamp(1, 100)).collect();
        let next_cursor = match rest.next() {
            Some(_) => items.last().map(|tag| tag.name.clone()),
            None => None,
        };
        Ok(Page { items, next_cursor })
    }
}
