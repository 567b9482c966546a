//! Search within what the caller may read. How the index is built and filled is the adapter's work.

mod alerts;
mod finding;
mod lexicons;
mod passages;
mod reranking;
mod saved;

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::content::Status;
use inkstone_domain::ports::{
    Clock, DocumentStore, EngineBus, SavedSearchStore, SearchIndex, SearchSettingsStore,
};
use inkstone_domain::principal::Principal;
use inkstone_domain::search::{
    DocumentId, DocumentKind, IndexReport, IndexStats, Narrow, SearchPage, SearchQuery,
    SearchShape, Suggestion, Visibility,
};
use inkstone_domain::{Error, Result, codes};

pub use self::alerts::SearchAlerts;
pub use self::finding::Found;
pub use self::lexicons::Lexicons;
pub(crate) use self::reranking::Reranking;
pub use self::reranking::{RerankBy, RerankConfig};
pub use self::saved::{Alerts, NewSavedSearch, SavedSearches};
use crate::access::Access;
use crate::embedding::{Asked, Asking};

/// A search; who may see what is added here.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// What a person typed; empty finds everything, newest first.
    pub text: String,
    /// Of one of these.
    pub kinds: Vec<DocumentKind>,
    /// None but these, where there are any.
    pub only: Vec<DocumentId>,
    pub project: Option<String>,
    pub status: Option<Status>,
    /// Every one of them.
    pub tags: Vec<String>,
    /// 1 to 100.
    pub limit: usize,
    pub offset: usize,
    pub narrow: Narrow,
    pub shape: SearchShape,
    /// What meaning counts beside words, from 0 to 1; as it is configured where it is left out.
    pub ratio: Option<f32>,
    /// So many of the best passages of what is found are told, up to 50; see [`Search::find`].
    pub passages: usize,
    /// The best are put in the order of a model; see [`Search::find`].
    pub rerank: Option<RerankBy>,
}

impl Default for SearchRequest {
    /// All articles, the first twenty.
    fn default() -> Self {
        Self {
            text: String::new(),
            kinds: vec![DocumentKind::Article],
            only: Vec::new(),
            project: None,
            status: None,
            tags: Vec::new(),
            limit: 20,
            offset: 0,
            narrow: Narrow::default(),
            shape: SearchShape::default(),
            ratio: None,
            passages: 0,
            rerank: None,
        }
    }
}

/// What searches are made with.
pub(crate) struct SearchParts {
    /// Filters by visibility itself.
    pub index: Arc<dyn SearchIndex>,
    /// What is in the index, as it is now.
    pub documents: Arc<dyn DocumentStore>,
    pub access: Arc<Access>,
    pub settings: Arc<dyn SearchSettingsStore>,
    pub saved: Arc<dyn SavedSearchStore>,
    pub bus: Arc<dyn EngineBus>,
    pub clock: Arc<dyn Clock>,
    pub asking: Asking,
    pub reranking: Reranking,
}

/// Search as users see it.
pub struct Search {
    index: Arc<dyn SearchIndex>,
    documents: Arc<dyn DocumentStore>,
    access: Arc<Access>,
    pub lexicons: Lexicons,
    pub saved: SavedSearches,
    asking: Asking,
    reranking: Reranking,
}

/// Longer than any index should lag behind.
const CATCH_UP: Duration = Duration::from_secs(10);
/// Length of a passage, words.
const LONGEST_CROP: usize = 200;
/// Of one query to the index.
const LONGEST_PAGE: usize = 100;
/// Hits before a page at the most. Deeper pages cost the index more than they tell anybody.
pub const DEEPEST: usize = 10_000;

impl Search {
    pub(crate) fn new(parts: SearchParts) -> Self {
        let SearchParts {
            index,
            documents,
            access,
            settings,
            saved,
            bus,
            clock,
            asking,
            reranking,
        } = parts;
        Self {
            index,
            documents,
            lexicons: Lexicons::new(settings, Arc::clone(&access), bus, Arc::clone(&clock)),
            access,
            saved: SavedSearches::new(saved, clock),
            asking,
            reranking,
        }
    }

    /// Finds what the principal may read: what is their own, what is in their projects, and what is published; of chats only
    /// their own.
    pub async fn query(&self, principal: &Principal, request: SearchRequest) -> Result<SearchPage> {
        check(&request)?;
        let visibility = self.visibility(principal).await?;
        self.query_within(principal, &visibility, request, false)
            .await
    }

    async fn query_within(
        &self,
        principal: &Principal,
        visibility: &Visibility,
        request: SearchRequest,
        places: bool,
    ) -> Result<SearchPage> {
        let lexicon = match &request.project {
            Some(project) => self.lexicons.of(principal, project).await?,
            None => Arc::default(),
        };
        let (meaning, without) = match self.meaning(principal, &request).await? {
            Some(Asked::Ready(meaning)) => (Some(meaning), None),
            Some(Asked::Without(why)) => (None, Some(why)),
            None => (None, None),
        };
        let page = self
            .index
            .query(SearchQuery {
                text: request.text,
                visibility: visibility.clone(),
                kinds: request.kinds,
                only: request.only,
                project: request.project,
                status: request.status,
                tags: request.tags,
                limit: request.limit,
                offset: request.offset,
                narrow: request.narrow,
                shape: request.shape,
                lexicon,
                meaning,
                places,
            })
            .await?;
        Ok(SearchPage {
            semantic: page.semantic.or(without),
            ..page
        })
    }

    /// `None` where words alone are asked for: by the ratio, or since nothing was typed, or by another order.
    async fn meaning(
        &self,
        principal: &Principal,
        request: &SearchRequest,
    ) -> Result<Option<Asked>> {
        let ratio = request.ratio.unwrap_or(self.asking.ratio());
        if !(0.0..=1.0).contains(&ratio) {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                "`ratio` must be from 0, for words alone, to 1, for meaning alone",
            ));
        }
        if ratio == 0.0 || request.shape.sort.is_some() || request.text.trim().is_empty() {
            return Ok(None);
        }
        let model = self.index.embedding_model();
        let asked = self.asking.meaning(principal, model, &request.text, ratio);
        Ok(Some(asked.await))
    }

    /// How the last word of the text may go on, from what the principal may read.
    pub async fn suggest(
        &self,
        principal: &Principal,
        text: String,
        limit: usize,
    ) -> Result<Vec<Suggestion>> {
        let visibility = self.visibility(principal).await?;
        self.index.suggest(text, visibility, limit).await
    }

    async fn visibility(&self, principal: &Principal) -> Result<Visibility> {
        let projects = match principal.is_admin() {
            true => Vec::new(),
            false => self.access.projects_of(principal).await?,
        };
        Ok(visibility_in(principal, projects))
    }

    /// Returns once every change acknowledged before this call can be found; `search_unavailable`
    /// after ten seconds.
    pub async fn catch_up(&self) -> Result<()> {
        match tokio::time::timeout(CATCH_UP, self.index.catch_up()).await {
            Ok(done) => done,
            Err(_) => Err(Error::new(
                &codes::SEARCH_UNAVAILABLE,
                "the search index is far behind; the change is stored, and will be found later",
            )),
        }
    }

    /// Size of the index.
    pub async fn stats(&self) -> Result<IndexStats> {
        self.index.stats().await
    }

    /// Size of the index, for admins.
    pub async fn index_stats(&self, principal: &Principal) -> Result<IndexStats> {
        admins_only(principal)?;
        self.index.stats().await
    }

    /// Compares the index with the store; for admins.
    pub async fn verify(&self, principal: &Principal) -> Result<IndexReport> {
        admins_only(principal)?;
        self.index.verify().await
    }

    /// Builds the index anew while the old one answers; for admins. How many texts it holds.
    pub async fn rebuild(&self, principal: &Principal) -> Result<u64> {
        admins_only(principal)?;
        self.index.rebuild().await
    }
}

fn admins_only(principal: &Principal) -> Result<()> {
    match principal.is_admin() {
        true => Ok(()),
        false => Err(Error::new(
            &codes::FORBIDDEN,
            "only admins see to the search index",
        )),
    }
}

fn check(request: &SearchRequest) -> Result<()> {
    if !(1..=LONGEST_PAGE).contains(&request.limit) {
        return Err(Error::new(
            &codes::INVALID_INPUT,
            format!("`limit` must be from 1 to {LONGEST_PAGE}"),
        ));
    }
    if request.offset > DEEPEST {
        return Err(Error::new(
            &codes::INVALID_INPUT,
            format!("`offset` must be at most {DEEPEST}; narrow the search instead"),
        ));
    }
    if request.shape.crop_words > LONGEST_CROP {
        return Err(Error::new(
            &codes::INVALID_INPUT,
            format!("`crop` must be at most {LONGEST_CROP} words"),
        ));
    }
    Ok(())
}

/// What a principal may find who has a role in these projects.
pub(crate) fn visibility_in(principal: &Principal, projects: Vec<String>) -> Visibility {
    match principal.is_admin() {
        true => Visibility::Admin(principal.user),
        false => Visibility::User {
            user: principal.user,
            projects,
        },
    }
}
