//! Comments on articles, and suggestions of other words. A comment stands where its anchor finds its words
//! in the text as it is now; where they are gone it has no place, and is kept.

use std::ops::Range;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{ArticleId, CommentId, UserId};

/// What is kept of the text before and behind the words, characters.
pub const CONTEXT_CHARS: usize = 32;
/// Places that are compared where the same words stand in many.
const MAX_PLACES: usize = 1_000;

/// A place in the body of an article, as W3C's Web Annotations name it: by position in one revision, and by
/// the words that stand there with those around them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    pub revision: u64,
    /// In characters (Unicode scalar values) of the body.
    pub start: usize,
    /// Behind the last character.
    pub end: usize,
    pub exact: String,
    pub prefix: String,
    pub suffix: String,
}

/// Other words for those of the anchor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    pub replacement: String,
    pub state: SuggestionState,
    /// Who accepted or rejected it.
    pub decided_by: Option<UserId>,
    pub decided_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionState {
    #[default]
    Open,
    Accepted,
    Rejected,
}

/// Who took something for settled, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    pub by: UserId,
    pub at: DateTime<Utc>,
}

/// A comment, a reply to one, or a suggestion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    pub id: CommentId,
    pub article: ArticleId,
    pub author: UserId,
    /// Plain text; may be empty with a suggestion.
    pub body: String,
    /// Those whom the body names as `@usr_…`, once each.
    pub mentions: Vec<UserId>,
    /// The comment it is a reply to; never a reply itself.
    pub reply_to: Option<CommentId>,
    /// `None` for what is said about the article as a whole, and for replies.
    pub anchor: Option<Anchor>,
    pub suggestion: Option<Suggestion>,
    /// Of the whole thread; replies have none.
    pub resolved: Option<Resolution>,
    /// 1 at first, one more with every change.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Anchor {
    /// The characters `start..end` of a body; `None` where there are none.
    pub fn at(body: &str, revision: u64, range: Range<usize>) -> Option<Self> {
        let bytes = byte_range(body, &range)?;
        let before = &body[..bytes.start];
        let prefix_at = before
            .char_indices()
            .rev()
            .take(CONTEXT_CHARS)
            .last()
            .map_or(before.len(), |(at, _)| at);
        Some(Self {
            revision,
            start: range.start,
            end: range.end,
            exact: body[bytes.clone()].to_owned(),
            prefix: before[prefix_at..].to_owned(),
            suffix: body[bytes.end..].chars().take(CONTEXT_CHARS).collect(),
        })
    }

    /// Whether a text has these words at this very place.
    pub fn stands_in(&self, body: &str) -> bool {
        let bytes = byte_range(body, &(self.start..self.end));
        bytes.is_some_and(|bytes| body[bytes] == self.exact)
    }

    /// Where the words stand in another text, in characters: where they stood, if they still do; else the place
    /// that has most of what was around them, and of equal ones the nearest. `None` where they are gone.
    pub fn locate(&self, body: &str) -> Option<Range<usize>> {
        let chars = self.end - self.start;
        let mut best: Option<(usize, usize, usize)> = None;
        let mut walked = (0, 0);
        for (at, _) in body.match_indices(&self.exact).take(MAX_PLACES) {
            let start = walked.1 + body[walked.0..at].chars().count();
            walked = (at, start);
            let around = common_suffix(&body[..at], &self.prefix)
                + common_prefix(&body[at + self.exact.len()..], &self.suffix);
            let far = start.abs_diff(self.start);
            let is_better =
                best.is_none_or(|(most, least, _)| around > most || around == most && far < least);
            if is_better {
                best = Some((around, far, start));
            }
        }
        best.map(|(_, _, start)| start..start + chars)
    }
}

impl Comment {
    /// Those whom a text names as `@usr_…`, once each, in their order.
    pub fn mentions_of(text: &str) -> Vec<UserId> {
        let mut mentioned = Vec::new();
        for word in text.split('@').skip(1) {
            let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let id = word[..end.unwrap_or(word.len())].parse();
            if let Ok(id) = id
                && !mentioned.contains(&id)
            {
                mentioned.push(id);
            }
        }
        mentioned
    }
}

/// A body with the words of a place replaced; `None` where it has no such place.
pub fn replaced(body: &str, range: &Range<usize>, replacement: &str) -> Option<String> {
    let bytes = byte_range(body, range)?;
    Some([&body[..bytes.start], replacement, &body[bytes.end..]].concat())
}

fn byte_range(body: &str, range: &Range<usize>) -> Option<Range<usize>> {
    if range.start >= range.end {
        return None;
    }
    let mut places = body
        .char_indices()
        .map(|(at, _)| at)
        .chain([body.len()])
        .skip(range.start);
    let start = places.next()?;
    let end = places.nth(range.end - range.start - 1)?;
    Some(start..end)
}

fn common_prefix(text: &str, other: &str) -> usize {
    let both = text.chars().zip(other.chars());
    both.take_while(|(a, b)| a == b).count()
}

fn common_suffix(text: &str, other: &str) -> usize {
    let both = text.chars().rev().zip(other.chars().rev());
    both.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(body: &str, exact: &str) -> Anchor {
        let at = body.find(exact).unwrap();
        let start = body[..at].chars().count();
        Anchor::at(body, 1, start..start + exact.chars().count()).unwrap()
    }

    #[test]
    fn words_are_found_again_where_they_went() {
        let body = "Die Flut kommt. Die Ebbe kommt. Größe zählt.";
        for (exact, now, found) in [
            ("Ebbe", body, Some("Ebbe")),
            ("Ebbe", "Neu! Die Flut kommt. Die Ebbe kommt.", Some("Ebbe")),
            ("zählt", "Größe zählt.", Some("zählt")),
            ("Ebbe", "Die Flut kommt. Größe zählt.", None),
            ("Ebbe", "", None),
        ] {
            let range = anchor(body, exact).locate(now);
            let words = range.map(|range| Anchor::at(now, 2, range).unwrap().exact);
            assert_eq!(words.as_deref(), found, "{exact} in {now}");
        }
    }

    #[test]
    fn of_equal_words_those_with_the_same_around_them_are_meant() {
        let body = "The sea. The old sea. The sea.";
        let meant = Anchor::at(body, 1, 17..20).unwrap();
        assert_eq!(
            (meant.exact.as_str(), meant.prefix.as_str()),
            ("sea", "The sea. The old ")
        );
        assert_eq!(meant.locate(body), Some(17..20));
        assert_eq!(
            meant.locate("Once: The sea. The old sea. The sea."),
            Some(23..26)
        );
        assert_eq!(meant.locate("The sea. The sea."), Some(4..7));
        let many = "sea ".repeat(100_000);
        assert!(meant.locate(&many).is_some());
    }

    #[test]
    fn places_that_are_not_there_are_no_anchors() {
        for range in [
            0..0,
            Range { start: 3, end: 2 },
            4..6,
            5..6,
            0..usize::MAX,
            usize::MAX - 1..usize::MAX,
        ] {
            assert_eq!(Anchor::at("Flöß", 1, range.clone()), None, "{range:?}");
        }
        let whole = Anchor::at("Flöß", 1, 0..4).unwrap();
        assert!(whole.stands_in("Flößer") && !whole.stands_in("Floß") && !whole.stands_in("Flö"));
        assert_eq!((whole.exact.as_str(), whole.suffix.as_str()), ("Flöß", ""));
        assert_eq!(replaced("Flöß", &(2..3), "oo").unwrap(), "Flooß");
        assert_eq!(replaced("Flöß", &(2..9), "oo"), None);
    }

    #[test]
    fn mentions_are_ids_and_stand_once() {
        let (ada, bob) = (UserId::new(), UserId::new());
        let text = format!("@{ada}, see @{bob}! @{ada} @nobody a@b.c @usr_1 {bob}");
        assert_eq!(Comment::mentions_of(&text), [ada, bob]);
        assert_eq!(Comment::mentions_of(&"@".repeat(10_000)), []);
    }
}
