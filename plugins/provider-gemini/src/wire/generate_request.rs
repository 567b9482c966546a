//! The body of `POST /models/{model}:generateContent`, streamed or not, made from the contract's request. What the
//! contract can say and the API cannot is refused by name, or left out where the admin or the request says so. Messages
//! stand in [`contents`], how tokens are drawn in [`config`], the caller's further fields in [`extra`].

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
pub struct GenerateRequestBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<SystemBody<'a>>,
    contents: Vec<ContentBody<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolsBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    generation_config: GenerationConfig<'a>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// The caller's functions, or a tool of the API's own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ToolsBody<'a> {
    #[serde(rename_all = "camelCase")]
    Functions {
        function_declarations: Vec<FunctionBody<'a>>,
    },
    OfApi(Value),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionBody<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters_json_schema: &'a RawValue,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolConfig<'a> {
    function_calling_config: FunctionCallingConfig<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionCallingConfig<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_function_names: Option<[&'a str; 1]>,
}

impl<'a> GenerateRequestBody<'a> {
    /// The body for this request; `invalid-input` or `unsupported` names the field that does not fit.
    pub fn new(request: &'a Request, settings: &Settings) -> Result<Self> {
        let drops = settings.drop_unsupported || request.drop_unsupported;
        let extra = Extra::read(request.extra.as_deref())?;
        let conversation = Conversation::new(&request.messages, drops)?;
        Ok(Self {
            system_instruction: conversation.system,
            contents: conversation.contents,
            tools: tools(&request.tools, extra.tools)?,
            tool_config: tool_config(request)?,
            generation_config: GenerationConfig::new(
                request,
                extra.generation_config,
                settings.include_thoughts,
                drops,
            )?,
            extra: extra.fields,
        })
    }
}

fn tools(definitions: &[ToolDefinition], of_api: Vec<Value>) -> Result<Vec<ToolsBody<'_>>> {
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

fn function(definition: &ToolDefinition) -> Result<FunctionBody<'_>> {
    let place = format!("parameters of the tool `{}`", definition.name);
    Ok(FunctionBody {
        name: &definition.name,
        description: &definition.description,
        parameters_json_schema: raw(&definition.parameters, &place)?,
    })
}

fn tool_config(request: &Request) -> Result<Option<ToolConfig<'_>>> {
    let (mode, allowed_function_names) = match &request.tool_choice {
        // A choice without functions would be refused.
        ToolChoice::Auto | ToolChoice::Forbid if request.tools.is_empty() => return Ok(None),
        ToolChoice::Require | ToolChoice::Named(_) if request.tools.is_empty() => {
            return Err(Error::invalid_input(
                "`tool_choice` asks for a tool call, but `tools` is empty",
            ));
        }
        ToolChoice::Auto => ("AUTO", None),
        ToolChoice::Forbid => ("NONE", None),
        ToolChoice::Require => ("ANY", None),
        ToolChoice::Named(name) => ("ANY", Some([name.as_str()])),
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
