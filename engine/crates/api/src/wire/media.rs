//! Files of projects, their versions and variants, links, and uploads in pieces.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{MediaId, UploadId, UserId};
use inkstone_domain::media::{Media, MediaContent, MediaVersion, Upload, Variant, VariantState};
use inkstone_services::media::MediaPatch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MediaReply {
    #[schema(value_type = String, example = "med_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: MediaId,
    /// Slug of the project.
    pub project: String,
    /// Who added it.
    #[schema(value_type = String)]
    pub owner: UserId,
    #[schema(example = "tide.png")]
    pub name: String,
    /// What a picture shows, for those who do not see it.
    pub alt: String,
    /// The newest version of its bytes.
    #[serde(flatten)]
    pub newest: VersionReply,
    pub updated_at: DateTime<Utc>,
    /// Since when it has been in the trash, if it is.
    pub trashed_at: Option<DateTime<Utc>>,
}

/// A version of a file's bytes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionReply {
    pub version: u32,
    #[serde(flatten)]
    pub content: ContentReply,
    /// Smaller pictures of it.
    pub variants: Vec<VariantReply>,
    pub variant_state: VariantWord,
    /// Who added this version.
    #[schema(value_type = String)]
    pub author: UserId,
    /// When this version was added.
    pub created_at: DateTime<Utc>,
}

/// What bytes are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContentReply {
    /// As the bytes say.
    #[schema(example = "image/png")]
    pub content_type: String,
    pub size_bytes: u64,
    /// In hexadecimal digits.
    pub sha256: String,
    /// In pixels; of pictures.
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// A smaller picture.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VariantReply {
    #[schema(example = "thumbnail")]
    pub name: String,
    #[serde(flatten)]
    pub content: ContentReply,
}

/// What became of the smaller pictures: `none` where there are to be none, `failed` where the picture
/// could not be read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VariantWord {
    None,
    Pending,
    Ready,
    Failed,
}

/// What to change; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MediaPatchBody {
    /// Without a path, and with an ending that fits the file.
    #[serde(default)]
    #[schema(example = "spring-tide.png")]
    pub name: Option<String>,
    #[serde(default)]
    pub alt: Option<String>,
}

/// The link that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkBody {
    /// From now on, in seconds; a week at most where nothing else is configured.
    #[schema(example = 3600, minimum = 1)]
    pub expires_in_s: u32,
    /// The newest where it is left out.
    #[serde(default)]
    pub version: Option<u32>,
    /// The file itself where it is left out.
    #[serde(default)]
    #[schema(example = "thumbnail")]
    pub variant: Option<String>,
}

/// An address that opens a file without sign-in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkReply {
    pub url: String,
    /// The same without the engine's address.
    pub path: String,
    pub expires_at: DateTime<Utc>,
}

/// The form of an upload.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct UploadForm {
    /// The file, with its name and type.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
    /// Its name, where the file has none.
    pub name: Option<String>,
    /// What a picture shows, for those who do not see it.
    pub alt: Option<String>,
}

/// An upload in pieces.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadReply {
    #[schema(value_type = String, example = "upl_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: UploadId,
    pub name: String,
    /// Of the whole file.
    pub size_bytes: u64,
    /// How many bytes of it are kept.
    pub offset: u64,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// What it became, once it was whole.
    #[schema(value_type = Option<String>)]
    pub media: Option<MediaId>,
}

impl From<Media> for MediaReply {
    fn from(media: Media) -> Self {
        Self {
            id: media.id,
            project: media.project,
            owner: media.owner,
            name: media.name,
            alt: media.alt,
            newest: media.newest.into(),
            updated_at: media.updated_at,
            trashed_at: media.trashed_at,
        }
    }
}

impl From<MediaVersion> for VersionReply {
    fn from(version: MediaVersion) -> Self {
        let variants = version.variants.into_iter();
        Self {
            version: version.version,
            content: version.content.into(),
            variants: variants.map(VariantReply::from).collect(),
            variant_state: match version.variant_state {
                VariantState::None => VariantWord::None,
                VariantState::Pending => VariantWord::Pending,
                VariantState::Ready => VariantWord::Ready,
                VariantState::Failed => VariantWord::Failed,
            },
            author: version.author,
            created_at: version.created_at,
        }
    }
}

impl From<MediaContent> for ContentReply {
    fn from(content: MediaContent) -> Self {
        Self {
            content_type: content.content_type,
            size_bytes: content.size_bytes,
            sha256: content.sha256,
            width: content.width,
            height: content.height,
        }
    }
}

impl From<Variant> for VariantReply {
    fn from(variant: Variant) -> Self {
        Self {
            name: variant.name,
            content: variant.content.into(),
        }
    }
}

impl From<Upload> for UploadReply {
    fn from(upload: Upload) -> Self {
        Self {
            offset: upload.offset(),
            id: upload.id,
            name: upload.name,
            size_bytes: upload.size_bytes,
            created_at: upload.created_at,
            expires_at: upload.expires_at,
            media: upload.media,
        }
    }
}

impl From<MediaPatchBody> for MediaPatch {
    fn from(body: MediaPatchBody) -> Self {
        Self {
            name: body.name,
            alt: body.alt,
        }
    }
}
