//! Reading a file in any format, on a thread that may block: what it holds goes into a sink, entry by
//! entry.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use inkstone_domain::Result;
use inkstone_domain::transfer::Format;

use super::limits::{MAX_ENTRY_BYTES, TransferLimits, too_long};
use super::piece::{Content, Sink, unreadable};
use super::zip_entries::{is_bomb, is_zip};
use super::{archive, html, json_lines, markdown, wxr, zip_entries};

/// Reads all of a file. Fails where the file as a whole is not what it should be; what is wrong with an
/// entry stands in the entry. The same file gives the same entries each time.
pub fn read(
    format: Format,
    path: &Path,
    limits: &TransferLimits,
    sink: &mut Sink<'_>,
) -> Result<()> {
    match format {
        Format::Jsonl => {
            let file = File::open(path).map_err(unreadable)?;
            json_lines::read(BufReader::new(file), sink)
        }
        Format::Markdown => read_files(path, limits, sink, &["md", "markdown"], markdown::parse),
        Format::Html => read_files(path, limits, sink, &["html", "htm", "xhtml"], html::parse),
        Format::Wxr => wxr::read(path, sink),
        Format::Archive => archive::read(path, limits, sink),
    }
}

/// What a file holds, and what of it could not be kept.
type Parse = fn(&[u8], &str) -> Result<(Content, Vec<String>)>;

/// One file, or a ZIP file of them.
fn read_files(
    path: &Path,
    limits: &TransferLimits,
    sink: &mut Sink<'_>,
    extensions: &[&str],
    parse: Parse,
) -> Result<()> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let mut reader = BufReader::new(file).take(MAX_ENTRY_BYTES + 1);
    reader
        .by_ref()
        .take(4)
        .read_to_end(&mut start)
        .map_err(unreadable)?;
    if !is_zip(&start) {
        reader.read_to_end(&mut start).map_err(unreadable)?;
        let found = match start.len() as u64 > MAX_ENTRY_BYTES {
            true => Err(too_long()),
            false => parse(&start, "untitled"),
        };
        return sink.put("the file".to_owned(), found);
    }
    zip_entries::each(path, limits, |mut entry| {
        let name = entry.name.clone();
        let extension = name
            .rsplit_once('.')
            .map(|(_, end)| end.to_ascii_lowercase());
        let is_wanted = extension.is_some_and(|it| extensions.contains(&it.as_str()));
        let is_hidden = name.starts_with("__MACOSX/") || name.contains("/._");
        let found = match entry.refused {
            Some(why) => Err(super::piece::wrong(why)),
            None if is_hidden || !is_wanted => {
                let why = format!(
                    "only files that end in .{} are read",
                    extensions.join(", .")
                );
                Ok((Content::Other(why), Vec::new()))
            }
            None => match entry.all(MAX_ENTRY_BYTES) {
                Err(error) if is_bomb(&error) => return Err(error),
                Err(error) => Err(error),
                Ok(bytes) => parse(&bytes, &name),
            },
        };
        sink.put(name, found)
    })
}
