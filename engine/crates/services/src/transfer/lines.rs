//! Comments, notes and prompts as they travel in archives: lines that can be read apart from each other, and
//! say who wrote what, and when.

use chrono::{DateTime, Utc};
use inkstone_domain::comment::{Anchor, Comment, Resolution, Suggestion};
use inkstone_domain::ids::{ArticleId, CommentId, NoteId, PromptId, UserId};
use inkstone_domain::note::{FoundWith, Note, NoteText};
use inkstone_domain::prompt::{PromptText, PromptVersion};
use serde::{Deserialize, Serialize};

/// A comment, a reply or a suggestion. Whom it mentions its body says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommentRecord {
    pub id: CommentId,
    pub article: ArticleId,
    /// Kept where an admin imports and they are here, too; so is who settled or decided it.
    pub author: UserId,
    pub body: String,
    /// The comment that began the thread, which comes before it in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<CommentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<Suggestion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolution>,
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A note; of whose project says the archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteRecord {
    pub id: NoteId,
    pub author: UserId,
    pub text: NoteText,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_with: Option<FoundWith>,
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A prompt with all its versions, the first first.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptPiece {
    pub record: PromptRecord,
    pub versions: Vec<VersionRecord>,
}

/// The line before those of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptRecord {
    /// Archives of before there were authors in them have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PromptId>,
    pub name: String,
}

/// A version of the prompt before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionRecord {
    /// Who imports it, where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    pub text: PromptText,
}

/// A line of the file of prompts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PromptLine {
    Prompt(PromptRecord),
    Version(Box<VersionRecord>),
}

/// The same in archives of version 2 and before: a prompt a line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WholePrompt {
    pub name: String,
    pub versions: Vec<PromptText>,
}

impl From<Comment> for CommentRecord {
    fn from(comment: Comment) -> Self {
        let Comment {
            id,
            article,
            author,
            body,
            mentions: _,
            reply_to,
            anchor,
            suggestion,
            resolved,
            revision,
            created_at,
            updated_at,
        } = comment;
        Self {
            id,
            article,
            author,
            body,
            reply_to,
            anchor,
            suggestion,
            resolved,
            revision,
            created_at,
            updated_at,
        }
    }
}

impl From<Note> for NoteRecord {
    fn from(note: Note) -> Self {
        let Note {
            id,
            project: _,
            text,
            found_with,
            author,
            revision,
            created_at,
            updated_at,
        } = note;
        Self {
            id,
            author,
            text,
            found_with,
            revision,
            created_at,
            updated_at,
        }
    }
}

impl From<PromptVersion> for VersionRecord {
    fn from(version: PromptVersion) -> Self {
        Self {
            author: Some(version.author),
            created_at: Some(version.created_at),
            text: version.text,
        }
    }
}

impl From<PromptText> for VersionRecord {
    fn from(text: PromptText) -> Self {
        Self {
            author: None,
            created_at: None,
            text,
        }
    }
}

impl From<WholePrompt> for PromptPiece {
    fn from(whole: WholePrompt) -> Self {
        Self {
            record: PromptRecord {
                id: None,
                name: whole.name,
            },
            versions: whole.versions.into_iter().map(Into::into).collect(),
        }
    }
}
