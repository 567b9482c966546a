//! Alerts: whoever saved a search is told of what is written and matches it. Each document is told of once for each search,
//! by the key of the notification, so events may come again.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::event::{EventBody, Told};
use inkstone_domain::ids::NotificationId;
use inkstone_domain::notification::{About, Notification, NotificationKind};
use inkstone_domain::search::{DocumentId, Hit, LastWord, SavedSearch, SearchShape, Slips};

use super::{Search, SearchRequest};
use crate::events::EventHandler;
use crate::notifications::Notifications;

/// Searches that are read together.
const AT_ONCE: usize = 100;
/// Documents that are looked for together; a search gives no more.
const DOCUMENTS: usize = 100;

/// The handler `saved-searches`.
pub struct SearchAlerts {
    pub search: Arc<Search>,
    pub notifications: Arc<Notifications>,
}

#[async_trait]
impl EventHandler for SearchAlerts {
    fn name(&self) -> &str {
        "saved-searches"
    }

    async fn handle(&self, told: &[Arc<Told>]) -> Result<()> {
        let mut written: HashMap<DocumentId, Vec<&Told>> = HashMap::new();
        for told in told {
            if let Some(document) = self::written(&told.event.body) {
                written.entry(document).or_default().push(told);
            }
        }
        if written.is_empty() {
            return Ok(());
        }
        let mut is_caught_up = false;
        let mut after = None;
        loop {
            let searches = self.search.saved.with_alerts(after, AT_ONCE).await?;
            let Some(last) = searches.last() else {
                return Ok(());
            };
            after = Some(last.id);
            if !is_caught_up {
                self.search.catch_up().await?;
                is_caught_up = true;
            }
            for search in &searches {
                self.tell(search, &written).await?;
            }
        }
    }
}

impl SearchAlerts {
    async fn tell(
        &self,
        search: &SavedSearch,
        written: &HashMap<DocumentId, Vec<&Told>>,
    ) -> Result<()> {
        // Nobody is told what they did themselves, nor of what was before they asked.
        let is_news = |told: &Told| {
            told.event.actor != search.owner
                && search
                    .alerts_since
                    .is_some_and(|since| told.event.at >= since)
        };
        // Of several events of one document the last one counts that is news.
        let news: HashMap<DocumentId, &Told> = written
            .iter()
            .filter(|(id, _)| search.query.kinds.contains(&id.kind()))
            .filter_map(|(id, told)| Some((*id, *told.iter().rev().find(|told| is_news(told))?)))
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        let Some(owner) = self.notifications.listener(search.owner).await? else {
            return Ok(());
        };
        let mut notifications = Vec::new();
        let documents: Vec<DocumentId> = news.keys().copied().collect();
        for only in documents.chunks(DOCUMENTS) {
            let page = self.search.query(&owner, request(search, only)).await?;
            let hits = page.hits.into_iter();
            notifications.extend(hits.filter_map(|hit| {
                let told = news.get(&hit.id)?;
                Some(notification(search, &hit, told))
            }));
        }
        self.notifications.tell(search.owner, notifications).await
    }
}

/// What an event says is new or other than before, if it can be found.
fn written(body: &EventBody) -> Option<DocumentId> {
    Some(match body {
        EventBody::ArticleCreated { article, .. }
        | EventBody::ArticleUpdated { article, .. }
        | EventBody::ArticleRestored { article, .. } => DocumentId::Article(*article),
        EventBody::PromptCreated { prompt, .. } | EventBody::PromptChanged { prompt, .. } => {
            DocumentId::Prompt(*prompt)
        }
        EventBody::NoteCreated { note, .. } | EventBody::NoteChanged { note, .. } => {
            DocumentId::Note(*note)
        }
        EventBody::MediaCreated { media, .. } => DocumentId::Media(*media),
        EventBody::MediaChanged {
            media,
            is_trashed: false,
            ..
        } => DocumentId::Media(*media),
        EventBody::ChatMessage { message, .. } => DocumentId::Message(*message),
        _ => return None,
    })
}

fn request(search: &SavedSearch, only: &[DocumentId]) -> SearchRequest {
    let query = search.query.clone();
    SearchRequest {
        text: query.text,
        kinds: query.kinds,
        only: only.to_vec(),
        project: query.project,
        status: query.status,
        tags: query.tags,
        limit: DOCUMENTS,
        offset: 0,
        narrow: query.narrow,
        shape: SearchShape {
            matching: query.matching,
            language: query.language,
            // What is saved is typed to its end, and may wait for a word that no text has yet.
            last_word: LastWord::Whole,
            slips: Slips::Meant,
            ..SearchShape::default()
        },
        // The nearest are always some: who is told wants what has the words.
        ratio: Some(0.0),
        ..SearchRequest::default()
    }
}

fn notification(search: &SavedSearch, hit: &Hit, told: &Told) -> Notification {
    Notification {
        id: NotificationId::new(),
        user: search.owner,
        kind: NotificationKind::SearchMatched,
        event: told.event.id,
        actor: told.event.actor,
        project: Some(hit.project.clone()),
        about: About {
            article: hit.id.article(),
            search: Some(search.id),
            document: Some(hit.id),
            ..About::default()
        },
        created_at: told.event.at,
        read_at: None,
    }
}
