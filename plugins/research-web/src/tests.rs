//! The tools as the host calls them, on the files of `tests/data`. What one file knows is tested in that file.

use std::io::Write;

use inkstone_plugin::research::{Answer, ErrorKind, Research};
use inkstone_plugin::testing::{self, HttpAnswer};
use inkstone_plugin::{Error, Result};
use serde_json::{Value, json};

use crate::Web;

const ARTICLE: &[u8] = include_bytes!("../tests/data/article.html");
const URL: &str = "https://river.example/eel";

/// Calls a tool on an answer of this type.
fn call(tool: &str, url: &str, media_type: &str, body: &[u8]) -> Result<Answer> {
    call_on(
        tool,
        json!({ "url": url }),
        testing::response(200)
            .header("content-type", media_type)
            .body(body),
    )
}

fn call_on(tool: &str, input: Value, answer: HttpAnswer) -> Result<Answer> {
    testing::http(move |_| Ok(answer.clone()));
    testing::call_tool(&Web, tool, &input)
}

fn content(answer: &Answer) -> Value {
    serde_json::from_str(&answer.content).unwrap()
}

#[test]
fn an_article_is_read_without_what_frames_it() {
    let answer = call("fetch", URL, "text/html; charset=utf-8", ARTICLE).unwrap();
    let page = content(&answer);
    assert_eq!(page["title"], "The long walk of the eel");
    assert_eq!(page["author"], "Ada Poole");
    assert_eq!(page["published"], "2025-03-01T10:00:00+01:00");
    assert_eq!(page["site_name"], "River Notes");
    assert_eq!(page["language"], "en-GB");
    assert_eq!(page["excerpt"], "Where eels come from & where they go.");
    assert_eq!(page["url"], URL);
    assert_eq!(page["truncated"], false);
    let text = page["text"].as_str().unwrap();
    assert!(
        text.contains("born in the Sargasso Sea and drift"),
        "{text}"
    );
    assert!(text.contains("## In the river"), "{text}");
    assert!(text.contains("- Silver eels eat nothing"), "{text}");
    assert!(text.contains("a survey found"), "{text}");
    for frame in ["Imprint", "All rivers", "traps", "track(", "eel.jpg", "]("] {
        assert!(!text.contains(frame), "{frame}: {text}");
    }
    assert_eq!(page["word_count"], text.split_whitespace().count());
    let links = json!([
        { "text": "Sargasso Sea", "url": "https://river.example/sea/sargasso" },
        { "text": "a survey", "url": "https://science.example/eels?a=1&b=2" },
    ]);
    assert_eq!(page["links"], links);
    assert!(
        answer
            .text
            .starts_with("# The long walk of the eel\n\nEels are born"),
        "{}",
        answer.text
    );
    assert_eq!(answer.sources.len(), 1);
    let source = &answer.sources[0];
    assert_eq!(source.url.as_deref(), Some(URL));
    assert_eq!(source.title.as_deref(), Some("The long walk of the eel"));
    assert_eq!(source.author.as_deref(), Some("Ada Poole"));
    assert_eq!(
        source.published.as_deref(),
        Some("2025-03-01T10:00:00+01:00")
    );
}

#[test]
fn a_page_too_short_for_an_article_is_read_whole() {
    let body = include_bytes!("../tests/data/short.html");
    let page = content(&call("fetch", URL, "text/html", body).unwrap());
    assert_eq!(page["title"], "Closed today");
    assert_eq!(page["text"], "We are closed.");
    // Without a type, it is known by its first words.
    assert_eq!(
        content(&call("fetch", URL, "", body).unwrap())["text"],
        "We are closed."
    );
    let empty = call(
        "fetch",
        URL,
        "text/html",
        b"<div id=app></div><script>x()</script>",
    )
    .unwrap_err();
    assert_eq!(empty.kind, ErrorKind::Upstream);
    assert!(empty.message.contains("scripts"), "{}", empty.message);
}

#[test]
fn redirects_and_charsets_are_followed() {
    let latin = b"<title>Caf\xe9 am Fluss</title><p>Ein Caf\xe9 am Fluss, und sonst nichts weit und breit.</p>";
    let moved = testing::response(200)
        .header("content-type", "text/html; charset=iso-8859-1")
        .url("https://www.river.example/new/")
        .body(latin.to_vec());
    let answer = call_on("fetch", json!({ "url": URL }), moved).unwrap();
    assert_eq!(content(&answer)["title"], "Café am Fluss");
    assert_eq!(content(&answer)["url"], "https://www.river.example/new/");
    assert_eq!(answer.sources[0].url.as_deref(), Some(URL));
}

#[test]
fn plain_text_passes_and_other_types_do_not() {
    let url = "https://river.example/notes/eel.md";
    let page = content(&call("fetch", url, "text/plain", b"Eels.\r\n\r\nMore eels.").unwrap());
    assert_eq!(page["title"], "eel.md");
    assert_eq!(page["text"], "Eels.\n\nMore eels.");
    let answer = call("fetch", url, "text/markdown", b"# Eels\n\nMore.").unwrap();
    assert_eq!(answer.text, "# Eels\n\nMore.");
    for (media_type, hint) in [
        ("application/pdf", "application/pdf"),
        ("image/png", "image/png"),
        ("application/rss+xml", "`feed`"),
    ] {
        let error = call("fetch", URL, media_type, b"%PDF").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.message.contains(hint), "{}", error.message);
    }
    assert_eq!(
        call("fetch", URL, "", b"\0\x01").unwrap_err().kind,
        ErrorKind::Unsupported
    );
}

#[test]
fn a_long_text_is_cut_and_says_so() {
    let answer = testing::response(200)
        .header("content-type", "text/plain")
        .body("één twee drie");
    let page = content(&call_on("fetch", json!({ "url": URL, "max_chars": 8 }), answer).unwrap());
    assert_eq!(page["text"], "één twee");
    assert_eq!(page["truncated"], true);
}

#[test]
fn statuses_become_typed_errors_without_the_page_in_the_message() {
    for (status, kind) in [
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (410, ErrorKind::NotFound),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::Upstream),
        (503, ErrorKind::Unavailable),
        (504, ErrorKind::Timeout),
    ] {
        let answer = testing::response(status)
            .header("retry-after", "3")
            .body("<html>Go away</html>");
        let error = call_on("fetch", json!({ "url": URL }), answer).unwrap_err();
        assert_eq!(error.kind, kind, "{status}");
        assert_eq!(error.upstream_status, Some(status));
        assert_eq!(error.retry_after_ms, Some(3000));
        assert!(
            error.message.contains(&status.to_string()),
            "{}",
            error.message
        );
        assert!(!error.message.contains('<'), "{}", error.message);
    }
    // The scripted clock stands at 2025-01-01T00:00:00Z.
    let dated = testing::response(429).header("retry-after", "Wed, 01 Jan 2025 00:00:05 GMT");
    let error = call_on("feed", json!({ "url": URL }), dated).unwrap_err();
    assert_eq!(error.retry_after_ms, Some(5000));
}

#[test]
fn errors_of_the_host_pass_unchanged() {
    let denied = Error::forbidden("egress to 169.254.169.254:80 is not granted");
    for tool in ["fetch", "feed", "sitemap"] {
        let answer = denied.clone();
        testing::http(move |_| Err(answer.clone()));
        let error = testing::call_tool(&Web, tool, &json!({ "url": "http://169.254.169.254/" }))
            .unwrap_err();
        assert_eq!(error, denied);
    }
    let broken = Error::timeout("the body stopped");
    let answer = testing::response(200)
        .header("content-type", "text/html")
        .body("<p>")
        .broken(broken.clone());
    assert_eq!(
        call_on("fetch", json!({ "url": URL }), answer).unwrap_err(),
        broken
    );
}

#[test]
fn bad_addresses_are_refused_before_anything_is_asked() {
    for tool in ["fetch", "feed", "sitemap"] {
        for url in [
            "river",
            "file:///etc/passwd",
            "gopher://river.example",
            "https://me:pw@river.example",
        ] {
            let error = testing::call_tool(&Web, tool, &json!({ "url": url })).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidInput, "{url}");
            assert!(!error.message.contains("pw"), "{}", error.message);
        }
    }
    assert!(testing::http_requests().is_empty());
}

#[test]
fn too_much_is_refused() {
    let megabyte = vec![b'x'; 1024 * 1024];
    let answer = testing::response(200)
        .header("content-type", "text/plain")
        .pieces(vec![megabyte; 6]);
    let error = call_on("fetch", json!({ "url": URL }), answer).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Upstream);
    let page = format!("<html><body>{}", "<p>x".repeat(70_000));
    let error = call("fetch", URL, "text/html", page.as_bytes()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
}

#[test]
fn the_settings_reach_the_web_site() {
    testing::settings(&json!({ "user_agent": "Ferry/1", "accept_language": "de" }));
    call("fetch", URL, "text/html", ARTICLE).unwrap();
    let request = &testing::http_requests()[0];
    let header = |name: &str| {
        request
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(header("user-agent"), Some("Ferry/1"));
    assert_eq!(header("accept-language"), Some("de"));
    assert!(header("accept").unwrap().starts_with("text/html"));
}

#[test]
fn rss_is_read() {
    let body = include_bytes!("../tests/data/feed.rss");
    let answer = call(
        "feed",
        "https://river.example/feed.xml",
        "application/rss+xml",
        body,
    )
    .unwrap();
    let feed = content(&answer);
    assert_eq!(feed["format"], "rss");
    assert_eq!(feed["title"], "River Notes & more");
    assert_eq!(feed["site_url"], "https://river.example/");
    let first = json!({
        "title": "The long walk of the eel",
        "url": "https://river.example/eel",
        "id": "note-1",
        "published": "2025-03-01T10:00:00Z",
        "updated": null,
        "author": "Zoë Café",
        "summary": "Born in the Sargasso Sea & raised in rivers.",
        "tags": ["fish"],
    });
    assert_eq!(feed["items"][0], first);
    assert_eq!(feed["items"][1]["title"], "The pike – a portrait");
    assert_eq!(feed["items"][1]["url"], "https://river.example/pike");
    let sources: Vec<&str> = answer
        .sources
        .iter()
        .filter_map(|source| source.url.as_deref())
        .collect();
    assert_eq!(
        sources,
        [
            "https://river.example/feed.xml",
            "https://river.example/eel",
            "https://river.example/pike"
        ]
    );
    assert!(
        answer
            .text
            .contains("[The long walk of the eel](https://river.example/eel)"),
        "{}",
        answer.text
    );
    let one = testing::response(200).body(body.to_vec());
    let feed = content(&call_on("feed", json!({ "url": URL, "limit": 1 }), one).unwrap());
    assert_eq!(feed["items"].as_array().unwrap().len(), 1);
}

#[test]
fn atom_is_read() {
    let body = include_bytes!("../tests/data/feed.atom");
    let feed = content(
        &call(
            "feed",
            "https://river.example/feed.atom",
            "application/atom+xml",
            body,
        )
        .unwrap(),
    );
    assert_eq!(feed["format"], "atom");
    assert_eq!(feed["site_url"], "https://river.example/");
    let item = json!({
        "title": "Eels & elvers",
        "url": "https://river.example/eel",
        "id": "urn:eel",
        "published": "2025-03-01T10:00:00+01:00",
        "updated": "2025-03-02T00:00:00Z",
        "author": "Ada Poole",
        "summary": "Born in the Sargasso Sea.",
        "tags": ["fish"],
    });
    assert_eq!(feed["items"][0], item);
}

#[test]
fn a_json_feed_is_read() {
    let body = include_bytes!("../tests/data/feed.json");
    let feed = content(
        &call(
            "feed",
            "https://river.example/feed.json",
            "application/feed+json",
            body,
        )
        .unwrap(),
    );
    assert_eq!(feed["format"], "json");
    let item = &feed["items"][0];
    assert_eq!(item["id"], "7");
    assert_eq!(item["url"], "https://river.example/eel");
    assert_eq!(item["author"], "Ada Poole");
    assert_eq!(item["summary"], "Born in the Sargasso Sea.");
    assert_eq!(feed["items"][1]["summary"], "A note without a title.");
}

#[test]
fn what_is_no_feed_says_what_it_is() {
    for (body, kind, hint) in [
        (
            ARTICLE,
            ErrorKind::Unsupported,
            "https://river.example/feed.xml",
        ),
        (b"<urlset/>".as_slice(), ErrorKind::Unsupported, "`sitemap`"),
        (b"hello", ErrorKind::Unsupported, "no RSS"),
        (b"{\"a\":1}", ErrorKind::Unsupported, "no JSON feed"),
        (b"{\"items\":3}", ErrorKind::Upstream, "items"),
        (
            b"<rss><channel><item></rss>",
            ErrorKind::Upstream,
            "malformed",
        ),
    ] {
        let error = call("feed", URL, "", body).unwrap_err();
        assert_eq!(error.kind, kind, "{}", error.message);
        assert!(error.message.contains(hint), "{}", error.message);
    }
    assert_eq!(
        call("feed", URL, "image/png", b"").unwrap_err().kind,
        ErrorKind::Unsupported
    );
}

#[test]
fn sitemaps_are_read_plain_and_gzipped() {
    let body = include_bytes!("../tests/data/sitemap.xml");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(body).unwrap();
    let packed = packer.finish().unwrap();
    for (media_type, body) in [
        ("text/xml", body.as_slice()),
        ("application/gzip", packed.as_slice()),
    ] {
        let answer = call(
            "sitemap",
            "https://river.example/sitemap.xml",
            media_type,
            body,
        )
        .unwrap();
        let map = content(&answer);
        assert_eq!(map["kind"], "urlset");
        assert_eq!(map["total"], 3);
        assert_eq!(map["truncated"], false);
        let first = json!({
            "url": "https://river.example/eel?a=1&b=2",
            "lastmod": "2025-03-01",
            "changefreq": "monthly",
            "priority": 0.8,
        });
        assert_eq!(map["entries"][0], first);
        assert_eq!(map["entries"][1]["url"], "https://river.example/pike");
        assert_eq!(map["entries"][1]["lastmod"], "2025-03-01T10:00:00+01:00");
        assert_eq!(
            answer.sources[0].url.as_deref(),
            Some("https://river.example/sitemap.xml")
        );
    }
    let two = testing::response(200).body(body.to_vec());
    let map = content(&call_on("sitemap", json!({ "url": URL, "limit": 2 }), two).unwrap());
    assert_eq!(map["entries"].as_array().unwrap().len(), 2);
    assert_eq!(map["total"], 3);
    assert_eq!(map["truncated"], true);
}

#[test]
fn sitemap_indexes_and_lists_are_read_and_nonsense_is_not() {
    let body = include_bytes!("../tests/data/sitemapindex.xml");
    let map = content(&call("sitemap", URL, "application/xml", body).unwrap());
    assert_eq!(map["kind"], "sitemapindex");
    assert_eq!(
        map["entries"][0]["url"],
        "https://river.example/notes.xml.gz"
    );
    let map = content(
        &call(
            "sitemap",
            URL,
            "text/plain",
            b"https://a.example/1\n\nhttps://a.example/2\n",
        )
        .unwrap(),
    );
    assert_eq!(map["entries"][1]["url"], "https://a.example/2");
    for (body, kind) in [
        (ARTICLE, ErrorKind::Unsupported),
        (b"words".as_slice(), ErrorKind::Unsupported),
        (b"", ErrorKind::Unsupported),
        (b"<rss></rss>", ErrorKind::Unsupported),
        (b"<urlset><url></urlset>", ErrorKind::Upstream),
        (b"\x1f\x8bbroken", ErrorKind::Upstream),
    ] {
        let error = call("sitemap", URL, "", body).unwrap_err();
        assert_eq!(error.kind, kind, "{}", error.message);
    }
}

#[test]
fn a_gzipped_sitemap_cannot_unfold_without_end() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(&vec![b' '; 17 * 1024 * 1024]).unwrap();
    let error = call(
        "sitemap",
        URL,
        "application/gzip",
        &packer.finish().unwrap(),
    )
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Upstream);
    assert!(error.message.contains("unfolds"), "{}", error.message);
}

#[test]
fn inputs_are_checked_and_described() {
    let tools = Web.tools();
    let names: Vec<&str> = tools.iter().map(|tool| tool.name()).collect();
    assert_eq!(names, ["fetch", "feed", "sitemap"]);
    for tool in &tools {
        let schema: Value = serde_json::from_str(tool.input_schema()).unwrap();
        assert_eq!(schema["required"], json!(["url"]));
        assert_eq!(schema["additionalProperties"], false);
        let error = testing::call_tool(&Web, tool.name(), &json!({ "uri": "x" })).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput);
    }
}

#[test]
fn deep_nesting_does_not_reach_the_end_of_the_stack() {
    let nested = |levels: usize| {
        let page = format!(
            "<html><body>{}{}",
            "<div>".repeat(levels),
            "deep ".repeat(200)
        );
        call("fetch", URL, "text/html", page.as_bytes())
    };
    assert!(nested(100).unwrap().text.contains("deep deep"));
    assert_eq!(nested(2000).unwrap_err().kind, ErrorKind::Unsupported);
    assert_eq!(crate::markup::to_line(&"<b>x".repeat(2000)), "");
}
