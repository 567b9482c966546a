//! Opening the index, and its two sides: a reader for queries and a writer that only the follower uses.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::Article;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::{ArticleStore, SearchIndex};
use inkstone_domain::related::{Related, RelatedQuery};
use inkstone_domain::search::{IndexStats, SearchPage, SearchQuery};
use tantivy::directory::MmapDirectory;
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Term};
use tokio::sync::{mpsc, oneshot};

use crate::error::SearchError;
use crate::query::Searcher;
use crate::related;
use crate::schema::{self, Fields};

#[derive(Debug, Clone)]
pub struct SearchConfig {
    /// Folder of the index; `None` keeps it in memory.
    pub dir: Option<PathBuf>,
    /// Memory for documents that are not committed yet, bytes (at least 15 MB).
    pub writer_memory_bytes: usize,
    /// Changes are read again over this span, so that none is missed whose time stamp was given
    /// before its transaction became visible. Longer than the longest transaction.
    pub overlap: Duration,
    /// Pause between two looks at the store when nothing nudges.
    pub poll_interval: Duration,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            dir: None,
            writer_memory_bytes: 30_000_000,
            overlap: Duration::from_secs(30),
            poll_interval: Duration::from_secs(2),
        }
    }
}

pub struct TantivyIndex {
    pub(crate) config: SearchConfig,
    pub(crate) articles: Arc<dyn ArticleStore>,
    pub(crate) fields: Fields,
    pub(crate) index: Index,
    pub(crate) reader: IndexReader,
    /// Locked on blocking threads only.
    writer: Arc<Mutex<IndexWriter>>,
    searcher: Arc<Searcher>,
    requests: mpsc::Sender<oneshot::Sender<()>>,
    pub(crate) inbox: tokio::sync::Mutex<mpsc::Receiver<oneshot::Sender<()>>>,
}

impl TantivyIndex {
    /// Opens the index, or begins a new one where there is none, or where it is damaged or of
    /// another version: it is derived data, and [`TantivyIndex::follow`] fills it again.
    pub fn open(config: SearchConfig, articles: Arc<dyn ArticleStore>) -> Result<Arc<Self>> {
        Ok(Self::open_inner(config, articles)?)
    }

    fn open_inner(
        config: SearchConfig,
        articles: Arc<dyn ArticleStore>,
    ) -> Result<Arc<Self>, SearchError> {
        let (index, fields) = match &config.dir {
            None => create_in_memory(),
            Some(dir) => open_folder(&dir.join(format!("v{}", schema::VERSION)))?,
        };
        index
            .tokenizers()
            .register(schema::TEXT, schema::analyser());
        let writer = index.writer_with_num_threads(1, config.writer_memory_bytes)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        let searcher = Arc::new(Searcher::new(&index, reader.clone(), fields));
        let (requests, inbox) = mpsc::channel(64);
        Ok(Arc::new(Self {
            config,
            articles,
            fields,
            index,
            reader,
            writer: Arc::new(Mutex::new(writer)),
            searcher,
            requests,
            inbox: tokio::sync::Mutex::new(inbox),
        }))
    }

    /// Replaces `changed`, drops `removed`, and commits both together with the checkpoint: index
    /// and checkpoint cannot disagree.
    pub(crate) async fn commit(
        &self,
        changed: Vec<Article>,
        removed: Vec<ArticleId>,
        checkpoint: DateTime<Utc>,
    ) -> Result<(), SearchError> {
        let writer = Arc::clone(&self.writer);
        let fields = self.fields;
        let reader = self.reader.clone();
        tokio::task::spawn_blocking(move || {
            let mut writer = writer.lock().unwrap_or_else(|poison| poison.into_inner());
            for id in changed.iter().map(|article| article.id).chain(removed) {
                writer.delete_term(Term::from_field_text(fields.id, &id.to_string()));
            }
            for article in &changed {
                writer.add_document(fields.document(article))?;
            }
            let mut commit = writer.prepare_commit()?;
            commit.set_payload(&checkpoint.to_rfc3339());
            commit.commit()?;
            reader.reload()?;
            Ok(())
        })
        .await?
    }

    /// The checkpoint of the last commit.
    pub(crate) fn checkpoint(&self) -> Option<DateTime<Utc>> {
        let payload = self.index.load_metas().ok()?.payload?;
        let time = DateTime::parse_from_rfc3339(&payload).ok()?;
        Some(time.with_timezone(&Utc))
    }
}

#[async_trait]
impl SearchIndex for TantivyIndex {
    async fn query(&self, query: SearchQuery) -> Result<SearchPage> {
        let searcher = Arc::clone(&self.searcher);
        let page = tokio::task::spawn_blocking(move || searcher.run(&query))
            .await
            .map_err(SearchError::from)??;
        Ok(page)
    }

    async fn related(&self, query: RelatedQuery) -> Result<Vec<Related>> {
        let (searcher, fields) = (self.reader.searcher(), self.fields);
        let found = tokio::task::spawn_blocking(move || related::find(&searcher, fields, &query))
            .await
            .map_err(SearchError::from)??;
        Ok(found)
    }

    async fn stats(&self) -> Result<IndexStats> {
        let searcher = self.reader.searcher();
        let stats = tokio::task::spawn_blocking(move || {
            let space = searcher.space_usage().map_err(SearchError::from)?;
            Ok::<_, SearchError>(IndexStats {
                documents: searcher.num_docs(),
                size_bytes: space.total().get_bytes(),
            })
        })
        .await
        .map_err(SearchError::from)??;
        Ok(stats)
    }

    async fn catch_up(&self) -> Result<()> {
        let (done, wait) = oneshot::channel();
        self.requests
            .send(done)
            .await
            .map_err(|_| SearchError::NotFollowing)?;
        wait.await.map_err(|_| SearchError::NotFollowing)?;
        Ok(())
    }
}

fn create_in_memory() -> (Index, Fields) {
    let (schema, fields) = schema::build();
    (Index::create_in_ram(schema), fields)
}

fn open_folder(dir: &Path) -> Result<(Index, Fields), SearchError> {
    match try_open_folder(dir) {
        Ok(opened) => Ok(opened),
        Err(error) => {
            tracing::warn!(dir = %dir.display(), %error, "the search index is damaged and is rebuilt");
            std::fs::remove_dir_all(dir)?;
            try_open_folder(dir)
        }
    }
}

fn try_open_folder(dir: &Path) -> Result<(Index, Fields), SearchError> {
    std::fs::create_dir_all(dir)?;
    let (schema, fields) = schema::build();
    let directory = MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
    let index = Index::open_or_create(directory, schema)?;
    let damaged = index.validate_checksum()?;
    if damaged.is_empty() {
        Ok((index, fields))
    } else {
        let names: Vec<String> = damaged
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, names.join(", "));
        Err(SearchError::Folder(error))
    }
}
