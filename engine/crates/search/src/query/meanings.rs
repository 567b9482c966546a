//! What a project says about words, ready for one query: which say nothing, and what else stands for those that were
//! typed.

use std::collections::{HashMap, HashSet};

use inkstone_domain::search::Lexicon;

use super::typed::Typed;
use crate::text::{fold, pieces};

#[derive(Default)]
pub(super) struct Meanings<'lexicon> {
    stop_words: HashSet<String>,
    /// By the first word of what is typed.
    rules: HashMap<String, Vec<Rule<'lexicon>>>,
}

struct Rule<'lexicon> {
    /// What is typed, word by word.
    typed: Vec<String>,
    stands_for: Vec<&'lexicon str>,
}

/// What else stands for a word that was typed.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Meaning<'lexicon> {
    pub texts: Vec<&'lexicon str>,
    /// Words that have it together, such as two for `new york`.
    pub shared_by: usize,
}

impl<'lexicon> Meanings<'lexicon> {
    pub(super) fn new(lexicon: &'lexicon Lexicon) -> Self {
        let mut meanings = Self {
            stop_words: lexicon.stop_words.iter().map(|word| fold(word)).collect(),
            rules: HashMap::new(),
        };
        for (typed, stands_for) in lexicon.synonyms.iter().flat_map(|group| group.meanings()) {
            let typed: Vec<String> = pieces(typed).map(|piece| fold(piece.text)).collect();
            if let Some(first) = typed.first() {
                let rules = meanings.rules.entry(first.clone()).or_default();
                rules.push(Rule { typed, stands_for });
            }
        }
        meanings
    }

    pub(super) fn is_stop_word(&self, surface: &str) -> bool {
        self.stop_words.contains(surface)
    }

    /// For each word what else stands for it; words next to each other are tried together first.
    pub(super) fn of(&self, words: &[Typed]) -> Vec<Meaning<'lexicon>> {
        let surfaces: Vec<&str> = words.iter().map(|word| word.surface.as_str()).collect();
        let mut meanings = vec![Meaning::default(); words.len()];
        let mut at = 0;
        while at < surfaces.len() {
            let (length, texts) = self.longest(&surfaces[at..]);
            for meaning in &mut meanings[at..at + length] {
                meaning.texts.clone_from(&texts);
                meaning.shared_by = length;
            }
            at += length;
        }
        meanings
    }

    /// What the most words at the beginning stand for together.
    fn longest(&self, surfaces: &[&str]) -> (usize, Vec<&'lexicon str>) {
        let rules = self.rules.get(surfaces[0]).map_or(&[][..], Vec::as_slice);
        let fitting: Vec<&Rule<'lexicon>> =
            rules.iter().filter(|rule| rule.fits(surfaces)).collect();
        let length = fitting.iter().map(|rule| rule.typed.len()).max();
        let Some(length) = length else {
            return (1, Vec::new());
        };
        let longest = fitting.iter().filter(|rule| rule.typed.len() == length);
        let texts = longest.flat_map(|rule| rule.stands_for.iter().copied());
        (length, texts.collect())
    }
}

impl Rule<'_> {
    /// Whether the words begin with what it is about.
    fn fits(&self, surfaces: &[&str]) -> bool {
        let typed = surfaces.get(..self.typed.len());
        typed.is_some_and(|typed| typed == self.typed)
    }
}

#[cfg(test)]
mod tests {
    use inkstone_domain::search::Synonyms;

    use super::*;

    fn typed(words: &[&str]) -> Vec<Typed> {
        let typed = words.iter().map(|word| Typed {
            text: (*word).to_owned(),
            surface: fold(word),
            is_prefix: false,
            run: None,
        });
        typed.collect()
    }

    #[test]
    fn words_together_go_before_single_ones() {
        let lexicon = Lexicon {
            stop_words: vec!["Lorem".to_owned()],
            synonyms: vec![
                Synonyms::mutual(["NYC", "New York"]),
                Synonyms::one_way("new", ["fresh"]),
                Synonyms::one_way("new york", ["big apple"]),
            ],
        };
        let meanings = Meanings::new(&lexicon);
        assert!(meanings.is_stop_word("lorem") && !meanings.is_stop_word("nyc"));
        let told = |words: &[&str]| -> Vec<(Vec<String>, usize)> {
            let all = meanings.of(&typed(words)).into_iter();
            all.map(|one| {
                (
                    one.texts.into_iter().map(str::to_owned).collect(),
                    one.shared_by,
                )
            })
            .collect()
        };
        let (nothing, city) = (Vec::new(), vec!["NYC".to_owned(), "big apple".to_owned()]);
        assert_eq!(
            told(&["in", "new", "york"]),
            [(nothing.clone(), 1), (city.clone(), 2), (city, 2)]
        );
        assert_eq!(told(&["New"]), [(vec!["fresh".to_owned()], 1)]);
        assert_eq!(told(&["york"]), [(nothing.clone(), 1)]);
        assert_eq!(told(&["fresh"]), [(nothing, 1)]);
        assert_eq!(told(&["nyc"]), [(vec!["New York".to_owned()], 1)]);
    }
}
