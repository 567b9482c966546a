//! The order of the best: BM25F finds them, the rules order them. The rules, in their order: words, typos,
//! proximity, attribute, exactness; what they cannot tell apart, BM25F does.

use inkstone_domain::search::Ranking;
use tantivy::postings::Postings as _;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocSet, Searcher, SegmentReader, Term};

use super::find::Candidate;
use super::plan::{Variant, Word};
use crate::error::SearchError;
use crate::schema::{Fields, Starts};

/// Farther apart is apart.
const FARTHEST: u32 = 8;
/// Questions of more words are sentences: what counts is how much of their sense is there, and that is
/// what BM25F says.
const FEW_WORDS: usize = 4;
/// More than all that comes after it can add up to.
const WORD: f64 = 1e6;
const TYPO: f64 = 1e4;
/// So many are looked at before it is asked whether the next can be among the wanted.
const STEP: usize = 25;
/// What the other rules add to BM25F, at most.
const NEAR: f64 = 0.1;
const PLACE: f64 = 0.1;
const EXACT: f64 = 0.1;

/// A text, with what the rules say.
pub(super) struct Ranked {
    pub candidate: Candidate,
    pub ranking: Ranking,
    /// Positions of matches in the whole text, in order.
    pub matches: Vec<u32>,
    /// The same by word.
    pub by_word: Vec<Vec<u32>>,
    pub starts: Starts,
    /// Whether the rules have said anything yet.
    pub is_looked_at: bool,
}

impl Ranked {
    /// One that the rules have not looked at.
    pub(super) fn unranked(candidate: Candidate) -> Self {
        Self {
            is_looked_at: false,
            ..judged(candidate, Vec::new(), Starts::unpacked(0))
        }
    }
}

/// What a text has of one word.
#[derive(Clone, Default)]
struct Found {
    positions: Vec<u32>,
    typos: u32,
    is_exact: bool,
}

/// Orders them; they come best first. The `wanted` first are those that they would be if the rules looked at all, and
/// what cannot be among them is not looked at.
pub(super) fn rank(
    searcher: &Searcher,
    fields: &Fields,
    words: &[Word],
    mut candidates: Vec<Candidate>,
    wanted: usize,
) -> Result<Vec<Ranked>, SearchError> {
    let mut ranked: Vec<Ranked> = Vec::with_capacity(candidates.len());
    while let Some(next) = candidates.first() {
        let last = wanted.checked_sub(1).and_then(|last| ranked.get(last));
        if last.is_some_and(|last| highest_key(next.score, words.len()) <= key(last)) {
            break;
        }
        let rest = candidates.split_off(candidates.len().min(STEP));
        ranked.extend(look(searcher, fields, words, candidates)?);
        ranked.sort_by(|one, other| key(other).total_cmp(&key(one)));
        candidates = rest;
    }
    ranked.extend(candidates.into_iter().map(Ranked::unranked));
    Ok(ranked)
}

/// What the rules say of each, in the order in which they came.
pub(super) fn look(
    searcher: &Searcher,
    fields: &Fields,
    words: &[Word],
    candidates: Vec<Candidate>,
) -> Result<Vec<Ranked>, SearchError> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|at| candidates[*at].address);
    let mut found = vec![vec![None; words.len()]; candidates.len()];
    let addresses: Vec<DocAddress> = candidates.iter().map(|one| one.address).collect();
    let mut starts = vec![Starts::unpacked(0); candidates.len()];
    for group in
        order.chunk_by(|one, other| addresses[*one].segment_ord == addresses[*other].segment_ord)
    {
        let segment = searcher.segment_reader(addresses[group[0]].segment_ord);
        let column = segment.fast_fields().u64("starts")?;
        for at in group {
            let packed = column.first(addresses[*at].doc_id).unwrap_or_default();
            starts[*at] = Starts::unpacked(packed);
        }
        for (number, word) in words.iter().enumerate() {
            for variant in &word.variants {
                let documents = group.iter().map(|at| (*at, addresses[*at].doc_id));
                read(segment, fields, variant, documents, |at, positions| {
                    found[at][number]
                        .get_or_insert_with(|| Found {
                            typos: variant.typos,
                            ..Found::default()
                        })
                        .add(variant, positions);
                })?;
            }
            let documents = group.iter().map(|at| (*at, addresses[*at].doc_id));
            mark_exact(segment, fields, word, documents, |at| {
                if let Some(found) = &mut found[at][number] {
                    found.is_exact = true;
                }
            })?;
        }
    }
    let all = candidates.into_iter().zip(found).zip(starts);
    Ok(all
        .map(|((candidate, found), starts)| judged(candidate, found, starts))
        .collect())
}

impl Found {
    fn add(&mut self, variant: &Variant, positions: &[u32]) {
        self.typos = self.typos.min(variant.typos);
        for position in positions {
            for step in 0..variant.terms.len() {
                self.positions.push(position + step as u32);
            }
        }
    }
}

/// Where a variant stands in the documents, which come in order.
fn read(
    segment: &SegmentReader,
    fields: &Fields,
    variant: &Variant,
    documents: impl Iterator<Item = (usize, u32)>,
    mut found: impl FnMut(usize, &[u32]),
) -> Result<(), SearchError> {
    let index = segment.inverted_index(fields.text)?;
    let mut lists = Vec::with_capacity(variant.terms.len());
    for term in &variant.terms {
        let term = Term::from_field_text(fields.text, term);
        let option = IndexRecordOption::WithFreqsAndPositions;
        let Some(list) = index.read_postings(&term, option)? else {
            return Ok(());
        };
        lists.push(list);
    }
    let mut first = Vec::new();
    let mut next = Vec::new();
    'documents: for (at, document) in documents {
        for list in &mut lists {
            if list.doc() < document {
                list.seek(document);
            }
            if list.doc() != document {
                continue 'documents;
            }
        }
        for (step, list) in (0u32..).zip(&mut lists) {
            if step == 0 {
                list.positions(&mut first);
                first.dedup();
                continue;
            }
            list.positions(&mut next);
            first.retain(|position| next.binary_search(&(position + step)).is_ok());
        }
        if !first.is_empty() {
            found(at, &first);
        }
    }
    Ok(())
}

fn mark_exact(
    segment: &SegmentReader,
    fields: &Fields,
    word: &Word,
    documents: impl Iterator<Item = (usize, u32)>,
    mut found: impl FnMut(usize),
) -> Result<(), SearchError> {
    let term = Term::from_field_text(fields.surface, &word.surface);
    let index = segment.inverted_index(fields.surface)?;
    let Some(mut list) = index.read_postings(&term, IndexRecordOption::Basic)? else {
        return Ok(());
    };
    for (at, document) in documents {
        if list.doc() < document {
            list.seek(document);
        }
        if list.doc() == document {
            found(at);
        }
    }
    Ok(())
}

fn judged(candidate: Candidate, mut found: Vec<Option<Found>>, starts: Starts) -> Ranked {
    for one in found.iter_mut().flatten() {
        one.positions.sort_unstable();
        one.positions.dedup();
    }
    let there: Vec<&Found> = found.iter().flatten().collect();
    let first = there.iter().filter_map(|one| one.positions.first()).min();
    let ranking = Ranking {
        words: there.len(),
        of_words: found.len(),
        typos: there.iter().map(|one| one.typos).sum(),
        proximity: proximity(&there),
        attribute: first
            .map_or("", |position| attribute(*position, starts))
            .to_owned(),
        exact: there.iter().filter(|one| one.is_exact).count(),
        text: candidate.score,
        similarity: None,
    };
    let mut matches: Vec<u32> = there
        .iter()
        .flat_map(|one| one.positions.iter().copied())
        .collect();
    matches.sort_unstable();
    matches.dedup();
    Ranked {
        candidate,
        ranking,
        matches,
        by_word: found
            .into_iter()
            .flatten()
            .map(|one| one.positions)
            .collect(),
        starts,
        is_looked_at: true,
    }
}

/// How many words stand between each word and the next one, added up.
fn proximity(found: &[&Found]) -> u32 {
    let pairs = found.windows(2);
    pairs
        .map(|pair| distance(&pair[0].positions, &pair[1].positions))
        .sum()
}

fn distance(left: &[u32], right: &[u32]) -> u32 {
    let mut nearest = FARTHEST;
    let (mut at, mut with) = (0, 0);
    while let (Some(one), Some(other)) = (left.get(at), right.get(with)) {
        // The wrong way round is one farther.
        let between = match one < other {
            true => other - one - 1,
            false => one - other,
        };
        nearest = nearest.min(between);
        match one < other {
            true => at += 1,
            false => with += 1,
        }
    }
    nearest
}

fn attribute(position: u32, starts: Starts) -> &'static str {
    match position {
        position if position < starts.summary => "title",
        position if position < starts.tags => "summary",
        position if position < starts.body => "tags",
        _ => "body",
    }
}

/// More is better. Few words are keywords: the rules decide, one after the other. More are a sentence: what
/// BM25F says counts, and the rules only add to it.
fn key(ranked: &Ranked) -> f64 {
    let ranking = &ranked.ranking;
    let of_words = ranking.of_words.max(1) as f64;
    let pairs = ranking.words.saturating_sub(1) as f64;
    let near = match ranking.words {
        0 | 1 => 0.0,
        _ => 1.0 - f64::from(ranking.proximity) / (pairs * f64::from(FARTHEST)),
    };
    let place = match ranking.attribute.as_str() {
        "title" => 1.0,
        "summary" => 0.7,
        "tags" => 0.5,
        _ => 0.0,
    };
    let exact = ranking.exact as f64 / of_words;
    let text = f64::from(ranking.text) * (1.0 + NEAR * near + PLACE * place + EXACT * exact);
    match ranking.of_words <= FEW_WORDS {
        true => ranking.words as f64 * WORD - f64::from(ranking.typos) * TYPO + text,
        false => text,
    }
}

/// The key of a text in which all is as it should be.
fn highest_key(score: f32, of_words: usize) -> f64 {
    let text = f64::from(score) * (1.0 + NEAR + PLACE + EXACT);
    match of_words <= FEW_WORDS {
        true => of_words as f64 * WORD + text,
        false => text,
    }
}
