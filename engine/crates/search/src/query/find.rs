//! The best of a query within a filter. The filter is looked at only where a text may be among the best,
//! so texts that cannot be are still skipped by whole blocks.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use inkstone_domain::search::{Direction, SearchOrder, SearchSort};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{EnableScoring, Query};
use tantivy::{DocAddress, Order, Score, Searcher};

use super::filter::within;
use crate::error::SearchError;

/// A text that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub score: Score,
    pub address: DocAddress,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then(other.address.cmp(&self.address))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By score, best first.
pub(super) fn best(
    searcher: &Searcher,
    query: &dyn Query,
    filter: Option<&dyn Query>,
    limit: usize,
) -> Result<Vec<Candidate>, SearchError> {
    let weight = query.weight(EnableScoring::enabled_from_searcher(searcher))?;
    let filter = match filter {
        Some(filter) => Some(filter.weight(EnableScoring::disabled_from_searcher(searcher))?),
        None => None,
    };
    let mut best: BinaryHeap<Reverse<Candidate>> = BinaryHeap::with_capacity(limit + 1);
    for (segment, reader) in (0..).zip(searcher.segment_readers()) {
        let mut allowed = match &filter {
            Some(weight) => Some(weight.scorer(reader, 1.0)?),
            None => None,
        };
        let alive = reader.alive_bitset();
        let threshold = threshold(&best, limit);
        weight.for_each_pruning(threshold, reader, &mut |document, score| {
            let is_allowed = alive.is_none_or(|alive| alive.is_alive(document))
                && allowed.as_mut().is_none_or(|allowed| {
                    let at = match allowed.doc() < document {
                        true => allowed.seek(document),
                        false => allowed.doc(),
                    };
                    at == document
                });
            if is_allowed {
                let address = DocAddress::new(segment, document);
                best.push(Reverse(Candidate { score, address }));
                if best.len() > limit {
                    best.pop();
                }
            }
            self::threshold(&best, limit)
        })?;
    }
    let best = best.into_sorted_vec();
    Ok(best
        .into_iter()
        .map(|Reverse(candidate)| candidate)
        .collect())
}

/// What a text must be above to be among the best.
fn threshold(best: &BinaryHeap<Reverse<Candidate>>, limit: usize) -> Score {
    match best.peek() {
        Some(Reverse(last)) if best.len() >= limit => last.score,
        _ => Score::MIN,
    }
}

/// By a field.
pub(super) fn sorted(
    searcher: &Searcher,
    query: &dyn Query,
    sort: SearchSort,
    limit: usize,
) -> Result<Vec<Candidate>, SearchError> {
    let field = match sort.by {
        SearchOrder::CreatedAt => "created_at",
        SearchOrder::UpdatedAt => "updated_at",
        SearchOrder::Words => "words",
    };
    let order = match sort.direction {
        Direction::Ascending => Order::Asc,
        Direction::Descending => Order::Desc,
    };
    let top = TopDocs::with_limit(limit).order_by_u64_field(field, order);
    let found = searcher.search(query, &top)?;
    let candidates = found.into_iter().map(|(_, address)| Candidate {
        score: 0.0,
        address,
    });
    Ok(candidates.collect())
}

/// How many there are in all.
pub(super) fn count(
    searcher: &Searcher,
    query: Box<dyn Query>,
    filter: Option<&dyn Query>,
) -> Result<usize, SearchError> {
    Ok(searcher.search(&within(query, filter), &Count)?)
}
