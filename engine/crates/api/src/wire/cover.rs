//! The cover of an article where it is a file, as whoever may read the article sees it.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::MediaId;
use inkstone_domain::media::MediaContent;
use inkstone_services::media::{Link, Shown, ShownState};
use serde::Serialize;
use utoipa::ToSchema;

/// A cover.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CoverReply {
    #[schema(value_type = String, example = "med_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: MediaId,
    pub state: CoverWord,
    /// What it shows, for those who do not see it.
    pub alt: String,
    /// The picture itself.
    pub picture: Option<CoverPictureReply>,
    /// Smaller ones; none where they are not made yet.
    pub variants: Vec<CoverVariantReply>,
    /// Until then the addresses open the pictures, for everybody who has them.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What became of a cover: `trashed` may come back, and of what is `gone` there is none, or none that this
/// article may show.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CoverWord {
    Ready,
    Trashed,
    Gone,
}

/// A picture that can be shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CoverPictureReply {
    pub url: String,
    #[schema(example = "image/webp")]
    pub content_type: String,
    pub size_bytes: u64,
    /// In pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// A smaller picture.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CoverVariantReply {
    #[schema(example = "thumbnail")]
    pub name: String,
    #[serde(flatten)]
    pub picture: CoverPictureReply,
}

impl CoverReply {
    /// `address` says where a link leads.
    pub(crate) fn new(shown: Shown, address: impl Fn(&Link) -> String) -> Self {
        let without = |state| Self {
            id: shown.id,
            state,
            alt: String::new(),
            picture: None,
            variants: Vec::new(),
            expires_at: None,
        };
        let file = match shown.state {
            ShownState::Ready(file) => file,
            ShownState::Trashed => return without(CoverWord::Trashed),
            ShownState::Gone => return without(CoverWord::Gone),
        };
        let picture = |content: &MediaContent, link: &Link| CoverPictureReply {
            url: address(link),
            content_type: content.content_type.clone(),
            size_bytes: content.size_bytes,
            width: content.width,
            height: content.height,
        };
        let variants = file.variants.iter();
        let variants = variants.map(|(name, content, link)| CoverVariantReply {
            name: name.clone(),
            picture: picture(content, link),
        });
        Self {
            variants: variants.collect(),
            picture: Some(picture(&file.media.newest.content, &file.link)),
            expires_at: DateTime::from_timestamp(file.link.claim.expires, 0),
            alt: file.media.alt.clone(),
            ..without(CoverWord::Ready)
        }
    }

    /// What of it changes without a change of the article.
    pub(crate) fn seen(&self) -> String {
        let addresses = self.picture.iter().map(|it| it.url.as_str());
        let variants = self.variants.iter().map(|it| it.picture.url.as_str());
        let all: Vec<_> = addresses.chain(variants).collect();
        format!("{:?} {} {}", self.state, self.alt, all.join(" "))
    }
}
