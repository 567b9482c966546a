//! WordPress WXR: what WordPress writes under “Tools → Export”. Posts and pages come in with authors,
//! categories, tags, dates, slugs and statuses; addresses of attachments become covers. Twice through
//! the file, so that attachments may come after what uses them. Definitions of types and of entities
//! are refused, so nothing grows and nothing is fetched.

mod item;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use inkstone_domain::{Error, Result};
use quick_xml::Reader;
use quick_xml::events::Event;

use self::item::Item;
use super::limits::{MAX_ENTRY_BYTES, too_long};
use super::piece::{Sink, unreadable};

/// Attachments and authors that are remembered.
const MAX_KNOWN: usize = 200_000;
const MAX_DEPTH: usize = 64;

/// What a file says once for all its items.
#[derive(Default)]
pub(super) struct Site {
    /// BCP 47.
    language: Option<String>,
    /// Display names by login.
    authors: HashMap<String, String>,
    /// Addresses by the attachment's number.
    attachments: HashMap<String, String>,
}

/// Reads a file.
pub fn read(path: &Path, sink: &mut Sink<'_>) -> Result<()> {
    let mut site = Site::default();
    let mut is_wxr = false;
    walk(path, |found| {
        match found {
            Found::Field(name, text) => match name {
                "language" => site.language = language_of(&text),
                "wp:wxr_version" => is_wxr = true,
                _ => {}
            },
            Found::Author(author) => {
                let login = author.one("wp:author_login");
                let name = author.one("wp:author_display_name");
                if let (Some(login), true) = (login, site.authors.len() < MAX_KNOWN) {
                    let name = name.filter(|name| !name.is_empty());
                    let name = name.unwrap_or_else(|| login.clone());
                    site.authors.insert(login, name);
                }
            }
            Found::Item(Ok(item)) => {
                let is_attachment = item.one("wp:post_type").as_deref() == Some("attachment");
                let number = item.one("wp:post_id");
                let address = item.one("wp:attachment_url");
                if let (true, Some(number), Some(address)) = (is_attachment, number, address)
                    && site.attachments.len() < MAX_KNOWN
                {
                    site.attachments.insert(number, address);
                }
            }
            Found::Item(Err(_)) => {}
        }
        Ok(())
    })?;
    if !is_wxr {
        return Err(unreadable(
            "it is no WXR file: it has no `wp:wxr_version`; write it out with “Tools → Export” of WordPress",
        ));
    }
    walk(path, |found| match found {
        Found::Item(item) => {
            let name = match &item {
                Ok(item) => item.name(),
                Err(_) => "item".to_owned(),
            };
            sink.put(name, item.and_then(|item| item.into_content(&site)))
        }
        Found::Field(..) | Found::Author(_) => Ok(()),
    })
}

/// Something of a file, in its order.
enum Found<'a> {
    /// Directly in the channel.
    Field(&'a str, String),
    Author(Item),
    Item(Result<Item>),
}

fn walk(path: &Path, mut take: impl FnMut(Found<'_>) -> Result<()>) -> Result<()> {
    let file = File::open(path).map_err(unreadable)?;
    let mut reader = Reader::from_reader(Bounded {
        inner: BufReader::new(file),
        left: 0,
    });
    reader.config_mut().check_end_names = true;
    let mut buffer = Vec::new();
    // Names of the elements that are open.
    let mut open: Vec<String> = Vec::new();
    let mut item: Option<Result<Item>> = None;
    let mut text = String::new();
    loop {
        buffer.clear();
        reader.get_mut().left = MAX_ENTRY_BYTES;
        match reader.read_event_into(&mut buffer).map_err(broken)? {
            Event::Eof if open.is_empty() => return Ok(()),
            Event::Eof => return Err(unreadable("it ends too early")),
            Event::DocType(_) => {
                return Err(unreadable(
                    "it defines types or entities of its own, which is not allowed",
                ));
            }
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err(unreadable("its elements are nested too deep"));
                }
                let name = name_of(start.name().as_ref());
                match name.as_str() {
                    "item" | "wp:author" if item.is_none() => item = Some(Ok(Item::default())),
                    _ => {
                        if let Some(Ok(item)) = &mut item {
                            item.open(&name, attributes(&start)?);
                        }
                    }
                }
                open.push(name);
                text.clear();
            }
            Event::Empty(_) => {}
            Event::Text(piece) => {
                let piece = piece.decode().map_err(broken)?;
                add(&mut item, &mut text, &piece);
            }
            Event::CData(piece) => {
                let piece = piece.decode().map_err(broken)?;
                add(&mut item, &mut text, &piece);
            }
            Event::GeneralRef(reference) => {
                let known = match reference.resolve_char_ref().map_err(broken)? {
                    Some(sign) => Some(sign.to_string()),
                    None => {
                        let name = reference.decode().map_err(broken)?;
                        quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned)
                    }
                };
                let known = known.ok_or_else(|| {
                    unreadable("it uses an entity that XML does not have, such as `&nbsp;`")
                })?;
                add(&mut item, &mut text, &known);
            }
            Event::End(_) => {
                let name = open.pop().unwrap_or_default();
                match (name.as_str(), item.take()) {
                    ("item", Some(done)) if !open.iter().any(|it| it == "item") => {
                        take(Found::Item(done))?;
                    }
                    ("wp:author", Some(Ok(done))) => take(Found::Author(done))?,
                    (name, Some(Ok(mut going))) => {
                        going.close(name, std::mem::take(&mut text));
                        item = Some(Ok(going));
                    }
                    (_, Some(failed)) => item = Some(failed),
                    (name, None) => take(Found::Field(name, std::mem::take(&mut text)))?,
                }
                text.clear();
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
}

/// What is too long makes its item wrong, and is not kept.
fn add(item: &mut Option<Result<Item>>, text: &mut String, piece: &str) {
    let held = match item {
        Some(Ok(item)) => item.bytes(),
        _ => 0,
    };
    if (held + text.len() + piece.len()) as u64 > MAX_ENTRY_BYTES {
        text.clear();
        if item.is_some() {
            *item = Some(Err(too_long()));
        }
        return;
    }
    text.push_str(piece);
}

fn name_of(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn attributes(start: &quick_xml::events::BytesStart<'_>) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for attribute in start.attributes().take(16) {
        let attribute = attribute.map_err(broken)?;
        let value = attribute.unescape_value().map_err(broken)?;
        found.push((name_of(attribute.key.as_ref()), value.into_owned()));
    }
    Ok(found)
}

/// `en_US` and `en-US` alike.
fn language_of(text: &str) -> Option<String> {
    let text = text.trim().replace('_', "-");
    (!text.is_empty()).then_some(text)
}

fn broken(error: impl std::fmt::Display) -> Error {
    unreadable(format!("it is no well-formed XML: {error}"))
}

/// Ends where one event would take more than an entry may have: the parser keeps a whole one.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.left == 0 {
            return Err(std::io::Error::other(format!(
                "one piece of it has more than {MAX_ENTRY_BYTES} bytes"
            )));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes as u64);
        self.inner.consume(bytes);
    }
}
