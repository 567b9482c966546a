//! The cache of answers: in memory, with the store behind it. The same request of the same project is
//! answered from it, and where meanings are compared, one that means the same; identical requests that
//! come together wait for the first.

mod meanings;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::chat::{Chunk, Message, Part, Request, Role};
use inkstone_domain::kept_reply::{CachedReply, Meaning};
use inkstone_domain::ports::{Clock, ReplyStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::usage::CacheUse;
use moka::sync::Cache;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use self::meanings::Meanings;
use super::kept::{Kept, digest_of};
use inkstone_domain::gateway::{CacheConfig, CacheMode};

/// What one request wants of the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheWish {
    /// None is the configuration's.
    pub mode: Option<CacheMode>,
    /// An older answer is none.
    pub max_age: Option<Duration>,
}

/// Keeps answers.
pub(crate) struct AnswerCache {
    config: CacheConfig,
    replies: Arc<dyn ReplyStore>,
    clock: Arc<dyn Clock>,
    memory: Cache<String, Arc<Entry>>,
    meanings: Meanings,
    flights: Mutex<HashMap<String, watch::Receiver<()>>>,
    writes: TaskTracker,
}

/// An answer in memory.
pub(crate) struct Entry {
    pub kept: Kept<Vec<Chunk>>,
    size_bytes: u32,
    stored_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// Where a request stands in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    scope: String,
    key: String,
    mode: CacheMode,
    max_age: Option<Duration>,
}

/// Held by who makes the call that others wait for.
pub(crate) struct Flight {
    cache: Arc<AnswerCache>,
    id: String,
    _landed: watch::Sender<()>,
}

impl AnswerCache {
    pub fn new(
        config: CacheConfig,
        replies: Arc<dyn ReplyStore>,
        clock: Arc<dyn Clock>,
        writes: TaskTracker,
    ) -> Self {
        let memory = Cache::builder()
            .max_capacity(config.max_bytes)
            .weigher(|_: &String, entry: &Arc<Entry>| entry.size_bytes)
            .build();
        Self {
            meanings: Meanings::default(),
            config,
            replies,
            clock,
            memory,
            flights: Mutex::default(),
            writes,
        }
    }

    /// Where this request stands; `None` where it wants nothing of the cache.
    pub fn place(
        &self,
        principal: &Principal,
        wish: &CacheWish,
        model: &str,
        request: &Request,
    ) -> Result<Option<Place>> {
        let mode = wish.mode.unwrap_or(self.config.mode);
        if mode == CacheMode::Off {
            return Ok(None);
        }
        let project = principal.key.as_ref().and_then(|key| key.project.as_ref());
        let scope = match project {
            Some(project) => format!("project:{project}"),
            None => format!("user:{}", principal.user),
        };
        let same = Request {
            model: model.to_owned(),
            stream: false,
            ..request.clone()
        };
        Ok(Some(Place {
            scope,
            key: digest_of(&same)?,
            mode,
            max_age: wish.max_age,
        }))
    }

    /// The answer to this very request.
    pub async fn find(&self, place: &Place) -> Option<Arc<Entry>> {
        if !place.mode.reads() {
            return None;
        }
        let id = place.id();
        if let Some(entry) = self.memory.get(&id) {
            return self.is_good(place, &entry).then_some(entry);
        }
        let now = self.clock.now();
        let found = self.replies.cached(&place.scope, &place.key, now).await;
        let entry = Arc::new(read(found)?);
        self.memory.insert(id, Arc::clone(&entry));
        self.is_good(place, &entry).then_some(entry)
    }

    /// Waits for who makes the same call, or says that the caller is the one. Between a call's end and
    /// this look its answer may have come: look again.
    pub async fn take_off(self: &Arc<Self>, place: &Place) -> Option<Flight> {
        let id = place.id();
        let mut other = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get(&id) {
                Some(flight) => flight.clone(),
                None => {
                    let (landed, flight) = watch::channel(());
                    flights.insert(id.clone(), flight);
                    return Some(Flight {
                        cache: Arc::clone(self),
                        id,
                        _landed: landed,
                    });
                }
            }
        };
        // It ends with an error, when the sender is dropped: however that call ended.
        let _ = other.changed().await;
        None
    }

    /// Whether meanings are compared for such a request, and by which words: the user's last.
    pub fn words_of<'a>(&self, place: &Place, request: &'a Request) -> Option<&'a str> {
        self.config
            .semantic
            .filter(|_| place.mode != CacheMode::Off)?;
        let last = request.messages.last()?;
        match (last.role, last.parts.as_slice()) {
            (Role::User, [Part::Text(text)]) => Some(text),
            _ => None,
        }
    }

    /// Whom to ask for vectors.
    pub fn embedding_model(&self) -> &str {
        &self.config.embedding_model
    }

    /// What a request means: everything but its last words must be equal, and those alike.
    pub fn meaning(&self, model: &str, request: &Request, vector: Vec<f32>) -> Result<Meaning> {
        let mut frame = Request {
            model: model.to_owned(),
            stream: false,
            ..request.clone()
        };
        if let Some(last) = frame.messages.last_mut() {
            *last = Message::text(Role::User, "");
        }
        Ok(Meaning {
            frame: digest_of(&frame)?,
            vector: unit(vector),
        })
    }

    /// The answer to the request that means the same, if one does.
    pub async fn find_alike(&self, place: &Place, meaning: &Meaning) -> Option<Arc<Entry>> {
        let threshold = self.config.semantic.filter(|_| place.mode.reads())?;
        let now = self.clock.now();
        let scope = &place.scope;
        let key = self
            .meanings
            .closest(self.replies.as_ref(), scope, meaning, threshold, now)
            .await?;
        let alike = Place {
            key,
            ..place.clone()
        };
        self.find(&alike).await
    }

    /// Keeps an answer. The store is written behind the caller's back.
    pub fn put(&self, place: &Place, kept: Kept<Vec<Chunk>>, meaning: Option<Meaning>) {
        if !place.mode.writes() {
            return;
        }
        let body = match kept.to_bytes() {
            Ok(body) => body,
            Err(error) => return tracing::error!(?error, "an answer was not kept"),
        };
        let now = self.clock.now();
        let entry = Entry {
            size_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
            kept,
            stored_at: now,
            expires_at: now + self.config.ttl,
        };
        let reply = CachedReply {
            scope: place.scope.clone(),
            key: place.key.clone(),
            body,
            meaning: meaning.clone(),
            stored_at: now,
            expires_at: entry.expires_at,
        };
        if let Some(meaning) = meaning {
            self.meanings
                .add(&place.scope, &place.key, meaning, entry.expires_at);
        }
        self.memory.insert(place.id(), Arc::new(entry));
        let replies = Arc::clone(&self.replies);
        self.writes.spawn(async move {
            if let Err(error) = replies.put_cached(&reply).await {
                tracing::warn!(?error, "an answer is in the cache's memory only");
            }
        });
    }

    fn is_good(&self, place: &Place, entry: &Entry) -> bool {
        let now = self.clock.now();
        let age = (now - entry.stored_at).to_std().unwrap_or_default();
        now < entry.expires_at && place.max_age.is_none_or(|most| age <= most)
    }
}

impl Place {
    fn id(&self) -> String {
        format!("{}\n{}", self.scope, self.key)
    }

    pub fn writes(&self) -> bool {
        self.mode.writes()
    }

    /// Whether the same call, under way, is waited for: its answer is put in and taken.
    pub fn waits(&self) -> bool {
        self.mode == CacheMode::On
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let flights = &self.cache.flights;
        flights
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}

/// The word for it in a header.
pub fn cache_word(used: CacheUse) -> &'static str {
    match used {
        CacheUse::None => "miss",
        CacheUse::Exact => "hit",
        CacheUse::Semantic => "semantic",
    }
}

/// A fault of the store is as if there was nothing: the upstream answers.
fn read(found: Result<Option<CachedReply>>) -> Option<Entry> {
    let reply = found
        .inspect_err(|error| tracing::warn!(?error, "the cache could not be read"))
        .ok()??;
    let kept = Kept::of_bytes(&reply.body)
        .inspect_err(|error| tracing::warn!(?error, "a kept answer could not be read"))
        .ok()?;
    Some(Entry {
        size_bytes: u32::try_from(reply.body.len()).unwrap_or(u32::MAX),
        kept,
        stored_at: reply.stored_at,
        expires_at: reply.expires_at,
    })
}

/// At length one, so that a product is a cosine.
fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|part| part * part).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|part| *part /= length);
    }
    vector
}
