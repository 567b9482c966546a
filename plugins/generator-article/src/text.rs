//! Judging and mending what models write, without asking a model: taking off chat phrases and markup, cutting at
//! whole sentences, leaving out repetition. Pure functions over text; what is asked of whom is decided elsewhere.

use std::collections::HashSet;

use crate::vocabulary::{ABBREVIATIONS, CHATTER_STARTS, CHATTER_WITHIN, STOP_WORDS};

/// Plain prose out of an answer: no markup, no list marks, no chat opening, one line.
pub fn to_prose(answer: &str) -> String {
    let body = before_marks(answer);
    let mut prose = String::new();
    for line in body.lines() {
        let (line, was_item) = without_list_mark(line.trim());
        let line = line.trim_start_matches('#').trim();
        if line.is_empty() || line.starts_with("```") {
            continue;
        }
        let is_label = line.ends_with(':') && word_count(line) <= 12;
        if is_label && !was_item {
            continue;
        }
        let line = if was_item { without_label(line) } else { line };
        if !prose.is_empty() {
            prose.push(' ');
        }
        prose.push_str(line);
        if was_item && !ends_sentence(line) {
            prose.push('.');
        }
    }
    let prose = prose.replace("**", "").replace("__", "").replace('`', "");
    let prose = prose.replace(['“', '”'], "\"");
    let prose = without_chat_opening(&prose);
    unquoted(&prose).to_owned()
}

/// The text up to the first special token or sign of another speaker.
pub fn before_marks(answer: &str) -> &str {
    let ends = [
        "<|",
        "</s>",
        "\nUser:",
        "\nQuestion:",
        "\nAssistant:",
        "\nQ:",
    ];
    let end = ends.iter().filter_map(|mark| answer.find(mark)).min();
    answer[..end.unwrap_or(answer.len())].trim()
}

/// Splits prose at sentence ends. A sentence that is cut off comes last, without its end.
pub fn sentences(prose: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut words = prose.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
        let next_starts = words.peek().is_none_or(|next| {
            let first = next.trim_start_matches(['"', '(', '\'']).chars().next();
            first.is_some_and(|c| c.is_uppercase() || c.is_numeric() || !c.is_ascii())
        });
        if ends_sentence(word) && next_starts && !is_abbreviation(word) {
            found.push(std::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        found.push(current);
    }
    found
}

/// Whether a text ends as sentences end.
pub fn ends_sentence(text: &str) -> bool {
    let bare = text.trim_end_matches(['"', '\'', ')', '”', '’', '*']);
    bare.ends_with(['.', '!', '?', '。', '！', '？', '…'])
}

/// Whether a sentence speaks to the asker, of the task, or of the writer.
pub fn is_chatter(sentence: &str) -> bool {
    let lower = sentence.to_lowercase().replace('’', "'");
    let first_person = lower
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .any(|word| matches!(word, "i" | "i'm" | "i'd" | "i'll" | "i've" | "my" | "me"));
    first_person
        || CHATTER_STARTS.iter().any(|start| lower.starts_with(start))
        || CHATTER_WITHIN.iter().any(|part| lower.contains(part))
}

/// Whether a sentence makes no sense without the one before it.
pub fn leans_back(sentence: &str) -> bool {
    const LEANING: &[&str] = &[
        "this",
        "these",
        "that",
        "those",
        "he",
        "she",
        "his",
        "her",
        "they",
        "their",
        "however",
        "also",
        "additionally",
        "moreover",
        "furthermore",
        "therefore",
        "instead",
        "finally",
        "similarly",
        "then",
    ];
    words(sentence)
        .first()
        .is_some_and(|first| LEANING.contains(&first.as_str()))
}

/// Whether a sentence claims what a small model cannot know by heart: a number, a year, a full name.
pub fn claims_details(sentence: &str) -> bool {
    let tokens: Vec<&str> = sentence.split_whitespace().collect();
    let is_name = |word: &str| {
        let mut letters = word.trim_start_matches(['(', '"', '\'']).chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.next().is_some_and(char::is_lowercase)
    };
    // The first word of a sentence is always in upper case.
    let full_name = tokens.windows(2).skip(1).any(|pair| {
        is_name(pair[0]) && is_name(pair[1]) && !pair[0].ends_with([',', '.', ':', ';'])
    });
    full_name || sentence.chars().any(|c| c.is_ascii_digit())
}

/// Words in a text.
pub fn word_count(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Lower-case words without punctuation.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '-')
        .map(|word| word.trim_matches(['\'', '-']).to_lowercase())
        .map(|word| word.strip_suffix("'s").unwrap_or(&word).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Words that carry a topic, cut to stems so that "growing" meets "grow".
pub fn stems(text: &str) -> HashSet<String> {
    words(text)
        .into_iter()
        .filter(|word| carries_meaning(word))
        .map(|word| stem(&word))
        .collect()
}

/// Whether a word says something about a topic.
pub fn carries_meaning(word: &str) -> bool {
    word.chars().count() > 2 && !STOP_WORDS.contains(&word) && word.chars().any(char::is_alphabetic)
}

/// The part of a word that its forms share, roughly.
pub fn stem(word: &str) -> String {
    let mut stem = word;
    for ending in ["ings", "ing", "edly", "ies", "ied", "es", "ed", "ly", "s"] {
        if let Some(rest) = stem.strip_suffix(ending)
            && rest.chars().count() >= 3
        {
            stem = rest;
            break;
        }
    }
    stem.trim_end_matches('e').chars().take(8).collect()
}

/// How much of the smaller set lies in the other, 0 to 1.
pub fn overlap(a: &HashSet<String>, b: &HashSet<String>) -> f64 {
    let smaller = a.len().min(b.len());
    if smaller == 0 {
        return 0.0;
    }
    a.intersection(b).count() as f64 / smaller as f64
}

/// The share of three-word sequences that came before in the same text, 0 to 1. A model in a loop is far above 0.2.
pub fn repetition(text: &str) -> f64 {
    let words = words(text);
    let total = words.len().saturating_sub(2);
    if total == 0 {
        return 0.0;
    }
    let distinct: HashSet<&[String]> = words.windows(3).collect();
    1.0 - distinct.len() as f64 / total as f64
}

/// A heading out of one line of an answer; `None` if the line cannot be one.
pub fn to_heading(line: &str) -> Option<String> {
    let (line, _) = without_list_mark(before_marks(line));
    let line = line.replace("**", "").replace('`', "");
    let line = line.trim_start_matches('#').trim();
    let line = ["Heading:", "Title:", "Section:"]
        .iter()
        .find_map(|label| line.strip_prefix(label))
        .unwrap_or(line);
    let line = unquoted(line.trim());
    // What follows a dash, colon or comma explains the heading; it is not needed.
    let end = [" - ", " – ", " — ", ": ", ", ", "; ", " (", "? ", ". "]
        .iter()
        .filter_map(|mark| line.find(mark))
        .min();
    let heading =
        line[..end.unwrap_or(line.len())].trim_end_matches(['.', ':', ',', ';', '-', ' ']);
    let count = word_count(heading);
    let fits = (1..=9).contains(&count) && (4..=70).contains(&heading.chars().count());
    let last = words(heading).pop().unwrap_or_default();
    let cut_off = matches!(
        last.as_str(),
        "and"
            | "or"
            | "the"
            | "of"
            | "for"
            | "to"
            | "a"
            | "an"
            | "in"
            | "with"
            | "from"
            | "by"
            | "on"
            | "how"
            | "such"
    );
    (fits && !cut_off && !is_chatter(heading)).then(|| capitalised(heading))
}

/// With its first letter in upper case.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// As much as fits into `max_chars`, cut at a sentence if that keeps most of it, else at a word.
pub fn shortened(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let mut whole = String::new();
    for sentence in sentences(text) {
        let longer = whole.chars().count() + sentence.chars().count() + 1;
        if longer > max_chars {
            break;
        }
        if !whole.is_empty() {
            whole.push(' ');
        }
        whole.push_str(&sentence);
    }
    if whole.chars().count() * 2 >= max_chars {
        return whole;
    }
    let mut cut = String::new();
    for word in text.split_whitespace() {
        if cut.chars().count() + word.chars().count() + 2 > max_chars {
            break;
        }
        if !cut.is_empty() {
            cut.push(' ');
        }
        cut.push_str(word);
    }
    let bare = cut.trim_end_matches([',', ';', ':', '-', '.']);
    format!("{bare}…")
}

/// Without `1.`, `a)`, `-` and their like, and whether there was one.
fn without_list_mark(line: &str) -> (&str, bool) {
    if let Some(rest) = line
        .strip_prefix("- ")
        .or_else(|| line.strip_prefix("* "))
        .or_else(|| line.strip_prefix("• "))
    {
        return (rest.trim(), true);
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=2).contains(&digits)
        && let Some(rest) = line[digits..]
            .strip_prefix(". ")
            .or_else(|| line[digits..].strip_prefix(") "))
    {
        return (rest.trim(), true);
    }
    (line, false)
}

/// Without "**Water well:**" at the start of a list item, if a whole sentence follows.
fn without_label(item: &str) -> &str {
    match item.split_once(": ").or_else(|| item.split_once(":** ")) {
        Some((label, rest)) if word_count(label) <= 5 && word_count(rest) >= 4 => {
            rest.trim_start_matches(['*', ' '])
        }
        _ => item,
    }
}

/// Without "Sure! Here is …:" at its start.
fn without_chat_opening(prose: &str) -> String {
    let lower = prose.to_lowercase();
    if !CHATTER_STARTS.iter().any(|start| lower.starts_with(start)) {
        return prose.to_owned();
    }
    let colon = prose
        .char_indices()
        .find(|&(at, c)| c == ':' && at < 160)
        .map(|(at, _)| at + 1);
    match colon {
        Some(at) => capitalised(prose[at..].trim()),
        None => prose.to_owned(),
    }
}

/// Without a pair of quotes around it, or a lone one.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    if text.matches('"').count() <= 2 && (text.starts_with('"') || text.ends_with('"')) {
        return text.trim_matches('"').trim();
    }
    text
}

fn is_abbreviation(word: &str) -> bool {
    let bare = word
        .trim_start_matches(['"', '(', '\''])
        .trim_end_matches('.')
        .to_lowercase();
    let single_letter = word.ends_with('.') && bare.len() == 1 && bare != "i";
    single_letter || ABBREVIATIONS.contains(&bare.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_loses_markup_lists_and_chat() {
        for (answer, want) in [
            (
                "Sure! Here is the paragraph: Tomatoes love sun.",
                "Tomatoes love sun.",
            ),
            (
                "Here's a version:\n\nTomatoes **love** sun.",
                "Tomatoes love sun.",
            ),
            ("1. Water well\n2. Feed them.", "Water well. Feed them."),
            ("## Basics\n- `One` thing", "Basics One thing."),
            (
                "1. **Water**: Water them in the morning.\n2. Feed: often",
                "Water them in the morning. Feed: often.",
            ),
            ("\"Tomatoes love sun.\"", "Tomatoes love sun."),
            (
                "Tomatoes love sun.<|im_end|>\nUser: more",
                "Tomatoes love sun.",
            ),
        ] {
            assert_eq!(to_prose(answer), want, "{answer}");
        }
    }

    #[test]
    fn sentences_end_where_they_end() {
        assert_eq!(
            sentences("Dr. Smith has 3.5 plants, e.g. tomatoes. \"Really?\" Yes! And so on"),
            [
                "Dr. Smith has 3.5 plants, e.g. tomatoes.",
                "\"Really?\"",
                "Yes!",
                "And so on"
            ]
        );
        assert!(ends_sentence("He said \"stop.\""));
        assert!(!ends_sentence("cut off in the"));
    }

    #[test]
    fn chatter_and_loops_are_seen() {
        assert!(is_chatter("Sure, let me help."));
        assert!(is_chatter("As I walk along the roof, it rains."));
        assert!(is_chatter("This article explains tomatoes."));
        assert!(!is_chatter("In May the plants need more water."));
        assert!(repetition("the sun is warm and the sun is warm and the sun is warm") > 0.4);
        assert!(repetition("Tomatoes need sun, water and a pot that is deep enough.") < 0.05);
    }

    #[test]
    fn details_are_seen() {
        for sentence in [
            "It began in 1598.",
            "Companies like those of Elon Musk invest.",
            "About 30 hours later.",
        ] {
            assert!(claims_details(sentence), "{sentence}");
        }
        for sentence in [
            "Coffee came to Europe from Ethiopia.",
            "In Italy, Germany and France it is loved.",
        ] {
            assert!(!claims_details(sentence), "{sentence}");
        }
    }

    #[test]
    fn headings_are_short_and_whole() {
        for (line, want) in [
            ("1. Choosing the right pot", Some("Choosing the right pot")),
            ("**Heading: \"watering\"**", Some("Watering")),
            (
                "3. From Mesoamerica to cafes, a story that",
                Some("From Mesoamerica to cafes"),
            ),
            ("Sure, here are the headings", None),
            ("2. The origins of the", None),
            (
                "a very long line that goes on and on and never says what it is for",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(to_heading(line).as_deref(), want, "{line}");
        }
    }

    #[test]
    fn stems_meet() {
        let topic = stems("Growing tomatoes on a balcony");
        assert!(overlap(&topic, &stems("A tomato grows in a pot")) >= 0.6);
        assert_eq!(overlap(&topic, &stems("the of and")), 0.0);
    }

    #[test]
    fn shortening_keeps_the_bound() {
        let text =
            "One short sentence is here. Another one follows that is quite a bit longer than it.";
        assert_eq!(shortened(text, 40), "One short sentence is here.");
        assert_eq!(shortened(text, 200), text);
        let cut = shortened("word ".repeat(50).trim(), 30);
        assert!(cut.chars().count() <= 30 && cut.ends_with('…'), "{cut}");
    }
}
