//! A message as the model answers it: blocks, why it ended and what it cost.

use inkstone_domain::chat::{FinishReason, Usage};
use inkstone_domain::research::Source;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::wire::inkstone::InkstoneReply;
use crate::wire::schema;

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnthropicMessageReply<'a> {
    #[schema(example = "msg_01J9ZQ7")]
    pub id: &'a str,
    /// Always `message`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Always `assistant`.
    pub role: &'static str,
    /// `provider/model` that answers.
    pub model: &'a str,
    #[schema(value_type = Vec<AnthropicBlockReply>)]
    pub content: &'a [AnthropicBlockReply],
    /// `end_turn`, `max_tokens`, `tool_use` or `refusal`; null as long as it goes on. Whether it ended at a stop
    /// sequence is not known; that is `end_turn` too.
    pub stop_reason: Option<&'static str>,
    /// Always null.
    #[schema(schema_with = schema::null)]
    pub stop_sequence: (),
    pub usage: AnthropicUsageReply,
    /// Only where there is something to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inkstone: Option<InkstoneReply<'a>>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum AnthropicBlockReply {
    Text {
        text: String,
        /// What the model cites.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        citations: Vec<CitationReply>,
    },
    Thinking {
        thinking: String,
        /// The provider's proof of the thought; send it back with it.
        signature: String,
    },
    /// A thought that is encrypted as a whole.
    RedactedThinking { data: String },
    ToolUse {
        /// Ties the result to the call.
        id: String,
        name: String,
        /// An object; what the model wrote, as a text, where that is no JSON.
        #[serde(rename = "input", serialize_with = "as_json")]
        #[schema(value_type = Object)]
        arguments: String,
    },
}

/// A citation of a page. What was cited of it is not known, and so empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CitationReply {
    /// Always `web_search_result_location`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub url: String,
    pub title: Option<String>,
    pub cited_text: &'static str,
    pub encrypted_index: &'static str,
}

/// Tokens of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AnthropicUsageReply {
    /// Without those that were cached.
    pub input_tokens: u64,
    pub cache_read_input_tokens: u64,
    /// Always 0: providers do not tell.
    pub cache_creation_input_tokens: u64,
    pub output_tokens: u64,
}

impl From<Usage> for AnthropicUsageReply {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens.saturating_sub(usage.cached_input_tokens),
            cache_read_input_tokens: usage.cached_input_tokens,
            cache_creation_input_tokens: 0,
            output_tokens: usage.output_tokens,
        }
    }
}

/// Anthropic's word for why an answer ended. Some providers say no more than that it did, tools called or not.
pub(super) fn stop_reason(finish: FinishReason, has_called_tools: bool) -> &'static str {
    match finish {
        FinishReason::Stop if has_called_tools => "tool_use",
        FinishReason::Stop => "end_turn",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter => "refusal",
    }
}

/// A source with an address is a citation; Anthropic has no word for others.
pub(super) fn citation(source: Source) -> Option<CitationReply> {
    Some(CitationReply {
        kind: "web_search_result_location",
        url: source.url?,
        title: source.title,
        cited_text: "",
        encrypted_index: "",
    })
}

/// Models may err: what is no JSON is told as a text, so that nothing is lost.
fn as_json<S: Serializer>(arguments: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let arguments = match arguments.trim() {
        "" => "{}",
        arguments => arguments,
    };
    match serde_json::from_str::<&RawValue>(arguments) {
        Ok(json) => json.serialize(serializer),
        Err(_) => arguments.serialize(serializer),
    }
}
