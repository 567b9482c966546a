//! Searches that are kept, and that may tell of what begins to match.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{DocumentKind, Matching, Narrow};
use crate::content::Status;
use crate::ids::{SavedSearchId, UserId};

/// Somebody's own: nobody else knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    pub id: SavedSearchId,
    pub owner: UserId,
    pub name: String,
    pub query: SavedQuery,
    /// Since then its owner is told of what is written and matches; `None`: they are not.
    pub alerts_since: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// What it looks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedQuery {
    pub text: String,
    pub kinds: Vec<DocumentKind>,
    pub project: Option<String>,
    pub status: Option<Status>,
    /// Every one of them.
    pub tags: Vec<String>,
    pub narrow: Narrow,
    pub matching: Matching,
    /// BCP 47 of the text.
    pub language: Option<String>,
}
