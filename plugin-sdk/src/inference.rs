//! The native local model: raw text in, raw text out. For providers only.

pub use crate::bindings::imports::inkstone::plugin::inference::{
    Done, Event, Finish, GenerateRequest, Model, ModelKind,
};
use crate::{Result, host};

/// The models the host has.
pub fn models() -> Result<Vec<Model>> {
    host::inference::models()
}

/// Starts a generation. Dropping it stops the model.
pub fn generate(request: &GenerateRequest) -> Result<Generation> {
    Ok(Generation {
        generation: Some(host::inference::generate(request)?),
    })
}

/// One vector of unit length per input, and the tokens read.
pub fn embed(model: &str, inputs: &[String]) -> Result<(Vec<Vec<f32>>, u32)> {
    host::inference::embed(model, inputs)
}

/// How many tokens a text is.
pub fn count_tokens(model: &str, text: &str) -> Result<u32> {
    host::inference::count_tokens(model, text)
}

/// A running generation, as an iterator that ends after the first error.
pub struct Generation {
    generation: Option<host::inference::Generation>,
}

impl Iterator for Generation {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.generation.as_ref()?.next().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.generation = None;
        }
        next
    }
}
