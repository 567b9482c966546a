//! What people see of a hit: title and passage, as text and as HTML in which nothing is markup but `<em>`
//! around what matched.

use crate::text::{Piece, pieces};

/// Before the first match of a passage; words.
const LEAD: usize = 4;
/// Where something was left out.
const CUT: &str = "…";

/// A part of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Passage {
    pub html: String,
    pub text: String,
    /// Matches in it.
    pub matches: usize,
}

/// The whole text, with the pieces marked that stand at `matches` (in order, counted from `base`).
pub(super) fn whole(text: &str, base: u32, matches: &[u32]) -> Passage {
    let pieces: Vec<Piece<'_>> = pieces(text).collect();
    let marked = marked(base, matches, pieces.len());
    passage(text, &pieces, &marked, 0..pieces.len())
}

/// Where the matches of each word begin that has any; bytes.
pub(super) fn places<'words>(
    text: &str,
    base: u32,
    by_word: impl Iterator<Item = &'words [u32]>,
) -> Vec<Vec<usize>> {
    let pieces: Vec<Piece<'_>> = pieces(text).collect();
    let words = by_word.map(|matches| marked(base, matches, pieces.len()));
    words
        .filter(|marked| !marked.is_empty())
        .map(|marked| marked.iter().map(|number| pieces[*number].start).collect())
        .collect()
}

/// The part of so many words that has most matches; the beginning where there are none.
pub(super) fn crop(text: &str, base: u32, matches: &[u32], words: usize) -> Passage {
    let words = words.max(1);
    if matches.is_empty() {
        let pieces: Vec<Piece<'_>> = pieces(text).take(words + 1).collect();
        let end = pieces.len().min(words);
        return passage(text, &pieces, &[], 0..end);
    }
    let all = marked(base, matches, usize::MAX);
    let start = best_start(&all, words);
    // One more tells whether anything follows.
    let pieces: Vec<Piece<'_>> = pieces(text)
        .take(start.saturating_add(words).saturating_add(1))
        .collect();
    let all = marked(base, matches, pieces.len());
    let start = match pieces.len().checked_sub(start + words) {
        Some(more) if more > 0 => start,
        _ => best_start(&all, words).min(pieces.len().saturating_sub(words)),
    };
    let end = (start + words).min(pieces.len());
    passage(text, &pieces, &all, start..end)
}

/// The first words of a part of a text, bytes, in which nothing is marked.
pub(super) fn beginning(text: &str, part: std::ops::Range<usize>, words: usize) -> Passage {
    let pieces: Vec<Piece<'_>> = pieces(text).collect();
    let start = pieces.partition_point(|piece| piece.start < part.start);
    let after = pieces.partition_point(|piece| piece.start < part.end);
    if start == after {
        return crop(text, 0, &[], words);
    }
    passage(text, &pieces, &[], start..after.min(start + words.max(1)))
}

/// Numbers of the pieces that match, in order, of the first so many pieces.
fn marked(base: u32, matches: &[u32], pieces: usize) -> Vec<usize> {
    let within = matches.iter().filter_map(|one| one.checked_sub(base));
    let within = within.map(|number| number as usize);
    within.filter(|number| *number < pieces).collect()
}

/// Where most matches are in so many words.
fn best_start(marked: &[usize], words: usize) -> usize {
    let mut best = (0, 0);
    for first in marked {
        let start = first.saturating_sub(LEAD.min(words / 2));
        let before = marked.partition_point(|at| *at < start);
        let inside = marked.partition_point(|at| *at < start + words) - before;
        if inside > best.0 {
            best = (inside, start);
        }
    }
    best.1
}

fn passage(
    text: &str,
    pieces: &[Piece<'_>],
    marked: &[usize],
    shown: std::ops::Range<usize>,
) -> Passage {
    let is_first = shown.start == 0;
    let is_last = shown.end == pieces.len();
    let start = match is_first {
        true => 0,
        false => pieces[shown.start].start,
    };
    let end = match is_last {
        true => text.len(),
        false => pieces[shown.end - 1].end,
    };
    let mut html = String::with_capacity(end - start + 32);
    let mut plain = String::with_capacity(end - start + 8);
    if !is_first {
        html.push_str(CUT);
        plain.push_str(CUT);
    }
    plain.push_str(&text[start..end]);
    let mut at = start;
    let mut matches = 0;
    let mut inside = marked
        .iter()
        .filter(|number| shown.contains(number))
        .peekable();
    while let Some(number) = inside.next() {
        let first = &pieces[*number];
        // Words without a space between are marked as one.
        let mut last = first;
        matches += 1;
        while let Some(next) = inside.peek().map(|number| &pieces[**number])
            && next.start == last.end
        {
            last = next;
            inside.next();
        }
        escape(&text[at..first.start], &mut html);
        html.push_str("<em>");
        escape(&text[first.start..last.end], &mut html);
        html.push_str("</em>");
        at = last.end;
    }
    escape(&text[at..end], &mut html);
    if !is_last {
        html.push_str(CUT);
        plain.push_str(CUT);
    }
    Passage {
        html,
        text: plain,
        matches,
    }
}

fn escape(text: &str, html: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        html.push_str(&rest[..at]);
        html.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        });
        rest = &rest[at + 1..];
    }
    html.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matches_are_marked_and_all_else_is_escaped() {
        let passage = whole("Low <tide> & \"sea\"", 10, &[11]);
        assert_eq!(
            passage.html,
            "Low &lt;<em>tide</em>&gt; &amp; &quot;sea&quot;"
        );
        assert_eq!(passage.text, "Low <tide> & \"sea\"");
        let passage = whole("日本語の文書を検索", 0, &[1, 2]);
        assert_eq!(passage.html, "日本語<em>の文書</em>を検索");
    }

    #[test]
    fn the_passage_has_most_matches() {
        let text = "one two three four five six seven eight nine ten.";
        let passage = crop(text, 0, &[7, 8], 4);
        assert_eq!(passage.text, "…six seven eight nine…");
        assert_eq!(passage.html, "…six seven <em>eight</em> <em>nine</em>…");
        assert_eq!(passage.matches, 2);
    }

    #[test]
    fn the_beginning_of_a_part() {
        let text = "one two. three <four> five six.";
        assert_eq!(beginning(text, 9..31, 2).html, "…three &lt;four…");
        assert_eq!(beginning(text, 9..20, 9).text, "…three <four…");
        assert_eq!(beginning(text, 0..8, 9).text, "one two…");
        assert_eq!(beginning(text, 30..30, 2).text, "one two…");
    }

    #[test]
    fn short_texts_are_whole() {
        assert_eq!(crop("The moon pulls.", 0, &[], 36).text, "The moon pulls.");
        assert_eq!(crop("a b c", 0, &[], 2).text, "a b…");
        assert_eq!(crop("", 0, &[3], 5).text, "");
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in any::<String>(), matches in prop::collection::btree_set(0u32..40, 0..8), words in 1usize..12) {
            let matches: Vec<u32> = matches.into_iter().collect();
            let cropped = crop(&text, 0, &matches, words);
            let bare = cropped.html.replace("<em>", "").replace("</em>", "");
            prop_assert!(!bare.contains('<') && !bare.contains('"'));
            whole(&text, 3, &matches);
        }
    }
}
