//! The caller's own documents. For generators and analytics.

pub use crate::bindings::imports::inkstone::plugin::search::{Hit, Query};
use crate::{Result, host};

/// The best hits for a text, at most `limit` (1 to 100).
pub fn query(text: impl Into<String>, limit: u32) -> Result<Vec<Hit>> {
    find(&Query {
        text: text.into(),
        limit,
        project: None,
    })
}

/// The best hits for a query.
pub fn find(query: &Query) -> Result<Vec<Hit>> {
    host::search::find(query)
}
