//! Notes: what people and research tools have found, kept in a project with where it was found.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{NoteId, UserId};
use crate::research::Source;

pub const MAX_TITLE_CHARS: usize = 200;
/// 100 KiB.
pub const MAX_TEXT_BYTES: usize = 100 * 1024;
pub const MAX_SOURCES: usize = 100;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub id: NoteId,
    /// Slug of the project.
    pub project: String,
    pub text: NoteText,
    /// What found it; `None` of what somebody wrote. It never changes.
    pub found_with: Option<FoundWith>,
    /// Who kept it. Changes by others leave that.
    pub author: UserId,
    /// 1 at creation, one more with every change.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What can be changed of a note.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteText {
    /// 1 to [`MAX_TITLE_CHARS`] characters.
    pub title: String,
    /// Markdown, at most [`MAX_TEXT_BYTES`].
    pub body: String,
    /// At most [`MAX_SOURCES`]; their addresses are `http` and `https` ones.
    pub sources: Vec<Source>,
}

/// The call of a research tool that found something: enough to make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundWith {
    /// Id of the plugin.
    pub plugin: String,
    pub plugin_version: String,
    /// Name of its tool.
    pub tool: String,
    /// As the tool was given it.
    pub input: Value,
}

impl Note {
    /// As it stands in the audit log.
    pub fn subject(&self) -> String {
        format!("note:{}", self.id)
    }
}
