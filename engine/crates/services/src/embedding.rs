//! Texts as vectors: what articles say is cut into pieces, which are embedded in the background and kept in the
//! store; what somebody looks for is embedded when they ask. The index that finds the nearest is `search`'s.

mod asking;
mod cutting;
mod keeper;
mod making;

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::Result;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{ArticleStore, ChunkStore, Clock};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::search::Fusion;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

pub(crate) use self::asking::{Asked, Asking};
pub(crate) use self::cutting::pieces_of;
pub use self::cutting::{Piece, pieces};
use crate::chat::Chat;
use crate::events::EventPorts;
use crate::models::Models;

/// Who embeds, and how fast.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingConfig {
    /// `provider/model` or an alias of one. Empty: nothing is embedded, and searches go by words alone.
    pub model: String,
    /// Texts of one call.
    pub batch: usize,
    /// At most so many in the background; a call is followed by a pause that is as long as it took, in any case.
    pub texts_per_second: f64,
    /// How often articles that other engines wrote are looked for.
    pub poll_interval: Duration,
    /// The first pause after a fault that passes; each is longer.
    pub first_wait: Duration,
    /// An engine that is silent for this long leaves the background work to others.
    pub lease: Duration,
    /// For the vector of a question; then words alone count.
    pub query_timeout: Duration,
    /// What meaning counts in searches that do not say: from 0 for words alone to 1 for meaning alone.
    pub ratio: f32,
    pub fusion: Fusion,
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self {
            model: String::new(),
            batch: 8,
            texts_per_second: 20.0,
            poll_interval: Duration::from_secs(5),
            first_wait: Duration::from_secs(1),
            lease: Duration::from_secs(30),
            query_timeout: Duration::from_millis(300),
            ratio: 0.0,
            fusion: Fusion::default(),
        }
    }
}

impl EmbeddingConfig {
    /// Whether anything is embedded at all.
    pub fn is_on(&self) -> bool {
        !self.model.is_empty()
    }
}

/// What background embedding stands on.
pub(crate) struct EmbeddingParts {
    pub models: Arc<Models>,
    pub chat: Arc<Chat>,
    pub articles: Arc<dyn ArticleStore>,
    pub chunks: Arc<dyn ChunkStore>,
    pub events: EventPorts,
    pub clock: Arc<dyn Clock>,
    pub config: EmbeddingConfig,
    pub stop: CancellationToken,
}

/// Keeps the vectors of all articles true to their texts.
pub struct Embeddings {
    models: Arc<Models>,
    chat: Arc<Chat>,
    articles: Arc<dyn ArticleStore>,
    chunks: Arc<dyn ChunkStore>,
    events: EventPorts,
    clock: Arc<dyn Clock>,
    config: EmbeddingConfig,
    /// This process, in the lease.
    holder: String,
    stop: CancellationToken,
}

impl Embeddings {
    pub(crate) fn new(parts: EmbeddingParts) -> Self {
        Self {
            models: parts.models,
            chat: parts.chat,
            articles: parts.articles,
            chunks: parts.chunks,
            events: parts.events,
            clock: parts.clock,
            config: parts.config,
            holder: format!("engine-{}", Ulid::new()),
            stop: parts.stop,
        }
    }

    /// The configured model by its own name: vectors are kept under it.
    fn model(&self) -> Result<String> {
        self.models.embedding_model(&self.config.model)
    }
}

/// The engine itself: in the ledger, what is embedded in the background is nobody's.
fn engine() -> Principal {
    Principal::of(UserId(Ulid::nil()), Role::Creator)
}
