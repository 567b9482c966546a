//! The same terms through Tantivy's own interface, for those who read the index with its query parser.

use tantivy::tokenizer::{PreTokenizedStream, PreTokenizedString, TextAnalyzer, Token, Tokenizer};

use super::{Stemming, forms};

/// Words as English texts are indexed. Register it as `inkstone_text`.
pub fn analyser() -> TextAnalyzer {
    TextAnalyzer::from(English)
}

#[derive(Clone)]
struct English;

impl Tokenizer for English {
    type TokenStream<'text> = PreTokenizedStream;

    fn token_stream<'text>(&'text mut self, text: &'text str) -> PreTokenizedStream {
        PreTokenizedStream::from(in_language(text, Stemming::named("en")))
    }
}

/// The terms of a text, ready for Tantivy.
pub(crate) fn in_language(text: &str, stemming: Option<Stemming>) -> PreTokenizedString {
    let (forms, _) = forms(text, stemming);
    let tokens = forms.into_iter().map(|form| Token {
        position: form.position as usize,
        offset_from: form.start,
        offset_to: form.end,
        text: form.stem,
        ..Token::default()
    });
    PreTokenizedString {
        text: text.to_owned(),
        tokens: tokens.collect(),
    }
}
