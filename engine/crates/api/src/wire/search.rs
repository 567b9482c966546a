//! Results of a search. What is asked stands in `search_form`.

use std::collections::BTreeMap;

use inkstone_domain::ids::ConversationId;
use inkstone_domain::search::{
    DocumentId, DocumentKind, FacetCounts, Hit, IndexReport, IndexStats, Ranking, RerankUse,
    SemanticUse, Suggestion,
};
use inkstone_services::search::{DEEPEST, Found};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::article::StatusWord;
use super::passage::SearchPassageReply;
use super::search_form::Form;

/// A page of results.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchReply {
    /// Best first.
    pub data: Vec<HitReply>,
    /// How many match in all.
    pub total: usize,
    pub limit: usize,
    pub offset: usize,
    /// Send it as `cursor` for the next page; null on the last one, and behind the first 10,000.
    pub next_cursor: Option<String>,
    /// For each facet that was asked for, how many of all results have which value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facets: BTreeMap<String, Vec<FacetReply>>,
    /// What may have been meant, where a word is in nothing that the caller may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
    /// What became of the search by meaning, where it was asked for: `used`; or words alone counted, since the
    /// model was late (`timed_out`) or there are no vectors or no model (`unavailable`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic: Option<&'static str>,
    /// What became of `rerank`, where it was asked for: `used`; or the order stayed as it was, since the model was
    /// late (`timed_out`) or failed (`unavailable`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reranked: Option<&'static str>,
    /// The best passages of these results, where they were asked for; up to three of one document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passages: Option<Vec<SearchPassageReply>>,
}

/// Something that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HitReply {
    /// Of an article, a prompt, a file or a message.
    #[schema(value_type = String, example = "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: DocumentId,
    pub kind: KindWord,
    pub project: String,
    /// Of articles; null for all else.
    pub status: Option<StatusWord>,
    /// Of messages: the chat it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "cnv_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub conversation: Option<ConversationId>,
    pub tags: Vec<String>,
    /// The name of a prompt or a file; empty for messages.
    pub title: String,
    /// The best passage, unless `crop=0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
    /// Title and passage as HTML, unless `highlight=false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlight: Option<HighlightReply>,
    /// Relative, higher is better.
    pub score: f32,
    /// Why it stands here, with `show_score`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranking: Option<SearchRankingReply>,
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DocumentKindWord)]
pub(crate) enum KindWord {
    Article,
    Prompt,
    /// A file.
    Media,
    /// Of a chat of one's own.
    Message,
    /// What was found.
    Note,
}

/// Escaped HTML with the matches within `<em>`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HighlightReply {
    pub title: String,
    pub snippet: String,
}

/// What the rules say, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchRankingReply {
    /// Words that are there.
    pub words: usize,
    /// Words that were looked for.
    pub of_words: usize,
    /// Letters that differ from what was typed.
    pub typos: u32,
    /// Words that stand between the words.
    pub proximity: u32,
    /// Where the first match is: `title`, `summary`, `tags` or `body`.
    pub attribute: String,
    /// Words that are there just as typed.
    pub exact: usize,
    /// BM25F of the whole text.
    pub text: f32,
    /// Cosine of the angle between what was meant and the nearest piece, where meaning found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
}

/// A value, and how many results have it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FacetReply {
    pub value: String,
    pub count: u64,
}

/// How the last word may go on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WordSuggestionReply {
    /// What was typed, with the last word completed.
    pub text: String,
    /// Articles that the caller may read and that have the word; counted up to a thousand.
    pub documents: u64,
}

/// The search index.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IndexReply {
    pub documents: u64,
    pub size_bytes: u64,
    pub segments: u64,
    /// Of fields and analysis.
    pub version: u32,
}

/// Index and store, compared.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IndexReportReply {
    pub identical: bool,
    /// Documents in the store.
    pub stored: u64,
    /// Documents in the index.
    pub indexed: u64,
    /// In the store and not, or in another revision, in the index.
    pub missing: u64,
    /// In the index and not in the store.
    pub surplus: u64,
}

/// An index that was built anew.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RebuiltReply {
    pub documents: u64,
}

/// Where the next page begins. None begins deeper than may be asked for.
fn next_offset(offset: usize, hits: usize, total: usize) -> Option<usize> {
    let next = offset + hits;
    (hits > 0 && next < total && next <= DEEPEST).then_some(next)
}

impl SearchReply {
    pub(crate) fn new(found: Found, form: &Form) -> Self {
        let page = found.page;
        let (limit, offset) = (form.request.limit, form.request.offset);
        let next = next_offset(offset, page.hits.len(), page.total);
        Self {
            data: page
                .hits
                .into_iter()
                .map(|hit| HitReply::new(hit, form))
                .collect(),
            total: page.total,
            limit,
            offset,
            next_cursor: next.map(|next| form.cursor_at(next)),
            facets: page.facets.into_iter().map(facet).collect(),
            did_you_mean: page.did_you_mean,
            semantic: page.semantic.map(SemanticUse::as_str),
            reranked: found.reranked.map(RerankUse::as_str),
            passages: (form.request.passages > 0)
                .then(|| found.passages.into_iter().map(Into::into).collect()),
        }
    }
}

fn facet(counts: FacetCounts) -> (String, Vec<FacetReply>) {
    let values = counts.values.into_iter();
    let values = values.map(|(value, count)| FacetReply { value, count });
    (counts.facet.as_str().to_owned(), values.collect())
}

impl HitReply {
    fn new(hit: Hit, form: &Form) -> Self {
        let shape = &form.request.shape;
        let highlight = shape.highlight.then_some(HighlightReply {
            title: hit.title_html,
            snippet: hit.snippet_html,
        });
        let ranking = hit.ranking.filter(|_| form.show_score);
        Self {
            id: hit.id,
            kind: hit.id.kind().into(),
            project: hit.project,
            status: hit.status.map(StatusWord::from),
            conversation: hit.conversation,
            tags: hit.tags,
            title: hit.title,
            snippet: (shape.crop_words > 0).then_some(hit.snippet),
            highlight,
            score: hit.score,
            ranking: ranking.map(SearchRankingReply::from),
        }
    }
}

impl From<DocumentKind> for KindWord {
    fn from(kind: DocumentKind) -> Self {
        match kind {
            DocumentKind::Article => Self::Article,
            DocumentKind::Prompt => Self::Prompt,
            DocumentKind::Media => Self::Media,
            DocumentKind::Message => Self::Message,
            DocumentKind::Note => Self::Note,
        }
    }
}

impl From<KindWord> for DocumentKind {
    fn from(kind: KindWord) -> Self {
        match kind {
            KindWord::Article => Self::Article,
            KindWord::Prompt => Self::Prompt,
            KindWord::Media => Self::Media,
            KindWord::Message => Self::Message,
            KindWord::Note => Self::Note,
        }
    }
}

impl From<Ranking> for SearchRankingReply {
    fn from(ranking: Ranking) -> Self {
        Self {
            words: ranking.words,
            of_words: ranking.of_words,
            typos: ranking.typos,
            proximity: ranking.proximity,
            attribute: ranking.attribute,
            exact: ranking.exact,
            text: ranking.text,
            similarity: ranking.similarity,
        }
    }
}

impl From<Suggestion> for WordSuggestionReply {
    fn from(suggestion: Suggestion) -> Self {
        Self {
            text: suggestion.text,
            documents: suggestion.documents,
        }
    }
}

impl From<IndexStats> for IndexReply {
    fn from(stats: IndexStats) -> Self {
        Self {
            documents: stats.documents,
            size_bytes: stats.size_bytes,
            segments: stats.segments,
            version: stats.version,
        }
    }
}

impl From<IndexReport> for IndexReportReply {
    fn from(report: IndexReport) -> Self {
        Self {
            identical: report.is_identical(),
            stored: report.stored,
            indexed: report.indexed,
            missing: report.missing,
            surplus: report.surplus,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_while_there_is_more_and_it_may_be_asked_for() {
        assert_eq!(next_offset(0, 20, 45), Some(20));
        assert_eq!(next_offset(40, 5, 45), None);
        assert_eq!(next_offset(40, 0, 45), None);
        assert_eq!(next_offset(DEEPEST - 20, 20, 90_000), Some(DEEPEST));
        assert_eq!(next_offset(DEEPEST, 20, 90_000), None);
    }
}
