//! What the fake index finds by meaning, of articles: every vector is looked at.

use std::collections::HashMap;

use futures::FutureExt;
use inkstone_domain::Result;
use inkstone_domain::chunks::{product, unit};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::search::{Document, DocumentId, Meaning, SearchQuery};

use super::{FakeSearchIndex, fits};

/// More are not found by meaning.
const NEAREST: usize = 100;
/// Of reciprocal rank fusion.
const RANK_BASE: f32 = 60.0;

/// An article that was found, with the piece of it that is nearest.
pub(super) struct Near {
    pub document: Document,
    pub similarity: f32,
    pub piece: std::ops::Range<usize>,
}

impl FakeSearchIndex {
    /// A store in memory answers at once.
    pub(super) fn serving_model(&self) -> Option<String> {
        let chunks = self.chunks.as_ref()?;
        chunks.serving_model().now_or_never()?.ok()?
    }

    /// Nearest first, of all that the query may find, whatever was typed.
    pub(super) async fn near(
        &self,
        documents: &[Document],
        query: &SearchQuery,
        meaning: &Meaning,
    ) -> Result<Vec<Near>> {
        let Some(chunks) = &self.chunks else {
            return Ok(Vec::new());
        };
        let anything = SearchQuery {
            text: String::new(),
            ..query.clone()
        };
        let allowed: HashMap<ArticleId, &Document> = documents
            .iter()
            .filter(|document| fits(document, &anything))
            .filter_map(|document| match document.id {
                DocumentId::Article(id) => Some((id, document)),
                _ => None,
            })
            .collect();
        let ids: Vec<ArticleId> = allowed.keys().copied().collect();
        let embedded = chunks.embedded_articles(&meaning.model, &ids).await?;
        let mut near: Vec<Near> = embedded
            .into_iter()
            .filter_map(|one| {
                let chunks = one.chunks.into_iter().filter_map(|chunk| {
                    let similarity = product(&unit(chunk.vector)?, &meaning.vector);
                    Some((similarity, chunk.start..chunk.end))
                });
                let (similarity, piece) = chunks.max_by(|a, b| a.0.total_cmp(&b.0))?;
                Some(Near {
                    document: (*allowed.get(&one.article)?).clone(),
                    similarity,
                    piece,
                })
            })
            .collect();
        near.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        near.truncate(NEAREST);
        Ok(near)
    }
}

/// Both lists as one, with the nearest pieces.
pub(super) fn fused(
    words: Vec<Document>,
    near: Vec<Near>,
    ratio: f32,
) -> Vec<(Document, Option<Near>)> {
    let mut all: HashMap<DocumentId, (f32, Document, Option<Near>)> = HashMap::new();
    let worth = |rank: usize| 1.0 / (RANK_BASE + 1.0 + rank as f32);
    if ratio < 1.0 {
        for (rank, document) in words.into_iter().enumerate() {
            let score = (1.0 - ratio) * worth(rank);
            all.insert(document.id, (score, document, None));
        }
    }
    for (rank, one) in near.into_iter().enumerate() {
        let document = one.document.clone();
        let entry = all.entry(document.id).or_insert((0.0, document, None));
        entry.0 += ratio * worth(rank);
        entry.2 = Some(one);
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.into_iter()
        .map(|(_, document, near)| (document, near))
        .collect()
}
