//! Passages: the pieces of texts that answer something, and where they stand.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::DocumentId;
use crate::ids::ConversationId;

/// Where in the body of a document it was found, as the index has the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundAt {
    /// Of each word that was looked for and stands in the body: where it begins, bytes.
    pub words: Vec<Vec<usize>>,
    /// The piece that is nearest to what was meant, bytes.
    pub near: Option<Range<usize>>,
}

/// A piece of a text that may be read, as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    pub document: DocumentId,
    /// Of the text it is a piece of.
    pub revision: u64,
    /// Slug.
    pub project: String,
    /// Of messages.
    pub conversation: Option<ConversationId>,
    pub title: String,
    /// Of articles.
    pub slug: Option<String>,
    /// The headings it stands under, the outermost first.
    pub headings: Vec<String>,
    /// Its number among the pieces of the text, from 0.
    pub ordinal: usize,
    /// Where it begins in the body, bytes.
    pub start: usize,
    /// Where it ends, bytes; where it begins, if the text has a title or a summary alone.
    pub end: usize,
    pub text: String,
    /// Relative, higher is better.
    pub score: f32,
}

/// What a plugin looks for in the name of somebody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DocumentQuery {
    pub text: String,
    /// 1 to 100.
    pub limit: usize,
    pub project: Option<String>,
    /// Every one of them.
    pub tags: Vec<String>,
    /// BCP 47.
    pub locale: Option<String>,
    /// What meaning counts beside words, from 0 to 1; as the engine has it where it is left out.
    pub ratio: Option<f32>,
}
