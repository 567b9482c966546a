//! Anthropic's Messages API, so that its clients work unchanged: `request`, `block` and `tools` turn what
//! clients send into domain words; `reply`, `event`, `writer` and `error` turn the answers back.

pub(crate) mod block;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod message;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod tools;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

/// Begins the signature of a thought that is encrypted as a whole: our provider of Anthropic's models
/// writes and reads it so. Signatures of theirs are base64, which knows no colon.
const REDACTED: &str = "redacted:";
