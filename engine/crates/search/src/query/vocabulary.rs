//! What the index has for a word: its stems, words that go on from it, and words it may be a slip of.
//! Whatever is told to people is counted in the texts that they may read.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use tantivy::query::{EnableScoring, FuzzyTermQuery, Query, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, InvertedIndexReader, Searcher, SegmentReader, TERMINATED, Term};

use super::terms::{Listed, Terms};
use crate::error::SearchError;
use crate::schema::Fields;
use crate::text::{Stemming, fold, without_ending};

/// Words that a prefix stands for at the most.
const COMPLETIONS: usize = 16;
/// Words that a slip stands for at the most.
const CORRECTIONS: usize = 8;
/// Of the words that are near one, so many of the most frequent are tried, until enough may be read.
const TRIED: usize = 256;
/// Terms of a segment's dictionary that are looked at for one word: that go on from it, and that it may be a slip of.
const GOING_ON: usize = 65_536;
const SIMILAR: usize = 4_096;
/// No longer word is a slip, in characters: what finds those grows with the length times the letters there are.
const LONGEST_SLIP: usize = 32;
/// Languages whose stems are tried.
const LANGUAGES: usize = 18;

pub(super) struct Vocabulary<'index> {
    searcher: &'index Searcher,
    /// The terms of texts.
    pub texts: Terms,
    /// Words as they are written.
    pub surfaces: Terms,
    languages: Vec<Stemming>,
    /// Texts of other languages have their words as they are written.
    all_are_stemmed: bool,
    visible: Option<Box<dyn Weight>>,
}

/// A word of the index near one that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Near {
    pub surface: String,
    pub typos: u32,
    /// Texts that have it, whoever may read them: for ranking, never for telling.
    pub documents: u64,
}

impl<'index> Vocabulary<'index> {
    /// `language` is that of what was typed, where it is declared.
    pub(super) fn new(
        searcher: &'index Searcher,
        fields: &'index Fields,
        language: Option<&str>,
        visible: Option<&dyn Query>,
    ) -> Result<Self, SearchError> {
        let indexed = Languages::of(searcher, fields.stemming)?;
        let languages = match language.and_then(Stemming::named) {
            Some(declared) => vec![declared],
            None => indexed.known,
        };
        let visible = match visible {
            Some(query) => Some(query.weight(EnableScoring::disabled_from_searcher(searcher))?),
            None => None,
        };
        Ok(Self {
            searcher,
            texts: Terms::of(searcher, fields.text)?,
            surfaces: Terms::of(searcher, fields.surface)?,
            languages,
            all_are_stemmed: indexed.are_all,
            visible,
        })
    }

    pub(super) fn languages(&self) -> &[Stemming] {
        &self.languages
    }

    /// The terms that a word may be under: itself, without a Korean ending, and its stem in every language.
    pub(super) fn stems(&self, word: &str) -> Vec<String> {
        let mut stems = Vec::with_capacity(2);
        // Whatever the language of a text, words of scripts that are not stemmed stand as they are written.
        if !self.all_are_stemmed || !word.is_ascii() {
            let folded = fold(word);
            stems.extend(without_ending(&folded).map(str::to_owned));
            stems.push(folded);
        }
        for language in &self.languages {
            let stem = language.stem(word);
            if !stem.is_empty() && !stems.contains(&stem) {
                stems.push(stem);
            }
        }
        stems
    }

    /// Texts with this term that may be read, counted up to `most`.
    pub(super) fn readable(
        &self,
        terms: &Terms,
        term: &Listed,
        most: u64,
    ) -> Result<u64, SearchError> {
        let has_deletes = |one: &SegmentReader| one.has_deletes();
        if self.visible.is_none() && !self.searcher.segment_readers().iter().any(has_deletes) {
            return Ok(term.documents.min(most));
        }
        let mut count = 0;
        for (number, segment) in self.searcher.segment_readers().iter().enumerate() {
            let option = IndexRecordOption::Basic;
            let Some(mut postings) = terms.postings(number, term, option)? else {
                continue;
            };
            let mut visible = match &self.visible {
                Some(weight) => Some(weight.scorer(segment, 1.0)?),
                None => None,
            };
            let mut document = postings.doc();
            while document != TERMINATED && count < most {
                let allowed = match &mut visible {
                    None => document,
                    Some(visible) if visible.doc() < document => visible.seek(document),
                    Some(visible) => visible.doc(),
                };
                let is_alive = segment
                    .alive_bitset()
                    .is_none_or(|alive| alive.is_alive(document));
                if allowed == document && is_alive {
                    count += 1;
                }
                document = match allowed > document {
                    true => postings.seek(allowed),
                    false => postings.advance(),
                };
            }
        }
        Ok(count)
    }

    /// Words that begin with this, most frequent first. Where there are more than are told, those that may be read.
    pub(super) fn completions(&self, prefix: &str) -> Result<Vec<Near>, SearchError> {
        let mut found: HashMap<String, u64> = HashMap::new();
        for segment in self.surfaces.segments() {
            for (documents, word) in most_frequent(segment, prefix)? {
                *found.entry(word).or_default() += u64::from(documents);
            }
        }
        let found = found.into_iter();
        let near = nearest(found.map(|(word, documents)| (word, 0, documents)));
        match near.len() <= COMPLETIONS {
            true => Ok(near),
            false => self.first_readable(near, COMPLETIONS),
        }
    }

    fn first_readable(&self, near: Vec<Near>, most: usize) -> Result<Vec<Near>, SearchError> {
        let mut readable = Vec::with_capacity(most);
        for one in near.into_iter().take(TRIED) {
            if readable.len() == most {
                break;
            }
            let term = self.surfaces.look_up(&one.surface)?;
            if self.readable(&self.surfaces, &term, 1)? > 0 {
                readable.push(one);
            }
        }
        Ok(readable)
    }

    /// Words that may be read and that this may be a slip of; the fewest slips first, then the most frequent. A slip in
    /// the first letter counts twice.
    pub(super) fn corrections(
        &self,
        word: &str,
        is_prefix: bool,
    ) -> Result<Vec<Near>, SearchError> {
        let allowed = allowed_typos(word);
        if allowed == 0 {
            return Ok(Vec::new());
        }
        let term = Term::from_field_text(self.surfaces.field, word);
        let query = match is_prefix {
            true => FuzzyTermQuery::new_prefix(term, allowed, true),
            false => FuzzyTermQuery::new(term, allowed, true),
        };
        let automaton = query.automaton()?;
        let mut found: HashMap<String, (u32, u64)> = HashMap::new();
        for segment in self.surfaces.segments() {
            let mut stream = segment.terms().search(&automaton).into_stream()?;
            let mut looked_at = 0;
            while stream.advance() && looked_at < SIMILAR {
                looked_at += 1;
                let Ok(near) = std::str::from_utf8(stream.key()) else {
                    continue;
                };
                let mut typos = typos_between(word, near, is_prefix);
                if near.chars().next() != word.chars().next() {
                    typos += 1;
                }
                if near != word && typos <= u32::from(allowed) {
                    let entry = found.entry(near.to_owned()).or_insert((typos, 0));
                    entry.1 += u64::from(stream.value().doc_freq);
                }
            }
        }
        let found = found.into_iter();
        let near = nearest(found.map(|(word, (typos, documents))| (word, typos, documents)));
        self.first_readable(near, CORRECTIONS)
    }
}

/// Of the words of a segment that go on from this, with how many texts have each.
fn most_frequent(
    segment: &InvertedIndexReader,
    prefix: &str,
) -> Result<impl Iterator<Item = (u32, String)> + use<>, SearchError> {
    let mut kept: BinaryHeap<Reverse<(u32, String)>> = BinaryHeap::new();
    let mut stream = segment.terms().range().ge(prefix).into_stream()?;
    let mut looked_at = 0;
    while stream.advance() && looked_at < GOING_ON && stream.key().starts_with(prefix.as_bytes()) {
        looked_at += 1;
        let documents = stream.value().doc_freq;
        let is_full = kept.len() == TRIED;
        let Ok(word) = std::str::from_utf8(stream.key()) else {
            continue;
        };
        let is_among = !is_full
            || kept
                .peek()
                .is_some_and(|Reverse(least)| least.0 < documents);
        if word.len() > prefix.len() && is_among {
            if is_full {
                kept.pop();
            }
            kept.push(Reverse((documents, word.to_owned())));
        }
    }
    Ok(kept.into_iter().map(|Reverse(one)| one))
}

/// 0 for words of up to four letters, 1 up to eight, then 2; none where no word is so long. Digits are no slips.
fn allowed_typos(word: &str) -> u8 {
    if word.chars().any(|character| character.is_numeric()) {
        return 0;
    }
    match word.chars().count() {
        0..=4 => 0,
        5..=8 => 1,
        9..=LONGEST_SLIP => 2,
        _ => 0,
    }
}

/// Of a word, or of the beginning of one, that is within the allowed typos.
fn typos_between(typed: &str, near: &str, is_prefix: bool) -> u32 {
    let distance = |near: &str| strsim::osa_distance(typed, near);
    let whole = distance(near);
    let least = match is_prefix {
        false => whole,
        true => {
            let length = typed.chars().count();
            let ends = near.char_indices().map(|(at, _)| at);
            let ends = ends.skip(length.saturating_sub(2)).take(5);
            ends.map(|end| distance(&near[..end]))
                .min()
                .unwrap_or(whole)
                .min(whole)
        }
    };
    u32::try_from(least).unwrap_or(u32::MAX)
}

fn nearest(found: impl Iterator<Item = (String, u32, u64)>) -> Vec<Near> {
    let mut all: Vec<Near> = found
        .map(|(surface, typos, documents)| Near {
            surface,
            typos,
            documents,
        })
        .collect();
    all.sort_by(|one, other| {
        let by_typos = one.typos.cmp(&other.typos);
        by_typos
            .then(other.documents.cmp(&one.documents))
            .then_with(|| one.surface.cmp(&other.surface))
    });
    all
}

/// The languages of the texts in the index that have stems.
struct Languages {
    known: Vec<Stemming>,
    /// Whether every text is in one of them.
    are_all: bool,
}

impl Languages {
    fn of(searcher: &Searcher, field: Field) -> Result<Self, SearchError> {
        let mut known = Vec::new();
        let mut are_all = true;
        for segment in searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut stream = index.terms().stream()?;
            let mut stemmed = 0;
            while stream.advance() && known.len() < LANGUAGES {
                let code = std::str::from_utf8(stream.key()).unwrap_or_default();
                if let Some(language) = Stemming::named(code) {
                    stemmed += stream.value().doc_freq;
                    if !known.contains(&language) {
                        known.push(language);
                    }
                }
            }
            are_all &= stemmed == segment.max_doc();
        }
        Ok(Self { known, are_all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_may_have_slips() {
        for (word, typos) in [
            ("tide", 0),
            ("tides", 1),
            ("currents", 1),
            ("aerodynamics", 2),
            ("mp3players", 0),
        ] {
            assert_eq!(allowed_typos(word), typos, "{word}");
        }
    }

    #[test]
    fn slips_are_counted_in_the_beginning_of_a_word() {
        assert_eq!(typos_between("currrants", "currents", false), 2);
        assert_eq!(typos_between("aerodinam", "aerodynamics", true), 1);
        assert_eq!(typos_between("wirter", "writer", false), 1);
    }
}
