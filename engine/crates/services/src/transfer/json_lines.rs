//! JSON Lines: an article a line, with every field. Lines are read one by one, and one that is too long
//! is passed over without being kept.

use std::io::{BufRead, Read, Write};

use inkstone_domain::{Error, Result, codes};

use super::limits::{MAX_ENTRY_BYTES, too_long};
use super::piece::{Content, Piece, Sink, unreadable, wrong};
use super::record::{ArticlePiece, ArticleRecord};

/// Reads a file. Lines without anything are passed over, but count where a line is named.
pub fn read(mut file: impl BufRead, sink: &mut Sink<'_>) -> Result<()> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        match next_line(&mut file, &mut line)? {
            Line::End => break,
            Line::TooLong => sink.put(format!("line {number}"), Err(too_long()))?,
            Line::Whole if line.trim_ascii().is_empty() => {}
            Line::Whole => sink.put(format!("line {number}"), parse(&line))?,
        }
    }
    Ok(())
}

/// Writes an article as a line.
pub fn write(out: &mut impl Write, record: &ArticleRecord) -> Result<()> {
    let line = serde_json::to_vec(record).map_err(unwritable)?;
    out.write_all(&line)
        .and_then(|()| out.write_all(b"\n"))
        .map_err(unwritable)
}

fn parse(line: &[u8]) -> Result<(Content, Vec<String>)> {
    let text = std::str::from_utf8(line).map_err(|error| wrong(format!("is no UTF-8: {error}")))?;
    let mut source = serde_json::Deserializer::from_str(text);
    let record: ArticleRecord = serde_path_to_error::deserialize(&mut source)
        .map_err(|error| wrong(format!("is no article as JSON: {error}")))?;
    source
        .end()
        .map_err(|error| wrong(format!("holds more than one JSON value: {error}")))?;
    let piece = ArticlePiece {
        record,
        ..ArticlePiece::default()
    };
    Ok((Content::Piece(Piece::Article(Box::new(piece))), Vec::new()))
}

/// What is kept of a line that is too long: enough to tell its kind.
const BEGINNING: usize = 64;

/// What the next line is.
pub(super) enum Line {
    Whole,
    /// It was passed over, but for its first bytes.
    TooLong,
    End,
}

/// Puts the next line into `line`, without its end.
pub(super) fn next_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Line> {
    line.clear();
    let read = file
        .by_ref()
        .take(MAX_ENTRY_BYTES + 1)
        .read_until(b'\n', line)
        .map_err(unreadable)?;
    if read == 0 {
        return Ok(Line::End);
    }
    if line.ends_with(b"\n") {
        line.pop();
        return Ok(Line::Whole);
    }
    if read as u64 <= MAX_ENTRY_BYTES {
        return Ok(Line::Whole);
    }
    line.truncate(BEGINNING);
    file.skip_until(b'\n').map_err(unreadable)?;
    Ok(Line::TooLong)
}

/// Whoever reads an export may leave.
pub(super) fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(&codes::INTERNAL, "the export cannot be written").with_source(error)
}
