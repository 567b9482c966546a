//! The order of the best: BM25F finds them, the rules order them. The rules, in their order: words, typos,
//! proximity, attribute, exactness; what they cannot tell apart, BM25F does.

use inkstone_domain::search::Ranking;
use tantivy::DocSet;
use tantivy::postings::Postings as _;
use tantivy::schema::IndexRecordOption;

use super::plan::{Plan, Variant, Word};
use super::search::Searching;
use super::sweep::Candidate;
use super::terms::Terms;
use super::vocabulary::Vocabulary;
use crate::error::SearchError;
use crate::schema::Starts;

/// Farther apart is apart.
const FARTHEST: u32 = 8;
/// Questions of more words are sentences: what counts is how much of their sense is there, and that is
/// what BM25F says.
const FEW_WORDS: usize = 4;
/// More than all that comes after it can add up to.
const WORD: f64 = 1e6;
const TYPO: f64 = 1e4;
/// So many are looked at before it is asked whether the next can be among the wanted, and then twice as many.
const FIRST_STEP: usize = 25;
/// What the other rules add to BM25F, at most.
const NEAR: f64 = 0.1;
const PLACE: f64 = 0.1;
const EXACT: f64 = 0.1;

/// A text, with what the rules say.
pub(super) struct Ranked {
    pub candidate: Candidate,
    pub ranking: Ranking,
    pub places: Places,
    pub starts: Starts,
    /// Whether the rules have said anything yet.
    pub is_looked_at: bool,
}

/// Where the words of a question stand in a text: positions in the whole text.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// Word by word, each in order.
    positions: Vec<u32>,
    /// Where in `positions` each word ends that is there.
    ends: Vec<usize>,
}

impl Places {
    /// What was pushed since the last word is a word.
    fn end_word(&mut self) {
        let start = self.ends.last().copied().unwrap_or_default();
        if !self.positions[start..].is_sorted_by(|one, next| one < next) {
            let mut word = self.positions.split_off(start);
            word.sort_unstable();
            word.dedup();
            self.positions.append(&mut word);
        }
        self.ends.push(self.positions.len());
    }

    /// Of each word that is there.
    pub(super) fn by_word(&self) -> impl Iterator<Item = &[u32]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.positions[start..*end])
    }

    /// Of all words together, in order.
    pub(super) fn all(&self) -> Vec<u32> {
        let mut all = self.positions.clone();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Ranked {
    /// One that the rules have not looked at.
    pub(super) fn unranked(candidate: Candidate) -> Self {
        Self {
            is_looked_at: false,
            ..Look::default().judged(candidate, 0)
        }
    }
}

/// What was seen of a text.
#[derive(Clone)]
struct Look {
    places: Places,
    starts: Starts,
    typos: u32,
    exact: usize,
    /// Of the word that is looked for now, where it is there.
    typos_here: Option<u32>,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            places: Places::default(),
            starts: Starts::unpacked(0),
            typos: 0,
            exact: 0,
            typos_here: None,
        }
    }
}

/// Orders them. The `wanted` first are those that they would be if the rules looked at all, and what cannot be among them
/// is not looked at.
pub(super) fn rank(
    searching: &Searching,
    vocabulary: &Vocabulary<'_>,
    plan: &Plan,
    mut candidates: Vec<Candidate>,
    wanted: usize,
) -> Result<Vec<Ranked>, SearchError> {
    let bound = |one: &Candidate| highest_key(one, plan);
    candidates.sort_by(|one, other| bound(other).total_cmp(&bound(one)));
    let mut ranked: Vec<Ranked> = Vec::with_capacity(candidates.len());
    let mut step = FIRST_STEP;
    while let Some(next) = candidates.first() {
        let last = wanted.checked_sub(1).and_then(|last| ranked.get(last));
        if last.is_some_and(|last| bound(next) <= key(last)) {
            break;
        }
        let rest = candidates.split_off(candidates.len().min(step));
        step *= 2;
        ranked.extend(look(searching, vocabulary, &plan.words, candidates)?);
        ranked.sort_by(|one, other| key(other).total_cmp(&key(one)));
        candidates = rest;
    }
    ranked.extend(candidates.into_iter().map(Ranked::unranked));
    Ok(ranked)
}

/// What the rules say of each, in the order in which they came.
pub(super) fn look(
    searching: &Searching,
    vocabulary: &Vocabulary<'_>,
    words: &[Word],
    candidates: Vec<Candidate>,
) -> Result<Vec<Ranked>, SearchError> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_unstable_by_key(|at| candidates[*at].address);
    let mut looks = vec![Look::default(); candidates.len()];
    let segment_of = |at: &usize| candidates[*at].address.segment_ord;
    for group in order.chunk_by(|one, other| segment_of(one) == segment_of(other)) {
        let number = segment_of(&group[0]);
        let segment = searching.searcher.segment_reader(number);
        let number = number as usize;
        let column = segment.fast_fields().u64("starts")?;
        let documents = || group.iter().map(|at| (*at, candidates[*at].address.doc_id));
        for (at, document) in documents() {
            let packed = column.first(document).unwrap_or_default();
            looks[at].starts = Starts::unpacked(packed);
        }
        for word in words {
            for variant in &word.variants {
                let texts = &vocabulary.texts;
                read(number, texts, variant, documents(), |at, positions| {
                    looks[at].add(variant, positions);
                })?;
            }
            let surfaces = &vocabulary.surfaces;
            mark_exact(number, surfaces, word, documents(), |at| {
                looks[at].exact += usize::from(looks[at].typos_here.is_some());
            })?;
            for at in group {
                looks[*at].end_word();
            }
        }
    }
    let all = candidates.into_iter().zip(looks);
    Ok(all
        .map(|(candidate, look)| look.judged(candidate, words.len()))
        .collect())
}

impl Look {
    fn add(&mut self, variant: &Variant, positions: &[u32]) {
        let typos = self.typos_here.get_or_insert(variant.typos);
        *typos = variant.typos.min(*typos);
        for position in positions {
            let end = position + variant.terms.len() as u32;
            self.places.positions.extend(*position..end);
        }
    }

    fn end_word(&mut self) {
        if let Some(typos) = self.typos_here.take() {
            self.typos += typos;
            self.places.end_word();
        }
    }

    fn judged(self, candidate: Candidate, of_words: usize) -> Ranked {
        let words: Vec<&[u32]> = self.places.by_word().collect();
        let first = words.iter().filter_map(|positions| positions.first());
        let ranking = Ranking {
            words: words.len(),
            of_words,
            typos: self.typos,
            proximity: proximity(&words),
            attribute: first
                .min()
                .map_or("", |position| attribute(*position, self.starts))
                .to_owned(),
            exact: self.exact,
            text: candidate.score,
            similarity: None,
        };
        Ranked {
            candidate,
            ranking,
            starts: self.starts,
            places: self.places,
            is_looked_at: true,
        }
    }
}

/// Where a variant stands in the documents, which come in order.
fn read(
    segment: usize,
    texts: &Terms,
    variant: &Variant,
    documents: impl Iterator<Item = (usize, u32)>,
    mut found: impl FnMut(usize, &[u32]),
) -> Result<(), SearchError> {
    let mut lists = Vec::with_capacity(variant.terms.len());
    for term in &variant.terms {
        let option = IndexRecordOption::WithFreqsAndPositions;
        let Some(list) = texts.postings(segment, term, option)? else {
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
    segment: usize,
    surfaces: &Terms,
    word: &Word,
    documents: impl Iterator<Item = (usize, u32)>,
    mut found: impl FnMut(usize),
) -> Result<(), SearchError> {
    let option = IndexRecordOption::Basic;
    let Some(mut list) = surfaces.postings(segment, &word.surface, option)? else {
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

/// How many words stand between each word and the next one, added up.
fn proximity(words: &[&[u32]]) -> u32 {
    let pairs = words.windows(2);
    pairs.map(|pair| distance(pair[0], pair[1])).sum()
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

/// More than the key of a text can be of which no more is known than which words are there.
fn highest_key(candidate: &Candidate, plan: &Plan) -> f64 {
    let of_words = plan.words.len();
    let text = f64::from(candidate.score) * (1.0 + NEAR + PLACE + EXACT);
    match of_words <= FEW_WORDS {
        true => {
            let unknown = of_words - plan.free.len();
            (candidate.words as usize + unknown) as f64 * WORD + text
        }
        false => text,
    }
}
