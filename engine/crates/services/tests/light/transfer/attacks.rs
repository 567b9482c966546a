//! Files that are made to do harm: to fill the memory or the disk, to lead out of the archive, to bring
//! scripts in, to take what is others'. Each is refused as a whole, or entry by entry, and says why.

use std::io::Cursor;

use inkstone_domain::codes;
use inkstone_domain::content::ArticleFilter;
use inkstone_domain::job::JobStatus;
use inkstone_domain::ports::ArticleStore;
use inkstone_domain::transfer::{Format, OnConflict, Outcome};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{PROJECT, all, export, import, lines, new, outcomes, with_project, zip_of};
use crate::world::{MOST_ENTRIES, page};

/// What a file of this format comes to: the error of the whole, and what is said of its entries.
async fn tried(format: Format, file: impl Into<bytes::Bytes>) -> (Option<String>, Vec<String>) {
    let (world, owner) = with_project().await;
    let (done, report) = import(&world, &owner, new(format, OnConflict::Skip), file).await;
    let made = world
        .store
        .list_articles(ArticleFilter::default(), page(10))
        .await;
    let made = made.unwrap().items.len() as u64;
    assert_eq!(made, done.counts.created, "as many as it says");
    assert!(world.folder.path().read_dir().unwrap().next().is_none());
    let said = report.iter().map(|line| {
        let code = line.code.as_deref().unwrap_or(line.outcome.as_str());
        format!("{code}: {}", line.message.as_deref().unwrap_or_default())
    });
    (done.error.map(|error| error.message), said.collect())
}

#[tokio::test]
async fn names_that_lead_out_of_an_archive() {
    let names = [
        "../outside.md",
        "a/../../outside.md",
        "/etc/cron.d/outside.md",
        "C:\\outside.md",
        "C:outside.md",
        "..\\outside.md",
        "a/./b.md",
    ];
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, &b"# Out"[..])).collect();
    let (error, said) = tried(Format::Markdown, zip_of(&files)).await;
    assert_eq!(error, None);
    assert_eq!(
        said,
        vec!["invalid_input: its name leads out of the archive"; names.len()]
    );
}

#[tokio::test]
async fn links_in_an_archive() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("passwords.md", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    let (error, said) = tried(Format::Markdown, zip.finish().unwrap().into_inner()).await;
    assert_eq!(
        (error, said),
        (None, vec!["invalid_input: it is a link".to_owned()])
    );
}

#[tokio::test]
async fn bombs_in_zip_files() {
    // One entry that is too long for an article; the rest is read.
    let nothing = vec![b' '; 9 << 20];
    let (error, said) = tried(
        Format::Markdown,
        zip_of(&[("long.md", &nothing), ("short.md", b"# Short")]),
    )
    .await;
    assert_eq!(error, None);
    assert!(said[0].starts_with("body_too_large"), "{said:?}");
    assert!(said[1].starts_with("created"), "{said:?}");
    // Many that are too much together.
    let file = vec![b' '; 7 << 20];
    let names: Vec<String> = (0..4).map(|number| format!("{number}.md")).collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), &file[..]))
        .collect();
    let (error, said) = tried(Format::Markdown, zip_of(&files)).await;
    let error = error.unwrap();
    assert!(error.contains("unpacks to more than it may"), "{error}");
    assert!(said.len() < 4);
    // A bomb within: it is no article, and never opened.
    let inner = zip_of(&files);
    let (error, said) = tried(Format::Markdown, zip_of(&[("inner.zip", &inner)])).await;
    assert_eq!((error, said.len()), (None, 1));
    assert!(said[0].starts_with("skipped"), "{said:?}");
}

#[tokio::test]
async fn a_zip_file_of_too_many_entries() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..=MOST_ENTRIES {
        zip.start_file(format!("{number}"), SimpleFileOptions::default())
            .unwrap();
    }
    let (error, said) = tried(Format::Markdown, zip.finish().unwrap().into_inner()).await;
    assert!(error.unwrap().contains("2001 entries"));
    assert_eq!(said, [] as [String; 0]);
}

#[tokio::test]
async fn files_of_too_many_entries_in_other_formats() {
    let wxr = |items: usize| {
        let items = "<item/><item></item>".repeat(items);
        format!("<rss><channel><wp:wxr_version>1.2</wp:wxr_version>{items}</channel></rss>")
    };
    let whole = |(error, said): (Option<String>, Vec<String>)| (error, said.len());
    for (format, most, more) in [
        (
            Format::Jsonl,
            "x\n".repeat(MOST_ENTRIES),
            "x\n".repeat(MOST_ENTRIES + 1),
        ),
        (Format::Wxr, wxr(MOST_ENTRIES), wxr(MOST_ENTRIES + 1)),
    ] {
        assert_eq!(whole(tried(format, most).await), (None, MOST_ENTRIES));
        let (error, said) = tried(format, more).await;
        let error = error.unwrap();
        assert!(error.contains("more than 2000 entries"), "{error}");
        assert_eq!(said.len(), MOST_ENTRIES);
    }
}

#[tokio::test]
async fn lines_without_anything() {
    let mut file = "\n".repeat(3 << 20);
    file.push_str(" \t\r\n");
    file.push_str(&lines(&[json!({ "title": "After" })]));
    let (error, said) = tried(Format::Jsonl, file).await;
    assert_eq!((error, said.len()), (None, 1));
    assert!(said[0].starts_with("created"), "{said:?}");
}

#[tokio::test]
async fn zip_files_that_are_none() {
    let mut cut = zip_of(&[("a.md", b"# A")]);
    cut.truncate(cut.len() - 10);
    let mut other = zip_of(&[("a.md", b"# A")]);
    other[30] = b'b'; // The name before the entry is another than in the directory.
    for file in [cut, other, b"PK\x03\x04".to_vec(), b"PK\x05\x06".to_vec()] {
        let (error, _) = tried(Format::Markdown, file).await;
        assert!(error.unwrap().contains("no whole ZIP file"));
    }
}

#[tokio::test]
async fn front_matter_that_grows() {
    let mut laughs = String::from("---\na: &a [x, x, x, x, x, x, x, x, x]\n");
    for (one, before) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        let many = vec![format!("*{before}"); 9].join(", ");
        laughs.push_str(&format!("{one}: &{one} [{many}]\n"));
    }
    laughs.push_str("title: Boom\n---\ntext\n");
    let anchors: String = (0..5_000).map(|n| format!("k{n}: &a{n} x\n")).collect();
    let deep = format!(
        "---\na: {}{}\n---\n",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let endless = format!("---\ntitle: {}\n", "a\n".repeat(200_000));
    for file in [
        laughs,
        format!("---\n{anchors}---\n"),
        deep,
        endless,
        "---\ntitle: !!python/object/apply:os.system [ls]\n---\n".to_owned(),
        "---\ntitle: *nobody\n---\n".to_owned(),
        "---\n- a list\n---\n".to_owned(),
    ] {
        let (error, said) = tried(Format::Markdown, file.clone()).await;
        let start: String = file.chars().take(60).collect();
        assert_eq!(error, None, "{start}");
        assert!(said[0].starts_with("invalid_input"), "{start}: {said:?}");
        assert!(said[0].len() < 2_000, "{start}: it says only what helps");
    }
}

#[tokio::test]
async fn xml_that_grows_or_fetches() {
    let wxr = |head: &str, body: &str| {
        format!(
            "<?xml version=\"1.0\"?>{head}<rss><channel><wp:wxr_version>1.2</wp:wxr_version>{body}</channel></rss>"
        )
    };
    let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    let outside = "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    let deep = "<a>".repeat(100_000);
    for (file, said) in [
        (
            wxr(laughs, "<item><title>&b;</title></item>"),
            "entities of its own",
        ),
        (
            wxr(outside, "<item><title>&x;</title></item>"),
            "entities of its own",
        ),
        (
            wxr("", "<item><title>&x;</title></item>"),
            "an entity that XML does not have",
        ),
        (wxr("", &deep), "nested too deep"),
        (
            wxr(
                "",
                &format!("<item><title>{}</title></item>", "a".repeat(9 << 20)),
            ),
            "more than",
        ),
    ] {
        let (error, _) = tried(Format::Wxr, file).await;
        let error = error.unwrap();
        assert!(error.contains(said), "{said}: {error}");
    }
    // Too long in many small pieces: the item is wrong, the next one is read.
    let pieces = "<![CDATA[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]]>".repeat(200_000);
    let post = "<wp:post_type>post</wp:post_type><wp:status>draft</wp:status>";
    let items = format!(
        "<item><title>Long</title><content:encoded>{pieces}</content:encoded>{post}</item><item><title>Short</title>{post}</item>"
    );
    let (error, said) = tried(Format::Wxr, wxr("", &items)).await;
    assert_eq!(error, None);
    assert!(said[0].starts_with("body_too_large"), "{said:?}");
    assert!(said[1].starts_with("created"), "{said:?}");
}

#[tokio::test]
async fn lines_that_never_end() {
    let mut file = vec![b'a'; 100 << 20];
    file.push(b'\n');
    file.extend_from_slice(lines(&[json!({ "title": "After" })]).as_bytes());
    let (error, said) = tried(Format::Jsonl, file).await;
    assert_eq!(error, None);
    assert!(said[0].starts_with("body_too_large"), "{said:?}");
    assert!(said[1].starts_with("created"), "{said:?}");
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    for format in [Format::Jsonl, Format::Markdown, Format::Html] {
        let (error, said) = tried(format, &b"{\"title\": \"\xff\xfe\"}"[..]).await;
        assert_eq!(error, None);
        assert!(
            said[0].starts_with("invalid_input: is no UTF-8"),
            "{format:?} {said:?}"
        );
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let fields = format!("{{\"title\": \"Deep\", \"fields\": {{\"a\": {deep}}}}}");
    let (error, said) = tried(Format::Jsonl, fields).await;
    assert_eq!(error, None);
    assert!(said[0].starts_with("invalid_input"), "{said:?}");
}

#[tokio::test]
async fn scripts_in_pages() {
    let (world, owner) = with_project().await;
    let page = r#"<html lang="de"><head><title>Kaffee &amp; Kuchen</title>
        <meta name="description" content="Guter Kuchen">
        <script>steal()</script></head><body>
        <nav>Menu</nav><h1>Kaffee &amp; Kuchen</h1>
        <p onclick="steal()">Text <a href="javascript:steal()">here</a>
        <img src="x" onerror="steal()"><svg onload="steal()"><script>steal()</script></svg>
        <a href="data:text/html,steal()">there</a></p>
        <iframe src="https://evil.example.org"></iframe><style>steal{}</style>
        <noscript><p title="</noscript><img src=x onerror=steal()>">a</p></noscript>
        </body></html>"#;
    let (_, report) = import(&world, &owner, new(Format::Html, OnConflict::Skip), page).await;
    assert_eq!(outcomes(&report), [Outcome::Created], "{report:?}");
    let article = world
        .store
        .article(report[0].article.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(article.text.title, "Kaffee & Kuchen");
    assert_eq!(article.text.language, "de");
    assert_eq!(article.text.meta_description, "Guter Kuchen");
    let body = &article.text.body;
    for word in ["steal", "javascript", "Menu", "iframe", "evil", "Kaffee"] {
        assert!(!body.contains(word), "{word}: {body}");
    }
    assert!(body.contains("Text here"), "{body}");
    // And what is in a body never gets out as a script either.
    let text = json!({ "title": "</title><script>steal()</script>", "slug": "x",
        "body": "<script>steal()</script> [a](javascript:steal()) <img src=x onerror=steal()>",
        "meta_description": "\"><script>steal()</script>" });
    import(
        &world,
        &owner,
        new(Format::Jsonl, OnConflict::Skip),
        lines(&[text]),
    )
    .await;
    for format in [Format::Html, Format::Wxr] {
        let file = export(&world.services, &owner, all(format)).await;
        let text = match format {
            Format::Html => unzipped(&file),
            _ => String::from_utf8(file).unwrap(),
        };
        assert!(text.contains("Kaffee"), "{format:?}");
        // Titles and descriptions are texts there, whatever they say.
        let body = [
            "</title><script>steal()</script>",
            "\"><script>steal()</script>",
        ]
        .iter()
        .fold(text, |text, one| {
            text.replace(&format!("<![CDATA[{one}]]>"), "")
        });
        for word in ["<script", "href=\"javascript:", "onerror=\""] {
            assert!(!body.contains(word), "{format:?} {word}: {body}");
        }
    }
}

fn unzipped(file: &[u8]) -> String {
    let mut zip = zip::ZipArchive::new(Cursor::new(file)).unwrap();
    let mut text = String::new();
    for index in 0..zip.len() {
        std::io::Read::read_to_string(&mut zip.by_index(index).unwrap(), &mut text).unwrap();
    }
    text
}

#[tokio::test]
async fn pages_that_cost_more_than_they_say() {
    let formatting: String = (0..3_000).map(|n| format!("<b id={n}><p>")).collect();
    for page in [
        "<div>".repeat(5_000),
        "<div>".repeat(60_000),
        formatting,
        "<div></x>".repeat(5_000),
        format!("{}text", "<blockquote><ul><li>".repeat(1_000)),
    ] {
        let (error, said) = tried(Format::Html, page.clone()).await;
        let start: String = page.chars().take(30).collect();
        assert_eq!(error, None, "{start}");
        assert!(said[0].starts_with("invalid_input"), "{start}: {said:?}");
    }
}

/// An archive, and the same with its files changed.
async fn archive() -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    let (world, owner) = with_project().await;
    let file = lines(&[json!({ "title": "Tides" }), json!({ "title": "Moon" })]);
    import(&world, &owner, new(Format::Jsonl, OnConflict::Skip), file).await;
    let file = export(&world.services, &owner, all(Format::Archive)).await;
    let mut zip = zip::ZipArchive::new(Cursor::new(file.clone())).unwrap();
    let mut files = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        files.push((entry.name().unwrap().into_owned(), content));
    }
    (file, files)
}

fn packed(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, it)| (name.as_str(), &it[..]))
        .collect();
    zip_of(&files)
}

#[tokio::test]
async fn archives_that_somebody_changed() {
    let (whole, files) = archive().await;
    let (error, said) = tried(Format::Archive, whole).await;
    assert_eq!(error, None);
    assert_eq!(
        said.iter().filter(|it| it.starts_with("created")).count(),
        2,
        "{said:?}"
    );

    let place = files
        .iter()
        .position(|(name, _)| name == "articles-00001.jsonl")
        .unwrap();
    let mut changed = files.clone();
    let text = String::from_utf8(changed[place].1.clone()).unwrap();
    changed[place].1 = text.replace("Tides", "Lies!").into_bytes();
    let mut missing = files.clone();
    missing.remove(place);
    let mut more = files.clone();
    more.push(("articles-00002.jsonl".to_owned(), files[place].1.clone()));
    let mut strange = files.clone();
    strange.push(("../evil.jsonl".to_owned(), b"{}".to_vec()));
    let mut unknown = files.clone();
    unknown.push(("notes.txt".to_owned(), b"x".to_vec()));
    let mut newer = files.clone();
    let manifest = newer
        .iter()
        .position(|(name, _)| name == "manifest.json")
        .unwrap();
    let mut text: Value = serde_json::from_slice(&newer[manifest].1).unwrap();
    text["version"] = json!(4);
    newer[manifest].1 = text.to_string().into_bytes();
    let mut bare = files.clone();
    bare.remove(manifest);
    for (files, said) in [
        (changed, "not as its manifest has it"),
        (missing, "not as its manifest has it"),
        (more, "not as its manifest has it"),
        (strange, "leads out"),
        (unknown, "no file of an archive"),
        (newer, "version 4"),
        (bare, "no `manifest.json`"),
    ] {
        let (error, report) = tried(Format::Archive, packed(&files)).await;
        let error = error.unwrap();
        assert!(error.contains(said), "{said}: {error}");
        assert_eq!(report, [] as [String; 0], "{said}: nothing was taken in");
    }
}

#[tokio::test]
async fn nobody_writes_in_the_name_of_others() {
    let (world, owner) = with_project().await;
    let other = world
        .somebody(inkstone_domain::principal::Role::Creator)
        .await;
    let file = lines(&[json!({ "title": "Forged", "owner": other.user })]);
    let (_, report) = import(&world, &owner, new(Format::Jsonl, OnConflict::Skip), file).await;
    let article = world
        .store
        .article(report[0].article.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(article.owner, owner.user);
    let revisions = world
        .store
        .revisions(article.id, page(10))
        .await
        .unwrap()
        .items;
    assert_eq!(revisions[0].author, owner.user);
}

#[tokio::test]
async fn a_file_that_is_too_long_is_not_kept() {
    let (world, owner) = with_project().await;
    let piece = bytes::Bytes::from(vec![b'a'; 1 << 20]);
    let endless = futures::stream::repeat_with(move || Ok(piece.clone()));
    let transfers = &world.services.transfers;
    let refused = transfers.import(
        &owner,
        PROJECT,
        new(Format::Jsonl, OnConflict::Skip),
        endless,
    );
    assert_eq!(refused.await.unwrap_err().code(), &codes::BODY_TOO_LARGE);
    assert!(world.folder.path().read_dir().unwrap().next().is_none());
    let broken = futures::stream::iter([
        Ok(bytes::Bytes::from_static(b"{")),
        Err(inkstone_domain::Error::new(&codes::INVALID_INPUT, "gone")),
    ]);
    let refused = transfers.import(
        &owner,
        PROJECT,
        new(Format::Jsonl, OnConflict::Skip),
        broken,
    );
    assert_eq!(refused.await.unwrap_err().code(), &codes::INVALID_INPUT);
    assert!(world.folder.path().read_dir().unwrap().next().is_none());
    let (done, _) = import(&world, &owner, new(Format::Jsonl, OnConflict::Skip), "").await;
    assert_eq!(
        done.status,
        JobStatus::Succeeded,
        "an empty file holds nothing"
    );
}
