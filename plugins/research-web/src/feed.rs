//! The tool `feed`: the items of a feed, whatever its format.

use inkstone_plugin::research::Answer;
use inkstone_plugin::{Error, Result, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::download::download;
use crate::feed_formats::{self, Feed, Item};
use crate::{extract, markup};

const ACCEPT: &str = "application/feed+json, application/atom+xml, application/rss+xml, application/xml;q=0.9, \
                      text/xml;q=0.9, application/json;q=0.8, */*;q=0.1";

/// Which feed to read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The feed's address, with http:// or https://.
    #[schemars(length(min = 1, max = 4096))]
    url: String,
    /// Items at most, in the feed's own order.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 500))]
    limit: usize,
}

fn default_limit() -> usize {
    50
}

#[derive(Serialize)]
struct Content {
    #[serde(flatten)]
    feed: Feed,
    url: String,
}

/// Reads a feed.
pub fn feed(input: Input) -> Result<Answer> {
    let address = input.url.trim();
    let found = download(address, ACCEPT, refuse_media)?;
    let text = found.text();
    let feed = read(&text, &found.url, input.limit)?;
    let mut answer_sources = vec![Source {
        title: Some(feed.title.clone()),
        ..Source::url(address)
    }];
    answer_sources.extend(feed.items.iter().filter_map(source_of));
    let shown = show(&feed);
    let content = Content {
        feed,
        url: found.url,
    };
    let mut answer = Answer::new(&content, shown)?;
    answer.sources = answer_sources;
    Ok(answer)
}

/// Feeds come with all kinds of types, so only what cannot be text is refused.
pub fn refuse_media(media_type: &str) -> Result<()> {
    let is_media = ["image/", "audio/", "video/", "font/"]
        .iter()
        .any(|kind| media_type.starts_with(kind));
    if is_media || media_type == "application/pdf" {
        return Err(Error::unsupported(format!(
            "this address is `{media_type}`, which is no list"
        )));
    }
    Ok(())
}

fn read(text: &str, url: &str, limit: usize) -> Result<Feed> {
    let text = text.trim_start();
    if text.starts_with('{') {
        return feed_formats::json(text, url, limit);
    }
    let text = markup::without_declaration(text);
    match markup::root_name(text).as_deref() {
        Some("rss" | "rdf") => feed_formats::rss(text, url, limit),
        Some("feed") => feed_formats::atom(text, url, limit),
        Some("urlset" | "sitemapindex") => Err(Error::unsupported(
            "this address is a sitemap; the tool `sitemap` reads it",
        )),
        Some("html") => {
            let feeds = extract::feeds_of(text, url);
            Err(Error::unsupported(if feeds.is_empty() {
                "this address is a web page and names no feed; the tool `fetch` reads it".to_owned()
            } else {
                format!(
                    "this address is a web page; its feeds are: {}",
                    feeds.join(", ")
                )
            }))
        }
        _ => Err(Error::unsupported(
            "this address holds no RSS, Atom or JSON feed",
        )),
    }
}

fn source_of(item: &Item) -> Option<Source> {
    Some(Source {
        url: Some(item.url.clone()?),
        title: Some(item.title.clone()).filter(|title| !title.is_empty()),
        author: item.author.clone(),
        published: item.published.clone().or_else(|| item.updated.clone()),
    })
}

fn show(feed: &Feed) -> String {
    let mut text = format!("# {}\n", feed.title);
    for item in &feed.items {
        let title = if item.title.is_empty() {
            "(untitled)"
        } else {
            &item.title
        };
        text.push_str("\n- ");
        match &item.url {
            Some(url) => text.push_str(&format!("[{title}]({url})")),
            None => text.push_str(title),
        }
        if let Some(date) = item.published.as_ref().or(item.updated.as_ref()) {
            text.push_str(&format!(", {date}"));
        }
        if let Some(summary) = &item.summary {
            text.push_str(&format!(": {}", markup::shorten(summary, 300)));
        }
    }
    text
}
