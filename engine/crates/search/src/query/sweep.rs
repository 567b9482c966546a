//! One pass over the lists of all words: how many texts have how many of them, and which are the best. Texts go by in
//! windows, and within a window one list after the other adds what it has to say, so that no text is met twice and
//! nothing is kept in order by a heap of lists (Lucene's `BooleanScorer`).

use std::cmp::Ordering;

use inkstone_domain::search::Matching;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::BlockSegmentPostings;
use tantivy::query::{AllQuery, BooleanQuery, EnableScoring, Occur, Query, Scorer, Weight};
use tantivy::{DocAddress, DocId, DocSet, Score, Searcher, SegmentReader, TERMINATED};

use super::plan::{Plan, Variant};
use super::terms::Terms;
use crate::error::SearchError;

/// Texts that go by together: what is known of them fits into the fastest cache.
const WINDOW: usize = 2_048;
/// A filter that has at most so many times as many texts as all lists together is swept with them; of a longer one
/// only what was found is looked for.
const DENSE: u32 = 4;
/// BM25's (Robertson and Zaragoza, 2009), as Lucene and Tantivy have them.
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// Marks of a text, above those of its words.
const MUST: u64 = 1 << 63;
const SHOULD: u64 = 1 << 62;
const WORDS: u64 = SHOULD - 1;

/// A text that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub score: Score,
    pub address: DocAddress,
    /// Of the words that stand free, so many are there.
    pub words: u32,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then(other.address.cmp(&self.address))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What is wanted of a sweep.
pub(super) struct Wish {
    /// So many words must be there, if enough texts have them, and so many in any case.
    pub most: usize,
    pub fewest: usize,
    /// So many texts are enough.
    pub texts: usize,
    /// So many of the best.
    pub depth: usize,
    /// All that is found, too.
    pub all: bool,
}

impl Wish {
    /// Of so many words; `wanted` texts are enough.
    pub(super) fn of(matching: Matching, words: usize, wanted: usize) -> Self {
        let (most, fewest) = match matching {
            Matching::Any => (0, 0),
            Matching::All => (words, words),
            Matching::Last | Matching::Frequency => (words, words.min(1)),
        };
        Self {
            most,
            fewest,
            texts: wanted,
            depth: wanted,
            all: false,
        }
    }
}

pub(super) struct Swept {
    /// So many of the first words were needed.
    pub required: usize,
    pub total: usize,
    /// Best first, by score.
    pub best: Vec<Candidate>,
    /// In order; none where they are not wanted.
    pub all: Vec<DocAddress>,
}

/// Sweeps for the free words of a plan in this order, within a filter.
pub(super) fn sweep(
    searcher: &Searcher,
    terms: &Terms,
    plan: &Plan,
    order: &[usize],
    filter: Option<&dyn Query>,
    wish: &Wish,
) -> Result<Swept, SearchError> {
    let parts = Parts::of(searcher, plan, !order.is_empty())?;
    let filter = match filter {
        Some(filter) => Some(filter.weight(EnableScoring::disabled_from_searcher(searcher))?),
        None => None,
    };
    let statistics = Statistics::of(searcher, terms);
    let mut ways = Vec::new();
    for (number, word) in order.iter().enumerate() {
        for variant in &plan.words[*word].variants {
            ways.push(Way {
                mark: 1 << number,
                weigher: statistics.weigher(searcher, terms, variant)?,
                variant,
            });
        }
    }
    let mut levels = Levels::new(wish);
    let mut window = Window::new();
    for (number, segment) in searcher.segment_readers().iter().enumerate() {
        let norms = segment.get_fieldnorms_reader(terms.field)?;
        let mut lists = Vec::with_capacity(ways.len() + 2);
        for way in &ways {
            lists.extend(way.list(number, segment, terms)?);
        }
        lists.extend(parts.lists(segment)?);
        let mut within = scorer(filter.as_deref(), segment)?;
        let listed: u32 = lists.iter().map(List::len).sum();
        let is_dense = |set: &mut Box<dyn Scorer>| set.size_hint() / DENSE <= listed;
        let mut swept_within = within.take_if(is_dense);
        let mut gate = Gate {
            segment,
            not: scorer(parts.not.as_deref(), segment)?,
            within,
            must: match parts.must {
                Some(_) => MUST,
                None => 0,
            },
        };
        while let Some(begin) = lists.iter().map(List::next).min()
            && begin != TERMINATED
        {
            window.begin = begin;
            for list in &mut lists {
                list.sweep(&mut window, &statistics, &norms);
            }
            let allowed = match &mut swept_within {
                Some(within) => window.part_of(within),
                None => EVERYTHING,
            };
            window.empty(&allowed, |document, marks, score| {
                if gate.lets(document, marks) {
                    let address = DocAddress::new(number as u32, document);
                    levels.add(address, marks & WORDS, score);
                }
            });
        }
    }
    Ok(levels.swept(wish))
}

/// What is asked for beside free words.
struct Parts {
    must: Option<Box<dyn Weight>>,
    should: Option<Box<dyn Weight>>,
    not: Option<Box<dyn Weight>>,
}

impl Parts {
    fn of(searcher: &Searcher, plan: &Plan, has_words: bool) -> Result<Self, SearchError> {
        let of = |wanted: Occur| -> Vec<(Occur, Box<dyn Query>)> {
            let parts = plan.parts.iter().filter(|(occur, _)| *occur == wanted);
            // What must not be there is any of them.
            let occur = match wanted {
                Occur::MustNot => Occur::Should,
                other => other,
            };
            parts.map(|(_, part)| (occur, part.box_clone())).collect()
        };
        let weight = |parts: Vec<(Occur, Box<dyn Query>)>| match parts.is_empty() {
            true => Ok(None),
            false => BooleanQuery::new(parts)
                .weight(EnableScoring::enabled_from_searcher(searcher))
                .map(Some),
        };
        let mut must = of(Occur::Must);
        let should = of(Occur::Should);
        if must.is_empty() && should.is_empty() && !has_words {
            must.push((Occur::Must, Box::new(AllQuery)));
        }
        Ok(Self {
            must: weight(must)?,
            should: weight(should)?,
            not: weight(of(Occur::MustNot))?,
        })
    }

    fn lists(&self, segment: &SegmentReader) -> Result<Vec<List>, SearchError> {
        let mut lists = Vec::new();
        for (weight, mark) in [(&self.must, MUST), (&self.should, SHOULD)] {
            let scorer = scorer(weight.as_deref(), segment)?;
            lists.extend(scorer.map(|scorer| List {
                mark,
                source: Source::Any(scorer),
            }));
        }
        Ok(lists)
    }
}

fn scorer(
    weight: Option<&dyn Weight>,
    segment: &SegmentReader,
) -> Result<Option<Box<dyn Scorer>>, SearchError> {
    Ok(match weight {
        Some(weight) => Some(weight.scorer(segment, 1.0)?),
        None => None,
    })
}

/// One of the ways in which a word may be there.
struct Way<'plan> {
    mark: u64,
    weigher: Weigher,
    variant: &'plan Variant,
}

enum Weigher {
    /// BM25 of a single term: all that is the same for each text.
    Term(f32),
    /// Of several, one after the other.
    Phrase(Box<dyn Weight>),
}

impl Way<'_> {
    fn list(
        &self,
        number: usize,
        segment: &SegmentReader,
        terms: &Terms,
    ) -> Result<Option<List>, SearchError> {
        let source = match &self.weigher {
            Weigher::Term(weight) => {
                terms
                    .blocks(number, &self.variant.terms[0])?
                    .map(|blocks| Source::Term {
                        blocks: Box::new(blocks),
                        at: 0,
                        weight: *weight,
                    })
            }
            Weigher::Phrase(weight) => Some(Source::Any(weight.scorer(segment, 1.0)?)),
        };
        Ok(source.map(|source| List {
            mark: self.mark,
            source,
        }))
    }
}

/// What BM25 has to know of all texts.
struct Statistics {
    texts: f32,
    /// By the code of a text's length: what its length takes from a term's weight.
    by_length: [f32; 256],
}

impl Statistics {
    fn of(searcher: &Searcher, terms: &Terms) -> Self {
        let texts = searcher.segment_readers().iter();
        let texts: u64 = texts.map(|segment| u64::from(segment.max_doc())).sum();
        let tokens: u64 = terms.segments().map(|one| one.total_num_tokens()).sum();
        let average = tokens as f32 / texts as f32;
        let by_length = std::array::from_fn(|code| {
            let length = FieldNormReader::id_to_fieldnorm(code as u8) as f32;
            K1 * (1.0 - B + B * length / average)
        });
        Self {
            texts: texts as f32,
            by_length,
        }
    }

    fn weigher(
        &self,
        searcher: &Searcher,
        terms: &Terms,
        variant: &Variant,
    ) -> Result<Weigher, SearchError> {
        if let [term] = variant.terms.as_slice() {
            let documents = term.documents as f32;
            let rarity = (1.0 + (self.texts - documents + 0.5) / (documents + 0.5)).ln();
            return Ok(Weigher::Term(variant.weight * rarity * (1.0 + K1)));
        }
        let phrase = variant.query(terms.field);
        let weight = phrase.weight(EnableScoring::enabled_from_searcher(searcher))?;
        Ok(Weigher::Phrase(weight))
    }
}

/// What one list has in a segment, from where the sweep is.
struct List {
    mark: u64,
    source: Source,
}

enum Source {
    Term {
        blocks: Box<BlockSegmentPostings>,
        /// Within the block.
        at: usize,
        weight: f32,
    },
    Any(Box<dyn Scorer>),
}

impl List {
    /// About so many texts.
    fn len(&self) -> u32 {
        match &self.source {
            Source::Term { blocks, .. } => blocks.doc_freq(),
            Source::Any(scorer) => scorer.size_hint(),
        }
    }

    fn next(&self) -> DocId {
        match &self.source {
            Source::Term { blocks, at, .. } => {
                blocks.docs().get(*at).copied().unwrap_or(TERMINATED)
            }
            Source::Any(scorer) => scorer.doc(),
        }
    }

    /// Everything up to the end of the window.
    fn sweep(&mut self, window: &mut Window, statistics: &Statistics, norms: &FieldNormReader) {
        let end = window.end();
        match &mut self.source {
            Source::Term { blocks, at, weight } => loop {
                let (documents, times) = (blocks.docs(), blocks.freqs());
                while let (Some(document), Some(times)) = (documents.get(*at), times.get(*at)) {
                    if *document >= end {
                        return;
                    }
                    let times = *times as f32;
                    let length = statistics.by_length[usize::from(norms.fieldnorm_id(*document))];
                    window.mark(*document, self.mark, *weight * times / (times + length));
                    *at += 1;
                }
                if documents.is_empty() {
                    return;
                }
                blocks.advance();
                *at = 0;
            },
            Source::Any(scorer) => {
                while scorer.doc() < end {
                    window.mark(scorer.doc(), self.mark, scorer.score());
                    scorer.advance();
                }
            }
        }
    }
}

/// One for each text that goes by.
type Bits = [u64; WINDOW / 64];
const EVERYTHING: Bits = [u64::MAX; WINDOW / 64];

/// What is known of the texts that go by.
struct Window {
    begin: DocId,
    /// A bit for each text that has any marks.
    touched: Bits,
    marks: Box<[u64; WINDOW]>,
    scores: Box<[Score; WINDOW]>,
    /// What the last word that marked it gave it.
    last: Box<[Score; WINDOW]>,
}

impl Window {
    fn new() -> Self {
        Self {
            begin: 0,
            touched: [0; WINDOW / 64],
            marks: Box::new([0; WINDOW]),
            scores: Box::new([0.0; WINDOW]),
            last: Box::new([0.0; WINDOW]),
        }
    }

    fn end(&self) -> DocId {
        self.begin.saturating_add(WINDOW as DocId).min(TERMINATED)
    }

    /// A word counts once, as the best of what stands for it. Lists of a word come one after the other.
    fn mark(&mut self, document: DocId, mark: u64, score: Score) {
        let at = (document - self.begin) as usize % WINDOW;
        let marks = &mut self.marks[at];
        if *marks & mark == 0 {
            self.touched[at / 64] |= 1 << (at % 64);
            *marks |= mark;
            self.scores[at] += score;
            self.last[at] = score;
        } else if score > self.last[at] {
            self.scores[at] += score - self.last[at];
            self.last[at] = score;
        }
    }

    /// The texts of a set that go by now.
    fn part_of(&self, set: &mut Box<dyn Scorer>) -> Bits {
        let mut part = [0; WINDOW / 64];
        if set.doc() < self.begin {
            set.seek(self.begin);
        }
        while set.doc() < self.end() {
            let at = (set.doc() - self.begin) as usize;
            part[at / 64] |= 1 << (at % 64);
            set.advance();
        }
        part
    }

    /// Tells of all that is marked and allowed, in order, and forgets what is marked.
    fn empty(&mut self, allowed: &Bits, mut tell: impl FnMut(DocId, u64, Score)) {
        for (number, (touched, allowed)) in self.touched.iter_mut().zip(allowed).enumerate() {
            while *touched != 0 {
                let bit = touched.trailing_zeros();
                let at = number * 64 + bit as usize;
                *touched &= *touched - 1;
                if allowed >> bit & 1 == 1 {
                    tell(self.begin + at as DocId, self.marks[at], self.scores[at]);
                }
                self.marks[at] = 0;
                self.scores[at] = 0.0;
            }
        }
    }
}

/// What else decides whether a text is found. Texts come in order.
struct Gate<'segment> {
    segment: &'segment SegmentReader,
    not: Option<Box<dyn Scorer>>,
    within: Option<Box<dyn Scorer>>,
    must: u64,
}

impl Gate<'_> {
    fn lets(&mut self, document: DocId, marks: u64) -> bool {
        marks & self.must == self.must
            && !self.segment.is_deleted(document)
            && self.within.as_mut().is_none_or(|set| has(set, document))
            && !self.not.as_mut().is_some_and(|set| has(set, document))
    }
}

fn has(set: &mut Box<dyn Scorer>, document: DocId) -> bool {
    if set.doc() < document {
        set.seek(document);
    }
    set.doc() == document
}

/// By how many of the first words are there.
struct Levels {
    fewest: usize,
    depth: usize,
    levels: Vec<Level>,
    /// With their levels, where all are wanted.
    all: Option<Vec<(DocAddress, usize)>>,
}

#[derive(Clone)]
struct Level {
    count: usize,
    best: Best,
}

impl Levels {
    fn new(wish: &Wish) -> Self {
        let level = Level {
            count: 0,
            best: Best {
                depth: wish.depth,
                kept: Vec::new(),
                above: Score::NEG_INFINITY,
            },
        };
        Self {
            fewest: wish.fewest,
            depth: wish.depth,
            levels: vec![level; wish.most + 1],
            all: wish.all.then(Vec::new),
        }
    }

    fn add(&mut self, address: DocAddress, words: u64, score: Score) {
        let most = self.levels.len() - 1;
        let level = (words.trailing_ones() as usize).min(most);
        if level < self.fewest {
            return;
        }
        if let Some(all) = &mut self.all {
            all.push((address, level));
        }
        let level = &mut self.levels[level];
        level.count += 1;
        if score > level.best.above {
            level.best.add(Candidate {
                score,
                address,
                words: words.count_ones(),
            });
        }
    }

    fn swept(mut self, wish: &Wish) -> Swept {
        let mut required = wish.most;
        let total = |required: usize| -> usize {
            let levels = self.levels[required..].iter();
            levels.map(|level| level.count).sum()
        };
        while required > wish.fewest && total(required) < wish.texts {
            required -= 1;
        }
        let total = total(required);
        let kept = self.levels.drain(required..);
        let mut best: Vec<Candidate> = kept.flat_map(|level| level.best.kept).collect();
        best.sort_unstable_by(|one, other| other.cmp(one));
        best.truncate(self.depth);
        let all = self.all.into_iter().flatten();
        let all = all.filter(|(_, level)| *level >= required);
        Swept {
            required,
            total,
            best,
            all: all.map(|(address, _)| address).collect(),
        }
    }
}

/// The best of those that were added.
#[derive(Clone)]
struct Best {
    depth: usize,
    /// Up to twice as many, so that the rest is rarely told apart.
    kept: Vec<Candidate>,
    /// None below this is among the best. They come by rising address, so neither is one that is as good.
    above: Score,
}

impl Best {
    fn add(&mut self, candidate: Candidate) {
        self.kept.push(candidate);
        if self.kept.len() >= 2 * self.depth {
            let by_rank = |one: &Candidate, other: &Candidate| other.cmp(one);
            let (_, last, _) = self.kept.select_nth_unstable_by(self.depth - 1, by_rank);
            self.above = last.score;
            self.kept.truncate(self.depth);
        }
    }
}

#[cfg(test)]
mod tests;
