//! Brings a piece of text and the log probabilities of its tokens together: providers tell them one
//! after the other, in either order, and clients expect them in one event.

use inkstone_domain::chat::{Chunk, TokenLogprob};

/// One thing a model said, with the log probabilities of its tokens where it is text and they were
/// asked for. The chunk itself is never `Logprobs`.
#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    pub chunk: Chunk,
    pub logprobs: Vec<TokenLogprob>,
}

/// Holds back a text until its log probabilities come, or the other way round.
pub(super) struct Pairing {
    is_wanted: bool,
    text: Option<String>,
    logprobs: Option<Vec<TokenLogprob>>,
}

impl Pairing {
    /// Where log probabilities are not wanted, nothing is held back.
    pub(super) fn new(is_wanted: bool) -> Self {
        Self {
            is_wanted,
            text: None,
            logprobs: None,
        }
    }

    /// Takes in the next chunk; gives what is complete with it.
    pub(super) fn push(&mut self, chunk: Chunk) -> impl Iterator<Item = Said> + use<> {
        let (first, second) = match chunk {
            Chunk::Logprobs(_) if !self.is_wanted => (None, None),
            chunk if !self.is_wanted => (None, Some(alone(chunk))),
            Chunk::Text(text) => {
                let before = self.text.is_some().then(|| self.rest()).flatten();
                self.text = Some(text);
                (before, self.pair())
            }
            Chunk::Logprobs(tokens) => {
                let before = self.logprobs.is_some().then(|| self.rest()).flatten();
                self.logprobs = Some(tokens);
                (before, self.pair())
            }
            chunk => (self.rest(), Some(alone(chunk))),
        };
        first.into_iter().chain(second)
    }

    /// What is held back: nothing more comes for now.
    pub(super) fn rest(&mut self) -> Option<Said> {
        if self.text.is_none() && self.logprobs.is_none() {
            return None;
        }
        Some(Said {
            chunk: Chunk::Text(self.text.take().unwrap_or_default()),
            logprobs: self.logprobs.take().unwrap_or_default(),
        })
    }

    fn pair(&mut self) -> Option<Said> {
        match (&self.text, &self.logprobs) {
            (Some(_), Some(_)) => self.rest(),
            _ => None,
        }
    }
}

fn alone(chunk: Chunk) -> Said {
    Said {
        chunk,
        logprobs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use inkstone_domain::chat::FinishReason;

    use super::*;

    fn text(text: &str) -> Chunk {
        Chunk::Text(text.to_owned())
    }

    fn logprobs(tokens: &[&str]) -> Chunk {
        let token = |token: &&str| TokenLogprob {
            token: (*token).to_owned(),
            logprob: -0.5,
            top: Vec::new(),
        };
        Chunk::Logprobs(tokens.iter().map(token).collect())
    }

    /// `text(tokens)` of each thing said, with `|` before what came at the end.
    fn check(is_wanted: bool, chunks: Vec<Chunk>, expected: &str) {
        let mut pairing = Pairing::new(is_wanted);
        let show = |said: Said| {
            let tokens: Vec<String> = said.logprobs.into_iter().map(|one| one.token).collect();
            match said.chunk {
                Chunk::Text(text) => format!("{text}({})", tokens.join(" ")),
                other => format!("{other:?}"),
            }
        };
        let mut shown: Vec<String> = Vec::new();
        for chunk in chunks {
            shown.extend(pairing.push(chunk).map(show));
        }
        let rest = pairing.rest().map(show);
        shown.extend(rest.map(|rest| format!("|{rest}")));
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn text_and_tokens_meet_in_either_order() {
        let (a, b) = (|| text("a"), || text("b"));
        let (at, bt) = (|| logprobs(&["a"]), || logprobs(&["b"]));
        check(true, vec![a(), at(), b(), bt()], "a(a) b(b)");
        check(true, vec![at(), a(), bt(), b()], "a(a) b(b)");
        check(true, vec![a(), b(), bt()], "a() b(b)");
        check(true, vec![at(), bt(), b()], "(a) b(b)");
        check(true, vec![a()], "|a()");
        check(true, vec![at()], "|(a)");
        let finish = Chunk::Finish(FinishReason::Stop);
        check(true, vec![a(), finish], "a() Finish(Stop)");
    }

    #[test]
    fn nothing_is_held_back_and_no_tokens_are_told_where_they_are_not_wanted() {
        check(
            false,
            vec![text("a"), logprobs(&["a"]), text("b")],
            "a() b()",
        );
    }
}
