//! The readability formulas over counted words. All but LIX were fitted to English.

use crate::prose::Sentence;
use crate::syllables;

/// Letters from which on LIX calls a word long.
const LONG_WORD_LETTERS: usize = 7;
/// Syllables from which on a word counts as hard for the Gunning fog index and SMOG.
const HARD_WORD_SYLLABLES: usize = 3;

/// What the formulas need to know of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub sentences: usize,
    pub words: usize,
    /// Letters and digits.
    pub letters: usize,
    pub syllables: usize,
    /// Words of three syllables or more.
    pub polysyllables: usize,
    /// Those of them that Gunning calls complex: no names, and not made long by `-es`, `-ed` or `-ing`.
    pub complex_words: usize,
    /// Words of seven letters or more.
    pub long_words: usize,
}

impl Counts {
    /// Counts over these sentences; `None` where there are none, so that no formula divides by zero.
    pub fn of<'a>(sentences: impl IntoIterator<Item = &'a Sentence<'a>>) -> Option<Self> {
        let mut counts = Self::default();
        for sentence in sentences {
            counts.sentences += 1;
            for (at, word) in sentence.words.iter().enumerate() {
                counts.add(word, at == 0);
            }
        }
        (counts.sentences > 0 && counts.words > 0).then_some(counts)
    }

    fn add(&mut self, word: &str, is_first: bool) {
        let letters = word.chars().filter(|c| c.is_alphanumeric()).count();
        let syllables = syllables::count(word);
        self.words += 1;
        self.letters += letters;
        self.syllables += syllables;
        self.long_words += usize::from(letters >= LONG_WORD_LETTERS);
        if syllables >= HARD_WORD_SYLLABLES {
            self.polysyllables += 1;
            self.complex_words += usize::from(is_complex(word, is_first));
        }
    }

    /// Flesch Reading Ease (R. Flesch, "A new readability yardstick", Journal of Applied Psychology 32(3), 1948).
    pub fn flesch_reading_ease(&self) -> f64 {
        206.835 - 1.015 * self.words_per_sentence() - 84.6 * self.syllables_per_word()
    }

    /// Flesch-Kincaid grade (J. P. Kincaid et al., Research Branch Report 8-75, US Navy, 1975).
    pub fn flesch_kincaid_grade(&self) -> f64 {
        0.39 * self.words_per_sentence() + 11.8 * self.syllables_per_word() - 15.59
    }

    /// Gunning fog index (R. Gunning, The Technique of Clear Writing, 1952).
    pub fn gunning_fog(&self) -> f64 {
        0.4 * (self.words_per_sentence() + 100.0 * ratio(self.complex_words, self.words))
    }

    /// SMOG grade (G. H. McLaughlin, "SMOG grading: a new readability formula", Journal of Reading 12(8), 1969).
    pub fn smog(&self) -> f64 {
        1.0430 * (30.0 * ratio(self.polysyllables, self.sentences)).sqrt() + 3.1291
    }

    /// Coleman-Liau index (M. Coleman and T. L. Liau, Journal of Applied Psychology 60(2), 1975).
    pub fn coleman_liau(&self) -> f64 {
        let letters_per_hundred = 100.0 * ratio(self.letters, self.words);
        let sentences_per_hundred = 100.0 * ratio(self.sentences, self.words);
        0.0588 * letters_per_hundred - 0.296 * sentences_per_hundred - 15.8
    }

    /// LIX (C.-H. Björnsson, Läsbarhet, 1968), made for any European language.
    pub fn lix(&self) -> f64 {
        self.words_per_sentence() + 100.0 * ratio(self.long_words, self.words)
    }

    /// Mean length of a sentence.
    pub fn words_per_sentence(&self) -> f64 {
        ratio(self.words, self.sentences)
    }

    fn syllables_per_word(&self) -> f64 {
        ratio(self.syllables, self.words)
    }
}

/// What a Flesch Reading Ease means, after Flesch's own table.
pub fn ease_in_words(ease: f64) -> &'static str {
    match ease {
        _ if ease >= 90.0 => "very easy",
        _ if ease >= 80.0 => "easy",
        _ if ease >= 70.0 => "fairly easy",
        _ if ease >= 60.0 => "plain English",
        _ if ease >= 50.0 => "fairly difficult",
        _ if ease >= 30.0 => "difficult",
        _ => "very difficult",
    }
}

fn is_complex(word: &str, is_first: bool) -> bool {
    if !is_first && word.chars().next().is_some_and(char::is_uppercase) {
        return false;
    }
    let endings = ["es", "ed", "ing"];
    let stem = endings.iter().find_map(|ending| word.strip_suffix(ending));
    stem.is_none_or(|stem| syllables::count(stem) >= HARD_WORD_SYLLABLES)
}

fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prose;

    fn counts(text: &str) -> Counts {
        Counts::of(&prose::sentences(text)).unwrap()
    }

    fn near(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 0.05
    }

    #[test]
    fn well_known_sentences_have_their_well_known_ease() {
        for (text, words, syllables, ease) in [
            ("The cat sat on the mat.", 6, 6, 116.1),
            (
                "This sentence, taken as a reading passage unto itself, is being used to prove a point.",
                16,
                23,
                69.0,
            ),
            (
                "The Australian platypus is seemingly a hybrid of a mammal and reptilian creature.",
                13,
                24,
                37.5,
            ),
        ] {
            let counts = counts(text);
            assert_eq!(
                (counts.words, counts.syllables),
                (words, syllables),
                "{text}"
            );
            assert!(
                near(counts.flesch_reading_ease(), ease),
                "{text}: {}",
                counts.flesch_reading_ease()
            );
        }
    }

    #[test]
    fn formulas_agree_with_values_worked_out_by_hand() {
        let counts = Counts {
            sentences: 5,
            words: 119,
            letters: 639,
            syllables: 200,
            polysyllables: 23,
            complex_words: 18,
            long_words: 40,
        };
        assert!(near(counts.flesch_reading_ease(), 40.49));
        assert!(near(counts.flesch_kincaid_grade(), 13.52));
        assert!(near(counts.gunning_fog(), 15.57));
        assert!(near(counts.smog(), 15.38));
        // The example of the index's authors: 537 letters and 4.20 sentences in 100 words.
        assert!(near(counts.coleman_liau(), 14.5));
        assert!(near(counts.lix(), 57.41));
    }

    #[test]
    fn names_and_inflections_are_not_complex() {
        let text =
            "Interesting animals like Amsterdam because they are remembering responsibility.";
        let counts = counts(text);
        assert_eq!(counts.polysyllables, 5, "{counts:?}");
        // Interesting and remembering keep three syllables without their ending; Amsterdam is a name.
        assert_eq!(counts.complex_words, 4, "{counts:?}");
        assert!(!is_complex("expanded", false));
    }
}
