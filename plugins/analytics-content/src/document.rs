//! From Markdown to the parts that are read: headings, and blocks of prose (paragraphs, list items, quotes, table
//! cells, footnotes). Code blocks, HTML, formulas, front matter and the texts of images are not read.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// What a block of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A heading of level 1 to 6.
    Heading(u8),
    /// A paragraph, list item, quote, definition or footnote: it is made of sentences.
    Prose,
    /// A cell of a table: it is read, but it is no sentence.
    Cell,
}

/// Text that stands together, on one line and without markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub kind: Kind,
    pub text: String,
}

/// The blocks of a text, in order. Only headings may be empty.
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    for event in Parser::new_ext(markdown, options()) {
        reader.take(event);
    }
    reader.close();
    reader.blocks
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    text: String,
    kind: Option<Kind>,
    /// How many elements that are not read are open.
    unread: usize,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.push(&text),
            Event::SoftBreak | Event::HardBreak => self.push(" "),
            Event::InlineHtml(html) if html.starts_with("<br") => self.push(" "),
            Event::Rule => self.close(),
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::Link { .. } => return,
            // An image stands within its paragraph and does not end it.
            Tag::Image { .. } => {
                self.unread += 1;
                return;
            }
            _ => self.close(),
        }
        match tag {
            Tag::Heading { level, .. } => self.kind = Some(Kind::Heading(*level as u8)),
            Tag::TableCell => self.kind = Some(Kind::Cell),
            Tag::CodeBlock(_) | Tag::HtmlBlock | Tag::MetadataBlock(_) => self.unread += 1,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link => {}
            TagEnd::Image => self.unread -= 1,
            TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_) => {
                self.unread -= 1;
                self.close();
            }
            _ => self.close(),
        }
    }

    fn push(&mut self, text: &str) {
        if self.unread == 0 {
            self.text.push_str(text);
        }
    }

    /// Ends the block that is being read, if there is one.
    fn close(&mut self) {
        let kind = self.kind.take().unwrap_or(Kind::Prose);
        let text = one_line(&self.text);
        self.text.clear();
        if !text.is_empty() || matches!(kind, Kind::Heading(_)) {
            self.blocks.push(Block { kind, text });
        }
    }
}

/// Single spaces, and no addresses: nobody reads them word by word. What follows an address ends its sentence.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for token in text.split_whitespace() {
        let is_address = token.contains("://") || token.starts_with("www.");
        let kept = if is_address {
            let end = token.trim_end_matches(['.', '!', '?', ',', ';', ':', ')', '"', '\'']);
            &token[end.len()..]
        } else {
            token
        };
        if kept.is_empty() {
            continue;
        }
        if !line.is_empty() && !is_address {
            line.push(' ');
        }
        line.push_str(kept);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(markdown: &str) -> Vec<(Kind, String)> {
        let blocks = blocks(markdown).into_iter();
        blocks.map(|block| (block.kind, block.text)).collect()
    }

    #[test]
    fn what_is_read_is_kept_apart_and_without_markup() {
        let markdown = "---\ntitle: x\n---\n# A *b* {#id}\n\nOne [two](http://x.y)\nthree `four`.\n\n- tight\n- items\n  - deep\n\n> quote\n\n| h | i |\n|---|---|\n| c | d |\n\n##\n\nA note[^1].\n\n[^1]: The note.\n";
        let prose = |text: &str| (Kind::Prose, text.to_owned());
        let cell = |text: &str| (Kind::Cell, text.to_owned());
        assert_eq!(
            read(markdown),
            [
                (Kind::Heading(1), "A b".to_owned()),
                prose("One two three four."),
                prose("tight"),
                prose("items"),
                prose("deep"),
                prose("quote"),
                cell("h"),
                cell("i"),
                cell("c"),
                cell("d"),
                (Kind::Heading(2), String::new()),
                prose("A note."),
                prose("The note."),
            ]
        );
    }

    #[test]
    fn code_html_images_formulas_and_addresses_are_not_read() {
        let markdown = "Before ![an eel](eel.png) after.\n\n```rust\nfn main() {}\n```\n\n<div>no</div>\n\nA<br>b <b>bo</b>ld $x+y$.\n\nSee https://a.example/b?c=d. Then www.b.example, and go.\n";
        let texts: Vec<String> = read(markdown).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["Before after.", "A b bold .", "See. Then, and go."]);
    }
}
