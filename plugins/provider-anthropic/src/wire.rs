//! The shapes of Anthropic's HTTP API, as far as they are used, and nothing else: each is converted by hand to the
//! contract's types. What is read may hold more than is known here.

pub mod content;
pub mod message_reply;
pub mod message_request;
pub mod models;
