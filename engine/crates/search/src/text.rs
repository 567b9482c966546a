//! How texts become terms: pieces, folded forms, stems. The same way for documents and for what people
//! type.

mod analyser;
mod cut;
mod fold;
mod korean;
mod language;
mod pieces;
mod written;

pub use analyser::analyser;
pub(crate) use analyser::in_language;
pub(crate) use fold::fold;
pub(crate) use korean::without_ending;
pub(crate) use language::{Stemming, is_stop_word};
pub(crate) use pieces::{Piece, Script, pieces};
pub(crate) use written::{reader, written};

/// Longer words are no words; characters.
const LONGEST: usize = 64;

/// A term, and the number of the piece where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    pub position: u32,
    /// Bytes of the text.
    pub start: usize,
    pub end: usize,
    /// As written, folded: what prefixes, typos and exactness are judged by.
    pub surface: String,
    /// What is looked for.
    pub stem: String,
}

/// The forms of a text, and how many pieces it has. A piece has several where it can be read in several ways; as it
/// stands comes first.
pub(crate) fn forms(text: &str, stemming: Option<Stemming>) -> (Vec<Form>, u32) {
    let mut forms = Vec::new();
    let mut count = 0;
    for piece in pieces(text) {
        forms.extend(forms_of(count, &piece, stemming));
        count = count.saturating_add(1);
    }
    (forms, count)
}

fn forms_of(
    position: u32,
    piece: &Piece<'_>,
    stemming: Option<Stemming>,
) -> impl Iterator<Item = Form> {
    let surface = fold(piece.text);
    let is_word = (1..=LONGEST).contains(&surface.chars().count());
    let (stem, bare) = match (piece.script, stemming) {
        (Script::Hangul, _) => (surface.clone(), without_ending(&surface).map(str::to_owned)),
        (Script::Spaced, Some(stemming)) => (stemming.stem(piece.text), None),
        (Script::Spaced | Script::Joined, _) => (surface.clone(), None),
    };
    let stems = [Some(stem), bare].into_iter().flatten();
    let (start, end) = (piece.start, piece.end);
    stems.filter(move |_| is_word).map(move |stem| Form {
        position,
        start,
        end,
        surface: surface.clone(),
        stem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(text: &str, language: &str) -> Vec<String> {
        let (forms, _) = forms(text, Stemming::named(language));
        forms.into_iter().map(|form| form.stem).collect()
    }

    #[test]
    fn words_are_stemmed_in_their_language_and_folded() {
        for (language, text, expected) in [
            ("en", "Running Cafés", vec!["run", "cafe"]),
            ("de", "Die Häuser", vec!["die", "haus"]),
            ("fr", "l'avion", vec!["l", "avion"]),
            ("es", "canciones", vec!["cancion"]),
            ("ru", "книгами", vec!["книг"]),
            ("xx", "Running", vec!["running"]),
        ] {
            assert_eq!(stems(text, language), expected, "{language}");
        }
    }

    #[test]
    fn scripts_without_spaces_become_words() {
        assert_eq!(stems("日本語の文書", "ja"), ["日本語", "の", "文書"]);
        assert_eq!(stems("a 水", "zh"), ["a", "水"]);
        let (_, count) = forms("日本語の文書", None);
        assert_eq!(count, 3);
    }

    #[test]
    fn korean_words_are_there_with_and_without_their_endings() {
        assert_eq!(stems("학교에서 공부", "ko"), ["학교에서", "학교", "공부"]);
        let (forms, count) = forms("학교에서 공부", None);
        let positions: Vec<u32> = forms.iter().map(|form| form.position).collect();
        assert_eq!((positions.as_slice(), count), ([0, 0, 1].as_slice(), 2));
    }
}
