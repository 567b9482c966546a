//! Counts by value over everything that was found, and the groups of `distinct`.

use std::collections::{HashMap, HashSet};

use inkstone_domain::search::{FacetCounts, SearchFacet};
use tantivy::{DocAddress, Searcher, SegmentReader};

use crate::error::SearchError;

/// Values of a facet that are told.
const MOST_VALUES: usize = 100;

/// The counts, for texts that were found, in the order of the index.
pub(super) fn count(
    searcher: &Searcher,
    found: &[DocAddress],
    facets: &[SearchFacet],
) -> Result<Vec<FacetCounts>, SearchError> {
    let mut counts: Vec<HashMap<String, u64>> = vec![HashMap::new(); facets.len()];
    for found in by_segment(found) {
        let segment = searcher.segment_reader(found[0].segment_ord);
        let mut columns = Vec::with_capacity(facets.len());
        for facet in facets {
            let column = segment.fast_fields().str(facet.as_str())?;
            let terms = column.as_ref().map_or(0, |column| column.num_terms());
            columns.push((column, vec![0u64; terms]));
        }
        for (column, seen) in &mut columns {
            let Some(column) = column else { continue };
            for address in found {
                for ordinal in column.term_ords(address.doc_id) {
                    seen[ordinal as usize] += 1;
                }
            }
        }
        for ((column, seen), counts) in columns.into_iter().zip(&mut counts) {
            let Some(column) = column else { continue };
            for (ordinal, seen) in (0u64..).zip(seen).filter(|(_, seen)| *seen > 0) {
                let mut value = String::new();
                column.ord_to_str(ordinal, &mut value)?;
                *counts.entry(value).or_default() += seen;
            }
        }
    }
    let told = facets
        .iter()
        .zip(counts)
        .map(|(facet, counts)| FacetCounts {
            facet: *facet,
            values: most_frequent(counts),
        });
    Ok(told.collect())
}

fn most_frequent(counts: HashMap<String, u64>) -> Vec<(String, u64)> {
    let mut values: Vec<(String, u64)> = counts.into_iter().collect();
    values.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    values.truncate(MOST_VALUES);
    values
}

/// The first value of a text, by which it is grouped.
pub(super) fn value_of(
    searcher: &Searcher,
    facet: SearchFacet,
    address: DocAddress,
) -> Result<Option<String>, SearchError> {
    let segment: &SegmentReader = searcher.segment_reader(address.segment_ord);
    let Some(column) = segment.fast_fields().str(facet.as_str())? else {
        return Ok(None);
    };
    let Some(ordinal) = column.term_ords(address.doc_id).next() else {
        return Ok(None);
    };
    let mut value = String::new();
    column.ord_to_str(ordinal, &mut value)?;
    Ok(Some(value))
}

/// How many groups there are; texts without a value are groups of their own.
pub(super) fn groups(
    searcher: &Searcher,
    found: &[DocAddress],
    facet: SearchFacet,
) -> Result<usize, SearchError> {
    let mut values: HashSet<String> = HashSet::new();
    let mut without = 0;
    for found in by_segment(found) {
        let segment = searcher.segment_reader(found[0].segment_ord);
        let column = segment.fast_fields().str(facet.as_str())?;
        let mut ordinals: HashSet<u64> = HashSet::new();
        for address in found {
            let first = column
                .as_ref()
                .and_then(|column| column.term_ords(address.doc_id).next());
            match first {
                Some(ordinal) => {
                    ordinals.insert(ordinal);
                }
                None => without += 1,
            }
        }
        for ordinal in ordinals {
            let Some(column) = &column else { continue };
            let mut value = String::new();
            column.ord_to_str(ordinal, &mut value)?;
            values.insert(value);
        }
    }
    Ok(values.len() + without)
}

fn by_segment(found: &[DocAddress]) -> impl Iterator<Item = &[DocAddress]> {
    found.chunk_by(|one, next| one.segment_ord == next.segment_ord)
}
