//! OpenAI's shapes, so that its clients work unchanged: `chat_request`, `message` and `embedding`
//! turn what clients send into domain words; `completion`, `chunk`, `model` and `error` turn the
//! answers back.

pub(crate) mod chat_request;
pub(crate) mod chunk;
pub(crate) mod completion;
pub(crate) mod embedding;
pub(crate) mod error;
pub(crate) mod message;
pub(crate) mod model;

#[cfg(test)]
mod tests;
