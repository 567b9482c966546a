//! What is found by meaning: the vectors of the model that serves, beside the text index and from the same store. They
//! are held in memory and are read anew when the engine starts, or when another model takes over; until all are there,
//! those before answer. Who may find what is decided by the text index, inside the search.

pub(crate) mod fuse;
mod places;
mod shelf;

use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::Error;
use inkstone_domain::chunks::{EmbeddedArticle, EmbeddedStamp};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::ChunkStore;
use inkstone_domain::search::Meaning;
use tantivy::query::Query;
use tantivy::{DocAddress, Searcher};

use self::places::Places;
use self::shelf::Shelf;
use crate::error::SearchError;
use crate::schema::Fields;

/// More articles are not found by meaning: what is farther is no answer.
pub(crate) const NEAREST: usize = 100;
/// Articles that are read together.
const BATCH: usize = 200;
/// Stamps that are read together.
const STAMP_PAGE: usize = 5_000;
/// After a fault.
const PAUSE: Duration = Duration::from_secs(5);

/// The vectors that serve, and how far they are.
pub(crate) struct Vectors {
    chunks: Arc<dyn ChunkStore>,
    /// Longer than the longest transaction: changes are read again over this span.
    overlap: TimeDelta,
    places: Places,
    shelf: RwLock<Option<Shelf>>,
    /// The newest change seen, by the database's clock. One at a time follows.
    checkpoint: tokio::sync::Mutex<DateTime<Utc>>,
}

/// An article that was found by meaning, where the text index has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NearText {
    pub id: ArticleId,
    pub address: DocAddress,
    /// Cosine of the angle to its nearest piece.
    pub similarity: f32,
    /// Bytes of the piece in the body of `revision`.
    pub piece: Range<usize>,
    pub revision: u64,
}

impl Vectors {
    pub(crate) fn new(chunks: Arc<dyn ChunkStore>, overlap: TimeDelta) -> Self {
        Self {
            chunks,
            overlap,
            places: Places::default(),
            shelf: RwLock::default(),
            checkpoint: tokio::sync::Mutex::new(DateTime::UNIX_EPOCH),
        }
    }

    /// Whose vectors are here.
    pub(crate) fn model(&self) -> Option<String> {
        self.look(|shelf| Some(shelf?.model.clone()))
    }

    /// The nearest articles of those that the filter lets through, nearest first. `None` where there are no vectors
    /// of this model. Blocking.
    pub(crate) fn nearest(
        &self,
        searcher: &Searcher,
        fields: &Fields,
        filter: Option<&dyn Query>,
        meaning: &Meaning,
    ) -> Result<Option<Vec<NearText>>, SearchError> {
        if self.model().as_ref() != Some(&meaning.model) {
            return Ok(None);
        }
        let allowed = self.places.allowed(searcher, filter)?;
        let nearest = self.look(|shelf| {
            let shelf = shelf.filter(|shelf| shelf.model == meaning.model)?;
            Some(shelf.nearest(&meaning.vector, &allowed, NEAREST))
        });
        let Some(nearest) = nearest else {
            return Ok(None);
        };
        let mut texts = Vec::with_capacity(nearest.len());
        for one in nearest {
            let Some(id) = self.places.id(one.article) else {
                continue;
            };
            let address = places::address(searcher, fields, id)?;
            texts.extend(address.map(|address| NearText {
                id,
                address,
                similarity: one.similarity,
                piece: one.piece,
                revision: one.revision,
            }));
        }
        Ok(Some(texts))
    }

    /// Passes, one after the other.
    pub(crate) async fn follow(&self, poll_interval: Duration) {
        loop {
            let pause = match self.pass().await {
                Ok(()) => poll_interval,
                Err(error) => {
                    tracing::error!(?error, "vectors cannot be followed; trying again");
                    PAUSE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Takes in what was put since the last pass, or all of a model that has begun to serve.
    pub(crate) async fn pass(&self) -> Result<(), Error> {
        let mut checkpoint = self.checkpoint.lock().await;
        let Some(serving) = self.chunks.serving_model().await? else {
            return Ok(());
        };
        if self.model().as_ref() == Some(&serving) {
            let since = *checkpoint - self.overlap;
            let stamps = self.chunks.embedded_since(&serving, since).await?;
            let seen = newest(&stamps, *checkpoint);
            for some in self.news(stamps).chunks(BATCH) {
                self.read(&serving, some).await?;
            }
            *checkpoint = seen;
        } else {
            *checkpoint = self.read_all(serving).await?;
        }
        Ok(())
    }

    /// What is not here as it was put.
    fn news(&self, stamps: Vec<EmbeddedStamp>) -> Vec<EmbeddedStamp> {
        let is_new = |stamp: &EmbeddedStamp| {
            let number = self.places.number(stamp.article);
            self.look(|shelf| shelf.is_none_or(|shelf| !shelf.has(number, stamp.changed_at)))
        };
        stamps.into_iter().filter(is_new).collect()
    }

    async fn read(&self, model: &str, stamps: &[EmbeddedStamp]) -> Result<(), Error> {
        let ids: Vec<ArticleId> = stamps.iter().map(|stamp| stamp.article).collect();
        let embedded = self.chunks.embedded_articles(model, &ids).await?;
        self.change(|shelf| {
            if let Some(shelf) = shelf {
                put(shelf, &self.places, stamps, embedded);
            }
        });
        Ok(())
    }

    /// All of a model; those of the model before answer meanwhile. From when on there may be what was not seen.
    async fn read_all(&self, model: String) -> Result<DateTime<Utc>, Error> {
        let (mut stamps, mut checkpoint) = (Vec::new(), None);
        let mut after = None;
        loop {
            let page = self.chunks.embedded_stamps(&model, after, STAMP_PAGE);
            let page = page.await?;
            let Some(last) = page.last() else { break };
            after = Some(last.article);
            // What is put on a page that has been read is later than this, and so is read with the next pass.
            checkpoint.get_or_insert(newest(&page, DateTime::UNIX_EPOCH));
            stamps.extend(page);
        }
        let mut shelf = Shelf::new(model.clone());
        for some in stamps.chunks(BATCH) {
            let ids: Vec<ArticleId> = some.iter().map(|stamp| stamp.article).collect();
            let embedded = self.chunks.embedded_articles(&model, &ids).await?;
            put(&mut shelf, &self.places, some, embedded);
        }
        let (articles, vectors) = shelf.size();
        tracing::info!(model, articles, vectors, "vectors are ready to be searched");
        self.change(|current| *current = Some(shelf));
        Ok(checkpoint.unwrap_or(DateTime::UNIX_EPOCH))
    }

    fn look<T>(&self, look: impl FnOnce(Option<&Shelf>) -> T) -> T {
        let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        look(shelf.as_ref())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Option<Shelf>) -> T) -> T {
        change(&mut self.shelf.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What was forgotten meanwhile is not put.
fn put(
    shelf: &mut Shelf,
    places: &Places,
    stamps: &[EmbeddedStamp],
    embedded: Vec<EmbeddedArticle>,
) {
    for one in embedded {
        let stamp = stamps.iter().find(|stamp| stamp.article == one.article);
        if let Some(stamp) = stamp {
            shelf.put(places.number(one.article), stamp.changed_at, one);
        }
    }
}

fn newest(stamps: &[EmbeddedStamp], before: DateTime<Utc>) -> DateTime<Utc> {
    let changes = stamps.iter().map(|stamp| stamp.changed_at);
    changes.fold(before, DateTime::max)
}
