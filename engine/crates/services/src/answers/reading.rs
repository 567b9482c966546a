//! An answer while it comes, as it may be shown: without marks of passages that were never given, also where a mark comes
//! in two pieces, and with a clear sentence where the model says that the passages have no answer.

use std::sync::LazyLock;

use futures::{StreamExt, stream};
use inkstone_domain::chat::{Chunk, ChunkStream};
use regex::Regex;

use crate::citing::with_known_marks;

/// What the model says where it finds no answer.
pub(super) const NO_ANSWER: &str = "NO_ANSWER";

/// What is said in its place, and where nothing was found at all.
pub const NOTHING_FOUND: &str = "Nothing was found that answers this question.";

/// What may become a mark, or be the space before one.
static BEGUN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r" ?\[[\d\s,]{0,60}$| $").ok());

/// The text alone, cleaned, with how it ends. `given` passages were.
pub(super) fn clean(chunks: ChunkStream, given: usize) -> ChunkStream {
    let mut reading = Reading {
        given,
        held: String::new(),
        stage: Stage::Opening,
    };
    let cleaned = chunks.flat_map(move |chunk| {
        let said = match chunk {
            Ok(Chunk::Text(text)) => text_of(reading.push(&text)),
            Ok(Chunk::Finish(reason)) => {
                let mut said = text_of(reading.end());
                said.push(Ok(Chunk::Finish(reason)));
                said
            }
            Ok(chunk @ (Chunk::Usage(_) | Chunk::Rerouted(_))) => vec![Ok(chunk)],
            Ok(_) => Vec::new(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(said)
    });
    Box::pin(cleaned)
}

fn text_of(text: String) -> Vec<inkstone_domain::Result<Chunk>> {
    match text.is_empty() {
        true => Vec::new(),
        false => vec![Ok(Chunk::Text(text))],
    }
}

struct Reading {
    given: usize,
    /// What is not shown yet.
    held: String,
    stage: Stage,
}

#[derive(PartialEq)]
enum Stage {
    /// It may still be that there is no answer.
    Opening,
    Answer,
    /// There is none: the rest is not shown.
    None,
}

impl Reading {
    /// What can be shown now.
    fn push(&mut self, text: &str) -> String {
        if self.stage == Stage::None {
            return String::new();
        }
        self.held.push_str(text);
        if self.stage == Stage::Opening {
            let said = self.held.trim_start();
            if said.starts_with(NO_ANSWER) {
                self.stage = Stage::None;
                return NOTHING_FOUND.to_owned();
            }
            if NO_ANSWER.starts_with(said) {
                return String::new();
            }
            self.stage = Stage::Answer;
        }
        let begun = BEGUN.as_ref().and_then(|begun| begun.find(&self.held));
        let rest = begun.map_or(self.held.len(), |begun| begun.start());
        let rest = self.held.split_off(rest);
        let shown = std::mem::replace(&mut self.held, rest);
        with_known_marks(&shown, self.given)
    }

    /// What was held back. An answer that says nothing is none.
    fn end(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        match self.stage {
            Stage::None => String::new(),
            Stage::Opening if held.trim().is_empty() => NOTHING_FOUND.to_owned(),
            Stage::Opening | Stage::Answer => with_known_marks(&held, self.given),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is shown of it, piece by piece.
    fn shown(pieces: &[&str], given: usize) -> Vec<String> {
        let mut reading = Reading {
            given,
            held: String::new(),
            stage: Stage::Opening,
        };
        let mut shown: Vec<String> = pieces.iter().map(|piece| reading.push(piece)).collect();
        shown.push(reading.end());
        shown.retain(|piece| !piece.is_empty());
        shown
    }

    #[test]
    fn marks_are_whole_and_known() {
        assert_eq!(shown(&["The moon [1]."], 1), ["The moon [1]."]);
        assert_eq!(
            shown(&["The moon [", "1", "] and [2]", "."], 1),
            ["The moon", " [1] and", "."]
        );
        assert_eq!(shown(&["a", " ", "b "], 1), ["a", " b", " "]);
        assert_eq!(shown(&["a [1, 7", "] b"], 2), ["a", " [1] b"]);
        assert_eq!(shown(&["a [1"], 1), ["a", " [1"]);
        assert_eq!(shown(&["a [x] [", "y]"], 1), ["a [x]", " [y]"]);
    }

    #[test]
    fn who_finds_no_answer_says_so_clearly() {
        assert_eq!(shown(&["NO_ANSWER"], 1), [NOTHING_FOUND]);
        assert_eq!(
            shown(&[" NO", "_ANS", "WER.", " Sorry."], 1),
            [NOTHING_FOUND]
        );
        assert_eq!(shown(&[], 1), [NOTHING_FOUND]);
        assert_eq!(shown(&[" \n"], 1), [NOTHING_FOUND]);
        assert_eq!(shown(&["NO", "body [1]"], 1), ["NObody [1]"]);
        assert_eq!(shown(&["NO"], 1), ["NO"]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(pieces in prop::collection::vec("[a\\[\\]0-3, ]{0,6}", 0..12)) {
            let whole = pieces.concat();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(shown(&pieces, 2).concat(), shown(&[&whole], 2).concat());
        }
    }
}
