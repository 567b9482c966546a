//! What is like an article: tags and categories that both have, and the words that tell the article from
//! others, weighed by how rare they are. Filters and permissions are inside the search.

use inkstone_domain::related::{Related, RelatedQuery};
use inkstone_domain::search::DocumentKind;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, ConstScoreQuery, MoreLikeThisQuery, Occur, Query};
use tantivy::schema::{Field, OwnedValue, Value};
use tantivy::{Searcher, TantivyDocument};

use crate::error::SearchError;
use crate::query::{any, term, visible};
use crate::schema::Fields;
use crate::text::{Stemming, in_language};

/// A tag or category says more than a word.
const TAG_WEIGHT: f32 = 3.0;
const CATEGORY_WEIGHT: f32 = 2.0;
/// Words of the article that are looked for, in title, summary and body each for itself.
const WORDS: usize = 40;
/// Shorter ones tell nothing; in bytes.
const SHORTEST_WORD: usize = 3;
/// What a text is about stands in its beginning.
const BODY_CHARS: usize = 20_000;
/// So few articles are no crowd: what all of them have may still be what they are about.
const FEW: u64 = 3;

/// Best first. Blocking: run it on a blocking thread.
pub(crate) fn find(
    searcher: &Searcher,
    fields: Fields,
    query: &RelatedQuery,
) -> Result<Vec<Related>, SearchError> {
    let mut clauses = vec![(Occur::Must, likeness(searcher, fields, query))];
    let mut must = |query: Box<dyn Query>| clauses.push((Occur::Must, unscored(query)));
    if let Some(project) = &query.project {
        must(term(fields.project, project));
    }
    if let Some(status) = query.status {
        must(term(fields.status, status.as_str()));
    }
    let articles = [DocumentKind::Article];
    if let Some(visible) = visible(searcher, &fields, &query.visibility, &articles)? {
        must(visible);
    }
    for id in query.without.iter().chain([&query.article.id]) {
        clauses.push((Occur::MustNot, term(fields.id, &id.to_string())));
    }
    let best = TopDocs::with_limit(query.limit.clamp(1, 100)).order_by_score();
    let found = searcher.search(&BooleanQuery::new(clauses), &best)?;
    found
        .into_iter()
        .map(|(score, address)| {
            let document: TantivyDocument = searcher.doc(address)?;
            let id = document
                .get_first(fields.id)
                .and_then(|value| value.as_str())
                .and_then(|id| id.parse().ok());
            let id = id.ok_or(SearchError::Document("id"))?;
            Ok(Related { id, score })
        })
        .collect()
}

/// Whatever shares one thing at least, by how much it shares.
fn likeness(searcher: &Searcher, fields: Fields, query: &RelatedQuery) -> Box<dyn Query> {
    let text = &query.article.text;
    let weighed = |field: Field, word: &str, weight: f32| -> Box<dyn Query> {
        Box::new(BoostQuery::new(term(field, word), weight))
    };
    let tags = text.tags.iter();
    let tags = tags.map(|tag| weighed(fields.tag, tag, TAG_WEIGHT));
    let categories = text.extras.categories.iter();
    let categories = categories.map(|name| weighed(fields.category, name, CATEGORY_WEIGHT));
    let beginning: String = text.body.chars().take(BODY_CHARS).collect();
    // Wherever in the one it stands, and wherever in the other.
    let whole = [&text.title, &text.summary, &beginning];
    let stemming = Stemming::of_text(&text.language, &text.body);
    let whole = whole.map(|it| OwnedValue::PreTokStr(in_language(it, stemming)));
    let words = MoreLikeThisQuery::builder()
        .with_min_term_frequency(1)
        // The article itself may be one of them, and a word of its own leads nowhere.
        .with_min_doc_frequency(2)
        .with_max_doc_frequency((searcher.num_docs() / 2).max(FEW))
        .with_min_word_length(SHORTEST_WORD)
        .with_max_query_terms(WORDS)
        .with_document_fields(vec![(fields.text, whole.into())]);
    any(tags
        .chain(categories)
        .chain([Box::new(words) as Box<dyn Query>]))
}

fn unscored(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}
