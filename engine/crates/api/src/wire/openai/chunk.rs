//! A streamed answer, as OpenAI's `chat.completion.chunk`s. [`ChunkWriter`] knows the order clients
//! rely on: the role first, then deltas, one finish reason per choice, the usage if it was asked for.

use inkstone_domain::chat::{Chunk, FinishReason, ToolCallDelta, Usage};
use inkstone_domain::{Error, Result};
use serde::Serialize;
use utoipa::ToSchema;

use super::completion::{AnnotationReply, LogprobsReply, UsageReply, annotation, finish_word};
use super::error::OpenAiError;
use crate::answer::{AnswerWriter, EventFrame, Said};
use crate::wire::inkstone::InkstoneReply;

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
    #[schema(value_type = Vec<ChunkChoice>)]
    pub choices: &'a [ChunkChoice],
    /// Tokens used, in the last chunk, if `stream_options.include_usage` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<UsageReply>)]
    pub usage: Option<Option<UsageReply>>,
    /// Only where there is something to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inkstone: Option<InkstoneReply<'a>>,
}

/// What is new.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChunkChoice {
    pub index: usize,
    pub delta: DeltaReply,
    /// Null where they were not asked for.
    pub logprobs: Option<LogprobsReply>,
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
    /// Whole, at the end of a thought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_signature: Option<String>,
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

/// Turns what models say into chunks of the wire.
pub(crate) struct ChunkWriter {
    id: String,
    created: i64,
    include_usage: bool,
    choices: Vec<ChoiceState>,
}

/// What is known of a choice so far.
#[derive(Default)]
struct ChoiceState {
    model: String,
    usage: Usage,
    is_finished: bool,
    has_called_tools: bool,
}

impl ChunkWriter {
    /// `models` has the `provider/model` of each choice.
    pub(crate) fn new(id: String, created: i64, models: &[String], include_usage: bool) -> Self {
        let choice = |model: &String| ChoiceState {
            model: model.clone(),
            ..ChoiceState::default()
        };
        Self {
            id,
            created,
            include_usage,
            choices: models.iter().map(choice).collect(),
        }
    }

    fn send(&self, piece: ChunkChoice, is_rerouted: bool, frame: &mut EventFrame) {
        let model = self.model_of(piece.index);
        frame.data(&ChunkReply {
            inkstone: is_rerouted.then(|| InkstoneReply::rerouted(model)),
            ..self.chunk(model, &[piece])
        });
    }

    fn chunk<'a>(&'a self, model: &'a str, choices: &'a [ChunkChoice]) -> ChunkReply<'a> {
        ChunkReply {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model,
            choices,
            usage: self.include_usage.then_some(None),
            inkstone: None,
        }
    }

    fn model_of(&self, index: usize) -> &str {
        self.choices
            .get(index)
            .map_or("", |choice| choice.model.as_str())
    }
}

impl AnswerWriter for ChunkWriter {
    fn open(&mut self, frame: &mut EventFrame) {
        for index in 0..self.choices.len() {
            let opening = DeltaReply {
                role: Some("assistant"),
                content: Some(String::new()),
                ..DeltaReply::default()
            };
            self.send(delta(index, opening), false, frame);
        }
    }

    fn write(&mut self, index: usize, said: Said, frame: &mut EventFrame) -> Result<()> {
        let Some(choice) = self.choices.get_mut(index) else {
            return Ok(());
        };
        let mut piece = delta(index, DeltaReply::default());
        let mut is_rerouted = false;
        match said.chunk {
            Chunk::Text(text) => {
                piece.delta.content = Some(text);
                piece.logprobs = LogprobsReply::of(said.logprobs);
            }
            Chunk::Reasoning(text) => piece.delta.reasoning_content = Some(text),
            Chunk::ThoughtSignature(signature) => {
                piece.delta.reasoning_signature = Some(signature);
            }
            Chunk::ToolCall(call) => {
                choice.has_called_tools = true;
                piece.delta.tool_calls = Some([tool_call_delta(call)]);
            }
            Chunk::Citation(source) => match annotation(source) {
                Some(annotation) => piece.delta.annotations = Some([annotation]),
                None => return Ok(()),
            },
            Chunk::Rerouted(model) => {
                choice.model = model;
                is_rerouted = true;
            }
            // Told at the end, wherever a provider tells it.
            Chunk::Usage(usage) => {
                choice.usage = usage;
                return Ok(());
            }
            Chunk::Finish(_) if choice.is_finished => return Ok(()),
            Chunk::Finish(reason) => {
                choice.is_finished = true;
                piece.finish_reason = Some(finish_word(reason));
            }
            // They come with their text.
            Chunk::Logprobs(_) => return Ok(()),
        }
        self.send(piece, is_rerouted, frame);
        Ok(())
    }

    fn close(&mut self, frame: &mut EventFrame) {
        let mut usage = Usage::default();
        for (index, choice) in self.choices.iter().enumerate() {
            usage += choice.usage;
            if choice.is_finished {
                continue;
            }
            let reason = match choice.has_called_tools {
                true => FinishReason::ToolCalls,
                false => FinishReason::Stop,
            };
            let mut piece = delta(index, DeltaReply::default());
            piece.finish_reason = Some(finish_word(reason));
            self.send(piece, false, frame);
        }
        if self.include_usage {
            frame.data(&ChunkReply {
                usage: Some(Some(UsageReply::from(usage))),
                ..self.chunk(self.model_of(0), &[])
            });
        }
        frame.done();
    }

    fn fail(&mut self, error: &Error, frame: &mut EventFrame) {
        frame.data(&OpenAiError::new(error));
    }
}

fn delta(index: usize, delta: DeltaReply) -> ChunkChoice {
    ChunkChoice {
        index,
        delta,
        logprobs: None,
        finish_reason: None,
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
