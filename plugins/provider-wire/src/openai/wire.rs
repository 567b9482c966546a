//! The shapes of OpenAI's HTTP API, as far as they are used, and nothing else: each is converted by hand to the
//! contract's types. Reading is lenient, because every look-alike leaves something out or adds something.

pub mod chat_reply;
pub mod chat_request;
pub mod embeddings;
pub mod models;
pub mod rerank;
