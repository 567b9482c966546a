//! Takes secrets out of what an upstream sends back, so that a plugin cannot read them from an echo,
//! also where one is torn apart by the borders of pieces.

use bytes::{Bytes, BytesMut};

use crate::scrubber::{Replacement, Scrubber};

/// Looks for secrets in one answer.
pub(crate) struct Redactor {
    scrubber: Scrubber,
    /// The end of what came so far, if a secret may begin there.
    held: BytesMut,
}

impl Redactor {
    pub fn new(scrubber: Scrubber) -> Self {
        Self {
            scrubber,
            held: BytesMut::new(),
        }
    }

    pub fn text(&self, text: String) -> String {
        if !self.finds_in(&text) {
            return text;
        }
        let clean = self.scrubber.replaced(text.as_bytes(), Replacement::Plain);
        String::from_utf8_lossy(&clean).into_owned()
    }

    pub fn finds_in(&self, text: &str) -> bool {
        self.scrubber.finds_in(text.as_bytes())
    }

    /// What may be passed on now.
    pub fn push(&mut self, piece: Bytes) -> Bytes {
        let text = if self.held.is_empty() {
            piece
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(&piece);
            joined.freeze()
        };
        let until = self.scrubber.settled_until(&text);
        self.held.extend_from_slice(&text[until..]);
        self.clean(text.slice(..until))
    }

    /// What was held back, once nothing more can come.
    pub fn finish(&mut self) -> Bytes {
        let held = std::mem::take(&mut self.held).freeze();
        self.clean(held)
    }

    fn clean(&self, text: Bytes) -> Bytes {
        match self.scrubber.replaced(&text, Replacement::Plain) {
            std::borrow::Cow::Borrowed(_) => text,
            std::borrow::Cow::Owned(clean) => clean.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::secret::Secret;

    const SECRET: &str = "sk-12345678/+x";

    fn through<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, String) {
        let secret = Secret::new(SECRET);
        let scrubber = Scrubber::new([("a", &secret)]).expect("valid");
        let mut redactor = Redactor::new(scrubber);
        let mut out: Vec<String> = pieces
            .into_iter()
            .map(|piece| redactor.push(Bytes::copy_from_slice(piece)))
            .map(|piece| String::from_utf8_lossy(&piece).into_owned())
            .collect();
        out.push(String::from_utf8_lossy(&redactor.finish()).into_owned());
        let whole = out.concat();
        (out, whole)
    }

    #[test]
    fn a_secret_is_found_across_borders() {
        for (pieces, want) in [
            (&["nothing here"][..], "nothing here"),
            (&["a sk-12345678/+x b"], "a [redacted] b"),
            (&["sk-12345678/+xsk-12345678/+x"], "[redacted][redacted]"),
            (&["a sk-1234", "5678/+x b"], "a [redacted] b"),
            (&["a s", "k", "-", "1", "2345678/+x b"], "a [redacted] b"),
            (&["a sk-1234", "nope"], "a sk-1234nope"),
            (&["ends with sk-1234"], "ends with sk-1234"),
            (&["sk-sk-12345", "678/+x"], "sk-[redacted]"),
            (&["a sk-12345678%2", "F%2Bx b"], "a [redacted] b"),
        ] {
            let got = through(pieces.iter().map(|piece| piece.as_bytes())).1;
            assert_eq!(got, want, "{pieces:?}");
        }
    }

    #[test]
    fn no_cut_lets_any_form_through() {
        let basic = STANDARD.encode(format!("user:{SECRET}!"));
        let text = format!("{SECRET} {basic} sk-12345678%2f%2bx {SECRET}{SECRET}s");
        let whole = through([text.as_bytes()]).1;
        assert!(!whole.contains("12345678"), "{whole}");
        assert!(whole.starts_with("[redacted] "), "{whole}");
        let core = &basic[10..basic.len() - 6];
        assert!(!whole.contains(core), "{whole}");
        for size in 1..text.len() {
            let got = through(text.as_bytes().chunks(size)).1;
            assert_eq!(got, whole, "in pieces of {size}");
        }
    }

    #[test]
    fn pieces_without_a_beginning_pass_at_once() {
        let (pieces, _) = through([&b"data: hello\n\n"[..], b"data: x\n\n"]);
        assert_eq!(pieces[0], "data: hello\n\n");
        assert_eq!(pieces[1], "data: x\n\n");
    }
}
