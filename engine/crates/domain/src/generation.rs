//! What content generators offer: templates, and runs that end in a draft.

use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;
use crate::job::Progress;
use crate::recording::Blob;
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

#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum GenerationEvent {
    Progress(Progress),
    Text(String),
    Checkpoint(#[serde(serialize_with = "as_base64")] Bytes),
    Draft(Box<Draft>),
}

/// A generation under way. Dropping it ends the guest.
pub type GenerationStream = Pin<Box<dyn Stream<Item = Result<GenerationEvent>> + Send>>;

fn as_base64<S: serde::Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    Blob(bytes.to_vec()).serialize(serializer)
}
