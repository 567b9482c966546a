//! The API as it is seen through the plugin: what goes out, and what is made of what comes in. The files in
//! `tests/data` were written by hand after Cohere's reference; they are no recordings.

mod answers;
mod embeddings;
mod failures;
mod models;
mod requests;
mod rerank;
