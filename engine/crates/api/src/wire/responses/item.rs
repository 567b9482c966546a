//! What a response is made of: messages, calls of functions, and reasoning.

use inkstone_domain::research::Source;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::logprobs::TokenLogprobReply;

/// A part of the output.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum OutputItemReply {
    Message(OutputMessageReply),
    FunctionCall(OutputCallReply),
    Reasoning(OutputReasoningReply),
}

/// What the model said.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct OutputMessageReply {
    #[schema(example = "msg_01J9ZQ7_0")]
    pub id: String,
    /// `in_progress`, `completed` or `incomplete`.
    pub status: &'static str,
    /// Always `assistant`.
    pub role: &'static str,
    pub content: Vec<OutputTextReply>,
}

/// Text.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct OutputTextReply {
    /// Always `output_text`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub text: String,
    /// What the model cites.
    pub annotations: Vec<UrlAnnotationReply>,
    /// Empty where they were not asked for.
    pub logprobs: Vec<TokenLogprobReply>,
}

/// A citation. Where in the text is not known, so both places are 0.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct UrlAnnotationReply {
    /// Always `url_citation`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub url: String,
    pub title: String,
    pub start_index: u32,
    pub end_index: u32,
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct OutputCallReply {
    #[schema(example = "fc_01J9ZQ7_0")]
    pub id: String,
    /// Ties the output to the call.
    pub call_id: String,
    pub name: String,
    /// JSON as text, as the model wrote it.
    pub arguments: String,
    /// `in_progress`, `completed` or `incomplete`.
    pub status: &'static str,
}

/// What the model thought.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct OutputReasoningReply {
    #[schema(example = "rs_01J9ZQ7_0")]
    pub id: String,
    /// At most one.
    pub summary: Vec<SummaryTextReply>,
    /// The provider's proof of the thought; send it back with it.
    pub encrypted_content: Option<String>,
    /// `in_progress`, `completed` or `incomplete`.
    pub status: &'static str,
}

/// A thought, as far as the provider tells it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct SummaryTextReply {
    /// Always `summary_text`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub text: String,
}

impl OutputItemReply {
    pub(super) fn set_status(&mut self, status: &'static str) {
        match self {
            Self::Message(message) => message.status = status,
            Self::FunctionCall(call) => call.status = status,
            Self::Reasoning(reasoning) => reasoning.status = status,
        }
    }

    /// What had not come to its end never will.
    pub(super) fn break_off(&mut self) {
        let status = match self {
            Self::Message(message) => message.status,
            Self::FunctionCall(call) => call.status,
            Self::Reasoning(reasoning) => reasoning.status,
        };
        if status == "in_progress" {
            self.set_status("incomplete");
        }
    }
}

impl OutputTextReply {
    pub(super) fn new() -> Self {
        Self {
            kind: "output_text",
            text: String::new(),
            annotations: Vec::new(),
            logprobs: Vec::new(),
        }
    }
}

impl SummaryTextReply {
    pub(super) fn new() -> Self {
        Self {
            kind: "summary_text",
            text: String::new(),
        }
    }
}

/// A source with an address is a citation; OpenAI has no word for others.
pub(super) fn url_annotation(source: Source) -> Option<UrlAnnotationReply> {
    let url = source.url?;
    Some(UrlAnnotationReply {
        kind: "url_citation",
        title: source.title.unwrap_or_else(|| url.clone()),
        url,
        start_index: 0,
        end_index: 0,
    })
}
