//! What narrows a search without counting for the score: permissions first, then filters.

use std::ops::Bound as RangeBound;

use inkstone_domain::content::Status;
use inkstone_domain::search::{Between, SearchQuery, Visibility};
use tantivy::Term;
use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur, Query, RangeQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use crate::schema::{Fields, millis};

/// All that must be so beside the words; `None` where nothing must.
pub(super) fn of(fields: &Fields, query: &SearchQuery) -> Option<Box<dyn Query>> {
    let narrow = &query.narrow;
    let mut musts = Vec::new();
    musts.extend(visible(fields, &query.visibility));
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
    match musts.len() {
        0 => None,
        1 => musts.pop(),
        _ => Some(all_of(musts)),
    }
}

/// What somebody may find; `None` for everything.
pub(crate) fn visible(fields: &Fields, visibility: &Visibility) -> Option<Box<dyn Query>> {
    let Visibility::User { user, projects } = visibility else {
        return None;
    };
    let own = term(fields.owner, &user.to_string());
    let published = term(fields.status, Status::Published.as_str());
    let theirs = projects.iter().map(|slug| term(fields.project, slug));
    Some(any([own, published].into_iter().chain(theirs)))
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
