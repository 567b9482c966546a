//! A streamed answer, as OpenAI's `chat.completion.chunk`s. [`ChunkWriter`] knows the order clients
//! rely on: the role first, then deltas, one finish reason, the usage if it was asked for.

use inkstone_domain::chat::{Chunk, FinishReason, ToolCallDelta, Usage};
use serde::Serialize;
use utoipa::ToSchema;

use super::completion::{AnnotationReply, UsageReply, annotation, finish_word};
use super::schema;

/// A piece of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChunkReply<'a> {
    pub id: &'a str,
    /// Always `chat.completion.chunk`.
    pub object: &'static str,
    /// Seconds since 1970.
    pub created: i64,
    /// `provider/model` that answers.
    pub model: &'a str,
    /// One, or none in the chunk that tells the usage.
    pub choices: Vec<ChunkChoice>,
    /// Tokens used, in the last chunk, if `stream_options.include_usage` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<UsageReply>)]
    pub usage: Option<Option<UsageReply>>,
}

/// What is new.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChunkChoice {
    pub index: u32,
    pub delta: DeltaReply,
    /// Always null.
    #[schema(schema_with = schema::null)]
    pub logprobs: (),
    /// `stop`, `length`, `tool_calls` or `content_filter`, once.
    pub finish_reason: Option<&'static str>,
}

/// A piece of a message; fields of the same name are appended.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct DeltaReply {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<[ToolCallDeltaReply; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<[AnnotationReply; 1]>,
}

/// A piece of a tool call; pieces with the same index belong together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolCallDeltaReply {
    pub index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `function`, in the first piece.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    pub function: FunctionDeltaReply,
}

/// A piece of a called function.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FunctionDeltaReply {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub arguments: String,
}

/// Turns the chunks of one answer into chunks of the wire.
pub(crate) struct ChunkWriter {
    id: String,
    created: i64,
    model: String,
    include_usage: bool,
    usage: Usage,
    finished: bool,
    called_tools: bool,
}

impl ChunkWriter {
    pub(crate) fn new(id: String, created: i64, model: String, include_usage: bool) -> Self {
        Self {
            id,
            created,
            model,
            include_usage,
            usage: Usage::default(),
            finished: false,
            called_tools: false,
        }
    }

    /// The chunk that opens the stream.
    pub(crate) fn opening(&self) -> ChunkReply<'_> {
        self.delta(DeltaReply {
            role: Some("assistant"),
            content: Some(String::new()),
            ..DeltaReply::default()
        })
    }

    /// The wire's chunk for this one, if it has one.
    pub(crate) fn next(&mut self, chunk: Chunk) -> Option<ChunkReply<'_>> {
        let delta = match chunk {
            Chunk::Text(text) => DeltaReply {
                content: Some(text),
                ..DeltaReply::default()
            },
            Chunk::Reasoning(text) => DeltaReply {
                reasoning_content: Some(text),
                ..DeltaReply::default()
            },
            Chunk::ToolCall(delta) => {
                self.called_tools = true;
                DeltaReply {
                    tool_calls: Some([tool_call_delta(delta)]),
                    ..DeltaReply::default()
                }
            }
            Chunk::Citation(source) => DeltaReply {
                annotations: Some([annotation(source)?]),
                ..DeltaReply::default()
            },
            Chunk::ThoughtSignature(_) | Chunk::Logprobs(_) | Chunk::Rerouted(_) => return None,
            // Told at the end, wherever a provider tells it.
            Chunk::Usage(usage) => {
                self.usage = usage;
                return None;
            }
            Chunk::Finish(_) if self.finished => return None,
            Chunk::Finish(reason) => return Some(self.finish(reason)),
        };
        Some(self.delta(delta))
    }

    /// The finish reason, where the provider gave none.
    pub(crate) fn missing_finish(&mut self) -> Option<ChunkReply<'_>> {
        if self.finished {
            return None;
        }
        let reason = match self.called_tools {
            true => FinishReason::ToolCalls,
            false => FinishReason::Stop,
        };
        Some(self.finish(reason))
    }

    /// The chunk that tells the usage, if it was asked for.
    pub(crate) fn closing(&self) -> Option<ChunkReply<'_>> {
        self.include_usage.then(|| ChunkReply {
            usage: Some(Some(UsageReply::from(self.usage))),
            ..self.chunk(Vec::new())
        })
    }

    fn finish(&mut self, reason: FinishReason) -> ChunkReply<'_> {
        self.finished = true;
        self.chunk(vec![ChunkChoice {
            index: 0,
            delta: DeltaReply::default(),
            logprobs: (),
            finish_reason: Some(finish_word(reason)),
        }])
    }

    fn delta(&self, delta: DeltaReply) -> ChunkReply<'_> {
        self.chunk(vec![ChunkChoice {
            index: 0,
            delta,
            logprobs: (),
            finish_reason: None,
        }])
    }

    fn chunk(&self, choices: Vec<ChunkChoice>) -> ChunkReply<'_> {
        ChunkReply {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage: self.include_usage.then_some(None),
        }
    }
}

fn tool_call_delta(delta: ToolCallDelta) -> ToolCallDeltaReply {
    ToolCallDeltaReply {
        index: delta.index,
        kind: delta.id.as_ref().map(|_| "function"),
        id: delta.id,
        function: FunctionDeltaReply {
            name: delta.name,
            arguments: delta.arguments,
        },
    }
}
