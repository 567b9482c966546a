//! What `POST /v1/messages` answers: events of a stream, or a whole message. Blocks and deltas are kept as raw JSON
//! until their type is known, because the API adds types, and a new one may give an old field another shape.

use inkstone_plugin::json;
use inkstone_plugin::provider::{FinishReason, Result, Source, Usage};
use provider_wire::fault::ErrorField;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, Value};

/// An event, a block or a delta as far as it says what it is.
#[derive(Debug, Deserialize)]
pub struct Kind {
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// `message_start`.
#[derive(Debug, Deserialize)]
pub struct MessageStart {
    pub message: MessageReply,
}

/// A message, whole or just begun.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MessageReply {
    pub content: Option<Vec<Box<RawValue>>>,
    pub stop_reason: Option<String>,
    pub usage: Option<UsageBody>,
    /// Set where an error came with a status of success.
    pub error: Option<ErrorField>,
}

/// `content_block_start`.
#[derive(Debug, Deserialize)]
pub struct BlockStart {
    #[serde(default)]
    pub index: u32,
    pub content_block: Box<RawValue>,
}

/// `content_block_delta`.
#[derive(Debug, Deserialize)]
pub struct BlockDelta {
    #[serde(default)]
    pub index: u32,
    pub delta: Box<RawValue>,
}

/// `content_block_stop`.
#[derive(Debug, Deserialize)]
pub struct BlockStop {
    #[serde(default)]
    pub index: u32,
}

/// `message_delta`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MessageDelta {
    pub delta: Option<StopBody>,
    pub usage: Option<UsageBody>,
}

/// Why the message ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StopBody {
    pub stop_reason: Option<String>,
}

/// A block of an answer that is understood here.
#[derive(Debug)]
pub enum Block {
    Text(TextBody),
    Thinking(ThinkingBody),
    RedactedThinking(RedactedBody),
    ToolUse(ToolUseBody),
    /// Tools the server runs itself and their results, and whatever is new.
    Other,
}

/// A piece of a block that is understood here.
#[derive(Debug)]
pub enum Delta {
    Text(TextBody),
    Thinking(ThinkingBody),
    InputJson(InputJsonBody),
    Citation(CitationBody),
    /// Whatever is new.
    Other,
}

/// A `text` block, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TextBody {
    pub text: Option<String>,
    pub citations: Option<Vec<PageBody>>,
}

/// A `thinking` block, or a piece of its text or of its signature.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ThinkingBody {
    pub thinking: Option<String>,
    pub signature: Option<String>,
}

/// A `redacted_thinking` block: a thought that nobody but the API can read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RedactedBody {
    pub data: Option<String>,
}

/// A `tool_use` block.
#[derive(Debug, Deserialize)]
pub struct ToolUseBody {
    pub id: String,
    pub name: String,
    /// Empty where pieces follow.
    pub input: Option<Box<RawValue>>,
}

/// A piece of a tool's input.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct InputJsonBody {
    pub partial_json: Option<String>,
}

/// A `citations_delta`.
#[derive(Debug, Deserialize)]
pub struct CitationBody {
    pub citation: PageBody,
}

/// What a text leans on: a page of the web, a search result, or a place in a document, which has no address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PageBody {
    pub url: Option<String>,
    /// Of a search result: an address, or a name of the caller's own.
    pub source: Option<Value>,
    pub title: Option<String>,
}

/// Tokens spent so far. Cached input is counted apart from the rest.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct UsageBody {
    pub input_tokens: Option<u64>,
    pub cache_creation_input_tokens: Option<u64>,
    pub cache_read_input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub output_tokens_details: Option<OutputTokensDetails>,
}

/// Parts of the output.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct OutputTokensDetails {
    pub thinking_tokens: Option<u64>,
}

impl Block {
    /// Reads what is known, and passes over the rest.
    pub fn read(raw: &RawValue) -> Result<Self> {
        match kind_of(raw)?.as_str() {
            "text" => body(raw).map(Self::Text),
            "thinking" => body(raw).map(Self::Thinking),
            "redacted_thinking" => body(raw).map(Self::RedactedThinking),
            "tool_use" => body(raw).map(Self::ToolUse),
            _ => Ok(Self::Other),
        }
    }
}

impl Delta {
    /// Reads what is known, and passes over the rest.
    pub fn read(raw: &RawValue) -> Result<Self> {
        match kind_of(raw)?.as_str() {
            "text_delta" => body(raw).map(Self::Text),
            "thinking_delta" | "signature_delta" => body(raw).map(Self::Thinking),
            "input_json_delta" => body(raw).map(Self::InputJson),
            "citations_delta" => body(raw).map(Self::Citation),
            _ => Ok(Self::Other),
        }
    }
}

fn kind_of(raw: &RawValue) -> Result<String> {
    Ok(body::<Kind>(raw)?.kind.unwrap_or_default())
}

fn body<T: DeserializeOwned>(raw: &RawValue) -> Result<T> {
    json::parse(raw.get())
}

impl UsageBody {
    /// Later counts hold for the whole message; a field that is missing or 0 was told before.
    pub fn update(&mut self, newer: Self) {
        let pick = |new: Option<u64>, old: Option<u64>| new.filter(|&count| count > 0).or(old);
        *self = Self {
            input_tokens: pick(newer.input_tokens, self.input_tokens),
            cache_creation_input_tokens: pick(
                newer.cache_creation_input_tokens,
                self.cache_creation_input_tokens,
            ),
            cache_read_input_tokens: pick(
                newer.cache_read_input_tokens,
                self.cache_read_input_tokens,
            ),
            output_tokens: pick(newer.output_tokens, self.output_tokens),
            output_tokens_details: newer.output_tokens_details.or(self.output_tokens_details),
        };
    }
}

impl From<UsageBody> for Usage {
    fn from(body: UsageBody) -> Self {
        let cached = body.cache_read_input_tokens.unwrap_or_default();
        let written = body.cache_creation_input_tokens.unwrap_or_default();
        let rest = body.input_tokens.unwrap_or_default();
        Self {
            // The contract counts cached tokens as a part of the input.
            input_tokens: rest.saturating_add(cached).saturating_add(written),
            output_tokens: body.output_tokens.unwrap_or_default(),
            cached_input_tokens: cached,
            reasoning_tokens: body
                .output_tokens_details
                .and_then(|details| details.thinking_tokens)
                .unwrap_or_default(),
        }
    }
}

impl PageBody {
    /// The page, where it has an address.
    pub fn into_source(self) -> Option<Source> {
        let source = self.source.as_ref().and_then(Value::as_str);
        let is_address = |text: &&str| text.starts_with("https://") || text.starts_with("http://");
        let url = self
            .url
            .filter(|url| !url.is_empty())
            .or_else(|| source.filter(is_address).map(str::to_owned))?;
        Some(Source {
            title: self.title,
            ..Source::url(url)
        })
    }
}

/// Why the answer ended. Words nobody documents are taken as an ordinary end, and so is a pause between tools that
/// the server runs itself: the contract has no way to go on from there.
pub fn finish_reason(word: &str) -> FinishReason {
    match word {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}
