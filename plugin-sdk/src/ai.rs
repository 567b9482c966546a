//! Language models through the gateway, in the end user's name and under their limits. For generators, research and
//! analytics; a provider has no such import.

pub use crate::bindings::imports::inkstone::plugin::ai::Reply;
pub use crate::chat::*;
use crate::host;
pub use crate::{Error, Result, Usage};

/// The text a model answers to one prompt. For anything more, build a [`Request`].
pub fn ask(prompt: impl Into<String>) -> Result<String> {
    Ok(complete(&Request::prompt(prompt))?.text)
}

/// The whole answer at once.
pub fn complete(request: &Request) -> Result<Reply> {
    host::ai::complete(request)
}

/// The answer as it comes. Dropping it cancels the call.
pub fn stream(request: &Request) -> Result<Stream> {
    Ok(Stream {
        completion: Some(host::ai::stream(request)?),
    })
}

/// One vector per input.
pub fn embed(request: &EmbedRequest) -> Result<EmbedReply> {
    host::ai::embed(request)
}

/// A running answer, as an iterator that ends after the first error.
pub struct Stream {
    completion: Option<host::ai::Completion>,
}

impl Iterator for Stream {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Result<Chunk>> {
        let next = self.completion.as_ref()?.next().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.completion = None;
        }
        next
    }
}
