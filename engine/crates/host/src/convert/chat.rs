//! Conversations across the border, in both directions: providers are given requests and answer
//! with chunks, other plugins ask through `ai` the other way round.

use inkstone_bindings::latest::imports::{ai, chat as wit, types};
use inkstone_domain::chat::{
    Chunk, EmbedReply, EmbedRequest, FinishReason, Image, ImageSource, Message, Part, Ranked,
    Reply, Request, RerankReply, RerankRequest, ResponseFormat, Role, Sampling, Thought,
    TokenLogprob, ToolCall, ToolCallDelta, ToolChoice, ToolDefinition, Usage,
};
use inkstone_domain::{Error, codes};
use serde_json::Value;

use crate::convert;

pub(crate) fn request_to_guest(request: Request) -> wit::Request {
    wit::Request {
        model: request.model,
        messages: request.messages.into_iter().map(message_to_guest).collect(),
        tools: request
            .tools
            .into_iter()
            .map(|tool| wit::ToolDefinition {
                name: tool.name,
                description: tool.description,
                parameters: tool.parameters.to_string(),
            })
            .collect(),
        tool_choice: match request.tool_choice {
            ToolChoice::Auto => wit::ToolChoice::Auto,
            ToolChoice::Forbid => wit::ToolChoice::Forbid,
            ToolChoice::Require => wit::ToolChoice::Require,
            ToolChoice::Named(name) => wit::ToolChoice::Named(name),
        },
        response_format: match request.response_format {
            ResponseFormat::Text => wit::ResponseFormat::Text,
            ResponseFormat::JsonObject => wit::ResponseFormat::JsonObject,
            ResponseFormat::JsonSchema {
                name,
                schema,
                strict,
            } => wit::ResponseFormat::JsonSchema(wit::JsonSchemaFormat {
                name,
                schema: schema.to_string(),
                strict,
            }),
        },
        sampling: sampling_to_guest(request.sampling),
        logprobs: request.logprobs,
        drop_unsupported: request.drop_unsupported,
        stream: request.stream,
        extra: request.extra.map(|extra| Value::Object(extra).to_string()),
    }
}

/// A guest's request; `invalid_input` where one of its JSON texts is none.
pub(crate) fn request_from_guest(request: wit::Request) -> Result<Request, Error> {
    Ok(Request {
        model: request.model,
        messages: request
            .messages
            .into_iter()
            .map(message_from_guest)
            .collect(),
        tools: request
            .tools
            .into_iter()
            .map(|tool| {
                Ok(ToolDefinition {
                    parameters: json(&tool.parameters, "the parameters of a tool")?,
                    name: tool.name,
                    description: tool.description,
                })
            })
            .collect::<Result<_, Error>>()?,
        tool_choice: match request.tool_choice {
            wit::ToolChoice::Auto => ToolChoice::Auto,
            wit::ToolChoice::Forbid => ToolChoice::Forbid,
            wit::ToolChoice::Require => ToolChoice::Require,
            wit::ToolChoice::Named(name) => ToolChoice::Named(name),
        },
        response_format: match request.response_format {
            wit::ResponseFormat::Text => ResponseFormat::Text,
            wit::ResponseFormat::JsonObject => ResponseFormat::JsonObject,
            wit::ResponseFormat::JsonSchema(format) => ResponseFormat::JsonSchema {
                schema: json(&format.schema, "the schema of the response format")?,
                name: format.name,
                strict: format.strict,
            },
        },
        sampling: sampling_from_guest(request.sampling),
        logprobs: request.logprobs,
        drop_unsupported: request.drop_unsupported,
        stream: request.stream,
        extra: match request.extra {
            None => None,
            Some(text) => match json(&text, "`extra`")? {
                Value::Object(fields) => Some(fields),
                _ => {
                    return Err(Error::new(
                        &codes::INVALID_INPUT,
                        "`extra` is no JSON object",
                    ));
                }
            },
        },
    })
}

fn json(text: &str, what: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| {
        Error::new(
            &codes::INVALID_INPUT,
            format!("{what} is not valid JSON: {error}"),
        )
    })
}

fn message_to_guest(message: Message) -> wit::Message {
    wit::Message {
        role: match message.role {
            Role::System => wit::Role::System,
            Role::User => wit::Role::User,
            Role::Assistant => wit::Role::Assistant,
            Role::Tool => wit::Role::Tool,
        },
        name: message.name,
        parts: message
            .parts
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => wit::Part::Text(text),
                Part::Image(image) => wit::Part::Image(wit::Image {
                    media_type: image.media_type,
                    source: match image.source {
                        ImageSource::Bytes(bytes) => wit::ImageSource::Bytes(bytes.into()),
                        ImageSource::Url(url) => wit::ImageSource::Url(url),
                    },
                }),
                Part::ToolCall(call) => wit::Part::ToolCall(tool_call_to_guest(call)),
                Part::Thought(thought) => wit::Part::Thought(wit::Thought {
                    text: thought.text,
                    signature: thought.signature,
                }),
                Part::ToolResult {
                    tool_call_id,
                    content,
                } => wit::Part::ToolResult(wit::ToolResult {
                    tool_call_id,
                    content,
                }),
            })
            .collect(),
    }
}

fn message_from_guest(message: wit::Message) -> Message {
    Message {
        role: match message.role {
            wit::Role::System => Role::System,
            wit::Role::User => Role::User,
            wit::Role::Assistant => Role::Assistant,
            wit::Role::Tool => Role::Tool,
        },
        name: message.name,
        parts: message
            .parts
            .into_iter()
            .map(|part| match part {
                wit::Part::Text(text) => Part::Text(text),
                wit::Part::Image(image) => Part::Image(Image {
                    media_type: image.media_type,
                    source: match image.source {
                        wit::ImageSource::Bytes(bytes) => ImageSource::Bytes(bytes.into()),
                        wit::ImageSource::Url(url) => ImageSource::Url(url),
                    },
                }),
                wit::Part::ToolCall(call) => Part::ToolCall(ToolCall {
                    id: call.id,
                    name: call.name,
                    arguments: call.arguments,
                }),
                wit::Part::Thought(thought) => Part::Thought(Thought {
                    text: thought.text,
                    signature: thought.signature,
                }),
                wit::Part::ToolResult(result) => Part::ToolResult {
                    tool_call_id: result.tool_call_id,
                    content: result.content,
                },
            })
            .collect(),
    }
}

fn tool_call_to_guest(call: ToolCall) -> wit::ToolCall {
    wit::ToolCall {
        id: call.id,
        name: call.name,
        arguments: call.arguments,
    }
}

fn sampling_to_guest(sampling: Sampling) -> wit::Sampling {
    wit::Sampling {
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        repeat_penalty: sampling.repeat_penalty,
        seed: sampling.seed,
        max_tokens: sampling.max_tokens,
        stop: sampling.stop,
    }
}

fn sampling_from_guest(sampling: wit::Sampling) -> Sampling {
    Sampling {
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        repeat_penalty: sampling.repeat_penalty,
        seed: sampling.seed,
        max_tokens: sampling.max_tokens,
        stop: sampling.stop,
    }
}

/// What the gateway alone says is none of a guest's words, and comes as a thought without any.
pub(crate) fn chunk_to_guest(chunk: Chunk) -> wit::Chunk {
    match chunk {
        Chunk::Text(text) => wit::Chunk::Text(text),
        Chunk::Reasoning(text) => wit::Chunk::Reasoning(text),
        Chunk::ToolCall(delta) => wit::Chunk::ToolCall(wit::ToolCallDelta {
            index: delta.index,
            id: delta.id,
            name: delta.name,
            arguments: delta.arguments,
        }),
        Chunk::ThoughtSignature(signature) => wit::Chunk::ThoughtSignature(signature),
        Chunk::Citation(source) => wit::Chunk::Citation(convert::source_to_guest(source)),
        Chunk::Logprobs(tokens) => wit::Chunk::Logprobs(
            tokens
                .into_iter()
                .map(|token| wit::TokenLogprob {
                    token: token.token,
                    logprob: token.logprob,
                    top: token.top,
                })
                .collect(),
        ),
        Chunk::Rerouted(_) => wit::Chunk::Reasoning(String::new()),
        Chunk::Usage(usage) => wit::Chunk::Usage(usage_to_guest(usage)),
        Chunk::Finish(reason) => wit::Chunk::Finish(finish_to_guest(reason)),
    }
}

pub(crate) fn chunk_from_guest(chunk: wit::Chunk) -> Chunk {
    match chunk {
        wit::Chunk::Text(text) => Chunk::Text(text),
        wit::Chunk::Reasoning(text) => Chunk::Reasoning(text),
        wit::Chunk::ToolCall(delta) => Chunk::ToolCall(ToolCallDelta {
            index: delta.index,
            id: delta.id,
            name: delta.name,
            arguments: delta.arguments,
        }),
        wit::Chunk::ThoughtSignature(signature) => Chunk::ThoughtSignature(signature),
        wit::Chunk::Citation(source) => Chunk::Citation(convert::source(source)),
        wit::Chunk::Logprobs(tokens) => Chunk::Logprobs(
            tokens
                .into_iter()
                .map(|token| TokenLogprob {
                    token: token.token,
                    logprob: token.logprob,
                    top: token.top,
                })
                .collect(),
        ),
        wit::Chunk::Usage(usage) => Chunk::Usage(usage_from_guest(usage)),
        wit::Chunk::Finish(reason) => Chunk::Finish(match reason {
            wit::FinishReason::Stop => FinishReason::Stop,
            wit::FinishReason::Length => FinishReason::Length,
            wit::FinishReason::ToolCalls => FinishReason::ToolCalls,
            wit::FinishReason::ContentFilter => FinishReason::ContentFilter,
        }),
    }
}

fn finish_to_guest(reason: FinishReason) -> wit::FinishReason {
    match reason {
        FinishReason::Stop => wit::FinishReason::Stop,
        FinishReason::Length => wit::FinishReason::Length,
        FinishReason::ToolCalls => wit::FinishReason::ToolCalls,
        FinishReason::ContentFilter => wit::FinishReason::ContentFilter,
    }
}

fn usage_to_guest(usage: Usage) -> types::Usage {
    types::Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cached_input_tokens: usage.cached_input_tokens,
        reasoning_tokens: usage.reasoning_tokens,
    }
}

fn usage_from_guest(usage: types::Usage) -> Usage {
    Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cached_input_tokens: usage.cached_input_tokens,
        reasoning_tokens: usage.reasoning_tokens,
    }
}

pub(crate) fn reply_to_guest(reply: Reply) -> ai::Reply {
    ai::Reply {
        text: reply.text,
        tool_calls: reply
            .tool_calls
            .into_iter()
            .map(tool_call_to_guest)
            .collect(),
        finish: finish_to_guest(reply.finish.unwrap_or(FinishReason::Stop)),
        usage: usage_to_guest(reply.usage),
        model: reply.model,
    }
}

pub(crate) fn embed_request_to_guest(request: EmbedRequest) -> wit::EmbedRequest {
    wit::EmbedRequest {
        model: request.model,
        inputs: request.inputs,
        dimensions: request.dimensions,
    }
}

pub(crate) fn embed_request_from_guest(request: wit::EmbedRequest) -> EmbedRequest {
    EmbedRequest {
        model: request.model,
        inputs: request.inputs,
        dimensions: request.dimensions,
    }
}

pub(crate) fn embed_reply_to_guest(reply: EmbedReply) -> wit::EmbedReply {
    wit::EmbedReply {
        vectors: reply.vectors,
        usage: usage_to_guest(reply.usage),
    }
}

pub(crate) fn embed_reply_from_guest(reply: wit::EmbedReply) -> EmbedReply {
    EmbedReply {
        vectors: reply.vectors,
        usage: usage_from_guest(reply.usage),
    }
}

pub(crate) fn rerank_request_to_guest(request: RerankRequest) -> wit::RerankRequest {
    wit::RerankRequest {
        model: request.model,
        query: request.query,
        documents: request.documents,
        top_n: request.top_n,
    }
}

pub(crate) fn rerank_reply_from_guest(reply: wit::RerankReply) -> RerankReply {
    let results = reply.results.into_iter();
    RerankReply {
        results: results
            .map(|ranked| Ranked {
                index: ranked.index,
                score: ranked.score,
            })
            .collect(),
        usage: usage_from_guest(reply.usage),
        search_units: reply.search_units,
    }
}
