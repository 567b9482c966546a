//! Projects: rooms that things live in, and who is what in them. Things name their project by its slug,
//! which therefore never changes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{ProjectId, UserId};

/// The project that always is there, and that every creator may write in.
pub const DEFAULT_PROJECT: &str = "default";

/// What a member may do, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectRole {
    /// Reads, and talks to models in the project's name.
    Viewer,
    /// Approves and comments, too.
    Reviewer,
    /// Writes, too.
    Editor,
    /// Says who is a member, and changes the project, too.
    Owner,
}

impl ProjectRole {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Reviewer => "reviewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}

/// What holds in the project where a call says nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectSettings {
    /// `provider/model` or an alias.
    #[serde(default)]
    pub model: Option<String>,
    /// The name of a prompt of the project, whose system messages begin every chat.
    #[serde(default)]
    pub chat_prompt: Option<String>,
    #[serde(default)]
    pub review: Review,
}

/// Whether articles need a review before they are published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    /// Editors publish what they find right.
    #[default]
    Optional,
    /// Only what was approved is scheduled and published.
    Required,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: ProjectId,
    /// `[a-z0-9-]+`; unique, also among archived ones, and never changes.
    pub slug: String,
    pub name: String,
    pub description: String,
    pub settings: ProjectSettings,
    /// 1 at creation, one more with every change. Members have their own.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Since then it can only be read.
    pub archived_at: Option<DateTime<Utc>>,
}

/// Somebody in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Slug of the project.
    pub project: String,
    pub user: UserId,
    pub role: ProjectRole,
    /// 1 at first, one more with every change.
    pub revision: u64,
    pub added_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Project {
    /// The project `default` as a store begins with it.
    pub fn always_there(at: DateTime<Utc>) -> Self {
        Self {
            id: ProjectId(ulid::Ulid::nil()),
            slug: DEFAULT_PROJECT.to_owned(),
            name: "Default".to_owned(),
            description: String::new(),
            settings: ProjectSettings::default(),
            revision: 1,
            created_at: at,
            updated_at: at,
            archived_at: None,
        }
    }
}

/// Which projects to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectFilter {
    /// Those with one of these slugs; `None` is all.
    pub slugs: Option<Vec<String>>,
    pub is_archived: bool,
}

/// Whether a text can name a project, or a thing in one, in paths.
pub fn is_slug(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    matches!(text.len(), 1..=100)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for good in ["a", "handbook-2", "9"] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a b", "a/b", "é", &"x".repeat(101)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }

    #[test]
    fn roles_rise() {
        use ProjectRole::{Editor, Owner, Reviewer, Viewer};
        assert!([Viewer, Reviewer, Editor, Owner].is_sorted());
        assert_eq!(Owner.as_str(), "owner");
    }
}
