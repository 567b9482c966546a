//! From bytes to text that may be shown: whole characters only, and never a part of a stop text.
//! Pure, tested as a table.

/// Collects bytes until they are whole UTF-8 characters.
#[derive(Default)]
pub(crate) struct Characters {
    partial: Vec<u8>,
}

impl Characters {
    /// The characters that are whole now. Bytes that can never become one turn into U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.partial.extend_from_slice(bytes);
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.partial) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.partial.clear();
                    return text;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    text.push_str(&String::from_utf8_lossy(&self.partial[..valid]));
                    match error.error_len() {
                        Some(wrong) => {
                            text.push(char::REPLACEMENT_CHARACTER);
                            self.partial.drain(..valid + wrong);
                        }
                        None => {
                            self.partial.drain(..valid);
                            return text;
                        }
                    }
                }
            }
        }
    }
}

/// Looks for stop texts across the borders of pieces.
pub(crate) struct Stops {
    stops: Vec<String>,
    /// The end of what came so far, if a stop text may begin there.
    held: String,
}

/// What a piece of text led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// This much may be shown, perhaps nothing.
    On(String),
    /// A stop text was found; this much came before it.
    Stop(String),
}

impl Stops {
    pub fn new(stops: Vec<String>) -> Self {
        Self {
            stops: stops.into_iter().filter(|stop| !stop.is_empty()).collect(),
            held: String::new(),
        }
    }

    pub fn push(&mut self, piece: &str) -> Passed {
        self.held.push_str(piece);
        let first = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop))
            .min();
        if let Some(at) = first {
            self.held.truncate(at);
            return Passed::Stop(std::mem::take(&mut self.held));
        }
        let keep_from = self.beginning_of_a_stop();
        let kept = self.held.split_off(keep_from);
        Passed::On(std::mem::replace(&mut self.held, kept))
    }

    /// What was held back, once nothing more can come.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    fn beginning_of_a_stop(&self) -> usize {
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let earliest = (self.held.len() + 1).saturating_sub(longest);
        self.held
            .char_indices()
            .map(|(at, _)| at)
            .filter(|at| *at >= earliest)
            .find(|at| {
                let end = &self.held[*at..];
                self.stops.iter().any(|stop| stop.starts_with(end))
            })
            .unwrap_or(self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_leave_whole() {
        let mut characters = Characters::default();
        assert_eq!(characters.push(b"a\xf0\x9f"), "a");
        assert_eq!(characters.push(b"\x98"), "");
        assert_eq!(characters.push(b"\x80b"), "😀b");
        assert_eq!(characters.push(b"\xff\xc3"), "\u{fffd}");
        assert_eq!(characters.push(b"x"), "\u{fffd}x");
        assert_eq!(characters.push("äöü".as_bytes()), "äöü");
    }

    #[test]
    fn stops_are_found_across_borders() {
        for (stops, pieces, want, stopped) in [
            (&["END"][..], &["a", "b"][..], "ab", false),
            (&["END"], &["aENDb"], "a", true),
            (&["END"], &["aE", "N", "Db"], "a", true),
            (&["END"], &["aE", "N", "x"], "aENx", false),
            (&["END"], &["aEN"], "aEN", false),
            (&["END"], &["E", "E", "N", "D"], "E", true),
            (&["\n\n", "END"], &["a\n", "\nEND"], "a", true),
            (&["ab", "b"], &["a", "c", "b"], "ac", true),
            (&["bc", "abcd"], &["ab", "c"], "a", true),
            (&["aab"], &["aa", "ab"], "a", true),
            (&[""], &["abc"], "abc", false),
            (&["é!"], &["caf", "é", "?"], "café?", false),
            (&["é!"], &["caf", "é", "!"], "caf", true),
            (&["<|im_end|>"], &["x<|im", "_e", "nd|>y"], "x", true),
        ] {
            let mut matcher = Stops::new(stops.iter().map(ToString::to_string).collect());
            let mut text = String::new();
            let mut found = false;
            for piece in pieces {
                match matcher.push(piece) {
                    Passed::On(piece) => text.push_str(&piece),
                    Passed::Stop(piece) => {
                        text.push_str(&piece);
                        found = true;
                        break;
                    }
                }
            }
            text.push_str(&matcher.finish());
            assert_eq!(
                (text.as_str(), found),
                (want, stopped),
                "{stops:?} {pieces:?}"
            );
        }
    }

    #[test]
    fn nothing_is_held_without_need() {
        let mut matcher = Stops::new(vec!["END".to_owned()]);
        assert_eq!(matcher.push("hello"), Passed::On("hello".to_owned()));
        assert_eq!(matcher.push(" E"), Passed::On(" ".to_owned()));
        assert_eq!(matcher.push("nd"), Passed::On("End".to_owned()));
    }
}
