//! `tools`: research tools of other plugins, by name. The port comes with the call.

use std::sync::Arc;

use inkstone_bindings::latest::imports::tools as wit;
use inkstone_domain::ports::Toolbox;
use inkstone_domain::research::Answer;
use inkstone_domain::{Error, codes};

use super::aside;
use crate::convert;
use crate::state::CallState;

impl CallState {
    fn toolbox(&self) -> Result<Arc<dyn Toolbox>, Error> {
        if !self.plugin.effective.permissions.tools {
            return Err(self.denied("tools = true"));
        }
        let tools = self.call.tools.clone();
        tools.ok_or_else(|| self.absent("tools"))
    }
}

impl wit::Host for CallState {
    async fn call(&mut self, tool: String, input: String) -> wasmtime::Result<wit::Answer> {
        let answer: Answer = import!(self, "tools.call", (&tool, &input), async |own| {
            let toolbox = own.toolbox()?;
            let input = serde_json::from_str(&input).map_err(|error| {
                Error::new(
                    &codes::INVALID_INPUT,
                    format!("the input of `{tool}` is not valid JSON: {error}"),
                )
            })?;
            let tool = tool.clone();
            Ok(aside(async move { toolbox.call(&tool, input).await }).await?)
        })?;
        Ok(wit::Answer {
            content: answer.content.to_string(),
            text: answer.text,
            sources: answer
                .sources
                .into_iter()
                .map(convert::source_to_guest)
                .collect(),
        })
    }
}
