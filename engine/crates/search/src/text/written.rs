//! Terms of a document on their way into the index: a line each, with its position before it. Tantivy keeps
//! texts that come in tokens as JSON until they are indexed, which takes as long as to index them.

use std::fmt::Write as _;
use std::str::Lines;

use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer};

/// Positions and terms, in any order. A term has no line breaks.
pub(crate) fn written<'t>(terms: impl Iterator<Item = (u32, &'t str)>) -> String {
    let mut lines = String::new();
    for (position, term) in terms {
        // Writing to a `String` never fails.
        let _ = writeln!(lines, "{position} {term}");
    }
    lines
}

/// Reads what [`written`] wrote.
pub(crate) fn reader() -> TextAnalyzer {
    TextAnalyzer::from(Reader)
}

#[derive(Clone)]
struct Reader;

struct Terms<'text> {
    lines: Lines<'text>,
    token: Token,
}

impl Tokenizer for Reader {
    type TokenStream<'text> = Terms<'text>;

    fn token_stream<'text>(&'text mut self, text: &'text str) -> Terms<'text> {
        Terms {
            lines: text.lines(),
            token: Token::default(),
        }
    }
}

impl TokenStream for Terms<'_> {
    fn advance(&mut self) -> bool {
        let Some((position, term)) = self.lines.next().and_then(|line| line.split_once(' ')) else {
            return false;
        };
        self.token.position = position.parse().unwrap_or_default();
        self.token.text.clear();
        self.token.text.push_str(term);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_come_back_with_their_positions() {
        let terms = [(0, "tide"), (7, "日本"), (7, "l'avion")];
        let lines = written(terms.into_iter());
        let mut reader = reader();
        let mut stream = reader.token_stream(&lines);
        let mut read = Vec::new();
        while stream.advance() {
            read.push((stream.token().position, stream.token().text.clone()));
        }
        assert_eq!(read, terms.map(|(at, term)| (at as usize, term.to_owned())));
    }
}
