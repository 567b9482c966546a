//! Markdown as people see it: HTML that may stand on any page, a table of contents, and how long it
//! takes to read. Pure. Raw HTML in a text is kept as far as it can do no harm: whatever the parser
//! makes of a text, only what the list below names comes out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use ammonia::Builder;
use comrak::arena_tree::NodeEdge;
use comrak::nodes::{AstNode, NodeValue};
use comrak::options::{Extension, Render};
use comrak::{Anchorizer, Arena, Options, format_html, parse_document};
use unicode_segmentation::UnicodeSegmentation;

use super::shown::{MediaRef, SCHEME};

/// Before the ids of headings, so that no text makes one that a page uses itself.
const ANCHOR_PREFIX: &str = "s-";
/// Adults read prose about that fast.
const WORDS_PER_MINUTE: usize = 230;

/// What a text comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Sanitised; without a frame.
    pub html: String,
    /// In the order of the text.
    pub toc: Vec<Heading>,
    pub stats: Stats,
}

/// A line of the table of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// Without markup.
    pub text: String,
    /// The id of the heading in the HTML.
    pub anchor: String,
}

/// How long a text is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Of what is read: without markup and addresses; each sign of Chinese or Japanese counts.
    pub words: usize,
    /// Rounded up; 0 for no words.
    pub reading_minutes: usize,
}

/// The first `most` files that a text names, each address once, in the order of the text.
pub fn media_in(body: &str, most: usize) -> Vec<MediaRef> {
    let arena = Arena::new();
    let document = parse_document(&arena, body, &options());
    let mut found: Vec<MediaRef> = Vec::new();
    for node in document.descendants() {
        let address = address_of(node).and_then(|address| MediaRef::of(&address));
        found.extend(address.filter(|it| !found.contains(it)));
        if found.len() >= most {
            break;
        }
    }
    found
}

/// Renders CommonMark with the extensions of GFM and footnotes. Nesting beyond 200 levels makes all of it
/// plain text. Of files that the text names the words alone stay.
pub fn render(body: &str) -> Rendered {
    render_with(body, &HashMap::new())
}

/// The same with files. `shown` has where they are, by the addresses that the text has for them.
pub fn render_with(body: &str, shown: &HashMap<String, String>) -> Rendered {
    let mut options = options();
    let arena = Arena::new();
    let document = parse_document(&arena, body, &options);
    if body.contains(SCHEME) {
        show_media(document, shown);
    }
    // The writer makes its ids with such a one too, in the same order.
    let mut anchorizer = Anchorizer::new();
    let mut toc = Vec::new();
    let mut words = 0;
    let mut weight = Weight::default();
    for edge in document.traverse() {
        let node = match edge {
            NodeEdge::Start(node) => node,
            NodeEdge::End(_) => {
                weight.depth -= 1;
                continue;
            }
        };
        weight.enter();
        match &node.data().value {
            NodeValue::HtmlBlock(html) => weight.add_raw(&html.literal),
            NodeValue::HtmlInline(html) | NodeValue::Raw(html) => weight.add_raw(html),
            NodeValue::Heading(heading) => {
                let text = node.collect_text();
                let id = anchorizer.anchorize(&text);
                toc.push(Heading {
                    level: heading.level,
                    anchor: format!("{ANCHOR_PREFIX}{id}"),
                    text,
                });
            }
            NodeValue::Text(text) => words += count_words(text),
            NodeValue::Code(code) => words += count_words(&code.literal),
            NodeValue::CodeBlock(code) => words += count_words(&code.literal),
            _ => {}
        }
    }
    options.render.escape = weight.has_too_much_html();
    let html = match weight.is_too_deep() {
        true => format!("<pre>{}</pre>\n", ammonia::clean_text(body)),
        false => {
            let mut html = String::with_capacity(body.len() * 2);
            // Writing into a string cannot fail.
            let _ = format_html(document, &options, &mut html);
            SANITISER.clean(&html).to_string()
        }
    };
    Rendered {
        html,
        toc,
        stats: Stats {
            words,
            reading_minutes: words.div_ceil(WORDS_PER_MINUTE),
        },
    }
}

/// Puts in where files are.
fn show_media<'a>(document: &'a AstNode<'a>, shown: &HashMap<String, String>) {
    let named = document.descendants();
    let named: Vec<_> = named
        .filter(|node| address_of(node).is_some_and(|it| it.starts_with(SCHEME)))
        .collect();
    for node in named {
        if let Some(address) = address_of(node).and_then(|address| shown.get(&address)) {
            if let NodeValue::Image(link) | NodeValue::Link(link) = &mut node.data_mut().value {
                link.url.clone_from(address);
            }
            continue;
        }
        while let Some(word) = node.first_child() {
            node.insert_before(word);
        }
        node.detach();
    }
}

/// Of a link or a picture.
fn address_of<'a>(node: &'a AstNode<'a>) -> Option<String> {
    match &node.data().value {
        NodeValue::Image(link) | NodeValue::Link(link) => Some(link.url.clone()),
        _ => None,
    }
}

/// What a text would cost the sanitiser. HTML is a language in which a few kilobytes can make many
/// gigabytes: each element is looked for among all that are open, and `<b>` that nobody closes is
/// opened again in every paragraph that follows. What is too much is shown as it was typed.
#[derive(Default)]
struct Weight {
    depth: usize,
    deepest: usize,
    nodes: usize,
    /// Tags of raw HTML that open.
    raw: usize,
    /// Those among them that are opened again.
    raw_formatting: usize,
}

impl Weight {
    fn enter(&mut self) {
        self.nodes += 1;
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }

    fn add_raw(&mut self, html: &str) {
        for rest in html.split('<').skip(1) {
            let name_end = rest
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            let name = rest[..name_end].to_ascii_lowercase();
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                self.raw += 1;
                self.raw_formatting += usize::from(FORMATTING.contains(&name.as_str()));
            }
        }
    }

    fn is_too_deep(&self) -> bool {
        self.deepest > 200
    }

    fn has_too_much_html(&self) -> bool {
        self.raw > 2_000 || self.raw_formatting.saturating_mul(self.nodes + self.raw) > 500_000
    }
}

/// The formatting elements of the HTML standard.
const FORMATTING: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];

fn count_words(text: &str) -> usize {
    text.unicode_words().count()
}

fn options() -> Options<'static> {
    Options {
        extension: Extension {
            strikethrough: true,
            table: true,
            autolink: true,
            tasklist: true,
            footnotes: true,
            header_id_prefix: Some(ANCHOR_PREFIX.to_owned()),
            header_id_prefix_in_href: true,
            ..Extension::default()
        },
        render: Render {
            // Nothing of it is shown before it has gone through the sanitiser.
            r#unsafe: true,
            github_pre_lang: false,
            ..Render::default()
        },
        ..Options::default()
    }
}

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .url_schemes(["http", "https", "mailto", "tel"].into())
        .rm_tags(["area", "map"])
        // Addresses that the sanitiser does not look at.
        .rm_tag_attributes("blockquote", ["cite"])
        .rm_tag_attributes("del", ["cite"])
        .rm_tag_attributes("ins", ["cite"])
        .rm_tag_attributes("q", ["cite"])
        // Task lists: a box that cannot be pressed, whatever the text says.
        .add_tags(["input", "section"])
        .add_tag_attributes("input", ["checked"])
        .set_tag_attribute_value("input", "type", "checkbox")
        .set_tag_attribute_value("input", "disabled", "")
        .add_tag_attributes("a", ["aria-label", "class", "id"])
        .add_tag_attributes("code", ["class"])
        .add_tag_attributes("sup", ["class"])
        .add_tag_attributes("section", ["class"])
        .add_tag_attributes("li", ["id"])
        .add_tag_attributes("h1", ["id"])
        .add_tag_attributes("h2", ["id"])
        .add_tag_attributes("h3", ["id"])
        .add_tag_attributes("h4", ["id"])
        .add_tag_attributes("h5", ["id"])
        .add_tag_attributes("h6", ["id"])
        .attribute_filter(known_names_only)
        .link_rel(Some("noopener noreferrer nofollow"));
    builder
});

/// Ids and classes are those the writer makes: others could take the place of a page's own.
fn known_names_only<'v>(_element: &str, attribute: &str, value: &'v str) -> Option<Cow<'v, str>> {
    let is_known = match attribute {
        "id" => [ANCHOR_PREFIX, "fn-", "fnref-"]
            .iter()
            .any(|prefix| value.starts_with(prefix)),
        "class" => {
            let classes = ["anchor", "footnotes", "footnote-ref", "footnote-backref"];
            classes.contains(&value) || is_language_class(value)
        }
        _ => true,
    };
    is_known.then_some(Cow::Borrowed(value))
}

/// `language-rust`: what highlighters look for.
fn is_language_class(class: &str) -> bool {
    class.strip_prefix("language-").is_some_and(|language| {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b"+-#_.".contains(&b);
        matches!(language.len(), 1..=40) && language.bytes().all(is_part)
    })
}

#[cfg(test)]
mod tests;
