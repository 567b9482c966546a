//! Markdown with front matter in YAML: a file, or a ZIP file of them. Fields of other tools (Hugo,
//! Jekyll) are understood by their names there; what nobody knows is named in the report.

use std::io::Write;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::Status;
use inkstone_domain::project::is_slug;
use serde_json::{Map, Value, json};

use super::json_lines::unwritable;
use super::piece::{Content, Piece, wrong};
use super::record::{ArticlePiece, ArticleRecord};

/// Between front matter and text.
const FENCE: &str = "---";
const MAX_FRONT_BYTES: usize = 256 << 10;
/// What front matter of other tools is full of and says nothing about an article.
const NO_LOSS: [&str; 4] = ["layout", "type", "weight", "toc"];

/// Reads one file. `path` is where it lies, for what its front matter does not say.
pub fn parse(bytes: &[u8], path: &str) -> Result<(Content, Vec<String>)> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| wrong(format!("is no UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut notes = Vec::new();
    let mut record = match split(text)? {
        Some((front, body)) => {
            let mut record = read_front(front, &mut notes)?;
            record.body = Some(body.to_owned());
            record
        }
        None => ArticleRecord {
            body: Some(text.to_owned()),
            ..ArticleRecord::default()
        },
    };
    complete(&mut record, path);
    let piece = ArticlePiece {
        record,
        ..ArticlePiece::default()
    };
    Ok((Content::Piece(Piece::Article(Box::new(piece))), notes))
}

/// Writes one file.
pub fn write(out: &mut impl Write, record: &ArticleRecord) -> Result<()> {
    let mut front = record.clone().without_empty();
    let body = front.body.take().unwrap_or_default();
    let front = serde_saphyr::to_string(&front).map_err(unwritable)?;
    write!(out, "{FENCE}\n{}\n{FENCE}\n{body}", front.trim_end()).map_err(unwritable)
}

/// Where an article lies in a folder of them.
pub fn path_of(record: &ArticleRecord, extension: &str) -> String {
    let language = record.language.as_deref().unwrap_or("en");
    let slug = record.slug.as_deref().unwrap_or("untitled");
    format!("{language}/{slug}.{extension}")
}

/// Front matter and text; `None` where there is only text.
fn split(text: &str) -> Result<Option<(&str, &str)>> {
    let is_fence = |line: &str| line.trim_end() == FENCE;
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| is_fence(line)) else {
        return Ok(None);
    };
    let mut end = first.len();
    for line in lines {
        if is_fence(line) {
            return Ok(Some((&text[first.len()..end], &text[end + line.len()..])));
        }
        end += line.len();
        if end > MAX_FRONT_BYTES {
            break;
        }
    }
    Err(wrong(format!(
        "its front matter has no end: put a line of `{FENCE}` behind it, within {MAX_FRONT_BYTES} bytes"
    )))
}

fn read_front(front: &str, notes: &mut Vec<String>) -> Result<ArticleRecord> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_nodes: 20_000,
            max_events: 60_000,
            max_anchors: 64,
            max_aliases: 256,
            max_recorded_anchor_events: 5_000,
            max_total_scalar_bytes: 2 << 20,
            max_merge_keys: 64,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
        },
        with_snippet: false,
    };
    if front.trim().is_empty() {
        return Ok(ArticleRecord::default());
    }
    let raw: Map<String, Value> = serde_saphyr::from_str_with_options(front, options)
        .map_err(|error| wrong(format!("its front matter cannot be read: {error}")))?;
    let mut known = Map::new();
    let mut unknown = Vec::new();
    for (key, value) in raw {
        match field(&key, value) {
            Field::Known(name, value) => {
                known.entry(name).or_insert(value);
            }
            Field::Silent => {}
            Field::Unknown => unknown.push(key),
        }
    }
    if !unknown.is_empty() {
        unknown.truncate(20);
        notes.push(format!("not kept: `{}`", unknown.join("`, `")));
    }
    serde_path_to_error::deserialize(Value::Object(known))
        .map_err(|error| wrong(format!("its front matter is not valid: {error}")))
}

/// What a key of front matter means.
enum Field {
    Known(&'static str, Value),
    /// It is known, and has nothing to say.
    Silent,
    Unknown,
}

fn field(key: &str, value: Value) -> Field {
    use Field::{Known, Silent, Unknown};
    if value.is_null() {
        return Silent;
    }
    match key {
        "id" => Known("id", value),
        "title" => Known("title", text(value)),
        "slug" => Known("slug", text(value)),
        "former_slugs" => Known("former_slugs", value),
        "aliases" => former(value),
        "language" | "lang" | "locale" => Known("language", text(value)),
        "translation_of" => Known("translation_of", value),
        "status" => Known("status", value),
        "draft" | "published" => {
            let is_out = value.as_bool().map(|yes| yes == (key == "published"));
            match is_out {
                Some(true) => Known("status", json!(Status::Published)),
                Some(false) => Known("status", json!(Status::Draft)),
                None => Unknown,
            }
        }
        "publish_at" => Known("publish_at", date(value)),
        "summary" | "excerpt" => Known("summary", text(value)),
        "tags" => Known("tags", list(value)),
        "categories" | "category" => Known("categories", list(value)),
        "authors" | "author" => Known("authors", list(value)),
        "cover" | "image" | "cover_image" => match value {
            Value::String(_) => Known("cover", value),
            _ => Unknown,
        },
        "meta_title" => Known("meta_title", text(value)),
        "meta_description" | "description" => Known("meta_description", text(value)),
        "canonical_url" | "canonical" => Known("canonical_url", text(value)),
        "no_index" | "noindex" => Known("no_index", value),
        "content_type" => Known("content_type", text(value)),
        "fields" => Known("fields", value),
        "owner" => Known("owner", value),
        "job" => Known("job", value),
        "revision" => Known("revision", value),
        "created_at" | "date" => Known("created_at", date(value)),
        "updated_at" | "lastmod" | "updated" | "last_modified_at" => {
            Known("updated_at", date(value))
        }
        key if NO_LOSS.contains(&key) => Silent,
        _ => Unknown,
    }
}

/// `title: 1984` means the words.
fn text(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.to_string()),
        Value::Bool(yes) => json!(yes.to_string()),
        other => other,
    }
}

/// One of them, some with commas between, or a list.
fn list(value: Value) -> Value {
    match value {
        Value::String(all) => {
            let words = all.split(',').map(str::trim);
            json!(words.filter(|word| !word.is_empty()).collect::<Vec<_>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(text).collect()),
        other => other,
    }
}

/// Hugo's: paths that lead here.
fn former(value: Value) -> Field {
    let paths = match list(value) {
        Value::Array(paths) => paths,
        _ => return Field::Unknown,
    };
    let slugs: Vec<Value> = paths
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|path| path.trim_matches('/').rsplit('/').next())
        .filter(|slug| is_slug(slug))
        .map(|slug| json!({ "language": "", "slug": slug }))
        .collect();
    match slugs.is_empty() {
        true => Field::Silent,
        false => Field::Known("former_slugs", Value::Array(slugs)),
    }
}

/// A date with or without a time and a zone; without a zone it is UTC.
fn date(value: Value) -> Value {
    let read = value.as_str().and_then(|text| {
        let text = text.trim();
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Some(at.with_timezone(&Utc));
        }
        for form in [
            "%Y-%m-%d %H:%M:%S %z",
            "%Y-%m-%d %H:%M:%S%z",
            "%Y-%m-%dT%H:%M:%S%z",
        ] {
            if let Ok(at) = DateTime::parse_from_str(text, form) {
                return Some(at.with_timezone(&Utc));
            }
        }
        for form in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"] {
            if let Ok(at) = NaiveDateTime::parse_from_str(text, form) {
                return Some(at.and_utc());
            }
        }
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_time(NaiveTime::MIN).and_utc())
    });
    read.map_or(value, |at| json!(at))
}

/// Fills in what the path and the text say.
fn complete(record: &mut ArticleRecord, path: &str) {
    let (slug, language) = names_of(path);
    if record.title.is_none() {
        let body = record.body.as_deref().unwrap_or_default();
        if let Some((title, rest)) = heading(body) {
            let (title, rest) = (title.to_owned(), rest.to_owned());
            record.title = Some(title);
            record.body = Some(rest);
        } else {
            record.title = Some(slug.replace(['-', '_'], " ").trim().to_owned());
        }
    }
    if record.slug.is_none() && is_slug(&slug) {
        record.slug = Some(slug);
    }
    if record.language.is_none() {
        record.language = language;
    }
}

/// The title that a text begins with, and what follows it.
fn heading(body: &str) -> Option<(&str, &str)> {
    let start = body.trim_start();
    let (line, rest) = start.split_once('\n').unwrap_or((start, ""));
    let title = line.strip_prefix("# ")?.trim().trim_end_matches('#').trim();
    (!title.is_empty()).then(|| (title, rest.trim_start_matches(['\r', '\n'])))
}

/// Slug and language as file names have them: `2024-05-01-tides.de.md`, `tides/index.md`.
pub(super) fn names_of(path: &str) -> (String, Option<String>) {
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let (stem, language) = match stem.rsplit_once('.') {
        Some((stem, end)) if is_language(end) => (stem, Some(end.to_owned())),
        _ => (stem, None),
    };
    let stem = match stem {
        "index" | "_index" => parts.next().unwrap_or(stem),
        stem => stem,
    };
    let undated = stem
        .get(..11)
        .filter(|start| NaiveDate::parse_from_str(start, "%Y-%m-%d-").is_ok())
        .map_or(stem, |start| &stem[start.len()..]);
    (undated.to_owned(), language)
}

fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_first = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_lowercase());
    let is_region =
        |part: &str| matches!(part.len(), 2..=4) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    parts.next().is_some_and(is_first) && parts.all(is_region)
}
