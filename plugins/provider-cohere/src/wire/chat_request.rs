//! The body of `POST /v2/chat`, made from the contract's request. What the contract can say and the API cannot is
//! refused by name, or left out where the admin or the request says so. Messages stand in [`super::messages`].

use std::collections::BTreeMap;

use inkstone_plugin::provider::{
    Error, Request, ResponseFormat, Result, ToolChoice, ToolDefinition,
};
use provider_wire::fields::{extra, raw};
use serde::Serialize;
use serde_json::value::{RawValue, Value};

use super::messages::{MessageBody, messages};

/// The body. It borrows from the request.
#[derive(Debug, Serialize)]
pub struct ChatRequestBody<'a> {
    model: &'a str,
    messages: Vec<MessageBody<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormatBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// Fields that have a place of their own in the contract's request, by the API's name or by the contract's.
const OWN_FIELDS: [&str; 19] = [
    "model",
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "temperature",
    "p",
    "top_p",
    "k",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "repeat_penalty",
    "seed",
    "max_tokens",
    "stop_sequences",
    "stop",
    "logprobs",
    "top_logprobs",
];

#[derive(Debug, Serialize)]
struct ToolBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionBody<'a>,
}

#[derive(Debug, Serialize)]
struct FunctionBody<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters: &'a RawValue,
}

#[derive(Debug, Serialize)]
struct ResponseFormatBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<&'a RawValue>,
}

impl<'a> ChatRequestBody<'a> {
    /// The body for this request; `invalid-input` or `unsupported` names the field that does not fit. `drops`: what the
    /// API lacks is left out.
    pub fn new(request: &'a Request, drops: bool) -> Result<Self> {
        if !drops {
            refuse_unsupported(request)?;
        }
        let sampling = &request.sampling;
        let (tools, tool_choice) = tools(request)?;
        Ok(Self {
            model: &request.model,
            messages: messages(&request.messages)?,
            stream: request.stream,
            tools,
            tool_choice,
            response_format: response_format(&request.response_format)?,
            temperature: sampling.temperature,
            p: sampling.top_p,
            k: sampling.top_k,
            frequency_penalty: sampling.frequency_penalty,
            presence_penalty: sampling.presence_penalty,
            seed: sampling.seed,
            max_tokens: sampling.max_tokens,
            stop_sequences: &sampling.stop,
            extra: extra(request.extra.as_deref(), &OWN_FIELDS)?,
        })
    }
}

/// A penalty that changes nothing asks for nothing. The API has `logprobs`, but tells ids of tokens and not their texts.
fn refuse_unsupported(request: &Request) -> Result<()> {
    let penalty = request.sampling.repeat_penalty;
    let refused = [
        (
            "repeat_penalty",
            penalty.is_some_and(|penalty| penalty != 1.0),
        ),
        ("logprobs", request.logprobs.is_some()),
        ("name", request.messages.iter().any(|m| m.name.is_some())),
    ];
    match refused.iter().find(|(_, is_set)| *is_set) {
        Some((field, _)) => Err(Error::unsupported(format!(
            "`{field}`: Cohere's API has no such field; leave it out, or set `drop_unsupported` of this plugin"
        ))),
        None => Ok(()),
    }
}

/// The tools, and whether one must be called. The API cannot name one, so the others are not offered then.
fn tools(request: &Request) -> Result<(Vec<ToolBody<'_>>, Option<&'static str>)> {
    let all = || request.tools.iter().map(tool).collect::<Result<Vec<_>>>();
    Ok(match &request.tool_choice {
        // A choice without tools would be refused.
        ToolChoice::Auto | ToolChoice::Forbid if request.tools.is_empty() => (Vec::new(), None),
        ToolChoice::Require | ToolChoice::Named(_) if request.tools.is_empty() => {
            return Err(Error::invalid_input(
                "`tool_choice` asks for a tool call, but `tools` is empty",
            ));
        }
        ToolChoice::Auto => (all()?, None),
        ToolChoice::Forbid => (all()?, Some("NONE")),
        ToolChoice::Require => (all()?, Some("REQUIRED")),
        ToolChoice::Named(name) => {
            let Some(named) = request.tools.iter().find(|tool| tool.name == *name) else {
                return Err(Error::invalid_input(format!(
                    "`tool_choice` names `{name}`, which is none of `tools`"
                )));
            };
            (vec![tool(named)?], Some("REQUIRED"))
        }
    })
}

fn tool(definition: &ToolDefinition) -> Result<ToolBody<'_>> {
    let place = format!("parameters of the tool `{}`", definition.name);
    Ok(ToolBody {
        kind: "function",
        function: FunctionBody {
            name: &definition.name,
            description: &definition.description,
            parameters: raw(&definition.parameters, &place)?,
        },
    })
}

/// The API has no place for a schema's name, and holds the model to every schema.
fn response_format(format: &ResponseFormat) -> Result<Option<ResponseFormatBody<'_>>> {
    let json_schema = match format {
        ResponseFormat::Text => return Ok(None),
        ResponseFormat::JsonObject => None,
        ResponseFormat::JsonSchema(format) => {
            Some(raw(&format.schema, "schema of `response_format`")?)
        }
    };
    Ok(Some(ResponseFormatBody {
        kind: "json_object",
        json_schema,
    }))
}
