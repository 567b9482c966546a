//! `tools`: research tools of other plugins, by name. The port comes with the call.

use inkstone_bindings::v0_1_0::imports::tools as wit;
use inkstone_domain::{Error, codes};

use super::aside;
use crate::convert;
use crate::state::CallState;

impl wit::Host for CallState {
    async fn call(&mut self, tool: String, input: String) -> wasmtime::Result<wit::Answer> {
        if !self.plugin.effective.permissions.tools {
            return Err(self.denied("tools = true").into());
        }
        let Some(toolbox) = self.call.tools.clone() else {
            return Err(self.absent("tools").into());
        };
        let input = serde_json::from_str(&input).map_err(|error| {
            Error::new(
                &codes::INVALID_INPUT,
                format!("the input of `{tool}` is not valid JSON: {error}"),
            )
        })?;
        let answer = aside(async move { toolbox.call(&tool, input).await }).await?;
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
