//! Writing WXR that WordPress takes in under “Tools → Import”. Bodies go out as sanitised HTML; custom
//! fields, revisions and translations have no place there.

use std::io::Write;

use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::Status;
use quick_xml::Writer;
use quick_xml::events::{BytesCData, BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::json_lines::unwritable;
use super::piece::Piece;
use super::record::ArticleRecord;
use super::writer::PieceWriter;
use crate::content::render_markdown;

const NAMESPACES: [(&str, &str); 5] = [
    ("version", "2.0"),
    ("xmlns:excerpt", "http://wordpress.org/export/1.2/excerpt/"),
    ("xmlns:content", "http://purl.org/rss/1.0/modules/content/"),
    ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
    ("xmlns:wp", "http://wordpress.org/export/1.2/"),
];

/// Writes items as they come.
pub struct WxrWriter<W: Write> {
    xml: Writer<W>,
    /// Numbers of posts are WordPress's own.
    posts: u64,
}

impl<W: Write> WxrWriter<W> {
    /// Writes the head.
    pub fn new(out: W) -> Result<Self> {
        let mut writer = Self {
            xml: Writer::new(out),
            posts: 0,
        };
        let declaration = BytesDecl::new("1.0", Some("UTF-8"), None);
        writer.event(Event::Decl(declaration))?;
        let rss = BytesStart::new("rss").with_attributes(NAMESPACES);
        writer.event(Event::Start(rss))?;
        writer.event(Event::Start(BytesStart::new("channel")))?;
        writer.text("title", "Inkstone")?;
        writer.text("wp:wxr_version", "1.2")?;
        Ok(writer)
    }

    fn event(&mut self, event: Event<'_>) -> Result<()> {
        self.xml.write_event(event).map_err(unwritable)
    }

    fn text(&mut self, name: &str, text: &str) -> Result<()> {
        self.event(Event::Start(BytesStart::new(name)))?;
        self.event(Event::Text(BytesText::new(&sayable(text))))?;
        self.event(Event::End(BytesEnd::new(name)))
    }

    fn data(&mut self, start: BytesStart<'_>, text: &str) -> Result<()> {
        let end = start.to_end().into_owned();
        self.event(Event::Start(start))?;
        let text = sayable(text);
        for piece in BytesCData::escaped(&text) {
            self.event(Event::CData(piece))?;
        }
        self.event(Event::End(end))
    }

    fn term(&mut self, domain: &str, name: &str) -> Result<()> {
        let start = BytesStart::new("category").with_attributes([("domain", domain)]);
        self.data(start, name)
    }

    fn meta(&mut self, key: &str, value: &str) -> Result<()> {
        self.event(Event::Start(BytesStart::new("wp:postmeta")))?;
        self.text("wp:meta_key", key)?;
        self.data(BytesStart::new("wp:meta_value"), value)?;
        self.event(Event::End(BytesEnd::new("wp:postmeta")))
    }

    fn item(&mut self, record: &ArticleRecord) -> Result<()> {
        let record = record.clone().without_empty();
        self.posts += 1;
        self.event(Event::Start(BytesStart::new("item")))?;
        self.data(
            BytesStart::new("title"),
            record.title.as_deref().unwrap_or_default(),
        )?;
        if let Some(author) = record.authors.iter().flatten().next() {
            self.data(BytesStart::new("dc:creator"), author)?;
        }
        let html = render_markdown(record.body.as_deref().unwrap_or_default()).html;
        self.data(BytesStart::new("content:encoded"), &html)?;
        let summary = record.summary.as_deref().unwrap_or_default();
        self.data(BytesStart::new("excerpt:encoded"), summary)?;
        self.text("wp:post_id", &self.posts.to_string())?;
        let created_at = match record.status {
            Some(Status::Scheduled) => record.publish_at,
            _ => record.created_at,
        };
        self.text("wp:post_date_gmt", &date(created_at))?;
        self.text("wp:post_modified_gmt", &date(record.updated_at))?;
        self.text("wp:post_name", record.slug.as_deref().unwrap_or_default())?;
        self.text("wp:status", status(record.status.unwrap_or_default()))?;
        self.text("wp:post_type", "post")?;
        for name in record.categories.iter().flatten() {
            self.term("category", name)?;
        }
        for name in record.tags.iter().flatten() {
            self.term("post_tag", name)?;
        }
        for former in record.former_slugs.iter().flatten() {
            self.meta("_wp_old_slug", &former.slug)?;
        }
        for (key, value) in [
            ("_yoast_wpseo_title", &record.meta_title),
            ("_yoast_wpseo_metadesc", &record.meta_description),
            ("_yoast_wpseo_canonical", &record.canonical_url),
        ] {
            if let Some(value) = value {
                self.meta(key, value)?;
            }
        }
        if record.no_index == Some(true) {
            self.meta("_yoast_wpseo_meta-robots-noindex", "1")?;
        }
        self.event(Event::End(BytesEnd::new("item")))
    }
}

impl<W: Write + Send> PieceWriter for WxrWriter<W> {
    fn write(&mut self, piece: &Piece) -> Result<()> {
        match piece {
            Piece::Article(article) => self.item(&article.record),
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.event(Event::End(BytesEnd::new("channel")))?;
        self.event(Event::End(BytesEnd::new("rss")))?;
        self.xml.get_mut().flush().map_err(unwritable)
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Draft | Status::Archived => "draft",
        Status::InReview | Status::Approved => "pending",
        Status::Scheduled => "future",
        Status::Published => "publish",
    }
}

fn date(at: Option<DateTime<Utc>>) -> String {
    let at = at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string());
    at.unwrap_or_else(|| "0000-00-00 00:00:00".to_owned())
}

/// XML has no way to write most control characters.
fn sayable(text: &str) -> String {
    let is_sayable = |c: &char| !c.is_control() || ['\t', '\n', '\r'].contains(c);
    text.chars().filter(is_sayable).collect()
}
