//! A response, as it stands in a reply and in the events of a stream: what it repeats of its request,
//! how far it has come, its output and what it cost.

use std::collections::BTreeMap;

use inkstone_domain::Error;
use inkstone_domain::chat::{FinishReason, Usage};
use serde::Serialize;
use utoipa::ToSchema;

use super::item::OutputItemReply;
use super::text::TextFormatBody;
use super::tools::{ResponseToolBody, ResponseToolChoiceBody};
use crate::wire::inkstone::InkstoneReply;
use crate::wire::schema;

/// A response.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResponseReply<'a> {
    #[schema(example = "resp_01J9ZQ7")]
    pub id: &'a str,
    /// Always `response`.
    pub object: &'static str,
    /// Seconds since 1970.
    pub created_at: i64,
    /// `in_progress`, `completed`, `incomplete` or `failed`.
    pub status: &'static str,
    pub error: Option<ResponseErrorReply>,
    /// Why it is incomplete, where it is.
    pub incomplete_details: Option<IncompleteReply>,
    /// `provider/model` that answers.
    pub model: &'a str,
    #[schema(value_type = Vec<OutputItemReply>)]
    pub output: &'a [OutputItemReply],
    /// Known at the end.
    pub usage: Option<ResponseUsageReply>,
    /// Always `false`.
    pub background: bool,
    /// Always null.
    #[schema(schema_with = schema::null)]
    pub previous_response_id: (),
    /// Always `false`: nothing is stored.
    pub store: bool,
    /// Always `disabled`.
    pub truncation: &'static str,
    #[serde(flatten)]
    pub echo: &'a ResponseEchoReply,
    /// Only where there is something to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inkstone: Option<InkstoneReply<'a>>,
}

/// What a response repeats of its request.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ResponseEchoReply {
    pub instructions: Option<String>,
    pub max_output_tokens: Option<u32>,
    pub metadata: BTreeMap<String, String>,
    pub parallel_tool_calls: bool,
    pub reasoning: ReasoningEchoReply,
    pub temperature: Option<f32>,
    pub text: TextEchoReply,
    #[schema(schema_with = super::tools::tool_choice_schema)]
    pub tool_choice: ResponseToolChoiceBody,
    pub tools: Vec<ResponseToolBody>,
    pub top_logprobs: Option<u32>,
    pub top_p: Option<f32>,
}

/// How much was to be thought.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ReasoningEchoReply {
    pub effort: Option<String>,
    pub summary: Option<String>,
}

/// What the text was to be like.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct TextEchoReply {
    pub format: TextFormatBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<String>,
}

/// Why a response failed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ResponseErrorReply {
    /// As in the envelope of errors.
    pub code: String,
    pub message: String,
}

/// Why a response is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct IncompleteReply {
    /// `max_output_tokens` or `content_filter`.
    pub reason: &'static str,
}

/// Tokens of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ResponseUsageReply {
    pub input_tokens: u64,
    pub input_tokens_details: InputDetailsReply,
    pub output_tokens: u64,
    pub output_tokens_details: OutputDetailsReply,
    pub total_tokens: u64,
}

/// What the tokens of the input were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct InputDetailsReply {
    pub cached_tokens: u64,
    /// Always 0: providers do not tell.
    pub cache_write_tokens: u64,
}

/// What the tokens of the output were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OutputDetailsReply {
    pub reasoning_tokens: u64,
}

impl From<Usage> for ResponseUsageReply {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            input_tokens_details: InputDetailsReply {
                cached_tokens: usage.cached_input_tokens,
                cache_write_tokens: 0,
            },
            output_tokens: usage.output_tokens,
            output_tokens_details: OutputDetailsReply {
                reasoning_tokens: usage.reasoning_tokens,
            },
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
        }
    }
}

impl IncompleteReply {
    /// Why an answer that ended like this is not complete.
    pub(super) fn of(finish: FinishReason) -> Option<Self> {
        let reason = match finish {
            FinishReason::Length => "max_output_tokens",
            FinishReason::ContentFilter => "content_filter",
            FinishReason::Stop | FinishReason::ToolCalls => return None,
        };
        Some(Self { reason })
    }
}

impl From<&Error> for ResponseErrorReply {
    fn from(error: &Error) -> Self {
        Self {
            code: error
                .upstream_code()
                .unwrap_or(error.code().name)
                .to_owned(),
            message: error.message().to_owned(),
        }
    }
}
