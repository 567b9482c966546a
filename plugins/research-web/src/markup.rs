//! Small readings of markup that several tools need: HTML as one line of text, the root element of XML, addresses
//! made whole.

use dom_query::Document;
use quick_xml::Reader;
use quick_xml::events::Event;
use url::Url;

/// Deeper documents are not walked: the walk recurses, and a guest's stack is small.
pub const MAX_DEPTH: usize = 512;

/// Whether a document nests deeper than is safe to walk.
pub fn is_too_deep(document: &Document) -> bool {
    let mut waiting = vec![(document.root(), 0)];
    while let Some((node, depth)) = waiting.pop() {
        if depth > MAX_DEPTH {
            return true;
        }
        waiting.extend(node.children_it(false).map(|child| (child, depth + 1)));
    }
    false
}

/// HTML or plain text as one line of plain text.
pub fn to_line(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return one_line(html);
    }
    let fragment = Document::fragment(html);
    if is_too_deep(&fragment) {
        return String::new();
    }
    one_line(&fragment.formatted_text())
}

/// White space of any kind becomes single spaces.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most so many characters, cut at a word where there is one.
pub fn shorten(text: &str, max_chars: usize) -> String {
    let Some((cut, _)) = text.char_indices().nth(max_chars) else {
        return text.to_owned();
    };
    let kept = &text[..cut];
    let kept = kept
        .rsplit_once(char::is_whitespace)
        .map_or(kept, |(before, _)| before);
    format!("{}…", kept.trim_end())
}

/// Without `<?xml … ?>`, which names an encoding that a decoded text has no more.
pub fn without_declaration(xml: &str) -> &str {
    let xml = xml.trim_start();
    match xml
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("?>"))
    {
        Some((_, rest)) => rest.trim_start(),
        None => xml,
    }
}

/// Local name of the first element, in lower case.
pub fn root_name(xml: &str) -> Option<String> {
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => {
                let name = element.local_name();
                return Some(String::from_utf8_lossy(name.as_ref()).to_ascii_lowercase());
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// A web address made whole; nothing for other schemes.
pub fn resolve(base: &str, address: &str) -> Option<String> {
    let whole = Url::parse(base).ok()?.join(address.trim()).ok()?;
    matches!(whole.scheme(), "http" | "https").then(|| whole.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_made_plain_and_short() {
        assert_eq!(
            to_line("<p>Eels &amp; <b>pike</b></p>\n<p>again</p>"),
            "Eels & pike again"
        );
        assert_eq!(shorten("one two three", 9), "one two…");
        assert_eq!(shorten("short", 9), "short");
    }

    #[test]
    fn roots_and_addresses() {
        let xml = "\n<?xml version='1.0'?>\n<!-- x --><a:Feed xmlns:a='y'><b/></a:Feed>";
        assert_eq!(root_name(xml).as_deref(), Some("feed"));
        assert!(without_declaration(xml).starts_with("<!--"));
        assert_eq!(root_name("no markup"), None);
        assert_eq!(
            resolve("https://a.example/x/", "../y").as_deref(),
            Some("https://a.example/y")
        );
        assert_eq!(resolve("https://a.example/", "mailto:x@y"), None);
    }
}
