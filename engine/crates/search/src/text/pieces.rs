//! The pieces of a text: words. Where the script puts spaces between them, those are between two spaces; where it
//! puts none, a dictionary cuts them.

use unicode_normalization::char::is_combining_mark;

use super::cut::cut;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'text> {
    /// Bytes into the text.
    pub start: usize,
    pub end: usize,
    pub text: &'text str,
    pub script: Script,
}

/// How a script writes words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// With spaces between them.
    Spaced,
    /// With spaces, and with particles written on the word.
    Hangul,
    /// Without spaces: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
    Joined,
}

/// In the order of the text.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut at = 0;
    let mut joined = Vec::new().into_iter();
    std::iter::from_fn(move || {
        loop {
            if let Some(word) = joined.next() {
                return Some(word);
            }
            let run = next_run(text, at)?;
            at = run.end;
            match run.script {
                Script::Joined => joined = words(run).into_iter(),
                Script::Spaced | Script::Hangul => return Some(run),
            }
        }
    })
}

/// The words of a run that has no spaces.
fn words(run: Piece<'_>) -> Vec<Piece<'_>> {
    let words = cut(run.text).into_iter().map(|word| Piece {
        start: run.start + word.start,
        end: run.start + word.end,
        text: &run.text[word],
        script: run.script,
    });
    words.collect()
}

/// What stands between spaces, marks and borders of scripts.
fn next_run(text: &str, mut at: usize) -> Option<Piece<'_>> {
    let bytes = text.as_bytes();
    loop {
        at += count(&bytes[at..], Kind::Mark);
        let start = at;
        let script = match *bytes.get(start)? {
            byte if byte.is_ascii() => Script::Spaced,
            _ => {
                let first = text[start..].chars().next()?;
                at += first.len_utf8();
                if !first.is_alphanumeric() {
                    continue;
                }
                script_of(first)
            }
        };
        let end = end_of_run(text, at, script);
        return Some(Piece {
            start,
            end,
            text: &text[start..end],
            script,
        });
    }
}

/// Where a run of a script ends that goes at least to `at`.
fn end_of_run(text: &str, mut at: usize, script: Script) -> usize {
    if script == Script::Spaced {
        // Most of most texts.
        at += count(&text.as_bytes()[at..], Kind::Word);
        if text.as_bytes().get(at).is_none_or(u8::is_ascii) {
            return at;
        }
    }
    let belongs = |next: &char| {
        is_combining_mark(*next)
            || *next == '\u{200D}'
            || (next.is_alphanumeric() && script_of(*next) == script)
    };
    let rest = text[at..].chars().take_while(belongs);
    at + rest.map(char::len_utf8).sum::<usize>()
}

/// What a byte is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A letter or digit of ASCII.
    Word,
    /// Anything else of ASCII.
    Mark,
    Other,
}

/// By a table: most of the time of cutting a text goes into telling letters from marks.
const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut byte = 0u8;
    while byte.is_ascii() {
        kinds[byte as usize] = match byte.is_ascii_alphanumeric() {
            true => Kind::Word,
            false => Kind::Mark,
        };
        byte += 1;
    }
    kinds
};

/// How many bytes of a kind stand at the beginning.
fn count(bytes: &[u8], kind: Kind) -> usize {
    let others = bytes
        .iter()
        .position(|byte| KINDS[usize::from(*byte)] != kind);
    others.unwrap_or(bytes.len())
}

fn script_of(character: char) -> Script {
    match character {
        '\u{1100}'..='\u{11FF}'
        | '\u{3130}'..='\u{318F}'
        | '\u{A960}'..='\u{A97F}'
        | '\u{AC00}'..='\u{D7FF}' => Script::Hangul,
        '\u{E00}'..='\u{EFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17FF}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{312F}'
        | '\u{31A0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}'
        | '\u{20000}'..='\u{3FFFF}' => Script::Joined,
        _ => Script::Spaced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        pieces(text).map(|piece| piece.text).collect()
    }

    #[test]
    fn words_with_and_without_spaces() {
        assert_eq!(texts("a-b, c3po's!"), ["a", "b", "c3po", "s"]);
        assert_eq!(texts("日本go語"), ["日本", "go", "語"]);
        assert_eq!(texts("हिन्दी"), ["हिन्दी"]);
        assert_eq!(texts("cafe\u{301} noir"), ["cafe\u{301}", "noir"]);
        assert_eq!(texts(" ...\u{301} "), Vec::<&str>::new());
        assert_eq!(texts("Rust로 3월"), ["Rust", "로", "3", "월"]);
    }

    #[test]
    fn pieces_say_where_they_stand() {
        let text = "Go: 東京都に、住む。";
        for piece in pieces(text) {
            assert_eq!(&text[piece.start..piece.end], piece.text);
        }
        assert_eq!(texts(text), ["Go", "東京", "都", "に", "住む"]);
    }
}
