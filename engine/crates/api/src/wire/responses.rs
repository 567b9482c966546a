//! OpenAI's Responses API, so that its newer clients work unchanged: `request`, `input`, `tools` and
//! `text` turn what clients send into domain words; `reply`, `item`, `event` and `writer` turn the
//! answers back. Nothing is stored, so what needs a stored response is refused.

pub(crate) mod event;
pub(crate) mod input;
pub(crate) mod item;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod text;
pub(crate) mod tools;
pub(crate) mod writer;

#[cfg(test)]
mod tests;
