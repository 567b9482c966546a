//! Sentences and words, after Unicode Standard Annex 29, with the abbreviations that its rules take for an end.

use unicode_segmentation::UnicodeSegmentation;

/// Abbreviations that stand before a name or a number, so that a capital after them begins no sentence.
const ABBREVIATIONS: &[&str] = &[
    "Mr", "Mrs", "Ms", "Dr", "Prof", "Rev", "Gen", "Gov", "Sen", "Rep", "Capt", "Lt", "Col", "Sgt",
    "St", "Mt", "vs", "cf", "e.g", "i.e", "approx", "Fig", "fig", "Eq", "Sec", "Vol", "Nr", "bzw",
    "z.B",
];

/// A sentence with at least one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence<'a> {
    pub text: &'a str,
    pub words: Vec<&'a str>,
}

/// The sentences of a block of text; what holds no word is none.
pub fn sentences(block: &str) -> Vec<Sentence<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, segment) in block.split_sentence_bound_indices() {
        let end = at + segment.len();
        let text = block[start..end].trim();
        if goes_on(text, &block[end..]) {
            continue;
        }
        start = end;
        let words: Vec<&str> = words(text).collect();
        if !words.is_empty() {
            found.push(Sentence { text, words });
        }
    }
    found
}

/// The words of a text: letters or digits, with the apostrophes and points inside them.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.unicode_words()
}

/// A word as it is compared: in lower case, with a straight apostrophe and without a possessive `'s`.
pub fn folded(word: &str) -> String {
    let lower = word.to_lowercase().replace('\u{2019}', "'");
    match lower.strip_suffix("'s") {
        Some(owner) => owner.to_owned(),
        None => lower,
    }
}

/// Whether the sentence goes on with the rest, though the Unicode rules see an end.
fn goes_on(text: &str, rest: &str) -> bool {
    let Some(next) = rest.trim_start().chars().next() else {
        return false;
    };
    // `"Really?" he asked.`
    let quotes = text.ends_with(['"', '\'', '\u{201d}', '\u{2019}']);
    quotes && next.is_lowercase() || ends_with_abbreviation(text)
}

fn ends_with_abbreviation(text: &str) -> bool {
    let Some(text) = text.strip_suffix('.') else {
        return false;
    };
    let last = text.rsplit(char::is_whitespace).next().unwrap_or(text);
    let last = last.trim_start_matches(['(', '"', '\'', '\u{201c}', '\u{2018}', '[']);
    let mut letters = last.chars();
    let is_initial = matches!((letters.next(), letters.next()), (Some(letter), None)
        if letter.is_uppercase() && letter != 'I');
    is_initial || ABBREVIATIONS.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_they_end() {
        let text = "Dr. Smith met J. Doe at 3.5 km, e.g. Here. \"Really?\" he asked. So am I. Yes! … 42 is it";
        let found: Vec<&str> = sentences(text)
            .iter()
            .map(|sentence| sentence.text)
            .collect();
        assert_eq!(
            found,
            [
                "Dr. Smith met J. Doe at 3.5 km, e.g. Here.",
                "\"Really?\" he asked.",
                "So am I.",
                "Yes!",
                "… 42 is it",
            ]
        );
        assert!(sentences("… !? —").is_empty());
        assert!(sentences("").is_empty());
        assert_eq!(sentences("Ask Dr.").len(), 1);
    }

    #[test]
    fn words_keep_apostrophes_and_fold_alike() {
        let found: Vec<&str> = words("It’s a well-known fact: 3.5% don't.").collect();
        assert_eq!(
            found,
            ["It’s", "a", "well", "known", "fact", "3.5", "don't"]
        );
        assert_eq!(folded("Eel’s"), "eel");
        assert_eq!(folded("Don’t"), "don't");
    }
}
