//! Words of an answer that are held back until what lies in them is known. A find is acted on once it can
//! grow no more; until then it waits, whole. So an answer says the same in whatever pieces it comes.

use std::ops::Range;

use inkstone_domain::Result;

use super::Guards;

/// Bytes that are held back at least. What is no find yet after so many may be missed.
const HELD_BYTES: usize = 256;
/// A find that has grown so long is acted on as it is.
const LONGEST_BYTES: usize = 64 << 10;

/// What was not said yet.
#[derive(Default)]
pub(super) struct Held {
    /// Begins with one character that was said: whether a word begins depends on it.
    text: String,
    /// Bytes of that character.
    said: usize,
    /// Up to so many bytes there is nothing to say.
    wanted: usize,
}

impl Held {
    /// Holds a piece, whatever its length.
    pub fn hold(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// Holds a piece, and gives what can be said by now. A blocked term is `content_blocked`.
    pub fn push(&mut self, guards: &Guards, piece: &str) -> Result<Option<String>> {
        self.hold(piece);
        if self.text.len() <= self.wanted.max(self.said + HELD_BYTES) {
            return Ok(None);
        }
        let finds = guards.finds(&self.text, self.said);
        let terms = guards.terms(&self.text, self.said);
        let mut end = self.text.len() - HELD_BYTES;
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let mut waits_until = 0;
        let across = |end: usize| {
            let ranges = finds.iter().map(|find| &find.range).chain(&terms);
            let mut across = ranges.filter(|range| range.start < end && end < range.end);
            across.next().cloned()
        };
        while let Some(Range { start, end: stop }) = across(end) {
            if stop - start > LONGEST_BYTES {
                end = stop;
                break;
            }
            end = start;
            // Before that it is still within what is held.
            waits_until = waits_until.max(stop + HELD_BYTES);
        }
        if terms.iter().any(|term| term.end <= end) {
            return Err(super::blocked("the answer"));
        }
        let said = guards.blacked_out(&self.text, self.said..end, &finds);
        let last = self.text[..end].chars().next_back();
        let kept_from = end - last.map_or(0, char::len_utf8);
        self.text.drain(..kept_from);
        self.said = end - kept_from;
        self.wanted = waits_until.saturating_sub(kept_from);
        Ok((!said.is_empty()).then_some(said))
    }

    /// All that is left, where nothing follows.
    pub fn flush(&mut self, guards: &Guards) -> Result<Option<String>> {
        let Self { text, said, .. } = std::mem::take(self);
        if !guards.terms(&text, said).is_empty() {
            return Err(super::blocked("the answer"));
        }
        let finds = guards.finds(&text, said);
        let left = guards.blacked_out(&text, said..text.len(), &finds);
        Ok((!left.is_empty()).then_some(left))
    }
}
