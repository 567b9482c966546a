//! The body of `POST /models/{model}:streamGenerateContent`, made from the contract's request. What the contract can
//! say and the API cannot is refused by name, or left out where the admin says so. Messages stand in [`contents`],
//! how tokens are drawn in [`config`], the caller's further fields in [`extra`].

mod config;
mod contents;
mod extra;

use inkstone_plugin::provider::{Error, Request, Result, ToolChoice, ToolDefinition};
use provider_wire::fields::raw;
use serde::Serialize;
use serde_json::Map;
use serde_json::value::{RawValue, Value};

use crate::settings::Settings;
use config::GenerationConfig;
use contents::{ContentBody, Conversation, SystemBody};
use extra::Extra;

/// The body.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerateRequestBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<SystemBody>,
    contents: Vec<ContentBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolsBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig>,
    generation_config: GenerationConfig,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// The caller's functions, or a tool of the API's own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ToolsBody {
    #[serde(rename_all = "camelCase")]
    Functions {
        function_declarations: Vec<FunctionBody>,
    },
    OfApi(Value),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionBody {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    parameters_json_schema: Box<RawValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolConfig {
    function_calling_config: FunctionCallingConfig,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionCallingConfig {
    mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_function_names: Vec<String>,
}

impl GenerateRequestBody {
    /// The body for this request; `invalid-input` or `unsupported` names the field that does not fit.
    pub fn new(request: &Request, settings: &Settings) -> Result<Self> {
        let extra = Extra::read(request.extra.as_deref())?;
        let conversation = Conversation::new(&request.messages, settings)?;
        Ok(Self {
            system_instruction: conversation.system,
            contents: conversation.contents,
            tools: tools(&request.tools, extra.tools)?,
            tool_config: tool_config(request)?,
            generation_config: GenerationConfig::new(request, extra.generation_config, settings)?,
            extra: extra.fields,
        })
    }
}

fn tools(definitions: &[ToolDefinition], of_api: Vec<Value>) -> Result<Vec<ToolsBody>> {
    let mut tools = Vec::new();
    if !definitions.is_empty() {
        let function_declarations = definitions.iter().map(function).collect::<Result<_>>()?;
        tools.push(ToolsBody::Functions {
            function_declarations,
        });
    }
    tools.extend(of_api.into_iter().map(ToolsBody::OfApi));
    Ok(tools)
}

fn function(definition: &ToolDefinition) -> Result<FunctionBody> {
    let place = format!("parameters of the tool `{}`", definition.name);
    Ok(FunctionBody {
        name: definition.name.clone(),
        description: definition.description.clone(),
        parameters_json_schema: raw(&definition.parameters, &place)?,
    })
}

fn tool_config(request: &Request) -> Result<Option<ToolConfig>> {
    let (mode, allowed_function_names) = match &request.tool_choice {
        // A choice without functions would be refused.
        ToolChoice::Auto | ToolChoice::Forbid if request.tools.is_empty() => return Ok(None),
        ToolChoice::Require | ToolChoice::Named(_) if request.tools.is_empty() => {
            return Err(Error::invalid_input(
                "`tool_choice` asks for a tool call, but `tools` is empty",
            ));
        }
        ToolChoice::Auto => ("AUTO", Vec::new()),
        ToolChoice::Forbid => ("NONE", Vec::new()),
        ToolChoice::Require => ("ANY", Vec::new()),
        ToolChoice::Named(name) => ("ANY", vec![name.clone()]),
    };
    Ok(Some(ToolConfig {
        function_calling_config: FunctionCallingConfig {
            mode,
            allowed_function_names,
        },
    }))
}

/// The error for what the API has no field for.
fn lacking(what: &str) -> Error {
    Error::unsupported(format!(
        "{what}; leave it out, or set `drop_unsupported` of this plugin to true"
    ))
}

#[cfg(test)]
mod tests;
