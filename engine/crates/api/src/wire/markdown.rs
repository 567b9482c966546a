//! What is made of an article's Markdown, and what else is sent with it where it is asked for.

use inkstone_domain::{FieldError, Result};
use inkstone_services::content::{Heading, Rendered, Stats};
use serde::Serialize;
use utoipa::ToSchema;

use super::article::ArticleReply;
use crate::error::invalid_fields;

/// A line of the table of contents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeadingReply {
    /// 1 to 6.
    pub level: u8,
    /// Without markup.
    pub text: String,
    /// The id of the heading in the HTML.
    #[schema(example = "s-the-tides")]
    pub anchor: String,
}

/// How long a text is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatsReply {
    pub words: usize,
    /// At 230 words a minute, rounded up.
    pub reading_minutes: usize,
}

/// What else to send with an article.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Include {
    html: bool,
    toc: bool,
    stats: bool,
    cover: bool,
}

impl Include {
    /// Reads words with commas between.
    pub(crate) fn of(words: Option<&str>) -> Result<Self> {
        let mut include = Self::default();
        for word in words.unwrap_or_default().split(',').map(str::trim) {
            match word {
                "html" => include.html = true,
                "toc" => include.toc = true,
                "stats" => include.stats = true,
                "cover" => include.cover = true,
                "" => {}
                _ => {
                    let field = FieldError {
                        pointer: "?include".to_owned(),
                        detail:
                            "must be of `html`, `toc`, `stats` and `cover`, with commas between"
                                .to_owned(),
                    };
                    return Err(invalid_fields(
                        "a query parameter is not valid",
                        vec![field],
                    ));
                }
            }
        }
        Ok(include)
    }

    /// Whether something is made of the text.
    pub(crate) fn renders(self) -> bool {
        self.html || self.toc || self.stats
    }

    /// Whether the files of the text are shown.
    pub(crate) fn shows_files(self) -> bool {
        self.html
    }

    /// Whether the cover is shown.
    pub(crate) fn shows_cover(self) -> bool {
        self.cover
    }

    /// Puts into a reply what was asked for.
    pub(crate) fn put(self, rendered: Rendered, reply: &mut ArticleReply) {
        reply.html = self.html.then_some(rendered.html);
        reply.toc = self
            .toc
            .then(|| rendered.toc.into_iter().map(Into::into).collect());
        reply.stats = self.stats.then(|| rendered.stats.into());
    }
}

impl From<Heading> for HeadingReply {
    fn from(heading: Heading) -> Self {
        Self {
            level: heading.level,
            text: heading.text,
            anchor: heading.anchor,
        }
    }
}

impl From<Stats> for StatsReply {
    fn from(stats: Stats) -> Self {
        Self {
            words: stats.words,
            reading_minutes: stats.reading_minutes,
        }
    }
}
