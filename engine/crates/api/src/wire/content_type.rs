//! Content types.

use chrono::{DateTime, Utc};
use inkstone_domain::content::ContentType;
use inkstone_services::content::NewContentType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A new content type.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewContentTypeBody {
    /// `[a-z0-9-]+`
    #[schema(example = "recipe")]
    pub name: String,
    #[schema(example = "Recipe", min_length = 1, max_length = 200)]
    pub title: String,
    /// A JSON Schema of the object `fields`.
    #[schema(value_type = Object)]
    pub schema: Value,
}

/// What a content type shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContentTypeBody {
    #[schema(example = "Recipe", min_length = 1, max_length = 200)]
    pub title: String,
    /// A JSON Schema of the object `fields`.
    #[schema(value_type = Object)]
    pub schema: Value,
}

/// A kind of article with fields of its own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContentTypeReply {
    #[schema(example = "recipe")]
    pub name: String,
    pub title: String,
    /// A JSON Schema of the object `fields`.
    #[schema(value_type = Object)]
    pub schema: Value,
    /// 1 at creation, one more with every change; the `etag` is this number in quotes.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<NewContentTypeBody> for NewContentType {
    fn from(body: NewContentTypeBody) -> Self {
        Self {
            name: body.name,
            title: body.title,
            schema: body.schema,
        }
    }
}

impl ContentTypeBody {
    pub(crate) fn named(self, name: String) -> NewContentType {
        NewContentType {
            name,
            title: self.title,
            schema: self.schema,
        }
    }
}

impl From<ContentType> for ContentTypeReply {
    fn from(kind: ContentType) -> Self {
        Self {
            name: kind.name,
            title: kind.title,
            schema: kind.schema,
            revision: kind.revision,
            created_at: kind.created_at,
            updated_at: kind.updated_at,
        }
    }
}
