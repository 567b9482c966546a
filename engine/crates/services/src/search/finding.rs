//! A search to its end: the page of the index, the order of a model, and passages, as far as they are asked for.

use std::collections::{HashMap, HashSet};

use inkstone_domain::principal::Principal;
use inkstone_domain::search::{
    DocumentId, Hit, LastWord, Passage, RerankUse, SearchPage, SearchShape, SemanticUse,
};
use inkstone_domain::{Error, Result, codes};

use super::passages::{Candidate, candidates};
use super::reranking::Order;
use super::{LONGEST_PAGE, Search, SearchRequest, check};

/// Of one search.
const MOST_PASSAGES: usize = 50;
/// Passages are of so many documents at least, where there are so many.
const DOCUMENTS: usize = 20;
/// What meaning counts where passages are looked for, unless something is said or configured: who asks a question
/// seldom knows the words of the answer.
const RATIO_OF_PASSAGES: f32 = 0.5;

/// What was found, with its passages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    pub page: SearchPage,
    /// Best first, up to three of one document.
    pub passages: Vec<Passage>,
    /// Where it was asked for.
    pub reranked: Option<RerankUse>,
}

impl Search {
    /// The same as a query, with the order of a model and passages where they are asked for. A model looks at the best
    /// passage of each of the best documents, and at all passages where these are asked for; it needs the role creator.
    /// Passages are of documents of this page.
    pub async fn find(&self, principal: &Principal, request: SearchRequest) -> Result<Found> {
        check(&request)?;
        if request.passages > MOST_PASSAGES {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!("`passages` must be at most {MOST_PASSAGES}"),
            ));
        }
        let model = self.reranker(&request)?;
        let window = match model {
            Some(_) => self.window(&request),
            None => request.clone(),
        };
        let before = request.offset - window.offset;
        let visibility = self.visibility(principal).await?;
        let has_passages = model.is_some() || request.passages > 0;
        let found = self.query_within(principal, &visibility, window, has_passages);
        let mut page = found.await?;
        if !has_passages {
            return Ok(Found {
                page,
                ..Found::default()
            });
        }
        let ratio = match page.semantic {
            Some(SemanticUse::Used) => request.ratio.unwrap_or(self.asking.ratio()),
            _ => 0.0,
        };
        let cut = candidates(&*self.documents, &visibility, &page.hits, ratio);
        let mut candidates = cut.await?;
        if request.passages == 0 {
            let mut seen = HashSet::new();
            candidates.retain(|one| seen.insert(one.passage.document));
        }
        let mut reranked = None;
        if let Some(model) = model {
            let rest = candidates.split_off(candidates.len().min(self.reranking.depth()));
            let shown = candidates.iter().map(|one| one.shown.clone()).collect();
            let order = self
                .reranking
                .order(principal, model, request.text, shown)
                .await?;
            reranked = Some(match order {
                Order::AsItWas(why) => why,
                Order::Of(order) => {
                    candidates = reordered(candidates, order);
                    page.hits = by_passages(page.hits, &candidates);
                    RerankUse::Used
                }
            });
            candidates.extend(rest);
        }
        let hits = page.hits.into_iter();
        page.hits = hits.skip(before).take(request.limit).collect();
        let shown: HashSet<DocumentId> = page.hits.iter().map(|hit| hit.id).collect();
        let passages = candidates.into_iter().map(|one| one.passage);
        let passages = passages.filter(|passage| shown.contains(&passage.document));
        Ok(Found {
            passages: passages.take(request.passages).collect(),
            page,
            reranked,
        })
    }

    /// At most so many passages that answer the text, whatever the page that is asked for.
    pub async fn passages(
        &self,
        principal: &Principal,
        request: SearchRequest,
        most: usize,
    ) -> Result<Found> {
        let passages = most.clamp(1, MOST_PASSAGES);
        let request = SearchRequest {
            limit: passages.max(DOCUMENTS),
            offset: 0,
            ratio: Some(request.ratio.unwrap_or(self.ratio_of_passages())),
            shape: SearchShape {
                // Nobody is at typing it.
                last_word: LastWord::Whole,
                ..request.shape
            },
            passages,
            ..request
        };
        self.find(principal, request).await
    }

    fn ratio_of_passages(&self) -> f32 {
        match self.asking.ratio() {
            _ if !self.asking.is_on() => 0.0,
            0.0 => RATIO_OF_PASSAGES,
            ratio => ratio,
        }
    }

    /// Who reranks; nobody where the order is another one, or where the page is deeper than anybody looks.
    fn reranker(&self, request: &SearchRequest) -> Result<Option<String>> {
        let Some(by) = request.rerank.clone() else {
            return Ok(None);
        };
        let model = self.reranking.model(by)?;
        let is_by_rank = request.shape.sort.is_none() && !request.text.trim().is_empty();
        let is_seen = request.offset < self.reranking.depth();
        Ok((is_by_rank && is_seen).then_some(model))
    }

    /// All that is looked at, and the page that is asked for.
    fn window(&self, request: &SearchRequest) -> SearchRequest {
        let wanted = self.reranking.depth().max(request.offset + request.limit);
        SearchRequest {
            offset: 0,
            limit: wanted.min(LONGEST_PAGE),
            ..request.clone()
        }
    }
}

/// In this order, with these scores.
fn reordered(candidates: Vec<Candidate>, order: Vec<(usize, f32)>) -> Vec<Candidate> {
    let mut places: Vec<Option<Candidate>> = candidates.into_iter().map(Some).collect();
    let ordered = order.into_iter().filter_map(|(place, score)| {
        let mut one = places.get_mut(place)?.take()?;
        one.passage.score = score;
        Some(one)
    });
    ordered.collect()
}

/// Hits in the order of their best passages, with these scores; those that have none stay behind them, as they were.
fn by_passages(hits: Vec<Hit>, candidates: &[Candidate]) -> Vec<Hit> {
    let mut places: HashMap<DocumentId, (usize, f32)> = HashMap::new();
    for (place, one) in candidates.iter().enumerate() {
        let best = (place, one.passage.score);
        places.entry(one.passage.document).or_insert(best);
    }
    let place_of = |hit: Hit| match places.get(&hit.id).copied() {
        Some((place, score)) => (place, Hit { score, ..hit }),
        None => (usize::MAX, hit),
    };
    let mut hits: Vec<(usize, Hit)> = hits.into_iter().map(place_of).collect();
    hits.sort_by_key(|(place, _)| *place);
    hits.into_iter().map(|(_, hit)| hit).collect()
}
