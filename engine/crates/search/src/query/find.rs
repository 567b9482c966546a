//! What a query finds where no score counts: in the order of a field, and how much it is.

use inkstone_domain::search::{Direction, SearchOrder, SearchSort};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{EnableScoring, Query};
use tantivy::{DocAddress, Order, Searcher};

use super::filter::within;
use super::sweep::Candidate;
use crate::error::SearchError;

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
        words: 0,
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

/// Where all stand, in order.
pub(super) fn all(
    searcher: &Searcher,
    query: Box<dyn Query>,
    filter: Option<&dyn Query>,
) -> Result<Vec<DocAddress>, SearchError> {
    let query = within(query, filter);
    let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
    let mut all = Vec::new();
    for (number, segment) in (0..).zip(searcher.segment_readers()) {
        let alive = segment.alive_bitset();
        weight.for_each_no_score(segment, &mut |documents| {
            let documents = documents.iter().copied();
            let alive = documents.filter(|one| alive.is_none_or(|alive| alive.is_alive(*one)));
            all.extend(alive.map(|one| DocAddress::new(number, one)));
        })?;
    }
    Ok(all)
}
