//! The words of what was typed in one piece: `salt-marsh` is two, and so may be a run of a script without spaces.

use super::ask::Literal;
use crate::text::{Piece, Script, fold, is_stop_word, pieces};

/// A word of a literal.
pub(super) struct Typed {
    pub text: String,
    pub surface: String,
    pub is_prefix: bool,
    /// Single characters that were typed side by side and that no dictionary has as a word, such as a name.
    pub run: Option<Vec<String>>,
}

/// The words of a literal.
pub(super) fn split(literal: &Literal) -> Vec<Typed> {
    let pieces: Vec<Piece<'_>> = pieces(&literal.text).collect();
    let groups = pieces.chunk_by(|one, next| belong_together(one, next));
    let mut words: Vec<Typed> = groups
        .map(|group| word_of(&literal.text, group))
        .filter(|word| !word.surface.is_empty())
        .collect();
    if let Some(last) = words.last_mut() {
        last.is_prefix |= literal.is_prefix && last.run.is_none();
    }
    words
}

fn belong_together(one: &Piece<'_>, next: &Piece<'_>) -> bool {
    next.start == one.end && is_unknown(one) && is_unknown(next)
}

/// A character that is left over where the dictionary has no word. Particles are words.
fn is_unknown(piece: &Piece<'_>) -> bool {
    piece.script == Script::Joined
        && piece.text.chars().count() == 1
        && !is_stop_word(piece.text, &[])
}

/// Korean words are written together with what they are made into: `자연어` is in 자연어처리.
fn is_beginning(piece: &Piece<'_>) -> bool {
    piece.script == Script::Hangul && piece.text.chars().nth(1).is_some()
}

fn word_of(literal: &str, group: &[Piece<'_>]) -> Typed {
    let (start, end) = (group[0].start, group[group.len() - 1].end);
    let text = &literal[start..end];
    let run = group.iter().map(|piece| fold(piece.text)).collect();
    Typed {
        text: text.to_owned(),
        surface: fold(text),
        is_prefix: is_beginning(&group[0]),
        run: (group.len() > 1).then_some(run),
    }
}
