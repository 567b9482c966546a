//! The caller's own documents. For generators and analytics.

pub use crate::bindings::imports::inkstone::plugin::search::{Hit, Passage, Query};
use crate::{Result, host};

/// The best hits for a text, at most `limit` (1 to 100).
pub fn query(text: impl Into<String>, limit: u32) -> Result<Vec<Hit>> {
    find(&Query::new(text, limit))
}

/// The best hits for a query.
pub fn find(query: &Query) -> Result<Vec<Hit>> {
    host::search::find(query)
}

/// The best passages for a query, at most 50: pieces of texts for a model to answer from.
pub fn passages(query: &Query) -> Result<Vec<Passage>> {
    host::search::passages(query)
}

impl Query {
    /// Of all documents, as the engine has it.
    pub fn new(text: impl Into<String>, limit: u32) -> Self {
        Self {
            text: text.into(),
            limit,
            project: None,
            tags: Vec::new(),
            locale: None,
            ratio: None,
        }
    }
}
