//! The body of `POST /chat/completions`, made from the contract's request. What the contract can say and the API
//! cannot is refused by name; only the sampling fields of local runtimes may be dropped, where the admin says so.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use inkstone_plugin::provider::{
    Error, Image, ImageSource, Message, Part, Request, ResponseFormat, Result, Role, Sampling,
    ToolChoice, ToolDefinition,
};
use serde::Serialize;
use serde_json::value::{RawValue, Value};

use crate::fields::{extra, raw};
use crate::openai::{Dialect, LocalSampling, Options};

/// The body.
#[derive(Debug, Serialize)]
pub struct ChatRequestBody {
    model: String,
    messages: Vec<MessageBody>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoiceBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormatBody>,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<String>,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// Fields of [`ChatRequestBody`] that have a place of their own in the contract's request.
const OWN_FIELDS: [&str; 17] = [
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
];

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Debug, Serialize)]
struct MessageBody {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// `null` where an assistant only called tools.
    content: Option<ContentBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ContentBody {
    Text(String),
    Parts(Vec<PartBody>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum PartBody {
    Text { text: String },
    ImageUrl { image_url: ImageUrlBody },
}

#[derive(Debug, Serialize)]
struct ImageUrlBody {
    url: String,
}

#[derive(Debug, Serialize)]
struct ToolCallBody {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionCallBody,
}

#[derive(Debug, Serialize)]
struct FunctionCallBody {
    name: String,
    arguments: String,
}

#[derive(Debug, Serialize)]
struct ToolBody {
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionBody,
}

#[derive(Debug, Serialize)]
struct FunctionBody {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    parameters: Box<RawValue>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ToolChoiceBody {
    Word(&'static str),
    Named {
        #[serde(rename = "type")]
        kind: &'static str,
        function: NameBody,
    },
}

#[derive(Debug, Serialize)]
struct NameBody {
    name: String,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormatBody {
    JsonObject,
    JsonSchema { json_schema: JsonSchemaBody },
}

#[derive(Debug, Serialize)]
struct JsonSchemaBody {
    name: String,
    schema: Box<RawValue>,
    strict: bool,
}

impl ChatRequestBody {
    /// The body for this request; `invalid-input` or `unsupported` names the field that does not fit.
    pub fn new(request: &Request, options: &Options) -> Result<Self> {
        let sampling = &request.sampling;
        let is_openai = options.dialect == Dialect::OpenAi;
        let is_mistral = options.dialect == Dialect::Mistral;
        let (top_k, repeat_penalty) = local_sampling(sampling, options)?;
        let mut messages = Vec::with_capacity(request.messages.len());
        for message in &request.messages {
            push_message(&mut messages, message)?;
        }
        if messages.is_empty() {
            return Err(Error::invalid_input("`messages` is empty"));
        }
        let include_usage = options.include_usage;
        Ok(Self {
            model: request.model.clone(),
            messages,
            stream: true,
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
            stop: sampling.stop.clone(),
            extra: extra(request.extra.as_deref(), &OWN_FIELDS)?,
        })
    }
}

/// `top_k` and `repeat_penalty` as they are sent.
fn local_sampling(sampling: &Sampling, options: &Options) -> Result<(Option<u32>, Option<f32>)> {
    // A penalty of 1 is none, so a server that knows no penalty already does what is asked.
    let has_penalty = sampling
        .repeat_penalty
        .is_some_and(|penalty| penalty != 1.0);
    match options.local_sampling {
        LocalSampling::Send => Ok((sampling.top_k, sampling.repeat_penalty)),
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

/// A message of the contract may hold several tool results; the API wants a message for each.
fn push_message(messages: &mut Vec<MessageBody>, message: &Message) -> Result<()> {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut parts = Vec::new();
    let mut tool_calls = Vec::new();
    for part in &message.parts {
        match part {
            Part::ToolResult(result) => messages.push(MessageBody {
                role: "tool",
                name: None,
                content: Some(ContentBody::Text(result.content.clone())),
                tool_calls: Vec::new(),
                tool_call_id: Some(result.tool_call_id.clone()),
            }),
            _ if message.role == Role::Tool => {
                return Err(Error::invalid_input(
                    "a message of role `tool` holds tool results and nothing else",
                ));
            }
            Part::Text(text) => parts.push(PartBody::Text { text: text.clone() }),
            Part::Image(image) if message.role == Role::User => parts.push(PartBody::ImageUrl {
                image_url: ImageUrlBody {
                    url: image_url(image)?,
                },
            }),
            Part::Image(_) => {
                return Err(Error::unsupported(format!(
                    "an image in a message of role `{role}`: the API takes images from users only"
                )));
            }
            Part::ToolCall(call) => tool_calls.push(ToolCallBody {
                id: call.id.clone(),
                kind: "function",
                function: FunctionCallBody {
                    name: call.name.clone(),
                    arguments: call.arguments.clone(),
                },
            }),
        }
    }
    if !tool_calls.is_empty() && message.role != Role::Assistant {
        return Err(Error::invalid_input(format!(
            "a tool call in a message of role `{role}`: only assistants call tools"
        )));
    }
    if message.role == Role::Tool {
        return Ok(());
    }
    let only_results = parts.is_empty() && tool_calls.is_empty() && !message.parts.is_empty();
    if only_results {
        return Ok(());
    }
    messages.push(MessageBody {
        role,
        name: message.name.clone(),
        content: content(parts, tool_calls.is_empty()),
        tool_calls,
        tool_call_id: None,
    });
    Ok(())
}

/// One text goes as a plain string, which every look-alike understands.
fn content(mut parts: Vec<PartBody>, needed: bool) -> Option<ContentBody> {
    match parts.pop() {
        None => needed.then(|| ContentBody::Text(String::new())),
        Some(PartBody::Text { text }) if parts.is_empty() => Some(ContentBody::Text(text)),
        Some(last) => {
            parts.push(last);
            Some(ContentBody::Parts(parts))
        }
    }
}

fn image_url(image: &Image) -> Result<String> {
    match &image.source {
        ImageSource::Url(url) => Ok(url.clone()),
        ImageSource::Bytes(_) if image.media_type.is_empty() => Err(Error::invalid_input(
            "an image given as bytes needs its media type, such as image/png",
        )),
        ImageSource::Bytes(bytes) => Ok(format!(
            "data:{};base64,{}",
            image.media_type,
            BASE64.encode(bytes)
        )),
    }
}

fn tool(definition: &ToolDefinition) -> Result<ToolBody> {
    let place = format!("parameters of the tool `{}`", definition.name);
    Ok(ToolBody {
        kind: "function",
        function: FunctionBody {
            name: definition.name.clone(),
            description: definition.description.clone(),
            parameters: raw(&definition.parameters, &place)?,
        },
    })
}

fn tool_choice(request: &Request) -> Result<Option<ToolChoiceBody>> {
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
            function: NameBody { name: name.clone() },
        }),
    };
    Ok(choice)
}

fn response_format(format: &ResponseFormat) -> Result<Option<ResponseFormatBody>> {
    let body = match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonObject => Some(ResponseFormatBody::JsonObject),
        ResponseFormat::JsonSchema(format) => Some(ResponseFormatBody::JsonSchema {
            json_schema: JsonSchemaBody {
                name: format.name.clone(),
                schema: raw(&format.schema, "schema of `response_format`")?,
                strict: format.strict,
            },
        }),
    };
    Ok(body)
}
