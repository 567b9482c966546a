//! From what was asked to a query of the index, with the words kept apart by which hits are ranked and
//! marked.

use std::collections::HashSet;
use std::ops::Bound as RangeBound;

use inkstone_domain::search::{LastWord, Matching, SearchQuery, Slips};
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, Occur,
    PhraseQuery, Query, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::ask::{Ask, Bound, Literal, Need, read};
use super::filter;
use super::meanings::{Meaning, Meanings};
use super::spans::{Edge, edge, lower, upper};
use super::terms::Listed;
use super::typed::{Typed, split};
use super::vocabulary::{Near, Vocabulary};
use crate::error::SearchError;
use crate::schema::Fields;
use crate::text::{forms, is_stop_word, pieces};

/// Fields of words and fields of values that `field:` knows.
const TEXTS: [&str; 3] = ["title", "summary", "tags"];
const FIELDS: [&str; 13] = [
    "title", "summary", "tags", "tag", "category", "project", "status", "author", "locale", "type",
    "created", "updated", "words",
];
/// More are left out; the sweep has a bit for each, and some of its own.
const MOST_WORDS: usize = 60;
/// Each is looked for in the whole dictionary.
const MOST_SLIPS: usize = 16;
/// What a word counts that is not the one that was typed.
const SYNONYM: f32 = 0.8;
const COMPLETION: f32 = 0.5;
const TYPO: f32 = 0.6;

/// A word that was looked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    /// As typed, folded: a term of the surfaces.
    pub surface: Listed,
    pub variants: Vec<Variant>,
    /// Texts that have it, as it was typed.
    pub documents: u64,
}

/// Terms, one after the other, that stand for a word.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variant {
    pub terms: Vec<Listed>,
    pub typos: u32,
    pub weight: f32,
}

pub(super) struct Plan {
    fields: Fields,
    pub words: Vec<Word>,
    /// Indices of the words that stand free: `matching` is about them.
    pub free: Vec<usize>,
    /// All else.
    pub parts: Vec<(Occur, Box<dyn Query>)>,
    /// What was typed, and what may have been meant.
    pub corrections: Vec<(String, String)>,
}

impl Plan {
    pub(super) fn new(
        fields: Fields,
        query: &SearchQuery,
        vocabulary: &Vocabulary<'_>,
    ) -> Result<Self, SearchError> {
        let mut planner = Planner {
            vocabulary,
            meanings: Meanings::new(&query.lexicon),
            plan: Self {
                fields,
                words: Vec::new(),
                free: Vec::new(),
                parts: Vec::new(),
                corrections: Vec::new(),
            },
            slips_left: match query.shape.slips {
                Slips::Forgiven => MOST_SLIPS,
                Slips::Meant => 0,
            },
        };
        let mut top = match read(&query.text, &FIELDS) {
            Ask::Group(parts) => parts,
            Ask::Everything => Vec::new(),
            one => vec![(Need::Should, one)],
        };
        if query.shape.last_word == LastWord::Prefix && is_open(&query.text) {
            mark_prefix(top.last_mut());
        }
        planner.top(top)?;
        Ok(planner.plan)
    }

    pub(super) fn is_everything(&self) -> bool {
        self.free.is_empty() && self.parts.is_empty()
    }

    /// The free words in the order in which they are left out last.
    pub(super) fn by_need(&self, matching: Matching) -> Vec<usize> {
        let mut order = self.free.clone();
        if matching == Matching::Frequency {
            order.sort_by_key(|word| self.words[*word].documents);
        }
        order
    }

    /// Words that are `required` must be there, the others may.
    pub(super) fn query(&self, required: &[usize]) -> Box<dyn Query> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = self
            .parts
            .iter()
            .map(|(occur, part)| (*occur, part.box_clone()))
            .collect();
        for index in &self.free {
            let word = &self.words[*index];
            match required.contains(index) {
                true => clauses.push((Occur::Must, word.query(self.fields.text))),
                // One by one, so that texts that cannot be among the best are skipped.
                false => clauses.extend(
                    word.queries(self.fields.text)
                        .map(|one| (Occur::Should, one)),
                ),
            }
        }
        let has_positive = clauses.iter().any(|(occur, _)| *occur != Occur::MustNot);
        if !has_positive {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        match clauses.len() {
            1 => clauses.remove(0).1,
            _ => Box::new(BooleanQuery::new(clauses)),
        }
    }
}

impl Word {
    fn queries(&self, field: Field) -> impl Iterator<Item = Box<dyn Query>> {
        self.variants
            .iter()
            .map(move |variant| variant.query(field))
    }

    fn query(&self, field: Field) -> Box<dyn Query> {
        let mut queries: Vec<Box<dyn Query>> = self.queries(field).collect();
        match queries.len() {
            0 => Box::new(EmptyQuery),
            1 => queries.remove(0),
            _ => Box::new(DisjunctionMaxQuery::new(queries)),
        }
    }
}

impl Variant {
    pub(super) fn query(&self, field: Field) -> Box<dyn Query> {
        let terms: Vec<Term> = self
            .terms
            .iter()
            .map(|term| Term::from_field_text(field, &term.text))
            .collect();
        let query: Box<dyn Query> = match <[Term; 1]>::try_from(terms) {
            Ok([term]) => Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)),
            Err(terms) => Box::new(PhraseQuery::new(terms)),
        };
        match self.weight == 1.0 {
            true => query,
            false => Box::new(BoostQuery::new(query, self.weight)),
        }
    }
}

struct Planner<'plan, 'index> {
    vocabulary: &'plan Vocabulary<'index>,
    meanings: Meanings<'plan>,
    plan: Plan,
    /// Words that may still be taken for slips.
    slips_left: usize,
}

impl Planner<'_, '_> {
    fn top(&mut self, parts: Vec<(Need, Ask)>) -> Result<(), SearchError> {
        let mut free = Vec::new();
        for (need, ask) in parts {
            match ask {
                Ask::Words(literal) if need == Need::Should && literal.field.is_none() => {
                    free.extend(split(&literal));
                }
                other => {
                    let query = self.part(&other, need != Need::Not)?;
                    self.plan
                        .parts
                        .extend(query.map(|query| (occur(need), query)));
                }
            }
        }
        let meanings = self.meanings.of(&free);
        let mut stops = Vec::new();
        for (typed, meaning) in free.into_iter().zip(meanings) {
            match meaning.texts.is_empty() && self.is_stop_word(&typed) {
                true => stops.push(typed),
                false => self.free(&typed, &meaning)?,
            }
        }
        // Nothing but stop words is a question, too.
        if self.plan.is_everything() {
            for typed in stops {
                self.free(&typed, &Meaning::default())?;
            }
        }
        Ok(())
    }

    fn free(&mut self, typed: &Typed, meaning: &Meaning<'_>) -> Result<(), SearchError> {
        if self.plan.words.len() < MOST_WORDS {
            let word = self.word(typed, meaning, true)?;
            let is_new = self
                .plan
                .words
                .iter()
                .all(|known| known.surface != word.surface);
            if is_new {
                self.plan.free.push(self.plan.words.len());
                self.plan.words.push(word);
            }
        }
        Ok(())
    }

    /// Any other part; `None` where it says nothing. Words of it are marked if they are `wanted`.
    fn part(&mut self, ask: &Ask, wanted: bool) -> Result<Option<Box<dyn Query>>, SearchError> {
        match ask {
            Ask::Everything => Ok(Some(Box::new(ConstScoreQuery::new(
                Box::new(AllQuery),
                0.0,
            )))),
            Ask::Range { field, from, to } => self.range(field, from, to).map(Some),
            Ask::Phrase { literal, slop } => self.phrase(literal, *slop, wanted),
            Ask::Words(literal) => self.words(literal, wanted),
            Ask::Group(parts) => {
                let mut clauses = Vec::new();
                for (need, part) in parts {
                    let query = self.part(part, wanted && *need != Need::Not)?;
                    clauses.extend(query.map(|query| (occur(*need), query)));
                }
                if clauses.is_empty() {
                    return Ok(None);
                }
                if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
                    clauses.push((Occur::Must, Box::new(AllQuery)));
                }
                Ok(Some(Box::new(BooleanQuery::new(clauses))))
            }
        }
    }

    /// All words of a literal, in its field.
    fn words(
        &mut self,
        literal: &Literal,
        wanted: bool,
    ) -> Result<Option<Box<dyn Query>>, SearchError> {
        if let Some(field) = self.value_field(literal) {
            return Ok(Some(unscored(self.value(field, &literal.text))));
        }
        let field = self.text_field(literal);
        let mut queries = Vec::new();
        let words = split(literal);
        let meanings = self.meanings.of(&words);
        for (typed, meaning) in words.iter().zip(meanings) {
            let word = self.word(typed, &meaning, wanted)?;
            queries.push(word.query(field));
            if wanted && self.plan.words.len() < MOST_WORDS {
                self.plan.words.push(word);
            }
        }
        Ok(match queries.len() {
            0 => None,
            1 => queries.pop(),
            _ => Some(filter::all_of(queries)),
        })
    }

    fn phrase(
        &mut self,
        literal: &Literal,
        slop: u32,
        wanted: bool,
    ) -> Result<Option<Box<dyn Query>>, SearchError> {
        if let Some(field) = self.value_field(literal) {
            return Ok(Some(unscored(self.value(field, &literal.text))));
        }
        let field = self.text_field(literal);
        let texts: Vec<&str> = pieces(&literal.text).map(|piece| piece.text).collect();
        if texts.len() < 2 {
            return self.words(literal, wanted);
        }
        let mut sequences = self.sequences(&literal.text);
        sequences.retain(|sequence| sequence.len() > 1);
        let phrases = sequences.iter().map(|sequence| -> Box<dyn Query> {
            let terms = sequence
                .iter()
                .map(|term| Term::from_field_text(field, term));
            let mut phrase = PhraseQuery::new(terms.collect());
            phrase.set_slop(slop);
            Box::new(phrase)
        });
        let any = DisjunctionMaxQuery::new(phrases.collect());
        if wanted {
            for typed in split(literal) {
                if self.plan.words.len() < MOST_WORDS {
                    let word = self.word(&typed, &Meaning::default(), false)?;
                    self.plan.words.push(word);
                }
            }
        }
        Ok(match sequences.is_empty() {
            true => None,
            false => Some(Box::new(any)),
        })
    }

    /// The terms of a text, one after the other, in each language of the index.
    fn sequences(&self, text: &str) -> Vec<Vec<String>> {
        let stemmings = self.vocabulary.languages().iter().map(|one| Some(*one));
        let mut sequences: Vec<Vec<String>> = Vec::new();
        for stemming in stemmings.chain([None]) {
            let (forms, _) = forms(text, stemming);
            // Where a word can be read in several ways, one of each position is enough.
            let mut seen = HashSet::new();
            let singles = forms.into_iter().filter(|form| seen.insert(form.position));
            let sequence: Vec<String> = singles.map(|form| form.stem).collect();
            if !sequence.is_empty() && !sequences.contains(&sequence) {
                sequences.push(sequence);
            }
        }
        sequences
    }

    fn text_field(&self, literal: &Literal) -> Field {
        let fields = &self.plan.fields;
        match literal.field.as_deref() {
            Some("title") => fields.title,
            Some("summary") => fields.summary,
            Some("tags") => fields.tags,
            _ => fields.text,
        }
    }

    fn value_field(&self, literal: &Literal) -> Option<Field> {
        let name = literal.field.as_deref()?;
        let fields = &self.plan.fields;
        Some(match name {
            "tag" => fields.tag,
            "category" => fields.category,
            "project" => fields.project,
            "status" => fields.status,
            "author" => fields.author,
            "locale" => fields.language,
            "type" => fields.content_type,
            "words" => fields.words,
            "created" => fields.created_at,
            "updated" => fields.updated_at,
            _ if TEXTS.contains(&name) => return None,
            _ => return None,
        })
    }

    fn value(&self, field: Field, text: &str) -> Box<dyn Query> {
        let fields = &self.plan.fields;
        let text = text.trim();
        if [fields.words, fields.created_at, fields.updated_at].contains(&field) {
            let bound = Bound::Included(text.to_owned());
            return self.range_of(field, &bound, &bound);
        }
        match field == fields.language {
            true => filter::term(field, &text.to_lowercase()),
            false => filter::term(field, text),
        }
    }

    fn range(&self, name: &str, from: &Bound, to: &Bound) -> Result<Box<dyn Query>, SearchError> {
        let fields = &self.plan.fields;
        let field = match name {
            "words" => fields.words,
            "created" => fields.created_at,
            "updated" => fields.updated_at,
            _ => return Ok(Box::new(EmptyQuery)),
        };
        Ok(self.range_of(field, from, to))
    }

    /// Nothing is between bounds that are no values.
    fn range_of(&self, field: Field, from: &Bound, to: &Bound) -> Box<dyn Query> {
        let read = |text: &str| match field == self.plan.fields.words {
            true => text.parse().ok().map(Edge::Point),
            false => edge(text),
        };
        match (lower(from, read), upper(to, read)) {
            (Some(RangeBound::Unbounded), Some(RangeBound::Unbounded)) => {
                unscored(Box::new(AllQuery))
            }
            (Some(from), Some(to)) => {
                let term = |value| Term::from_field_u64(field, value);
                unscored(Box::new(RangeQuery::new(from.map(term), to.map(term))))
            }
            _ => Box::new(EmptyQuery),
        }
    }

    /// What the index has for a word, and for what else stands for it. Whoever wants a word left out, or as it stands in a
    /// phrase, made no slip.
    fn word(
        &mut self,
        typed: &Typed,
        meaning: &Meaning<'_>,
        may_be_slip: bool,
    ) -> Result<Word, SearchError> {
        let (texts, surfaces) = (&self.vocabulary.texts, &self.vocabulary.surfaces);
        let mut word = Word {
            surface: surfaces.look_up(&typed.surface)?,
            variants: Vec::new(),
            documents: 0,
        };
        if let Some(terms) = &typed.run {
            let terms = self.look_up(terms)?;
            word.documents = terms[0].documents;
            word.add(terms, 0, 1.0);
            self.add_synonyms(meaning, &mut word)?;
            return Ok(word);
        }
        let mut is_readable = false;
        for stem in self.vocabulary.stems(&typed.text) {
            let stem = texts.look_up(&stem)?;
            if stem.documents > 0 {
                word.documents += stem.documents;
                is_readable = is_readable || self.vocabulary.readable(texts, &stem, 1)? > 0;
                word.add(vec![stem], 0, 1.0);
            }
        }
        let own = word.variants.len();
        self.add_synonyms(meaning, &mut word)?;
        let mut is_known = is_readable || word.variants.len() > own;
        if typed.is_prefix {
            let near = self.vocabulary.completions(&typed.surface)?;
            is_known = is_known || self.has_readable(&near)?;
            self.add_near(&mut word, &near, COMPLETION)?;
        }
        if !is_known && may_be_slip {
            self.correct(typed, &mut word)?;
        }
        if word.variants.is_empty() {
            word.add(vec![texts.look_up(&typed.surface)?], 0, 1.0);
        }
        Ok(word)
    }

    fn look_up(&self, terms: &[String]) -> Result<Vec<Listed>, SearchError> {
        let terms = terms.iter();
        terms
            .map(|term| self.vocabulary.texts.look_up(term))
            .collect()
    }

    fn has_readable(&self, near: &[Near]) -> Result<bool, SearchError> {
        let surfaces = &self.vocabulary.surfaces;
        for one in near {
            let term = surfaces.look_up(&one.surface)?;
            if self.vocabulary.readable(surfaces, &term, 1)? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn correct(&mut self, typed: &Typed, word: &mut Word) -> Result<(), SearchError> {
        if self.slips_left == 0 {
            return Ok(());
        }
        self.slips_left -= 1;
        let near = self
            .vocabulary
            .corrections(&typed.surface, typed.is_prefix)?;
        if let Some(meant) = near.first() {
            self.plan
                .corrections
                .push((typed.text.clone(), meant.surface.clone()));
        }
        self.add_near(word, &near, TYPO)
    }

    /// Rare words weigh more; so one that was not typed weighs no more than the most frequent of all.
    fn add_near(&self, word: &mut Word, near: &[Near], weight: f32) -> Result<(), SearchError> {
        let frequent = near.iter().map(|one| one.documents);
        let frequent = frequent.chain([word.documents]).max().unwrap_or(1).max(1);
        for one in near {
            let rarity = rarity(frequent) / rarity(one.documents);
            let weight = weight.powi(one.typos.max(1) as i32) * rarity;
            for stem in self.vocabulary.stems(&one.surface) {
                let stem = self.vocabulary.texts.look_up(&stem)?;
                if stem.documents > 0 {
                    word.add(vec![stem], one.typos, weight);
                }
            }
        }
        Ok(())
    }

    /// A text that has what stands for several words has each of them.
    fn add_synonyms(&self, meaning: &Meaning<'_>, word: &mut Word) -> Result<(), SearchError> {
        let weight = SYNONYM / meaning.shared_by.max(1) as f32;
        for text in &meaning.texts {
            for terms in self.sequences(text) {
                word.add(self.look_up(&terms)?, 0, weight);
            }
        }
        Ok(())
    }

    fn is_stop_word(&self, typed: &Typed) -> bool {
        typed.run.is_none()
            && (self.meanings.is_stop_word(&typed.surface)
                || is_stop_word(&typed.text, self.vocabulary.languages()))
    }
}

impl Word {
    fn add(&mut self, terms: Vec<Listed>, typos: u32, weight: f32) {
        if self.variants.iter().all(|known| known.terms != terms) {
            self.variants.push(Variant {
                terms,
                typos,
                weight,
            });
        }
    }
}

/// Nothing follows the last word, so it may be half a word.
fn is_open(typed: &str) -> bool {
    typed.chars().next_back().is_some_and(char::is_alphanumeric)
}

fn mark_prefix(last: Option<&mut (Need, Ask)>) {
    if let Some((Need::Should | Need::Must, Ask::Words(literal))) = last {
        literal.is_prefix = true;
    }
}

fn rarity(documents: u64) -> f32 {
    // Any curve that falls slowly does; BM25's own needs the number of all texts.
    (1.0 + 1e6 / (1.0 + documents as f32)).ln()
}

fn occur(need: Need) -> Occur {
    match need {
        Need::Must => Occur::Must,
        Need::Should => Occur::Should,
        Need::Not => Occur::MustNot,
    }
}

fn unscored(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}
