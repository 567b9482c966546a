//! The shapes of Gemini's HTTP API, as far as they are used, and nothing else: each is converted by hand to the
//! contract's types. Reading is lenient, because the API grows new fields all the time.

pub mod embeddings;
pub mod generate_reply;
pub mod generate_request;
pub mod models;
