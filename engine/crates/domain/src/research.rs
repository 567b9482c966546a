//! What research plugins offer: tools that look things up and say where they found them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a statement comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub url: Option<String>,
    pub title: Option<String>,
    pub author: Option<String>,
    /// RFC 3339 date or date-time.
    pub published: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    pub name: String,
    pub title: String,
    pub description: String,
    pub input_schema: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The result for programs.
    pub content: Value,
    /// The same for people and models, Markdown.
    pub text: String,
    pub sources: Vec<Source>,
}
