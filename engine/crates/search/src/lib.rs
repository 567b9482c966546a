//! Full-text search on Tantivy. Everything here is derived data: it follows the stores by itself,
//! and can be thrown away and rebuilt at any time.
//!
//! [`TantivyIndex`] answers queries; [`TantivyIndex::follow`] is the task that keeps it true, and
//! [`TantivyIndex::follow_vectors`] the one for what is found by meaning.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod feed;
mod follow;
mod index;
mod merges;
mod opened;
mod query;
mod rebuild;
mod related;
mod schema;
mod text;
mod vectors;

pub use index::{SearchConfig, TantivyIndex};
pub use text::analyser;
