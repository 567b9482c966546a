//! Research tools of other plugins, called by name. For generators.

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::imports::inkstone::plugin::tools::Answer;
use crate::{Result, host, json};

/// Calls `plugin-id/tool-name`, such as `research-web/fetch`.
pub fn call(tool: &str, input: &impl Serialize) -> Result<Answer> {
    host::tools::call(tool, &serde_json::to_string(input)?)
}

impl Answer {
    /// The result for programs, as a type of the caller's own.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        json::parse(&self.content)
    }
}
