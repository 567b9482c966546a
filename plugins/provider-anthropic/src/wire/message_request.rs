//! The body of `POST /v1/messages`, made from the contract's request. What the contract can say and the API cannot is
//! refused by name; where the admin or the request says so, such fields are left out instead.

use std::collections::BTreeMap;

use inkstone_plugin::provider::{
    Error, Request, ResponseFormat, Result, ToolChoice, ToolDefinition,
};
use provider_wire::fields::{extra, raw};
use serde::Serialize;
use serde_json::value::{RawValue, Value};

use crate::settings::Settings;
use crate::wire::content::{ContentBody, Conversation, MessageBody};

/// The body.
#[derive(Debug, Serialize)]
pub struct MessageRequestBody<'a> {
    model: &'a str,
    max_tokens: u32,
    messages: Vec<MessageBody<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<ContentBody<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoiceBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfigBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// Fields that have a place of their own in the contract's request, by the API's name or by the contract's.
const OWN_FIELDS: [&str; 18] = [
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stop",
    "response_format",
    "frequency_penalty",
    "presence_penalty",
    "repeat_penalty",
    "seed",
    "logprobs",
    "top_logprobs",
];

#[derive(Debug, Serialize)]
struct ToolBody<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: &'a RawValue,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ToolChoiceBody<'a> {
    Any,
    None,
    Tool { name: &'a str },
}

#[derive(Debug, Serialize)]
struct OutputConfigBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<FormatBody<'a>>,
    /// What the contract has no place for, such as `effort`.
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FormatBody<'a> {
    JsonSchema { schema: &'a RawValue },
}

impl<'a> MessageRequestBody<'a> {
    /// The body for this request; `invalid-input` or `unsupported` names the field that does not fit.
    pub fn new(request: &'a Request, settings: &Settings) -> Result<Self> {
        if !settings.drop_unsupported && !request.drop_unsupported {
            refuse_unsupported(request)?;
        }
        let sampling = &request.sampling;
        let conversation = Conversation::new(&request.messages)?;
        let mut extra = extra(request.extra.as_deref(), &OWN_FIELDS)?;
        Ok(Self {
            model: &request.model,
            max_tokens: sampling.max_tokens.unwrap_or(settings.max_tokens),
            messages: conversation.messages,
            stream: request.stream,
            system: conversation.system,
            tools: request.tools.iter().map(tool).collect::<Result<_>>()?,
            tool_choice: tool_choice(request)?,
            output_config: output_config(&request.response_format, &mut extra)?,
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            stop_sequences: &sampling.stop,
            extra,
        })
    }
}

/// A penalty that changes nothing asks for nothing.
fn refuse_unsupported(request: &Request) -> Result<()> {
    let sampling = &request.sampling;
    let differs = |value: Option<f32>, none: f32| value.is_some_and(|value| value != none);
    let is_named = request.messages.iter().any(|m| m.name.is_some());
    let refused = [
        (
            "frequency_penalty",
            differs(sampling.frequency_penalty, 0.0),
        ),
        ("presence_penalty", differs(sampling.presence_penalty, 0.0)),
        ("repeat_penalty", differs(sampling.repeat_penalty, 1.0)),
        ("seed", sampling.seed.is_some()),
        ("logprobs", request.logprobs.is_some()),
        ("name", is_named),
    ];
    match refused.iter().find(|(_, is_set)| *is_set) {
        Some((field, _)) => Err(Error::unsupported(format!(
            "`{field}`: Anthropic's API has no such field; leave it out, or set `drop_unsupported` of this plugin"
        ))),
        None => Ok(()),
    }
}

fn tool(definition: &ToolDefinition) -> Result<ToolBody<'_>> {
    let place = format!("parameters of the tool `{}`", definition.name);
    Ok(ToolBody {
        name: &definition.name,
        description: &definition.description,
        input_schema: raw(&definition.parameters, &place)?,
    })
}

fn tool_choice(request: &Request) -> Result<Option<ToolChoiceBody<'_>>> {
    let choice = match &request.tool_choice {
        // What the API does by itself; a choice without tools would be refused.
        ToolChoice::Auto => None,
        ToolChoice::Forbid if request.tools.is_empty() => None,
        ToolChoice::Forbid => Some(ToolChoiceBody::None),
        ToolChoice::Require | ToolChoice::Named(_) if request.tools.is_empty() => {
            return Err(Error::invalid_input(
                "`tool_choice` asks for a tool call, but `tools` is empty",
            ));
        }
        ToolChoice::Require => Some(ToolChoiceBody::Any),
        ToolChoice::Named(name) => Some(ToolChoiceBody::Tool { name }),
    };
    Ok(choice)
}

/// The form of the answer, together with what `extra` says about the output. The API has no place for the schema's
/// name, and always holds the model to the schema.
fn output_config<'a>(
    format: &'a ResponseFormat,
    extra: &mut BTreeMap<String, Value>,
) -> Result<Option<OutputConfigBody<'a>>> {
    let format = match format {
        ResponseFormat::Text => None,
        // Never left out: who asks for JSON cannot read prose.
        ResponseFormat::JsonObject => {
            return Err(Error::unsupported(
                "`response_format`: Anthropic's API knows no JSON without a schema; give one (`json_schema`)",
            ));
        }
        ResponseFormat::JsonSchema(format) => Some(FormatBody::JsonSchema {
            schema: raw(&format.schema, "schema of `response_format`")?,
        }),
    };
    let extra: BTreeMap<String, Value> = match extra.remove("output_config") {
        None => BTreeMap::new(),
        Some(fields) => serde_json::from_value(fields).map_err(|error| {
            Error::invalid_input(format!(
                "`output_config` in `extra`: no JSON object ({error})"
            ))
        })?,
    };
    if extra.contains_key("format") {
        return Err(Error::invalid_input(
            "`extra` holds `output_config.format`, which has a place of its own in the request",
        ));
    }
    let is_needed = format.is_some() || !extra.is_empty();
    Ok(is_needed.then_some(OutputConfigBody { format, extra }))
}
