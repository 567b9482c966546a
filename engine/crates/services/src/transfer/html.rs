//! HTML both ways: articles as pages that may stand anywhere, and pages of others as Markdown. What
//! comes in is sanitised before anything else is made of it, and is refused where it is built to cost.

use std::collections::HashMap;
use std::io::Write;
use std::rc::Rc;
use std::sync::LazyLock;

use ammonia::Builder;
use chrono::{DateTime, Utc};
use htmd::options::{BulletListMarker, HeadingStyle, Options};
use htmd::{HtmlToMarkdown, Node};
use inkstone_domain::Result;
use inkstone_domain::content::Status;
use inkstone_domain::project::is_slug;
use markup5ever_rcdom::NodeData;

use super::json_lines::unwritable;
use super::markdown::names_of;
use super::piece::{Content, Piece, wrong};
use super::record::{ArticlePiece, ArticleRecord};
use crate::content::render_markdown;

/// What made the list of pages that comes with an export.
const INDEX: &str = "inkstone index";
/// Elements within elements.
const MAX_DEPTH: usize = 200;
const MAX_TAGS: usize = 50_000;
/// Open elements, for each of which every tag looks.
const MAX_SEARCHED: usize = 5_000_000;
/// Open formatting elements are opened again in every element that follows.
const MAX_REOPENED: usize = 500_000;
/// Their text is not the article's.
const NOT_TEXT: [&str; 16] = [
    "script", "style", "title", "template", "noscript", "iframe", "object", "embed", "svg", "math",
    "nav", "aside", "footer", "form", "button", "select",
];
/// They hold nothing, and are never closed.
const VOID: [&str; 12] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr",
];
const FORMATTING: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];

/// Reads one page. `path` is where it lies, for what the page does not say.
pub fn parse(bytes: &[u8], path: &str) -> Result<(Content, Vec<String>)> {
    let page = std::str::from_utf8(bytes)
        .map_err(|error| wrong(format!("is no UTF-8: {error}; save it as that")))?;
    check_weight(page)?;
    let head = Head::read(page)?;
    if head.meta.get("generator").is_some_and(|it| it == INDEX) {
        return Ok((
            Content::Other("it is a list of pages".to_owned()),
            Vec::new(),
        ));
    }
    let (slug, language) = names_of(path);
    let body = to_markdown(page)?;
    let title = head.title.clone().filter(|title| !title.is_empty());
    let (title, body) = match (title, first_heading(&body)) {
        (Some(title), Some((first, rest))) if first == title => (title, rest),
        (Some(title), _) => (title, body.clone()),
        (None, Some((first, rest))) => (first, rest),
        (None, None) => (slug.replace(['-', '_'], " "), body.clone()),
    };
    let list = |name: &str| {
        let all = head.meta.get(name)?;
        let words = all.split(',').map(|word| word.trim().to_owned());
        Some(words.filter(|word| !word.is_empty()).collect::<Vec<_>>())
    };
    let date = |name: &str| {
        let at = DateTime::parse_from_rfc3339(head.meta.get(name)?).ok()?;
        Some(at.with_timezone(&Utc))
    };
    let record = ArticleRecord {
        title: Some(title),
        slug: is_slug(&slug).then_some(slug),
        language: head.language.clone().or(language),
        meta_description: head.meta.get("description").cloned(),
        canonical_url: head.canonical.clone(),
        tags: list("keywords"),
        authors: list("author"),
        no_index: head.meta.get("robots").map(|it| it.contains("noindex")),
        status: head
            .meta
            .get("inkstone:status")
            .and_then(|it| Status::named(it)),
        created_at: date("article:published_time"),
        updated_at: date("article:modified_time"),
        body: Some(body),
        ..ArticleRecord::default()
    };
    let piece = ArticlePiece {
        record,
        ..ArticlePiece::default()
    };
    Ok((Content::Piece(Piece::Article(Box::new(piece))), Vec::new()))
}

/// Writes one page.
pub fn write(out: &mut impl Write, record: &ArticleRecord) -> Result<()> {
    let record = record.clone().without_empty();
    let title = record.title.as_deref().unwrap_or_default();
    let language = record.language.as_deref().unwrap_or("en");
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n",
        attribute(language),
        ammonia::clean_text(title)
    );
    let mut meta = |name: &str, content: &str| {
        let content = attribute(content);
        page.push_str(&format!("<meta name=\"{name}\" content=\"{content}\">\n"));
    };
    if let Some(description) = &record.meta_description {
        meta("description", description);
    }
    if let Some(tags) = &record.tags {
        meta("keywords", &tags.join(", "));
    }
    if let Some(authors) = &record.authors {
        meta("author", &authors.join(", "));
    }
    if let Some(status) = record.status {
        meta("inkstone:status", status.as_str());
    }
    if record.no_index == Some(true) {
        meta("robots", "noindex");
    }
    if let Some(at) = record.created_at {
        meta("article:published_time", &at.to_rfc3339());
    }
    if let Some(at) = record.updated_at {
        meta("article:modified_time", &at.to_rfc3339());
    }
    if let Some(address) = &record.canonical_url {
        page.push_str(&format!(
            "<link rel=\"canonical\" href=\"{}\">\n",
            attribute(address)
        ));
    }
    let html = render_markdown(record.body.as_deref().unwrap_or_default()).html;
    page.push_str(&format!(
        "</head>\n<body>\n<article>\n<h1>{}</h1>\n{html}</article>\n</body>\n</html>\n",
        ammonia::clean_text(title)
    ));
    out.write_all(page.as_bytes()).map_err(unwritable)
}

/// A list of pages, by address and title.
pub fn write_index(out: &mut impl Write, pages: &[(String, String)]) -> Result<()> {
    let mut page = format!(
        "<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"generator\" content=\"{INDEX}\">\n<title>Articles</title>\n</head>\n<body>\n<ul>\n"
    );
    for (path, title) in pages {
        let title = ammonia::clean_text(title);
        page.push_str(&format!(
            "<li><a href=\"{}\">{title}</a></li>\n",
            attribute(path)
        ));
    }
    page.push_str("</ul>\n</body>\n</html>\n");
    out.write_all(page.as_bytes()).map_err(unwritable)
}

/// A page or a piece of one as Markdown, without whatever could do harm.
pub fn to_markdown(html: &str) -> Result<String> {
    check_weight(html)?;
    let clean = SANITISER.clean(html).to_string();
    // Sanitised HTML is balanced, so its depth can be counted.
    check_depth(&clean)?;
    let options = Options {
        heading_style: HeadingStyle::Atx,
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        ..Options::default()
    };
    let converter = HtmlToMarkdown::builder().options(options).build();
    let markdown = converter
        .convert(&clean)
        .map_err(|error| wrong(format!("cannot be turned into Markdown: {error}")))?;
    let markdown = markdown.trim();
    Ok(match markdown.is_empty() {
        true => String::new(),
        false => format!("{markdown}\n"),
    })
}

/// What the head of a page says.
#[derive(Default)]
struct Head {
    title: Option<String>,
    language: Option<String>,
    canonical: Option<String>,
    meta: HashMap<String, String>,
}

impl Head {
    fn read(page: &str) -> Result<Self> {
        let tree = HtmlToMarkdown::new()
            .html_to_tree(page)
            .map_err(|error| wrong(format!("is no HTML: {error}")))?;
        let mut head = Self::default();
        // A node that is dropped takes apart all that is below it, so the root stays until the end.
        let mut open: Vec<Rc<Node>> = vec![Rc::clone(&tree)];
        while let Some(node) = open.pop() {
            head.take(&node);
            open.extend(node.children.borrow().iter().rev().cloned());
        }
        Ok(head)
    }

    fn take(&mut self, node: &Node) {
        let Some((name, attributes)) = element(node) else {
            return;
        };
        let value = |wanted: &str| {
            let found = attributes.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone())
        };
        match name.as_str() {
            "html" => self.language = value("lang").filter(|lang| !lang.is_empty()),
            "title" if self.title.is_none() => self.title = Some(text_of(node)),
            "link" if value("rel").as_deref() == Some("canonical") => {
                self.canonical = value("href");
            }
            "meta" => {
                let name = value("name").or_else(|| value("property"));
                if let (Some(name), Some(content)) = (name, value("content"))
                    && self.meta.len() < 200
                {
                    self.meta
                        .entry(name.to_ascii_lowercase())
                        .or_insert(content);
                }
            }
            _ => {}
        }
    }
}

/// The name and attributes of an element; `None` for other nodes.
fn element(node: &Node) -> Option<(String, Vec<(String, String)>)> {
    let NodeData::Element { name, attrs, .. } = &node.data else {
        return None;
    };
    let attributes = attrs.borrow();
    let attributes = attributes
        .iter()
        .map(|one| (one.name.local.to_string(), one.value.to_string()));
    Some((name.local.to_string(), attributes.collect()))
}

fn text_of(node: &Node) -> String {
    let children = node.children.borrow();
    let texts = children.iter().filter_map(|child| match &child.data {
        NodeData::Text { contents } => Some(contents.borrow().to_string()),
        _ => None,
    });
    let text: String = texts.collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a page would cost the parser: each element is looked for among all that are open, and open
/// formatting is opened again in every element that follows.
fn check_weight(html: &str) -> Result<()> {
    let mut tags = 0_usize;
    // Only what was opened can be closed: parsers pass over other ends.
    let mut open: HashMap<String, usize> = HashMap::new();
    let (mut all, mut formatting) = (Depth::default(), Depth::default());
    for rest in html.split('<').skip(1) {
        let (closes, rest) = match rest.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        let name = rest[..end.unwrap_or(rest.len())].to_ascii_lowercase();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || VOID.contains(&name.as_str()) {
            continue;
        }
        tags += 1;
        let is_formatting = FORMATTING.contains(&name.as_str());
        let count = open.entry(name).or_default();
        match closes {
            true if *count == 0 => continue,
            true => *count -= 1,
            false => *count += 1,
        }
        all.step(closes);
        if is_formatting {
            formatting.step(closes);
        }
    }
    let searched = all.most.saturating_mul(tags);
    let reopened = formatting.most.saturating_mul(tags);
    if tags > MAX_TAGS || searched > MAX_SEARCHED || reopened > MAX_REOPENED {
        return Err(wrong(format!(
            "is HTML that costs more than it says: {tags} tags, {} of them open at once",
            all.most
        )));
    }
    Ok(())
}

/// How many are open, and how many were at once.
#[derive(Default)]
struct Depth {
    now: usize,
    most: usize,
}

impl Depth {
    fn step(&mut self, closes: bool) {
        self.now = match closes {
            true => self.now.saturating_sub(1),
            false => self.now + 1,
        };
        self.most = self.most.max(self.now);
    }
}

/// Of balanced HTML.
fn check_depth(html: &str) -> Result<()> {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for rest in html.split('<').skip(1) {
        if rest.starts_with('/') {
            depth = depth.saturating_sub(1);
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        let name = &rest[..end.unwrap_or(rest.len())];
        if !name.is_empty() && !VOID.contains(&name) {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    match deepest > MAX_DEPTH {
        true => Err(wrong(format!(
            "has elements within elements, {deepest} deep; {MAX_DEPTH} are the most"
        ))),
        false => Ok(()),
    }
}

fn first_heading(markdown: &str) -> Option<(String, String)> {
    let (line, rest) = markdown.split_once('\n').unwrap_or((markdown, ""));
    let title = line.strip_prefix("# ")?.trim();
    (!title.is_empty()).then(|| (title.to_owned(), rest.trim_start().to_owned()))
}

fn attribute(text: &str) -> String {
    ammonia::clean_text(text)
}

/// Made where it is used: what goes through it decides what a converter may see.
static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    // Those whose text goes must not be let through as well.
    builder
        .rm_tags(NOT_TEXT)
        .rm_tags(["area", "map"])
        .clean_content_tags(NOT_TEXT.into())
        .url_schemes(["http", "https", "mailto", "tel"].into());
    builder
});
