//! The pieces of a text: words, and single characters of scripts that put no spaces between words.

use unicode_normalization::char::is_combining_mark;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'text> {
    /// Bytes into the text.
    pub start: usize,
    pub end: usize,
    pub text: &'text str,
    /// One character of a script without spaces.
    pub is_joined: bool,
}

/// In the order of the text.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        while let Some((start, first)) = rest.next() {
            if !first.is_alphanumeric() {
                continue;
            }
            let is_joined = is_joined(first);
            let mut end = start + first.len_utf8();
            while let Some(&(at, next)) = rest.peek() {
                let belongs = is_combining_mark(next)
                    || next == '\u{200D}'
                    || (!is_joined && next.is_alphanumeric() && !self::is_joined(next));
                if !belongs {
                    break;
                }
                end = at + next.len_utf8();
                rest.next();
            }
            return Some(Piece {
                start,
                end,
                text: &text[start..end],
                is_joined,
            });
        }
        None
    })
}

/// Thai, Lao, Burmese, Khmer, kana, Han and Hangul. Korean has spaces, but its particles are written on
/// the word.
fn is_joined(character: char) -> bool {
    matches!(character,
        '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1100}'..='\u{11FF}'
        | '\u{1780}'..='\u{17FF}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{318F}'
        | '\u{31A0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        pieces(text).map(|piece| piece.text).collect()
    }

    #[test]
    fn words_and_characters() {
        assert_eq!(texts("a-b, c3po's!"), ["a", "b", "c3po", "s"]);
        assert_eq!(texts("日本go語"), ["日", "本", "go", "語"]);
        assert_eq!(texts("हिन्दी"), ["हिन्दी"]);
        assert_eq!(texts("cafe\u{301} noir"), ["cafe\u{301}", "noir"]);
        assert_eq!(texts(" ...\u{301} "), Vec::<&str>::new());
    }
}
