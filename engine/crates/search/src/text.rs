//! How texts become terms: pieces, folded forms, stems. The same way for documents and for what people
//! type. Scripts that put no spaces between words become overlapping pairs of characters.

mod analyser;
mod fold;
mod language;
mod pieces;
mod written;

pub use analyser::analyser;
pub(crate) use analyser::in_language;
pub(crate) use fold::fold;
pub(crate) use language::{Stemming, is_stop_word};
pub(crate) use pieces::{Piece, pieces};
pub(crate) use written::{reader, written};

/// Longer words are no words; characters.
const LONGEST: usize = 64;

/// A term, and the number of the piece where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    pub position: u32,
    /// As written, folded: what prefixes, typos and exactness are judged by.
    pub surface: String,
    /// What is looked for.
    pub stem: String,
}

/// The forms of a text, and how many pieces it has.
pub(crate) fn forms(text: &str, stemming: Option<Stemming>) -> (Vec<Form>, u32) {
    let pieces: Vec<Piece<'_>> = pieces(text).collect();
    let mut forms = Vec::with_capacity(pieces.len());
    for (position, piece) in (0u32..).zip(&pieces) {
        let next = pieces.get(position as usize + 1);
        if let Some(form) = form_of(position, piece.text, piece.is_joined, stemming) {
            forms.push(form);
        }
        let pair = next.filter(|next| piece.is_joined && next.is_joined && next.start == piece.end);
        if let Some(next) = pair {
            let surface = fold(piece.text) + &fold(next.text);
            let stem = surface.clone();
            forms.push(Form {
                position,
                surface,
                stem,
            });
        }
    }
    let count = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    (forms, count)
}

fn form_of(position: u32, text: &str, is_joined: bool, stemming: Option<Stemming>) -> Option<Form> {
    let surface = fold(text);
    if surface.is_empty() || surface.chars().count() > LONGEST {
        return None;
    }
    let stem = match stemming {
        Some(stemming) if !is_joined => stemming.stem(text),
        _ => surface.clone(),
    };
    Some(Form {
        position,
        surface,
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
    fn scripts_without_spaces_become_pairs() {
        assert_eq!(stems("日本語", "ja"), ["日", "日本", "本", "本語", "語"]);
        assert_eq!(stems("학교에", "ko"), ["학", "학교", "교", "교에", "에"]);
        assert_eq!(stems("a 水", "zh"), ["a", "水"]);
        let (_, count) = forms("日本語", None);
        assert_eq!(count, 3);
    }
}
