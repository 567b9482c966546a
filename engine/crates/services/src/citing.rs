//! What an answer says it has from the numbered texts that were given: the numbers in its square brackets, as far as a
//! text has that number, and quotations as far as the text has those words. A model is never believed about more. Pure.

use std::sync::LazyLock;

use regex::Regex;

/// More numbers of one answer are not looked at.
const MOST_MARKS: usize = 1_000;
/// A quotation and its marks are no longer than this.
const QUOTE_BYTES: usize = 4_096;
/// Shorter words between quotation marks are no quotation.
const LEAST_QUOTE_CHARS: usize = 8;

/// `[1]`, or `[1, 2]`, and a space before it.
static MARK: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r" ?\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]").ok());
/// Words in quotation marks, at the end of what stands before a mark.
static QUOTE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"["“«„]([^"“”«»„]{1,1000})["”»“][\s.,;:!?)]*$"#).ok());

/// A text that was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbered<'t> {
    pub number: u32,
    pub text: &'t str,
}

/// A text that an answer has something from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cited {
    pub number: u32,
    /// Words that the answer quotes and the text has.
    pub quote: Option<String>,
}

/// Each text once, by its number.
pub(crate) fn cited(answer: &str, sources: &[Numbered<'_>]) -> Vec<Cited> {
    let Some(mark) = MARK.as_ref() else {
        return Vec::new();
    };
    let plain: Vec<String> = sources.iter().map(|it| on_one_line(it.text)).collect();
    let mut cited: Vec<Cited> = Vec::new();
    for found in mark.captures_iter(answer).take(MOST_MARKS) {
        let (whole, numbers) = (found.get(0), found.get(1));
        let before = whole.map_or("", |whole| end_of(&answer[..whole.start()]));
        for number in numbers.map_or("", |it| it.as_str()).split(',') {
            let number = number.trim().parse().unwrap_or(0);
            let mut known = sources.iter().zip(&plain);
            let Some((source, text)) = known.find(|it| it.0.number == number) else {
                continue;
            };
            let place = cited.iter().position(|it| it.number == number);
            if place.is_some_and(|place| cited[place].quote.is_some()) {
                continue;
            }
            let quote = quote_before(before).filter(|quote| text.contains(&on_one_line(quote)));
            match place {
                Some(place) => cited[place].quote = quote,
                None => cited.push(Cited {
                    number: source.number,
                    quote,
                }),
            }
        }
    }
    cited.sort_by_key(|it| it.number);
    cited
}

/// The answer with its marks of numbers from 1 to `most`, and without all others.
pub(crate) fn with_known_marks(answer: &str, most: usize) -> String {
    let Some(mark) = MARK.as_ref() else {
        return answer.to_owned();
    };
    let known = |found: &regex::Captures<'_>| {
        let (whole, numbers) = (&found[0], &found[1]);
        let is_known = |number: &&str| {
            let number = number.parse();
            number.is_ok_and(|it: usize| (1..=most).contains(&it))
        };
        let all: Vec<&str> = numbers.split(',').map(str::trim).collect();
        let kept: Vec<&str> = all.iter().copied().filter(is_known).collect();
        if kept.is_empty() {
            return String::new();
        }
        if kept.len() == all.len() {
            return whole.to_owned();
        }
        let space = if whole.starts_with(' ') { " " } else { "" };
        format!("{space}[{}]", kept.join(", "))
    };
    mark.replace_all(answer, known).into_owned()
}

fn quote_before(text: &str) -> Option<String> {
    let found = QUOTE.as_ref()?.captures(text)?;
    let quote = found.get(1)?.as_str().trim();
    (quote.chars().count() >= LEAST_QUOTE_CHARS).then(|| quote.to_owned())
}

/// How words are broken into lines does not matter.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn end_of(text: &str) -> &str {
    let mut start = text.len().saturating_sub(QUOTE_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_is_cited_and_only_what_it_says_is_quoted() {
        let source = |number, text| Numbered { number, text };
        let sources = [
            source(1, "The moon pulls\nthe sea, twice a day."),
            source(3, "Ebb."),
        ];
        let cited = |answer: &str| -> Vec<(u32, Option<String>)> {
            let cited = cited(answer, &sources).into_iter();
            cited.map(|it| (it.number, it.quote)).collect()
        };
        let quote = |text: &str| Some(text.to_owned());
        for (answer, expected) in [
            ("Because of the moon.", vec![]),
            ("Because of the moon [1].", vec![(1, None)]),
            ("Both [3, 1] and [1].", vec![(1, None), (3, None)]),
            ("Made up [2] and [0] and [999] and [x] and [-1].", vec![]),
            (
                "It says “The moon pulls the sea” [1].",
                vec![(1, quote("The moon pulls the sea"))],
            ),
            (
                "It says \"pulls the sea, twice\". [1] Then [3].",
                vec![(1, quote("pulls the sea, twice")), (3, None)],
            ),
            ("It says \"The moon pushes the sea\" [1].", vec![(1, None)]),
            ("The \"moon\" [1] it is.", vec![(1, None)]),
            (
                "First [1], then \"The moon pulls the sea\" [1].",
                vec![(1, quote("The moon pulls the sea"))],
            ),
        ] {
            assert_eq!(cited(answer), expected, "{answer}");
        }
    }

    #[test]
    fn unknown_marks_are_taken_out() {
        for (answer, expected) in [
            (
                "Because [1] of [2], the moon [3].",
                "Because [1] of [2], the moon.",
            ),
            ("All [1,9, 2] of it[7].", "All [1, 2] of it."),
            ("[0] None [99][3].", " None."),
            ("No [x] mark [1", "No [x] mark [1"),
        ] {
            assert_eq!(with_known_marks(answer, 2), expected, "{answer}");
        }
    }
}
