//! The API of `provider-wire`, as it is seen through a plugin: what goes out, and what is made of what comes in.

mod embeddings;
mod failures;
mod logprobs;
mod models;
mod one_piece;
mod requests;
mod rerank;
mod streams;
