//! The tool `fetch`: one page, or one plain text, as Markdown.

use inkstone_plugin::research::Answer;
use inkstone_plugin::{Error, Result, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::download::{Download, download};
use crate::extract::{self, Extract, Link};
use crate::markup;

const ACCEPT: &str =
    "text/html, application/xhtml+xml, text/markdown;q=0.9, text/plain;q=0.8, */*;q=0.1";

/// Which page to read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The page's address, with http:// or https://.
    #[schemars(length(min = 1, max = 4096))]
    url: String,
    /// Characters of text at most.
    #[serde(default = "default_max_chars")]
    #[schemars(range(min = 1, max = 1_000_000))]
    max_chars: usize,
}

fn default_max_chars() -> usize {
    200_000
}

#[derive(Serialize)]
struct Page {
    title: String,
    text: String,
    excerpt: Option<String>,
    author: Option<String>,
    published: Option<String>,
    site_name: Option<String>,
    language: Option<String>,
    links: Vec<Link>,
    word_count: usize,
    truncated: bool,
    url: String,
}

/// Reads a page.
pub fn fetch(input: Input) -> Result<Answer> {
    let address = input.url.trim();
    let found = download(address, ACCEPT, check_media_type)?;
    let extract = if is_html(&found) {
        extract::extract(&found.text(), &found.url)?
    } else {
        plain(&found)?
    };
    let (text, truncated) = cut(extract.text, input.max_chars);
    let page = Page {
        title: if extract.title.is_empty() {
            name_of(&found.url)
        } else {
            extract.title
        },
        word_count: text.split_whitespace().count(),
        text,
        truncated,
        excerpt: extract.excerpt,
        author: extract.author,
        published: extract.published,
        site_name: extract.site_name,
        language: extract.language,
        links: extract.links,
        url: found.url,
    };
    let heading = format!("# {}", page.title);
    let shown = if page.text.lines().next() == Some(heading.as_str()) {
        page.text.clone()
    } else {
        format!("{heading}\n\n{}", page.text)
    };
    let source = Source {
        url: Some(address.to_owned()),
        title: Some(page.title.clone()),
        author: page.author.clone(),
        published: page.published.clone(),
    };
    Ok(Answer::new(&page, shown)?.source(source))
}

fn check_media_type(media_type: &str) -> Result<()> {
    let better = match media_type {
        "" | "text/html" | "application/xhtml+xml" | "text/plain" | "text/markdown" => {
            return Ok(());
        }
        feed if feed.ends_with("rss+xml")
            || feed.ends_with("atom+xml")
            || feed == "application/feed+json" =>
        {
            "; the tool `feed` reads it"
        }
        "text/xml" | "application/xml" => {
            "; if it is a feed or a sitemap, the tools of these names read it"
        }
        _ => "",
    };
    Err(Error::unsupported(format!(
        "this address is `{media_type}`, and only web pages and plain text can be read{better}"
    )))
}

fn is_html(found: &Download) -> bool {
    match found.media_type.as_str() {
        "text/html" | "application/xhtml+xml" => true,
        "" => {
            let start = &found.body[..found.body.len().min(1024)];
            let start = String::from_utf8_lossy(start).to_ascii_lowercase();
            ["<!doctype html", "<html", "<head", "<body"]
                .iter()
                .any(|mark| start.contains(mark))
        }
        _ => false,
    }
}

fn plain(found: &Download) -> Result<Extract> {
    let text = found.text();
    if text.contains('\0') {
        return Err(Error::unsupported(
            "this address holds no text but binary data",
        ));
    }
    let text = text.replace("\r\n", "\n").trim().to_owned();
    if text.is_empty() {
        return Err(Error::upstream("this address holds an empty text"));
    }
    let heading = text.lines().find_map(|line| line.strip_prefix("# "));
    Ok(Extract {
        title: heading.map(markup::one_line).unwrap_or_default(),
        text,
        ..Extract::default()
    })
}

/// The file's name, else the host's.
fn name_of(url: &str) -> String {
    let Ok(url) = Url::parse(url) else {
        return url.to_owned();
    };
    let file = url
        .path_segments()
        .and_then(|mut segments| segments.next_back());
    let named = file
        .filter(|name| !name.is_empty())
        .or_else(|| url.host_str());
    named.unwrap_or_default().to_owned()
}

fn cut(mut text: String, max_chars: usize) -> (String, bool) {
    let Some((end, _)) = text.char_indices().nth(max_chars) else {
        return (text, false);
    };
    text.truncate(end);
    (text, true)
}
