//! Notes: what was found.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{NoteId, UserId};
use inkstone_domain::note::{FoundWith, Note, NoteText};
use inkstone_domain::research::Source;
use inkstone_services::notes::NotePatch;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::research::{FoundSourceBody, SourceReply};

/// A note to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNoteBody {
    #[schema(example = "Spring tides", min_length = 1, max_length = 200)]
    pub title: String,
    /// CommonMark, at most 102,400 bytes.
    #[serde(default)]
    #[schema(example = "They come with the *new* moon and the full one.")]
    pub text: String,
    #[serde(default)]
    #[schema(max_items = 100, example = json!([{ "url": "https://example.org/tides", "title": "Of tides" }]))]
    pub sources: Vec<FoundSourceBody>,
}

/// What is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotePatchBody {
    #[serde(default)]
    #[schema(example = "Spring tides", min_length = 1, max_length = 200)]
    pub title: Option<String>,
    /// CommonMark, at most 102,400 bytes.
    #[serde(default)]
    pub text: Option<String>,
    /// All of them.
    #[serde(default)]
    #[schema(max_items = 100, example = json!([{ "url": "https://example.org/tides" }]))]
    pub sources: Option<Vec<FoundSourceBody>>,
}

/// A note without what it says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoteReply {
    #[schema(value_type = String, example = "nte_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: NoteId,
    /// Slug of its project.
    pub project: String,
    pub title: String,
    /// `usr_…` who kept it.
    #[schema(value_type = String)]
    pub author: UserId,
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A note.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WholeNoteReply {
    #[serde(flatten)]
    pub note: NoteReply,
    /// CommonMark.
    pub text: String,
    pub sources: Vec<SourceReply>,
    /// What found it; null where somebody wrote it.
    pub found_with: Option<FoundWithReply>,
}

/// The call of a research tool that found something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FoundWithReply {
    /// Id of the plugin.
    pub plugin: String,
    pub plugin_version: String,
    pub tool: String,
    /// What the tool was given.
    #[schema(value_type = Value)]
    pub input: Value,
}

impl From<NewNoteBody> for NoteText {
    fn from(body: NewNoteBody) -> Self {
        Self {
            title: body.title,
            body: body.text,
            sources: body.sources.into_iter().map(Source::from).collect(),
        }
    }
}

impl From<NotePatchBody> for NotePatch {
    fn from(body: NotePatchBody) -> Self {
        let sources = body.sources;
        Self {
            title: body.title,
            body: body.text,
            sources: sources.map(|all| all.into_iter().map(Source::from).collect()),
        }
    }
}

impl From<Note> for NoteReply {
    fn from(note: Note) -> Self {
        Self::with_title(&note, note.text.title.clone())
    }
}

impl NoteReply {
    fn with_title(note: &Note, title: String) -> Self {
        Self {
            id: note.id,
            project: note.project.clone(),
            title,
            author: note.author,
            revision: note.revision,
            created_at: note.created_at,
            updated_at: note.updated_at,
        }
    }
}

impl From<Note> for WholeNoteReply {
    fn from(mut note: Note) -> Self {
        let text = std::mem::take(&mut note.text);
        Self {
            note: NoteReply::with_title(&note, text.title),
            text: text.body,
            sources: text.sources.into_iter().map(SourceReply::from).collect(),
            found_with: note.found_with.map(FoundWithReply::from),
        }
    }
}

impl From<FoundWith> for FoundWithReply {
    fn from(found_with: FoundWith) -> Self {
        Self {
            plugin: found_with.plugin,
            plugin_version: found_with.plugin_version,
            tool: found_with.tool,
            input: found_with.input,
        }
    }
}
