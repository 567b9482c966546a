//! How the last word may go on in articles. Told and counted are only words of texts that may be read.

use inkstone_domain::search::{DocumentKind, Suggestion, Visibility};
use tantivy::Searcher;

use super::filter;
use super::vocabulary::Vocabulary;
use crate::error::SearchError;
use crate::schema::Fields;
use crate::text::{fold, pieces};

/// Counting on tells nobody more.
const COUNTED: u64 = 1_000;

/// Most frequent first, at most `limit`.
pub(super) fn suggest(
    searcher: &Searcher,
    fields: &Fields,
    typed: &str,
    visibility: &Visibility,
    limit: usize,
) -> Result<Vec<Suggestion>, SearchError> {
    let Some(last) = pieces(typed).last().filter(|last| last.end == typed.len()) else {
        return Ok(Vec::new());
    };
    let visible = filter::visible(searcher, fields, visibility, &[DocumentKind::Article])?;
    let vocabulary = Vocabulary::new(searcher, fields, None, visible.as_deref())?;
    let prefix = fold(last.text);
    let mut near = vocabulary.completions(&prefix)?;
    if near.is_empty() {
        near = vocabulary.corrections(&prefix, true)?;
    }
    let mut suggestions = Vec::new();
    for one in near {
        let surfaces = &vocabulary.surfaces;
        let term = surfaces.look_up(&one.surface)?;
        let documents = vocabulary.readable(surfaces, &term, COUNTED)?;
        if documents > 0 {
            suggestions.push(Suggestion {
                text: format!("{}{}", &typed[..last.start], one.surface),
                documents,
            });
        }
    }
    suggestions.sort_by(|one, other| {
        let by_count = other.documents.cmp(&one.documents);
        by_count.then_with(|| one.text.cmp(&other.text))
    });
    suggestions.truncate(limit);
    Ok(suggestions)
}
