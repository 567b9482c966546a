//! RSS, Atom and JSON Feed as one shape. The formats are known here and nowhere else.

use atom_syndication as atom;
use inkstone_plugin::{Error, Result, json};
use serde::{Deserialize, Serialize};

use crate::{dates, markup};

/// Characters of a summary.
const SUMMARY_CHARS: usize = 1000;

/// A feed, whatever it was written in.
#[derive(Debug, Serialize)]
pub struct Feed {
    /// `rss`, `atom` or `json`.
    pub format: &'static str,
    pub title: String,
    pub description: Option<String>,
    /// The web site it belongs to.
    pub site_url: Option<String>,
    pub language: Option<String>,
    pub items: Vec<Item>,
}

/// An item of a feed.
#[derive(Debug, Serialize)]
pub struct Item {
    pub title: String,
    pub url: Option<String>,
    pub id: Option<String>,
    /// RFC 3339 where the feed wrote a date.
    pub published: Option<String>,
    pub updated: Option<String>,
    pub author: Option<String>,
    /// Plain text.
    pub summary: Option<String>,
    pub tags: Vec<String>,
}

/// Reads an RSS feed at this address; at most `limit` items.
pub fn rss(text: &str, url: &str, limit: usize) -> Result<Feed> {
    let channel = rss::Channel::read_from(text.as_bytes()).map_err(malformed)?;
    let item = |item: &rss::Item| {
        let permalink = item
            .guid()
            .filter(|guid| guid.is_permalink())
            .map(rss::Guid::value);
        let creators = item.dublin_core_ext().map(|extension| extension.creators());
        let dated = item
            .dublin_core_ext()
            .and_then(|extension| extension.dates().first());
        Item {
            title: markup::to_line(item.title().unwrap_or_default()),
            url: item
                .link()
                .or(permalink)
                .and_then(|link| markup::resolve(url, link)),
            id: item.guid().map(|guid| guid.value().to_owned()),
            published: item
                .pub_date()
                .or(dated.map(String::as_str))
                .and_then(dates::normalise),
            updated: None,
            author: creators
                .and_then(|names| names.first().map(String::as_str))
                .or(item.author())
                .and_then(line),
            summary: item.description().or(item.content()).and_then(summary),
            tags: item
                .categories()
                .iter()
                .filter_map(|tag| line(tag.name()))
                .collect(),
        }
    };
    Ok(Feed {
        format: "rss",
        title: markup::to_line(channel.title()),
        description: line(channel.description()),
        site_url: markup::resolve(url, channel.link()),
        language: channel.language().and_then(line),
        items: channel.items().iter().take(limit).map(item).collect(),
    })
}

/// Reads an Atom feed at this address; at most `limit` items.
pub fn atom(text: &str, url: &str, limit: usize) -> Result<Feed> {
    let feed = atom::Feed::read_from(text.as_bytes()).map_err(malformed)?;
    let base = feed
        .base
        .as_deref()
        .and_then(|base| markup::resolve(url, base));
    let base = base.as_deref().unwrap_or(url);
    let feed_author = feed.authors.first().and_then(|person| line(&person.name));
    let item = |entry: &atom::Entry| Item {
        title: text_of(&entry.title),
        url: atom_link(&entry.links).and_then(|link| markup::resolve(base, link)),
        id: line(&entry.id),
        published: entry.published.as_ref().map(dates::to_text),
        // A feed that left it out reads as the beginning of time.
        updated: (entry.updated.timestamp() != 0).then(|| dates::to_text(&entry.updated)),
        author: entry
            .authors
            .first()
            .and_then(|person| line(&person.name))
            .or_else(|| feed_author.clone()),
        summary: entry
            .summary
            .as_ref()
            .map(|text| text.value.as_str())
            .or_else(|| entry.content.as_ref()?.value.as_deref())
            .and_then(summary),
        tags: entry
            .categories
            .iter()
            .filter_map(|tag| line(&tag.term))
            .collect(),
    };
    Ok(Feed {
        format: "atom",
        title: text_of(&feed.title),
        description: feed
            .subtitle
            .as_ref()
            .map(text_of)
            .filter(|text| !text.is_empty()),
        site_url: atom_link(&feed.links).and_then(|link| markup::resolve(base, link)),
        language: feed.lang.as_deref().and_then(line),
        items: feed.entries.iter().take(limit).map(item).collect(),
    })
}

/// Reads a JSON feed at this address; at most `limit` items.
pub fn json(text: &str, url: &str, limit: usize) -> Result<Feed> {
    let feed: JsonFeed = json::parse(text)?;
    if !feed.version.contains("jsonfeed.org/version/") {
        return Err(Error::unsupported(
            "this address holds JSON that is no JSON feed: `version` does not say so",
        ));
    }
    let item = |item: JsonItem| {
        let text = item
            .summary
            .or(item.content_text)
            .or(item.content_html)
            .unwrap_or_default();
        let author = item
            .authors
            .into_iter()
            .chain(item.author)
            .find_map(|author| line(&author.name?));
        Item {
            title: markup::to_line(&item.title.unwrap_or_default()),
            url: item
                .url
                .or(item.external_url)
                .and_then(|link| markup::resolve(url, &link)),
            id: item.id.map(|id| match id {
                serde_json::Value::String(id) => id,
                other => other.to_string(),
            }),
            published: item.date_published.as_deref().and_then(dates::normalise),
            updated: item.date_modified.as_deref().and_then(dates::normalise),
            author,
            summary: summary(&text),
            tags: item.tags,
        }
    };
    Ok(Feed {
        format: "json",
        title: markup::to_line(&feed.title),
        description: feed.description.as_deref().and_then(line),
        site_url: feed
            .home_page_url
            .and_then(|link| markup::resolve(url, &link)),
        language: feed.language,
        items: feed.items.into_iter().take(limit).map(item).collect(),
    })
}

#[derive(Deserialize)]
struct JsonFeed {
    #[serde(default)]
    version: String,
    #[serde(default)]
    title: String,
    description: Option<String>,
    home_page_url: Option<String>,
    language: Option<String>,
    #[serde(default)]
    items: Vec<JsonItem>,
}

#[derive(Deserialize)]
struct JsonItem {
    /// A text, but numbers are met in the wild.
    id: Option<serde_json::Value>,
    title: Option<String>,
    url: Option<String>,
    external_url: Option<String>,
    summary: Option<String>,
    content_text: Option<String>,
    content_html: Option<String>,
    date_published: Option<String>,
    date_modified: Option<String>,
    #[serde(default)]
    authors: Vec<JsonAuthor>,
    /// As version 1.0 has it.
    author: Option<JsonAuthor>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct JsonAuthor {
    name: Option<String>,
}

fn malformed(error: impl std::fmt::Display) -> Error {
    Error::upstream(format!("the feed is malformed: {error}"))
}

/// The page an entry stands for.
fn atom_link(links: &[atom::Link]) -> Option<&str> {
    let alternate = links.iter().find(|link| link.rel == "alternate");
    let other = || links.iter().find(|link| link.rel != "self");
    Some(alternate.or_else(other)?.href.as_str())
}

fn text_of(text: &atom::Text) -> String {
    match text.r#type {
        atom::TextType::Text => markup::one_line(&text.value),
        atom::TextType::Html | atom::TextType::Xhtml => markup::to_line(&text.value),
    }
}

fn line(text: &str) -> Option<String> {
    Some(markup::to_line(text)).filter(|text| !text.is_empty())
}

fn summary(html: &str) -> Option<String> {
    line(html).map(|text| markup::shorten(&text, SUMMARY_CHARS))
}
