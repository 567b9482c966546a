//! HTML to an article: the readable part as Markdown, what the page says of itself, and the links within.
//! Nothing here reaches the network.

use std::collections::HashSet;

use dom_query::Document;
use dom_smoothie::{Article, Config, Readability, ReadabilityError};
use inkstone_plugin::{Error, Result};
use serde::Serialize;

use crate::{dates, markup};

/// A page with more elements is no article, and would cost seconds of CPU.
const MAX_ELEMENTS: usize = 60_000;
/// Links beyond are left out.
const MAX_LINKS: usize = 200;
/// Characters of an excerpt.
const EXCERPT_CHARS: usize = 300;
/// What is never part of the text.
const NO_TEXT: &str = "script, style, noscript, template, svg, img, picture, video, audio, iframe, object, form, button";
/// What is never part of an article; in a short page the rules would take it for one.
const NAVIGATION: &str = "nav, [role=navigation], [role=contentinfo], body > footer";
/// What frames a page, where no article can be told from it.
const FRAME: &str =
    "nav, header, footer, aside, [role=navigation], [role=banner], [role=contentinfo]";

/// What a page says.
#[derive(Debug, Default)]
pub struct Extract {
    pub title: String,
    /// Markdown, without links and pictures.
    pub text: String,
    pub excerpt: Option<String>,
    pub author: Option<String>,
    /// RFC 3339 where the page wrote a date.
    pub published: Option<String>,
    pub site_name: Option<String>,
    pub language: Option<String>,
    pub links: Vec<Link>,
}

/// A link within the text.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    pub text: String,
    pub url: String,
}

/// The article of a page at this address.
pub fn extract(html: &str, url: &str) -> Result<Extract> {
    let config = Config {
        max_elements_to_parse: MAX_ELEMENTS,
        ..Config::default()
    };
    let page = Document::from(html);
    if markup::is_too_deep(&page) {
        return Err(Error::unsupported(format!(
            "the page nests its elements deeper than {} levels",
            markup::MAX_DEPTH
        )));
    }
    page.select(NAVIGATION).remove();
    let parsed = Readability::with_document(page, Some(url), Some(config))
        .and_then(|mut reader| reader.parse());
    let mut found = match parsed {
        Ok(article) => from_article(article, url),
        Err(ReadabilityError::TooManyElements(found, max)) => {
            return Err(Error::unsupported(format!(
                "the page has {found} elements; this tool reads at most {max}"
            )));
        }
        Err(ReadabilityError::GrabFailed | ReadabilityError::BadDocumentURL) => Extract::default(),
    };
    if found.text.is_empty() {
        found = from_whole_page(html, url);
    }
    if found.text.is_empty() {
        return Err(Error::upstream(
            "the page holds no readable text; it may be made by scripts, which this tool does not run",
        ));
    }
    Ok(found)
}

/// The addresses of the feeds that a page names.
pub fn feeds_of(html: &str, url: &str) -> Vec<String> {
    let page = Document::from(html);
    let links = page.select(r#"link[rel~="alternate"][type][href]"#);
    let named = links.iter().filter(|link| {
        let kind = link.attr_or("type", "");
        ["rss+xml", "atom+xml", "feed+json"]
            .iter()
            .any(|known| kind.contains(known))
    });
    named
        .filter_map(|link| markup::resolve(url, &link.attr_or("href", "")))
        .collect()
}

fn from_article(article: Article, url: &str) -> Extract {
    let content = Document::from(article.content);
    let links = links_of(&content, url);
    let text = markdown_of(&content);
    Extract {
        excerpt: article
            .excerpt
            .and_then(non_empty)
            .map(|found| markup::shorten(&found, EXCERPT_CHARS)),
        title: markup::one_line(&article.title),
        author: article.byline.and_then(non_empty),
        published: article.published_time.as_deref().and_then(dates::normalise),
        site_name: article.site_name.and_then(non_empty),
        language: article.lang.and_then(non_empty),
        text,
        links,
    }
}

/// For pages that are too short, or too odd, to have an article.
fn from_whole_page(html: &str, url: &str) -> Extract {
    let page = Document::from(html);
    let title = markup::one_line(&page.select_single("title").text());
    let language = page
        .select_single("html[lang]")
        .attr("lang")
        .map(|lang| lang.to_string());
    page.select(FRAME).remove();
    page.select("head").remove();
    let links = links_of(&page, url);
    Extract {
        title,
        text: markdown_of(&page),
        language: language.and_then(non_empty),
        links,
        ..Extract::default()
    }
}

fn links_of(content: &Document, url: &str) -> Vec<Link> {
    let mut seen = HashSet::new();
    let mut links = Vec::new();
    for anchor in content.select("a[href]").iter() {
        let href = anchor.attr_or("href", "");
        let text = markup::one_line(&anchor.text());
        if href.starts_with('#') || text.is_empty() {
            continue;
        }
        let Some(target) = markup::resolve(url, &href) else {
            continue;
        };
        if seen.insert(target.clone()) {
            links.push(Link { text, url: target });
        }
        if links.len() == MAX_LINKS {
            break;
        }
    }
    links
}

/// Takes links and pictures out: their addresses are noise to a reader, and stand in `links`.
fn markdown_of(content: &Document) -> String {
    content.select(NO_TEXT).remove();
    content.root().strip_elements(&["a"]);
    content.md(None).trim().to_owned()
}

fn non_empty(text: String) -> Option<String> {
    Some(markup::one_line(&text)).filter(|text| !text.is_empty())
}
