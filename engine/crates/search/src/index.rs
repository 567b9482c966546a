//! The port: queries go to the index that counts at the moment, all that changes it goes to the follower.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use inkstone_domain::Result;
use inkstone_domain::ports::{ChunkStore, DocumentStore, SearchIndex};
use inkstone_domain::related::{Related, RelatedQuery};
use inkstone_domain::search::{
    IndexReport, IndexStats, SearchPage, SearchQuery, Suggestion, Visibility,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::error::SearchError;
use crate::feed::Feed;
use crate::opened::Opened;
use crate::query::Searching;
use crate::related;
use crate::schema;
use crate::vectors::Vectors;

/// Words are looked for among so few texts where they are asked for: it takes less than the change to another thread and
/// back, and under a millisecond.
const FEW_TEXTS: u64 = 10_000;
/// A query waits so long for an index that is filled for the first time: with few texts that takes less.
const FILL_DEADLINE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub struct SearchConfig {
    /// Folder of the index; `None` keeps it in memory.
    pub dir: Option<PathBuf>,
    /// Memory for documents that are not committed yet, bytes (at least 15 MB).
    pub writer_memory_bytes: usize,
    /// What the index may take on disk. One that is rebuilt beside it counts, too, and is not begun where it does not fit.
    pub disk_bytes: Option<u64>,
    /// Changes are read again over this span, so that none is missed whose time stamp was given
    /// before its transaction became visible. Longer than the longest transaction.
    pub overlap: TimeDelta,
    /// Pause between two looks at the store when nothing nudges.
    pub poll_interval: Duration,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            dir: None,
            writer_memory_bytes: 30_000_000,
            disk_bytes: None,
            overlap: TimeDelta::seconds(30),
            poll_interval: Duration::from_secs(2),
        }
    }
}

/// What the follower is asked for.
pub(crate) enum Request {
    CatchUp(oneshot::Sender<()>),
    /// This index takes over, once it has caught up. It was begun at its checkpoint.
    Switch(Arc<Opened>, oneshot::Sender<()>),
    /// A query met what cannot be read.
    Damaged,
}

pub struct TantivyIndex {
    /// What goes on when its caller has left holds it.
    own: Weak<Self>,
    pub(crate) config: SearchConfig,
    pub(crate) feed: Feed,
    vectors: Option<Arc<Vectors>>,
    opened: RwLock<Arc<Opened>>,
    requests: mpsc::Sender<Request>,
    pub(crate) inbox: tokio::sync::Mutex<mpsc::Receiver<Request>>,
    /// One rebuild at a time.
    rebuilding: tokio::sync::Mutex<()>,
}

impl TantivyIndex {
    /// Opens the index, or begins a new one where there is none, or where it is damaged or of
    /// another version: it is derived data, and [`TantivyIndex::follow`] fills it again.
    pub fn open(config: SearchConfig, store: Arc<dyn DocumentStore>) -> Result<Arc<Self>> {
        Self::with(config, store, None)
    }

    /// The same, which finds by meaning, too; [`TantivyIndex::follow_vectors`] brings the vectors.
    pub fn open_with_vectors(
        config: SearchConfig,
        store: Arc<dyn DocumentStore>,
        chunks: Arc<dyn ChunkStore>,
    ) -> Result<Arc<Self>> {
        let vectors = Arc::new(Vectors::new(chunks, config.overlap));
        Self::with(config, store, Some(vectors))
    }

    fn with(
        config: SearchConfig,
        store: Arc<dyn DocumentStore>,
        vectors: Option<Arc<Vectors>>,
    ) -> Result<Arc<Self>> {
        let opened = Opened::current(&config)?;
        let (requests, inbox) = mpsc::channel(64);
        Ok(Arc::new_cyclic(|own| Self {
            own: Weak::clone(own),
            config,
            feed: Feed::new(store),
            vectors,
            opened: RwLock::new(Arc::new(opened)),
            requests,
            inbox: tokio::sync::Mutex::new(inbox),
            rebuilding: tokio::sync::Mutex::new(()),
        }))
    }

    /// Follows the vectors of the model that serves until `shutdown` resolves; ends at once where there are none.
    pub async fn follow_vectors(&self, shutdown: impl Future<Output = ()>) {
        let Some(vectors) = &self.vectors else { return };
        tokio::select! {
            () = vectors.follow(self.config.poll_interval) => {}
            () = shutdown => {}
        }
    }

    /// Returns once every vector is searched that was put before this call.
    pub async fn catch_up_with_vectors(&self) -> Result<()> {
        match &self.vectors {
            Some(vectors) => vectors.pass().await,
            None => Ok(()),
        }
    }

    /// The index that counts now.
    pub(crate) fn opened(&self) -> Arc<Opened> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&opened)
    }

    /// From now on this one answers.
    pub(crate) fn take_over(&self, next: Arc<Opened>) {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        *opened = next;
    }

    pub(crate) async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, SearchError> {
        let (done, wait) = oneshot::channel();
        let sent = self.requests.send(request(done)).await;
        sent.map_err(|_| SearchError::NotFollowing)?;
        wait.await.map_err(|_| SearchError::NotFollowing)
    }

    /// The index as it is now. One that is not filled yet would find nothing of what there is.
    fn searching(&self) -> Result<Searching, SearchError> {
        let opened = self.opened();
        match opened.is_filled() {
            true => Ok(Searching {
                searcher: opened.reader.searcher(),
                fields: opened.fields,
            }),
            false => Err(SearchError::Filling),
        }
    }

    async fn wait_until_filled(&self) {
        if !self.opened().is_filled() {
            // Nothing is to be done about a follower who does not answer: the query says so.
            let _ = timeout(FILL_DEADLINE, self.ask(Request::CatchUp)).await;
        }
    }

    /// Runs on a blocking thread, on the index as it is now.
    async fn search<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Searching) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T> {
        let searching = self.searching()?;
        let done = tokio::task::spawn_blocking(move || work(&searching)).await;
        self.heeded(done.map_err(SearchError::from).flatten())
    }

    /// One at a time.
    async fn rebuild_beside(&self) -> Result<u64> {
        let _alone = self.rebuilding.lock().await;
        self.check_room().await?;
        let next = self.built_anew().await?;
        let switched = Arc::clone(&next);
        self.ask(|done| Request::Switch(switched, done)).await?;
        Ok(next.reader.searcher().num_docs())
    }

    /// The new one is as large as the old one, more or less.
    async fn check_room(&self) -> Result<()> {
        let Some(budget) = self.config.disk_bytes else {
            return Ok(());
        };
        let size = self.stats().await?.size_bytes;
        match size * 2 > budget {
            true => Err(SearchError::NoRoom { size, budget }.into()),
            false => Ok(()),
        }
    }

    /// A fault of the index has it rebuilt.
    fn heeded<T>(&self, result: Result<T, SearchError>) -> Result<T> {
        if let Err(error) = &result
            && error.is_damage()
        {
            tracing::error!(?error, "the search index cannot be read and is rebuilt");
            // Where the inbox is full, the next query says so again.
            let _ = self.requests.try_send(Request::Damaged);
        }
        Ok(result?)
    }
}

#[async_trait]
impl SearchIndex for TantivyIndex {
    async fn query(&self, query: SearchQuery) -> Result<SearchPage> {
        self.wait_until_filled().await;
        let vectors = self.vectors.clone();
        let searching = self.searching()?;
        let is_short = searching.searcher.num_docs() <= FEW_TEXTS && query.meaning.is_none();
        let run = move |searching: &Searching| searching.run(&query, vectors.as_deref());
        match is_short {
            true => {
                let run = AssertUnwindSafe(|| run(&searching));
                let result = catch_unwind(run).unwrap_or(Err(SearchError::Panicked));
                self.heeded(result)
            }
            false => self.search(run).await,
        }
    }

    fn embedding_model(&self) -> Option<String> {
        self.vectors.as_ref()?.model()
    }

    async fn suggest(
        &self,
        text: String,
        visibility: Visibility,
        limit: usize,
    ) -> Result<Vec<Suggestion>> {
        self.wait_until_filled().await;
        self.search(move |searching| searching.suggest(&text, &visibility, limit))
            .await
    }

    async fn related(&self, query: RelatedQuery) -> Result<Vec<Related>> {
        self.wait_until_filled().await;
        self.search(move |searching| related::find(&searching.searcher, searching.fields, &query))
            .await
    }

    async fn stats(&self) -> Result<IndexStats> {
        self.search(|searching| {
            let searcher = &searching.searcher;
            Ok(IndexStats {
                documents: searcher.num_docs(),
                size_bytes: searcher.space_usage()?.total().get_bytes(),
                segments: searcher.segment_readers().len() as u64,
                version: schema::VERSION,
            })
        })
        .await
    }

    async fn verify(&self) -> Result<IndexReport> {
        self.compare().await
    }

    async fn rebuild(&self) -> Result<u64> {
        let own = self.own.upgrade().ok_or(SearchError::NotFollowing)?;
        // Whoever asked may leave: it is seen through.
        let rebuilt = tokio::spawn(async move { own.rebuild_beside().await });
        rebuilt.await.map_err(SearchError::from)?
    }

    async fn catch_up(&self) -> Result<()> {
        Ok(self.ask(Request::CatchUp).await?)
    }
}
