//! A conversation with a language model, richer than any one provider. Mirrors `wit/…/chat.wit`.

use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;
use crate::research::Source;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ImageSource {
    /// Copies of a request share them.
    #[serde(with = "shared_bytes")]
    Bytes(Bytes),
    Url(String),
}

mod shared_bytes {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        Vec::deserialize(from).map(Bytes::from)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// IANA media type; empty when not known.
    pub media_type: String,
    pub source: ImageSource,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// As the model wrote them: usually a JSON object, but a model may err.
    pub arguments: String,
}

/// What a model thought before it answered or called a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thought {
    pub text: String,
    /// The provider's own proof of it, opaque; some refuse a conversation that comes back without.
    pub signature: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Part {
    Text(String),
    Image(Image),
    ToolCall(ToolCall),
    /// What the assistant thought, handed back to the model that thought it.
    Thought(Thought),
    ToolResult {
        tool_call_id: String,
        content: String,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub name: Option<String>,
    pub parts: Vec<Part>,
}

impl Message {
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            name: None,
            parts: vec![Part::Text(text.into())],
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolChoice {
    #[default]
    Auto,
    Forbid,
    Require,
    Named(String),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum ResponseFormat {
    #[default]
    Text,
    JsonObject,
    JsonSchema {
        name: String,
        schema: Value,
        strict: bool,
    },
}

/// How tokens are drawn. What is `None` is left to the model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub top_k: Option<u32>,
    pub frequency_penalty: Option<f32>,
    pub presence_penalty: Option<f32>,
    pub repeat_penalty: Option<f32>,
    pub seed: Option<u64>,
    pub max_tokens: Option<u32>,
    pub stop: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `provider/model` or an alias before routing; the provider's own name after it. Empty means the default.
    pub model: String,
    pub messages: Vec<Message>,
    pub tools: Vec<ToolDefinition>,
    pub tool_choice: ToolChoice,
    pub response_format: ResponseFormat,
    pub sampling: Sampling,
    /// Log probabilities of the tokens, with this many alternatives each.
    #[serde(default)]
    pub logprobs: Option<u8>,
    /// Fields that the provider lacks are left out; else they are `unsupported`.
    #[serde(default)]
    pub drop_unsupported: bool,
    /// Whether pieces are wanted as they come; else the upstream may answer in one.
    #[serde(default)]
    pub stream: bool,
    /// Further fields, passed to the upstream as they are.
    pub extra: Option<serde_json::Map<String, Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallDelta {
    /// Pieces with the same index belong together; arguments are appended.
    pub index: u32,
    pub id: Option<String>,
    pub name: Option<String>,
    pub arguments: String,
}

/// Tokens of one call. Cached and reasoning tokens are parts of input and output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cached_input_tokens: u64,
    pub reasoning_tokens: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.input_tokens, other.input_tokens);
        add(&mut self.output_tokens, other.output_tokens);
        add(&mut self.cached_input_tokens, other.cached_input_tokens);
        add(&mut self.reasoning_tokens, other.reasoning_tokens);
    }
}

/// How likely a token was, natural logarithm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    pub token: String,
    pub logprob: f32,
    /// The most likely tokens at this place, and how likely each was.
    pub top: Vec<(String, f32)>,
}

/// One thing a model said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Chunk {
    Text(String),
    Reasoning(String),
    /// Ends what was thought so far: see [`Thought::signature`].
    ThoughtSignature(String),
    ToolCall(ToolCallDelta),
    Citation(Source),
    Logprobs(Vec<TokenLogprob>),
    /// From here on another model goes on with the answer: its `provider/model`. Only the gateway says it.
    Rerouted(String),
    Usage(Usage),
    Finish(FinishReason),
}

/// What a model says, as it says it. Dropping the stream cancels the call, up to the upstream.
pub type ChunkStream = Pin<Box<dyn Stream<Item = Result<Chunk>> + Send>>;

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// `provider/model` that answered.
    pub model: String,
    pub text: String,
    pub reasoning: String,
    pub thought_signature: Option<String>,
    pub tool_calls: Vec<ToolCall>,
    pub citations: Vec<Source>,
    pub logprobs: Vec<TokenLogprob>,
    pub finish: Option<FinishReason>,
    pub usage: Usage,
}

impl Reply {
    /// Takes in the next chunk of a stream.
    pub fn push(&mut self, chunk: Chunk) {
        match chunk {
            Chunk::Text(text) => self.text.push_str(&text),
            Chunk::Reasoning(text) => self.reasoning.push_str(&text),
            Chunk::ThoughtSignature(signature) => self.thought_signature = Some(signature),
            Chunk::Citation(source) => self.citations.push(source),
            Chunk::Logprobs(tokens) => self.logprobs.extend(tokens),
            Chunk::Rerouted(model) => self.model = model,
            Chunk::Usage(usage) => self.usage = usage,
            Chunk::Finish(reason) => self.finish = Some(reason),
            Chunk::ToolCall(delta) => {
                let index = delta.index as usize;
                while self.tool_calls.len() <= index.min(MAX_TOOL_CALLS) {
                    self.tool_calls.push(ToolCall {
                        id: String::new(),
                        name: String::new(),
                        arguments: String::new(),
                    });
                }
                if let Some(call) = self.tool_calls.get_mut(index) {
                    if let Some(id) = delta.id {
                        call.id = id;
                    }
                    if let Some(name) = delta.name {
                        call.name = name;
                    }
                    call.arguments.push_str(&delta.arguments);
                }
            }
        }
    }
}

/// Tool calls of one answer beyond this are dropped: an index comes from outside.
const MAX_TOOL_CALLS: usize = 128;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbedRequest {
    pub model: String,
    pub inputs: Vec<String>,
    pub dimensions: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbedReply {
    /// One vector per input, in their order.
    pub vectors: Vec<Vec<f32>>,
    pub usage: Usage,
}

/// Documents to put in the order in which they answer a query.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RerankRequest {
    pub model: String,
    pub query: String,
    pub documents: Vec<String>,
    /// Only this many of the best; all where it is left out.
    pub top_n: Option<u32>,
}

/// The best documents first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RerankReply {
    pub results: Vec<Ranked>,
    pub usage: Usage,
    /// What some services bill instead of tokens.
    pub search_units: u64,
}

/// Where a document ended up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Its place in the request.
    pub index: u32,
    /// Higher is better, mostly 0 to 1.
    pub score: f32,
}

/// A model a provider offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name within the provider.
    pub id: String,
    pub kind: ModelKind,
    pub context_length: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    Chat,
    Embedding,
    Rerank,
}
