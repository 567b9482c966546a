//! What content generators offer: templates, and runs that end in a draft.

use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;
use crate::job::Progress;
use crate::research::Source;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    pub id: String,
    pub title: String,
    pub description: String,
    pub input_schema: Value,
}

/// A finished text, not stored yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    pub title: String,
    pub summary: String,
    /// CommonMark.
    pub body: String,
    pub tags: Vec<String>,
    pub meta_description: String,
    /// BCP 47.
    pub language: String,
    pub sources: Vec<Source>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum GenerationEvent {
    Progress(Progress),
    Text(String),
    Checkpoint(Bytes),
    Draft(Box<Draft>),
}

/// A generation under way. Dropping it ends the guest.
pub type GenerationStream = Pin<Box<dyn Stream<Item = Result<GenerationEvent>> + Send>>;
