//! Who is who: articles have dense numbers here, so that what a filter allows is a row of bits. The filter is the one
//! that words are searched with, so nobody finds by meaning what they may not find by words.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use inkstone_domain::ids::ArticleId;
use tantivy::index::SegmentId;
use tantivy::query::{AllQuery, EnableScoring, Query};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocSet, Searcher, SegmentReader, TERMINATED, Term};

use crate::error::SearchError;
use crate::schema::Fields;

/// Of a document without an id that can be read.
const NOBODY: u32 = u32::MAX;

/// Numbers of articles. They are given once and stay, as long as the index is open.
#[derive(Default)]
pub(super) struct Places {
    numbers: RwLock<Numbers>,
    /// By document, for each segment: segments never change.
    columns: Mutex<HashMap<SegmentId, Arc<[u32]>>>,
}

#[derive(Default)]
struct Numbers {
    by_id: HashMap<ArticleId, u32>,
    ids: Vec<ArticleId>,
}

/// A bit for each article that may be found.
#[derive(Default)]
pub(super) struct Allowed(Vec<u64>);

impl Allowed {
    pub(super) fn put(&mut self, number: u32) {
        let at = number as usize / 64;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (number % 64);
    }

    /// Numbers, lowest first.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        (0u32..).step_by(64).zip(&self.0).flat_map(|(base, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (bit < 64).then_some(base + bit)
            })
        })
    }
}

impl Places {
    /// The article's number; a new one where it has none.
    pub(super) fn number(&self, id: ArticleId) -> u32 {
        let known = self.read(|numbers| numbers.by_id.get(&id).copied());
        known.unwrap_or_else(|| {
            let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
            let next = numbers.ids.len() as u32;
            let number = *numbers.by_id.entry(id).or_insert(next);
            if number == next {
                numbers.ids.push(id);
            }
            number
        })
    }

    fn read<T>(&self, look: impl FnOnce(&Numbers) -> T) -> T {
        look(&self.numbers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the filter lets through of the index as it is at this moment.
    pub(super) fn allowed(
        &self,
        searcher: &Searcher,
        filter: Option<&dyn Query>,
    ) -> Result<Allowed, SearchError> {
        let mut allowed = Allowed::default();
        let filter = filter.unwrap_or(&AllQuery);
        let weight = filter.weight(EnableScoring::disabled_from_searcher(searcher))?;
        for segment in searcher.segment_readers() {
            let column = self.column(segment)?;
            let alive = segment.alive_bitset();
            weight.for_each_no_score(segment, &mut |documents| {
                for document in documents {
                    let number = column.get(*document as usize).copied().unwrap_or(NOBODY);
                    if number != NOBODY && alive.is_none_or(|alive| alive.is_alive(*document)) {
                        allowed.put(number);
                    }
                }
            })?;
        }
        self.forget_segments(searcher);
        Ok(allowed)
    }

    /// Whose number it is.
    pub(super) fn id(&self, number: u32) -> Option<ArticleId> {
        self.read(|numbers| numbers.ids.get(number as usize).copied())
    }

    fn column(&self, segment: &SegmentReader) -> Result<Arc<[u32]>, SearchError> {
        let id = segment.segment_id();
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(column) = columns.get(&id) {
            return Ok(Arc::clone(column));
        }
        let column = self.read_column(segment)?;
        columns.insert(id, Arc::clone(&column));
        Ok(column)
    }

    fn read_column(&self, segment: &SegmentReader) -> Result<Arc<[u32]>, SearchError> {
        let documents = segment.max_doc();
        let Some(ids) = segment.fast_fields().str("id")? else {
            return Ok(vec![NOBODY; documents as usize].into());
        };
        // One walk through all ids instead of a look-up for each.
        let mut numbers = Vec::with_capacity(ids.num_terms());
        let mut terms = ids.dictionary().stream()?;
        while terms.advance() {
            let id = std::str::from_utf8(terms.key()).ok();
            let id = id.and_then(|id| id.parse().ok());
            numbers.push(id.map_or(NOBODY, |id| self.number(id)));
        }
        let number_of = |document| {
            let ordinal = ids.term_ords(document).next();
            let number = ordinal.and_then(|ordinal| numbers.get(ordinal as usize));
            number.copied().unwrap_or(NOBODY)
        };
        Ok((0..documents).map(number_of).collect())
    }

    /// Those that were merged into others.
    fn forget_segments(&self, searcher: &Searcher) {
        let segments = searcher.segment_readers();
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        // Another index may be about to take over: some more are no harm.
        if columns.len() > 2 * segments.len() + 8 {
            let live: HashSet<SegmentId> = segments.iter().map(|it| it.segment_id()).collect();
            columns.retain(|id, _| live.contains(id));
        }
    }
}

/// Where an article stands, if it does.
pub(super) fn address(
    searcher: &Searcher,
    fields: &Fields,
    id: ArticleId,
) -> Result<Option<DocAddress>, SearchError> {
    let term = Term::from_field_text(fields.id, &id.to_string());
    for (ordinal, segment) in (0..).zip(searcher.segment_readers()) {
        let index = segment.inverted_index(fields.id)?;
        let list = index.read_postings(&term, IndexRecordOption::Basic)?;
        let Some(mut list) = list else { continue };
        let alive = segment.alive_bitset();
        while list.doc() != TERMINATED {
            if alive.is_none_or(|alive| alive.is_alive(list.doc())) {
                return Ok(Some(DocAddress::new(ordinal, list.doc())));
            }
            list.advance();
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_numbers() {
        let mut allowed = Allowed::default();
        for number in [0, 63, 64, 200] {
            allowed.put(number);
        }
        assert_eq!(allowed.numbers().collect::<Vec<_>>(), [0, 63, 64, 200]);
    }

    #[test]
    fn numbers_stay() {
        let places = Places::default();
        let (one, other) = (ArticleId::new(), ArticleId::new());
        assert_eq!(places.number(one), 0);
        assert_eq!(places.number(other), 1);
        assert_eq!(places.number(one), 0);
    }
}
