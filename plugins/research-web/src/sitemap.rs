//! The tool `sitemap`: what a sitemap or a sitemap index lists, as XML, as plain lines, and gzipped.

use std::io::Read;

use flate2::read::GzDecoder;
use inkstone_plugin::research::Answer;
use inkstone_plugin::{Error, Result, Source};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::download::download;
use crate::feed::refuse_media;
use crate::{charset, dates, markup};

const ACCEPT: &str =
    "application/xml, text/xml, text/plain;q=0.8, application/gzip;q=0.8, */*;q=0.1";
/// What a gzipped sitemap may unfold to, in bytes.
const MAX_UNPACKED_BYTES: u64 = 16 * 1024 * 1024;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// Which sitemap to read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The sitemap's address, with http:// or https://.
    #[schemars(length(min = 1, max = 4096))]
    url: String,
    /// Entries at most, in the sitemap's own order.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: usize,
}

fn default_limit() -> usize {
    1000
}

#[derive(Serialize)]
struct Sitemap {
    /// `urlset` lists pages, `sitemapindex` further sitemaps.
    kind: &'static str,
    entries: Vec<Entry>,
    /// How many there are, those beyond the limit included.
    total: usize,
    truncated: bool,
    url: String,
}

#[derive(Debug, Default, PartialEq, Serialize)]
struct Entry {
    url: String,
    lastmod: Option<String>,
    changefreq: Option<String>,
    priority: Option<f64>,
}

/// Reads a sitemap.
pub fn sitemap(input: Input) -> Result<Answer> {
    let address = input.url.trim();
    let found = download(address, ACCEPT, refuse_media)?;
    let text = if found.body.starts_with(GZIP_MAGIC) {
        unpack(&found.body)?
    } else {
        found.text()
    };
    let (kind, mut entries) = read(&text, &found.url)?;
    let total = entries.len();
    entries.truncate(input.limit);
    let map = Sitemap {
        kind,
        truncated: entries.len() < total,
        entries,
        total,
        url: found.url,
    };
    Ok(Answer::new(&map, show(&map))?.source(Source::url(address)))
}

fn unpack(packed: &[u8]) -> Result<String> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed)
        .take(MAX_UNPACKED_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::upstream(format!("the gzipped sitemap is broken: {error}")))?;
    if bytes.len() as u64 > MAX_UNPACKED_BYTES {
        return Err(Error::upstream(format!(
            "the gzipped sitemap unfolds to more than {MAX_UNPACKED_BYTES} bytes"
        )));
    }
    Ok(charset::decode(&bytes, None))
}

fn read(text: &str, url: &str) -> Result<(&'static str, Vec<Entry>)> {
    let text = markup::without_declaration(text);
    let kind = match markup::root_name(text).as_deref() {
        Some("urlset") => "urlset",
        Some("sitemapindex") => "sitemapindex",
        Some("rss" | "rdf" | "feed") => {
            return Err(Error::unsupported(
                "this address is a feed; the tool `feed` reads it",
            ));
        }
        Some(_) => return Err(Error::unsupported("this address holds no sitemap")),
        None => return lines(text, url).map(|entries| ("urlset", entries)),
    };
    Ok((kind, xml(text, url)?))
}

/// The form with one address a line.
fn lines(text: &str, url: &str) -> Result<Vec<Entry>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let entries: Option<Vec<Entry>> = lines
        .map(|line| {
            let is_whole = line.starts_with("http://") || line.starts_with("https://");
            let url = markup::resolve(url, line).filter(|_| is_whole)?;
            Some(Entry {
                url,
                ..Entry::default()
            })
        })
        .collect();
    entries
        .filter(|entries| !entries.is_empty())
        .ok_or_else(|| Error::unsupported("this address holds no sitemap"))
}

/// Elements are known by their local name and depth: root, entry, field. What extensions nest deeper is passed over.
fn xml(text: &str, url: &str) -> Result<Vec<Entry>> {
    let mut reader = Reader::from_str(text);
    let mut entries = Vec::new();
    let mut entry = Entry::default();
    let mut field = String::new();
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(_) => {
                depth += 1;
                match depth {
                    2 => entry = Entry::default(),
                    3 => field.clear(),
                    _ => {}
                }
            }
            Event::Text(text) if depth == 3 => field.push_str(&text.decode().map_err(malformed)?),
            Event::CData(text) if depth == 3 => field.push_str(&text.decode().map_err(malformed)?),
            Event::GeneralRef(reference) if depth == 3 => {
                if let Some(character) = reference.resolve_char_ref().map_err(malformed)? {
                    field.push(character);
                } else {
                    let name = reference.decode().map_err(malformed)?;
                    field.push_str(resolve_predefined_entity(&name).unwrap_or_default());
                }
            }
            Event::End(element) => {
                match depth {
                    3 => set(&mut entry, element.name().as_ref(), field.trim(), url),
                    2 if !entry.url.is_empty() => entries.push(std::mem::take(&mut entry)),
                    _ => {}
                }
                depth = depth.saturating_sub(1);
            }
            Event::Eof => return Ok(entries),
            _ => {}
        }
    }
}

/// Fields of extensions carry another prefix than the entry's own, and bear other names.
fn set(entry: &mut Entry, name: &[u8], value: &str, url: &str) {
    let local = name.rsplit(|&byte| byte == b':').next().unwrap_or(name);
    match local {
        b"loc" => entry.url = markup::resolve(url, value).unwrap_or_default(),
        b"lastmod" => entry.lastmod = dates::normalise(value),
        b"changefreq" => {
            entry.changefreq = Some(value.to_owned()).filter(|value| !value.is_empty())
        }
        b"priority" => entry.priority = value.parse().ok(),
        _ => {}
    }
}

fn malformed(error: impl std::fmt::Display) -> Error {
    Error::upstream(format!("the sitemap is malformed: {error}"))
}

fn show(map: &Sitemap) -> String {
    let what = if map.kind == "urlset" {
        "addresses"
    } else {
        "sitemaps"
    };
    let mut text = format!("{} {what}", map.total);
    if map.truncated {
        text.push_str(&format!(", of which the first {}", map.entries.len()));
    }
    text.push_str(":\n");
    for entry in &map.entries {
        text.push_str(&format!("\n- {}", entry.url));
        if let Some(changed) = &entry.lastmod {
            text.push_str(&format!(" ({changed})"));
        }
    }
    text
}
