//! Takes a credential's value out of what an upstream sends back, so that a plugin cannot read it
//! from an echo. Best effort: the value as it was sent, also across the borders of pieces.

use bytes::{Bytes, BytesMut};

use crate::secret::Secret;

const REPLACEMENT: &str = "[redacted]";

/// Shorter values would tear ordinary text apart and are no secrets worth the name.
const SHORTEST_BYTES: usize = 8;

/// Looks for one secret in a stream of pieces.
pub(crate) struct Redactor {
    /// None looks for nothing.
    secret: Option<Secret>,
    /// The end of what came so far, if the secret may begin there.
    held: BytesMut,
}

impl Redactor {
    pub fn new(secret: Option<Secret>) -> Self {
        Self {
            secret: secret.filter(|secret| secret.expose().len() >= SHORTEST_BYTES),
            held: BytesMut::new(),
        }
    }

    pub fn text(&self, text: String) -> String {
        match &self.secret {
            Some(secret) if text.contains(secret.expose()) => {
                text.replace(secret.expose(), REPLACEMENT)
            }
            _ => text,
        }
    }

    pub fn finds_in(&self, text: &str) -> bool {
        self.secret
            .as_ref()
            .is_some_and(|secret| text.contains(secret.expose()))
    }

    /// What may be passed on now.
    pub fn push(&mut self, piece: Bytes) -> Bytes {
        let Some(secret) = &self.secret else {
            return piece;
        };
        let needle = secret.expose().as_bytes();
        let piece = if self.held.is_empty() {
            piece
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(&piece);
            joined.freeze()
        };
        let piece = replaced(piece, needle);
        let keep = piece.len() - longest_suffix_that_begins(&piece, needle);
        self.held.extend_from_slice(&piece[keep..]);
        piece.slice(..keep)
    }

    /// What was held back, once nothing more can come.
    pub fn finish(&mut self) -> Bytes {
        std::mem::take(&mut self.held).freeze()
    }
}

fn replaced(piece: Bytes, needle: &[u8]) -> Bytes {
    let Some(mut at) = find(&piece, needle) else {
        return piece;
    };
    let mut out = BytesMut::with_capacity(piece.len());
    let mut rest = &piece[..];
    loop {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(REPLACEMENT.as_bytes());
        rest = &rest[at + needle.len()..];
        match find(rest, needle) {
            Some(next) => at = next,
            None => break,
        }
    }
    out.extend_from_slice(rest);
    out.freeze()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle.first()?;
    let mut from = 0;
    while let Some(offset) = haystack[from..].iter().position(|byte| byte == first) {
        let at = from + offset;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn longest_suffix_that_begins(text: &[u8], needle: &[u8]) -> usize {
    let longest = text.len().min(needle.len().saturating_sub(1));
    (1..=longest)
        .rev()
        .find(|length| needle.starts_with(&text[text.len() - length..]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(secret: &str, pieces: &[&str]) -> (Vec<String>, String) {
        let mut redactor = Redactor::new(Some(Secret::new(secret)));
        let mut out: Vec<String> = pieces
            .iter()
            .map(|piece| redactor.push(Bytes::copy_from_slice(piece.as_bytes())))
            .map(|piece| String::from_utf8_lossy(&piece).into_owned())
            .collect();
        out.push(String::from_utf8_lossy(&redactor.finish()).into_owned());
        let whole = out.concat();
        (out, whole)
    }

    #[test]
    fn a_secret_is_found_across_borders() {
        let secret = "sk-12345678";
        for (pieces, want) in [
            (&["nothing here"][..], "nothing here"),
            (&["a sk-12345678 b"], "a [redacted] b"),
            (&["sk-12345678sk-12345678"], "[redacted][redacted]"),
            (&["a sk-1234", "5678 b"], "a [redacted] b"),
            (&["a s", "k", "-", "1", "2345678 b"], "a [redacted] b"),
            (&["a sk-1234", "nope"], "a sk-1234nope"),
            (&["ends with sk-1234"], "ends with sk-1234"),
            (&["sk-sk-12345", "678"], "sk-[redacted]"),
        ] {
            assert_eq!(through(secret, pieces).1, want, "{pieces:?}");
        }
    }

    #[test]
    fn pieces_without_a_beginning_pass_at_once() {
        let (pieces, _) = through("sk-12345678", &["data: hello\n\n", "data: x\n\n"]);
        assert_eq!(pieces[0], "data: hello\n\n");
        assert_eq!(pieces[1], "data: x\n\n");
    }

    #[test]
    fn short_values_are_left_alone() {
        assert_eq!(through("a", &["banana"]).1, "banana");
    }
}
