//! The body of `POST /chat/completions`, made from the contract's request. What the contract can say and the API
//! cannot is refused by name; only the sampling fields of local runtimes may be dropped, where the admin or the request
//! says so. The conversation stands in [`messages`].

mod messages;

use std::collections::BTreeMap;

use inkstone_plugin::provider::{
    Error, Request, ResponseFormat, Result, ToolChoice, ToolDefinition,
};
use serde::Serialize;
use serde_json::value::{RawValue, Value};

use crate::fields::{extra, raw, refuse_routing};
use crate::openai::{Dialect, LocalSampling, Options};
use messages::{MessageBody, messages};

/// The body. It borrows from the request.
#[derive(Debug, Serialize)]
pub struct ChatRequestBody<'a> {
    model: &'a str,
    messages: Vec<MessageBody<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoiceBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormatBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f32>,
    /// The name llama.cpp and Ollama know.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat_penalty: Option<f32>,
    /// The same under the name that vLLM, TGI and OpenRouter know.
    #[serde(skip_serializing_if = "Option::is_none")]
    repetition_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    random_seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u8>,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// Fields of [`ChatRequestBody`] that have a place of their own in the contract's request.
const OWN_FIELDS: [&str; 19] = [
    "model",
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "repeat_penalty",
    "repetition_penalty",
    "seed",
    "random_seed",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "logprobs",
    "top_logprobs",
];

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

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
#[serde(untagged)]
enum ToolChoiceBody<'a> {
    Word(&'static str),
    Named {
        #[serde(rename = "type")]
        kind: &'static str,
        function: NameBody<'a>,
    },
}

#[derive(Debug, Serialize)]
struct NameBody<'a> {
    name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormatBody<'a> {
    JsonObject,
    JsonSchema { json_schema: JsonSchemaBody<'a> },
}

#[derive(Debug, Serialize)]
struct JsonSchemaBody<'a> {
    name: &'a str,
    schema: &'a RawValue,
    strict: bool,
}

impl<'a> ChatRequestBody<'a> {
    /// The body for this request; `invalid-input` or `unsupported` names the field that does not fit.
    pub fn new(request: &'a Request, options: &Options) -> Result<Self> {
        let sampling = &request.sampling;
        let is_openai = options.dialect == Dialect::OpenAi;
        let is_mistral = options.dialect == Dialect::Mistral;
        let (top_k, repeat_penalty) = local_sampling(request, options)?;
        // An answer in one piece has its token counts anyway.
        let include_usage = options.include_usage && request.stream;
        let extra = extra(request.extra.as_deref(), &OWN_FIELDS)?;
        refuse_routing(&extra, options.routing)?;
        Ok(Self {
            model: &request.model,
            messages: messages(&request.messages, options.thoughts)?,
            stream: request.stream,
            stream_options: include_usage.then_some(StreamOptions { include_usage }),
            tools: request.tools.iter().map(tool).collect::<Result<_>>()?,
            tool_choice: tool_choice(request)?,
            response_format: response_format(&request.response_format)?,
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k,
            frequency_penalty: sampling.frequency_penalty,
            presence_penalty: sampling.presence_penalty,
            repeat_penalty,
            repetition_penalty: repeat_penalty,
            seed: sampling.seed.filter(|_| !is_mistral),
            random_seed: sampling.seed.filter(|_| is_mistral),
            max_tokens: sampling.max_tokens.filter(|_| !is_openai),
            max_completion_tokens: sampling.max_tokens.filter(|_| is_openai),
            stop: &sampling.stop,
            logprobs: request.logprobs.map(|_| true),
            top_logprobs: request.logprobs.filter(|&alternatives| alternatives > 0),
            extra,
        })
    }
}

/// `top_k` and `repeat_penalty` as they are sent.
fn local_sampling(request: &Request, options: &Options) -> Result<(Option<u32>, Option<f32>)> {
    let sampling = &request.sampling;
    // A penalty of 1 is none, so a server that knows no penalty already does what is asked.
    let has_penalty = sampling
        .repeat_penalty
        .is_some_and(|penalty| penalty != 1.0);
    match options.local_sampling {
        LocalSampling::Send => Ok((sampling.top_k, sampling.repeat_penalty)),
        LocalSampling::Refuse if request.drop_unsupported => Ok((None, None)),
        LocalSampling::Refuse if sampling.top_k.is_some() => Err(not_in_the_api("top_k")),
        LocalSampling::Refuse if has_penalty => Err(not_in_the_api("repeat_penalty")),
        LocalSampling::Refuse | LocalSampling::Drop => Ok((None, None)),
    }
}

fn not_in_the_api(field: &str) -> Error {
    Error::unsupported(format!(
        "`{field}`: OpenAI's API has no such field; leave it out, or set `local_sampling` of this plugin to `send` if the server has it, or to `drop`"
    ))
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

fn tool_choice(request: &Request) -> Result<Option<ToolChoiceBody<'_>>> {
    let choice = match &request.tool_choice {
        // What the API does by itself; a choice without tools would be refused.
        ToolChoice::Auto => None,
        ToolChoice::Forbid if request.tools.is_empty() => None,
        ToolChoice::Forbid => Some(ToolChoiceBody::Word("none")),
        ToolChoice::Require | ToolChoice::Named(_) if request.tools.is_empty() => {
            return Err(Error::invalid_input(
                "`tool_choice` asks for a tool call, but `tools` is empty",
            ));
        }
        ToolChoice::Require => Some(ToolChoiceBody::Word("required")),
        ToolChoice::Named(name) => Some(ToolChoiceBody::Named {
            kind: "function",
            function: NameBody { name },
        }),
    };
    Ok(choice)
}

fn response_format(format: &ResponseFormat) -> Result<Option<ResponseFormatBody<'_>>> {
    let body = match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonObject => Some(ResponseFormatBody::JsonObject),
        ResponseFormat::JsonSchema(format) => Some(ResponseFormatBody::JsonSchema {
            json_schema: JsonSchemaBody {
                name: &format.name,
                schema: raw(&format.schema, "schema of `response_format`")?,
                strict: format.strict,
            },
        }),
    };
    Ok(body)
}
