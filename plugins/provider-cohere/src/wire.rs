//! The shapes of Cohere's HTTP API, as far as they are used, and nothing else: each is converted by hand to the
//! contract's types. Reading is lenient, because the API grows new fields.

pub mod chat_reply;
pub mod chat_request;
pub mod embed;
pub mod messages;
pub mod meta;
pub mod models;
pub mod rerank;
