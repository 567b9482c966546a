//! The words of what was typed in one piece: `salt-marsh` is two, and so may be a run of characters of a script
//! without spaces.

use super::ask::Literal;
use crate::text::{fold, pieces};

/// Longer runs of a script without spaces are looked for pair by pair; characters.
const LONGEST_RUN: usize = 4;

/// A word of a literal.
pub(super) struct Typed {
    pub text: String,
    pub surface: String,
    pub is_prefix: bool,
    /// Terms of a run of a script without spaces.
    pub run: Option<Vec<String>>,
}

/// The words of a literal; runs of scripts without spaces stay together while they are short.
pub(super) fn split(literal: &Literal) -> Vec<Typed> {
    let pieces: Vec<_> = pieces(&literal.text).collect();
    let mut words: Vec<Typed> = Vec::new();
    let mut rest = pieces.as_slice();
    while let Some(first) = rest.first() {
        let mut length = 1;
        while first.is_joined
            && rest
                .get(length)
                .is_some_and(|next| next.is_joined && next.start == rest[length - 1].end)
        {
            length += 1;
        }
        let (run, after) = rest.split_at(length);
        rest = after;
        if !first.is_joined {
            words.push(Typed {
                text: first.text.to_owned(),
                surface: fold(first.text),
                is_prefix: false,
                run: None,
            });
            continue;
        }
        let folded: Vec<String> = run.iter().map(|piece| fold(piece.text)).collect();
        let pairs: Vec<String> = match folded.len() {
            1 => folded,
            _ => folded.windows(2).map(|pair| pair.concat()).collect(),
        };
        let text = &literal.text[run[0].start..run[length - 1].end];
        match length <= LONGEST_RUN {
            true => words.push(run_of(text, pairs)),
            false => words.extend(
                pairs
                    .into_iter()
                    .map(|pair| run_of(&pair.clone(), vec![pair])),
            ),
        }
    }
    if let Some(last) = words.last_mut() {
        last.is_prefix = literal.is_prefix && last.run.is_none();
    }
    words.retain(|word| !word.surface.is_empty());
    words
}

fn run_of(text: &str, terms: Vec<String>) -> Typed {
    Typed {
        text: text.to_owned(),
        surface: fold(text),
        is_prefix: false,
        run: Some(terms),
    }
}
