//! What narrows a search without counting for the score: permissions first, then filters.

use std::ops::Bound as RangeBound;

use inkstone_domain::search::{Between, DocumentKind, SearchQuery, Visibility};
use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur, Query, RangeQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use crate::error::SearchError;
use crate::schema::{Fields, millis, reader};

/// All that must be so beside the words; `None` where nothing must.
pub(super) fn of(
    searcher: &Searcher,
    fields: &Fields,
    query: &SearchQuery,
) -> Result<Option<Box<dyn Query>>, SearchError> {
    let narrow = &query.narrow;
    let mut musts = Vec::new();
    musts.extend(visible(searcher, fields, &query.visibility, &query.kinds)?);
    if !query.only.is_empty() {
        let only = query.only.iter();
        musts.push(any(only.map(|id| term(fields.id, &id.to_string()))));
    }
    let all = [
        (fields.project, query.project.as_slice()),
        (fields.tag, query.tags.as_slice()),
        (fields.category, narrow.categories.as_slice()),
    ];
    for (field, values) in all {
        musts.extend(values.iter().map(|value| term(field, value)));
    }
    if let Some(status) = query.status {
        musts.push(term(fields.status, status.as_str()));
    }
    let languages: Vec<String> = narrow
        .languages
        .iter()
        .map(|tag| tag.to_lowercase())
        .collect();
    let any_of = [
        (fields.author, &narrow.authors),
        (fields.language, &languages),
        (fields.content_type, &narrow.content_types),
    ];
    for (field, values) in any_of {
        if !values.is_empty() {
            musts.push(any(values.iter().map(|value| term(field, value))));
        }
    }
    musts.extend(between(fields.created_at, narrow.created, millis));
    musts.extend(between(fields.updated_at, narrow.updated, millis));
    musts.extend(between(fields.words, narrow.words, |words| words));
    Ok(match musts.len() {
        0 => None,
        1 => musts.pop(),
        _ => Some(all_of(musts)),
    })
}

/// What somebody may find of these kinds; `None` where that is everything.
pub(crate) fn visible(
    searcher: &Searcher,
    fields: &Fields,
    visibility: &Visibility,
    kinds: &[DocumentKind],
) -> Result<Option<Box<dyn Query>>, SearchError> {
    let readers = kinds.iter().flat_map(|kind| {
        let readers = visibility.readers(*kind).into_iter();
        readers.map(|readers| reader(*kind, &readers))
    });
    let readers: Vec<String> = readers.collect();
    let all: u64 = searcher
        .segment_readers()
        .iter()
        .map(|segment| u64::from(segment.max_doc()))
        .sum();
    for one in &readers {
        let term = Term::from_field_text(fields.readers, one);
        if searcher.doc_freq(&term)? == all {
            return Ok(None);
        }
    }
    Ok(Some(any(readers
        .iter()
        .map(|one| term(fields.readers, one)))))
}

/// Words within a filter, which does not count for the score.
pub(super) fn within(words: Box<dyn Query>, filter: Option<&dyn Query>) -> Box<dyn Query> {
    let Some(filter) = filter else { return words };
    let filter = Box::new(ConstScoreQuery::new(filter.box_clone(), 0.0));
    Box::new(BooleanQuery::new(vec![
        (Occur::Must, words),
        (Occur::Must, filter),
    ]))
}

fn between<T: Copy>(
    field: Field,
    between: Between<T>,
    number: impl Fn(T) -> u64,
) -> Option<Box<dyn Query>> {
    let bound = |value: Option<T>| match value {
        Some(value) => RangeBound::Included(Term::from_field_u64(field, number(value))),
        None => RangeBound::Unbounded,
    };
    match between.is_open() {
        true => None,
        false => Some(Box::new(RangeQuery::new(
            bound(between.from),
            bound(between.to),
        ))),
    }
}

/// Texts with this value.
pub(crate) fn term(field: Field, text: &str) -> Box<dyn Query> {
    let term = Term::from_field_text(field, text);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// Texts that one of these finds; none where there are none.
pub(crate) fn any(queries: impl Iterator<Item = Box<dyn Query>>) -> Box<dyn Query> {
    Box::new(BooleanQuery::new(
        queries.map(|one| (Occur::Should, one)).collect(),
    ))
}

pub(super) fn all_of(queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    let clauses = queries.into_iter().map(|one| (Occur::Must, one));
    Box::new(BooleanQuery::new(clauses.collect()))
}
