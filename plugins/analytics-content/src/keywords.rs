//! Which words a text dwells on, and how the wanted keywords fare in it.

use std::collections::{HashMap, HashSet};

use inkstone_plugin::analytics::{Block, Cell, Table};

use crate::prose;

/// Rows of the table of terms.
const MOST_TERMS: usize = 15;
/// Shorter words are rarely what a text is about. Scripts without spaces write whole words in one or two signs.
const SHORTEST_TERM_LETTERS: usize = 3;
/// Share of the words, in percent, above which a keyword reads as stuffed in.
const STUFFED_PERCENT: f64 = 3.0;

/// A text as folded words, in the parts that keywords are looked for in.
pub struct Places {
    pub title: Vec<String>,
    pub headings: Vec<Vec<String>>,
    pub opening: Vec<String>,
    /// Every block, headings too.
    pub blocks: Vec<Vec<String>>,
    pub word_count: usize,
}

/// The most frequent words that are not stop words of the language.
pub fn terms(places: &Places, language: &str) -> Block {
    let stop_words: HashSet<&str> = stop_words::lookup(language)
        .unwrap_or_default()
        .iter()
        .copied()
        .collect();
    let mut counted: HashMap<&str, usize> = HashMap::new();
    for word in places.blocks.iter().flatten() {
        if is_term(word) && !stop_words.contains(word.as_str()) {
            *counted.entry(word).or_default() += 1;
        }
    }
    let mut ranked: Vec<(&str, usize)> = counted.into_iter().collect();
    ranked.sort_by(|(word, count), (other, others)| others.cmp(count).then(word.cmp(other)));
    let columns = ["Term", "Count", "Density (%)", "In title", "In headings"];
    let empty = Table::new("terms", "Most frequent terms", &columns);
    let top = ranked.into_iter().take(MOST_TERMS);
    let table = top.fold(empty, |table, (term, count)| {
        let phrase = [term.to_owned()];
        table.row([
            term.into(),
            (count as f64).into(),
            density(count, 1, places).into(),
            yes_or_no(contains(&places.title, &phrase)),
            yes_or_no(in_headings(places, &phrase)),
        ])
    });
    table.into()
}

/// How often and where each wanted keyword stands, and what is wrong with that.
pub fn wanted(places: &Places, keywords: &[String]) -> Block {
    let columns = [
        "Keyword",
        "Count",
        "Density (%)",
        "In title",
        "In opening",
        "In headings",
        "Problem",
    ];
    let empty = Table::new("keywords", "Keywords", &columns);
    let table = keywords.iter().fold(empty, |table, keyword| {
        let phrase: Vec<String> = prose::words(keyword).map(prose::folded).collect();
        let count: usize = places
            .blocks
            .iter()
            .map(|block| occurrences(block, &phrase))
            .sum();
        let density = density(count, phrase.len(), places);
        let problem = match count {
            0 => "does not occur".into(),
            _ if density > STUFFED_PERCENT && count > 2 => {
                "occurs so often that it disturbs".into()
            }
            _ => Cell::Empty,
        };
        table.row([
            keyword.as_str().into(),
            (count as f64).into(),
            density.into(),
            yes_or_no(contains(&places.title, &phrase)),
            yes_or_no(contains(&places.opening, &phrase)),
            yes_or_no(in_headings(places, &phrase)),
            problem,
        ])
    });
    table.into()
}

fn is_term(word: &str) -> bool {
    let is_long_enough = word.is_ascii() && word.len() >= SHORTEST_TERM_LETTERS
        || !word.is_ascii() && word.chars().count() > 1;
    is_long_enough && word.chars().any(char::is_alphabetic)
}

/// Percent of all words, to two places.
fn density(count: usize, words_each: usize, places: &Places) -> f64 {
    crate::rounded(100.0 * (count * words_each) as f64 / places.word_count.max(1) as f64)
}

fn occurrences(words: &[String], phrase: &[String]) -> usize {
    if phrase.is_empty() {
        return 0;
    }
    words
        .windows(phrase.len())
        .filter(|window| *window == phrase)
        .count()
}

fn contains(words: &[String], phrase: &[String]) -> bool {
    occurrences(words, phrase) > 0
}

fn in_headings(places: &Places, phrase: &[String]) -> bool {
    places
        .headings
        .iter()
        .any(|heading| contains(heading, phrase))
}

fn yes_or_no(yes: bool) -> Cell {
    if yes { "yes" } else { "no" }.into()
}
