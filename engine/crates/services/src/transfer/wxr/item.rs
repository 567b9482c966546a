//! One item of a WXR file, and what it means as an article.

use chrono::{DateTime, NaiveDateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::Status;
use inkstone_domain::project::is_slug;
use inkstone_domain::transfer::FormerSlug;

use super::Site;
use crate::content::slug_of;
use crate::transfer::html::to_markdown;
use crate::transfer::piece::{Content, Piece, wrong};
use crate::transfer::record::{ArticlePiece, ArticleRecord};

/// More of one kind belongs to no post.
const MAX_VALUES: usize = 10_000;

/// What stands between the tags of an item, by the names of its elements.
#[derive(Default)]
pub(super) struct Item {
    values: Vec<(String, String)>,
    /// Domain and name of categories, tags among them.
    terms: Vec<(String, String)>,
    /// Of the posts' own settings.
    meta: Vec<(String, String)>,
    bytes: usize,
    domain: String,
    key: String,
    comments: usize,
}

impl Item {
    /// How much it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn open(&mut self, name: &str, attributes: Vec<(String, String)>) {
        match name {
            "category" => {
                let domain = attributes.into_iter().find(|(name, _)| name == "domain");
                self.domain = domain.map(|(_, value)| value).unwrap_or_default();
            }
            "wp:comment" => self.comments += 1,
            _ => {}
        }
    }

    pub(super) fn close(&mut self, name: &str, text: String) {
        let is_full = self.values.len() + self.terms.len() + self.meta.len() >= MAX_VALUES;
        if is_full || name.starts_with("wp:comment") {
            return;
        }
        self.bytes += text.len();
        match name {
            "category" => self.terms.push((std::mem::take(&mut self.domain), text)),
            "wp:meta_key" => self.key = text,
            "wp:meta_value" => self.meta.push((std::mem::take(&mut self.key), text)),
            _ => self.values.push((name.to_owned(), text)),
        }
    }

    /// The first value of this name.
    pub(super) fn one(&self, name: &str) -> Option<String> {
        let found = self.values.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.trim().to_owned())
    }

    /// What a report calls it.
    pub(super) fn name(&self) -> String {
        let number = self.one("wp:post_id").unwrap_or_default();
        let title = self.one("title").unwrap_or_default();
        format!("post {number}: {title}")
    }

    fn of_meta(&self, key: &str) -> Option<String> {
        let found = self.meta.iter().find(|(it, _)| it == key);
        found
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn of_domain(&self, domain: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for (_, name) in self.terms.iter().filter(|(it, _)| it == domain) {
            let name = name.trim().to_owned();
            if !name.is_empty() && !found.contains(&name) {
                found.push(name);
            }
        }
        found
    }

    pub(super) fn into_content(self, site: &Site) -> Result<(Content, Vec<String>)> {
        let mut notes = Vec::new();
        let other = |why: &str| Ok((Content::Other(why.to_owned()), Vec::new()));
        match self.one("wp:post_type").as_deref() {
            Some("post" | "page") => {}
            Some("attachment") => return other("attachments are kept as links to where they are"),
            Some(kind) => {
                let why = format!("items of the type `{kind}` are no articles");
                return other(&why);
            }
            None => return Err(wrong("has no `wp:post_type`")),
        }
        let (status, publish_at) = match self.one("wp:status").as_deref() {
            Some("publish") => (Status::Published, None),
            Some("draft" | "auto-draft") => (Status::Draft, None),
            Some("pending") => (Status::InReview, None),
            Some("future") => match self.date("wp:post_date_gmt") {
                Some(at) => (Status::Scheduled, Some(at)),
                None => (Status::Draft, None),
            },
            Some("private") => {
                notes.push("it was private, and is a draft now".to_owned());
                (Status::Draft, None)
            }
            Some("trash") => return other("it was in the trash"),
            Some(status) => {
                return Err(wrong(format!(
                    "has the status `{status}`, which nobody knows"
                )));
            }
            None => return Err(wrong("has no `wp:status`")),
        };
        let title = self.one("title").unwrap_or_default();
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let title = match title.is_empty() {
            true => "Untitled".to_owned(),
            false => title,
        };
        if self.comments > 0 {
            notes.push(format!("not kept: {} comments", self.comments));
        }
        let html = self.one("content:encoded").unwrap_or_default();
        let summary = self.one("excerpt:encoded").unwrap_or_default();
        let record = ArticleRecord {
            slug: Some(self.slug(&title, &mut notes)),
            former_slugs: Some(self.former_slugs()),
            language: site.language.clone(),
            status: Some(status),
            publish_at,
            summary: Some(to_markdown(&summary)?.trim().to_owned()),
            tags: Some(self.of_domain("post_tag")),
            categories: Some(self.of_domain("category")),
            authors: self.author(site).map(|author| vec![author]),
            cover: self.cover(site),
            meta_title: self
                .of_meta("_yoast_wpseo_title")
                .filter(|it| !it.contains("%%")),
            meta_description: self.of_meta("_yoast_wpseo_metadesc"),
            canonical_url: self.of_meta("_yoast_wpseo_canonical"),
            no_index: self
                .of_meta("_yoast_wpseo_meta-robots-noindex")
                .map(|it| it == "1"),
            created_at: self
                .date("wp:post_date_gmt")
                .filter(|_| publish_at.is_none()),
            updated_at: self.date("wp:post_modified_gmt"),
            body: Some(to_markdown(&paragraphs(&html))?),
            title: Some(title),
            ..ArticleRecord::default()
        };
        let piece = ArticlePiece {
            record,
            ..ArticlePiece::default()
        };
        Ok((Content::Piece(Piece::Article(Box::new(piece))), notes))
    }

    /// WordPress escapes what is no ASCII, and drafts may have none.
    fn slug(&self, title: &str, notes: &mut Vec<String>) -> String {
        let given = self.one("wp:post_name").unwrap_or_default();
        if is_slug(&given) {
            return given;
        }
        let slug = slug_of(title);
        if !given.is_empty() {
            notes.push(format!("its slug `{given}` cannot be kept; it is `{slug}`"));
        }
        slug
    }

    fn former_slugs(&self) -> Vec<FormerSlug> {
        let own = self.meta.iter().filter(|(key, _)| key == "_wp_old_slug");
        own.map(|(_, slug)| slug.trim())
            .filter(|slug| is_slug(slug))
            .map(|slug| FormerSlug {
                language: String::new(),
                slug: slug.to_owned(),
            })
            .collect()
    }

    fn author(&self, site: &Site) -> Option<String> {
        let login = self.one("dc:creator").filter(|login| !login.is_empty())?;
        Some(site.authors.get(&login).cloned().unwrap_or(login))
    }

    fn cover(&self, site: &Site) -> Option<String> {
        let number = self.of_meta("_thumbnail_id")?;
        site.attachments.get(&number).cloned()
    }

    /// In UTC; WordPress writes zeros where there is none.
    fn date(&self, name: &str) -> Option<DateTime<Utc>> {
        let text = self.one(name)?;
        let at = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").ok()?;
        Some(at.and_utc())
    }
}

/// Old posts have empty lines where others have paragraphs.
fn paragraphs(html: &str) -> String {
    let has_blocks = ["<p>", "<p ", "<!-- wp:"]
        .iter()
        .any(|tag| html.contains(tag));
    if has_blocks {
        return html.to_owned();
    }
    let html = html.replace("\r\n", "\n");
    let blocks = html.split("\n\n").filter(|block| !block.trim().is_empty());
    let starts_block = |block: &str| {
        let tags = [
            "<h",
            "<ul",
            "<ol",
            "<pre",
            "<blockquote",
            "<table",
            "<div",
            "<figure",
            "<hr",
        ];
        tags.iter().any(|tag| block.trim_start().starts_with(tag))
    };
    blocks
        .map(|block| match starts_block(block) {
            true => format!("{block}\n"),
            false => format!("<p>{}</p>\n", block.trim().replace('\n', "<br>")),
        })
        .collect()
}
