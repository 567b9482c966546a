//! The passages of what was found. The index tells where in a text it found it; the text is read anew from the store,
//! asked once more who may read it, and cut as it is cut to be embedded. So nobody is shown a passage of a text that was
//! taken from them a moment ago.

use std::collections::{HashMap, HashSet};

use inkstone_domain::content::Article;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::DocumentStore;
use inkstone_domain::search::{Document, DocumentId, FoundAt, Hit, Passage, Visibility};
use inkstone_domain::{Error, Result, codes};

use crate::embedding::{Piece, pieces_of};

/// Of one text.
const OF_ONE: usize = 3;
/// So many texts later the best passage counts half.
const RANKS: f32 = 10.0;

/// A passage, and what a model that reranks is shown of it: it knows what it stands under.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub passage: Passage,
    pub shown: String,
}

/// The best passages of all hits, best first. `ratio` is what meaning counts beside words.
pub(super) async fn candidates(
    documents: &dyn DocumentStore,
    visibility: &Visibility,
    hits: &[Hit],
    ratio: f32,
) -> Result<Vec<Candidate>> {
    let mut texts = texts(documents, visibility, hits).await?;
    let found: Vec<(usize, Text, FoundAt)> = hits
        .iter()
        .enumerate()
        .filter_map(|(rank, hit)| Some((rank, texts.remove(&hit.id)?, hit.found_at.clone())))
        .collect();
    // Long texts take their time.
    let cut = tokio::task::spawn_blocking(move || {
        let mut all: Vec<Candidate> = found
            .into_iter()
            .flat_map(|(rank, text, found_at)| best_of(rank, &text, &found_at, ratio))
            .collect();
        all.sort_by(|one, other| other.passage.score.total_cmp(&one.passage.score));
        all
    });
    cut.await.map_err(|error| {
        Error::new(&codes::INTERNAL, "texts could not be cut into passages").with_source(error)
    })
}

/// A text as it is now.
struct Text {
    document: Document,
    slug: Option<String>,
}

/// Those that may be read.
async fn texts(
    documents: &dyn DocumentStore,
    visibility: &Visibility,
    hits: &[Hit],
) -> Result<HashMap<DocumentId, Text>> {
    let articles: Vec<ArticleId> = hits.iter().filter_map(|hit| hit.id.article()).collect();
    let others = hits.iter().map(|hit| hit.id);
    let others: Vec<DocumentId> = others.filter(|id| id.article().is_none()).collect();
    let mut texts: Vec<Text> = Vec::with_capacity(hits.len());
    if !articles.is_empty() {
        let found = documents.articles_by_id(&articles).await?.into_iter();
        texts.extend(found.map(Text::from));
    }
    if !others.is_empty() {
        let found = documents.documents(&others).await?.into_iter();
        texts.extend(found.map(|document| Text {
            document,
            slug: None,
        }));
    }
    texts.retain(|text| visibility.finds(&text.document));
    let texts = texts.into_iter();
    Ok(texts.map(|text| (text.document.id, text)).collect())
}

impl From<Article> for Text {
    fn from(article: Article) -> Self {
        Self {
            slug: Some(article.slug.clone()),
            document: Document::from(article),
        }
    }
}

/// What a text counts by its rank, times what each of its pieces has of what its best one has.
fn best_of(rank: usize, text: &Text, found_at: &FoundAt, ratio: f32) -> Vec<Candidate> {
    let Document {
        title,
        summary,
        body,
        ..
    } = &text.document;
    let pieces = pieces_of(title, summary, body);
    let mut worth = worth(&pieces, found_at, ratio);
    worth.truncate(OF_ONE);
    let best = worth.first().map_or(1.0, |(_, worth)| *worth);
    let by_rank = RANKS / (RANKS + rank as f32);
    let worth = worth.into_iter().filter_map(|(ordinal, worth)| {
        let score = by_rank * worth / best;
        Some(candidate(text, ordinal, pieces.get(ordinal)?, score))
    });
    worth.collect()
}

/// Numbers of the pieces that have something, best first. What was found in the title alone begins with its beginning.
fn worth(pieces: &[Piece], found_at: &FoundAt, ratio: f32) -> Vec<(usize, f32)> {
    let mut words: Vec<HashSet<usize>> = vec![HashSet::new(); pieces.len()];
    for (word, begins) in found_at.words.iter().enumerate() {
        for begin in begins {
            // Pieces overlap a little; what stands in two belongs to both.
            let end = pieces.partition_point(|piece| piece.at.start <= *begin);
            for number in (0..end).rev().take_while(|it| pieces[*it].at.end > *begin) {
                words[number].insert(word);
            }
        }
    }
    let most = words.iter().map(HashSet::len).max().unwrap_or(0).max(1);
    let near = found_at.near.as_ref().and_then(|near| {
        let after = pieces.partition_point(|piece| piece.at.start <= near.start);
        after.checked_sub(1)
    });
    let mut worth: Vec<(usize, f32)> = words
        .iter()
        .enumerate()
        .map(|(number, has)| {
            let by_words = has.len() as f32 / most as f32;
            let by_meaning = if near == Some(number) { 1.0 } else { 0.0 };
            (number, (1.0 - ratio) * by_words + ratio * by_meaning)
        })
        .filter(|(_, worth)| *worth > 0.0)
        .collect();
    worth.sort_by(|one, other| other.1.total_cmp(&one.1));
    match worth.is_empty() && !pieces.is_empty() {
        true => vec![(0, 1.0)],
        false => worth,
    }
}

fn candidate(text: &Text, ordinal: usize, piece: &Piece, score: f32) -> Candidate {
    let document = &text.document;
    let own = document.body.get(piece.at.clone()).unwrap_or_default();
    let own = match own.is_empty() {
        true => &piece.text,
        false => own,
    };
    Candidate {
        passage: Passage {
            document: document.id,
            revision: document.revision,
            project: document.project.clone(),
            conversation: document.conversation,
            title: document.title.clone(),
            slug: text.slug.clone(),
            headings: piece.headings.clone(),
            ordinal,
            start: piece.at.start,
            end: piece.at.end,
            text: own.to_owned(),
            score,
        },
        shown: piece.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use inkstone_domain::ids::UserId;
    use inkstone_testkit::sample;

    use super::*;

    /// Three sections, each a piece of its own.
    fn text() -> Text {
        let mut article = sample::article(UserId::new());
        let filling = "And so it goes on, wave after wave. ".repeat(8);
        let sections = ["moon", "sun moon", "wind"].map(|it| format!("# {it}\n\n{filling}\n\n"));
        article.text.title = "Tides".to_owned();
        article.text.summary.clear();
        article.text.body = sections.concat();
        Text::from(article)
    }

    fn begins(text: &Text, word: &str) -> Vec<usize> {
        let found = text.document.body.match_indices(word);
        found.map(|(at, _)| at).collect()
    }

    /// Number and score of each, in their order.
    fn best(rank: usize, found_at: &FoundAt, ratio: f32) -> Vec<(usize, f32)> {
        let found = best_of(rank, &text(), found_at, ratio).into_iter();
        found
            .map(|it| (it.passage.ordinal, it.passage.score))
            .collect()
    }

    #[test]
    fn pieces_with_more_of_the_words_go_first() {
        let text = text();
        let both = FoundAt {
            words: vec![begins(&text, "moon"), begins(&text, "sun")],
            near: None,
        };
        assert_eq!(best(0, &both, 0.0), [(1, 1.0), (0, 0.5)]);
        assert_eq!(best(10, &both, 0.0), [(1, 0.5), (0, 0.25)]);
        let in_the_title = FoundAt::default();
        assert_eq!(best(0, &in_the_title, 0.0), [(0, 1.0)]);
    }

    #[test]
    fn the_nearest_piece_counts_as_much_as_meaning_does() {
        let text = text();
        let third = begins(&text, "# wind")[0];
        let found_at = FoundAt {
            words: vec![begins(&text, "sun")],
            near: Some(third..text.document.body.len()),
        };
        assert_eq!(best(0, &found_at, 0.0), [(1, 1.0)]);
        assert_eq!(best(0, &found_at, 1.0), [(2, 1.0)]);
        assert_eq!(best(0, &found_at, 0.5), [(1, 1.0), (2, 1.0)]);
    }

    #[test]
    fn a_passage_says_where_it_stands() {
        let text = text();
        let found_at = FoundAt {
            words: vec![begins(&text, "wind")],
            near: None,
        };
        let found = best_of(0, &text, &found_at, 0.0);
        let passage = &found[0].passage;
        assert_eq!(
            (passage.ordinal, passage.headings.as_slice()),
            (2, &["wind".to_owned()][..])
        );
        assert_eq!(passage.text, text.document.body[passage.start..passage.end]);
        assert!(passage.text.starts_with("# wind"));
        assert!(found[0].shown.starts_with("Tides\nwind\n"));
        // The index has an older text: what it says of it leads to some piece, and never out of it.
        let old = FoundAt {
            words: vec![vec![1_000_000]],
            near: Some(2_000_000..3_000_000),
        };
        assert_eq!(best(0, &old, 0.5), [(2, 1.0)]);
        assert_eq!(best(0, &old, 0.0), [(0, 1.0)]);
    }

    #[test]
    fn what_has_no_body_is_its_title() {
        let mut text = text();
        text.document.body.clear();
        let found = best_of(0, &text, &FoundAt::default(), 0.0);
        assert_eq!(found[0].passage.text, "Tides");
        assert_eq!((found[0].passage.start, found[0].passage.end), (0, 0));
    }
}
