//! A whole answer, as OpenAI's `chat.completion`. The usage block is shared with the stream.

use inkstone_domain::chat::{FinishReason, Reply, TokenLogprob, ToolCall, Usage};
use inkstone_domain::research::Source;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::WholeReply;
use crate::wire::inkstone::InkstoneReply;
use crate::wire::logprobs::{TokenLogprobReply, token_logprobs};
use crate::wire::schema;

/// A whole answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompletionReply {
    #[schema(example = "chatcmpl-01J9ZQ7")]
    pub id: String,
    /// Always `chat.completion`.
    pub object: &'static str,
    /// Seconds since 1970.
    pub created: i64,
    /// `provider/model` that answered.
    pub model: String,
    /// As many as `n` asked for.
    pub choices: Vec<ChoiceReply>,
    /// The tokens of all choices together.
    pub usage: UsageReply,
    /// Only where there is something to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inkstone: Option<InkstoneReply<'static>>,
}

/// The answer itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChoiceReply {
    pub index: u32,
    pub message: MessageReply,
    /// Null where they were not asked for.
    pub logprobs: Option<LogprobsReply>,
    /// `stop`, `length`, `tool_calls` or `content_filter`.
    pub finish_reason: &'static str,
}

/// How likely the tokens of the answer were.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogprobsReply {
    pub content: Vec<TokenLogprobReply>,
    /// Always null.
    #[schema(schema_with = schema::null)]
    pub refusal: (),
}

/// What the model said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageReply {
    /// Always `assistant`.
    pub role: &'static str,
    /// Null where the model only called tools.
    pub content: Option<String>,
    /// Always null.
    #[schema(schema_with = schema::null)]
    pub refusal: (),
    /// What the model thought, where it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// The provider's proof of that thought; send it back with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_signature: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallReply>,
    /// What the model cites.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<AnnotationReply>,
}

/// A call of a tool.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolCallReply {
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub function: FunctionCallReply,
}

/// The function that is called.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FunctionCallReply {
    pub name: String,
    /// JSON as text, as the model wrote it.
    pub arguments: String,
}

/// A citation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AnnotationReply {
    /// Always `url_citation`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub url_citation: UrlCitationReply,
}

/// What is cited. Where in the text is not known, so both places are 0.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct UrlCitationReply {
    pub url: String,
    pub title: String,
    pub start_index: u32,
    pub end_index: u32,
}

/// Tokens of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UsageReply {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
    pub prompt_tokens_details: PromptDetailsReply,
    pub completion_tokens_details: CompletionDetailsReply,
}

/// What the tokens of the prompt were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PromptDetailsReply {
    pub cached_tokens: u64,
}

/// What the tokens of the answer were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CompletionDetailsReply {
    pub reasoning_tokens: u64,
}

impl CompletionReply {
    /// The choices in their order. Where one was rerouted, the model is the last it was rerouted to.
    pub(crate) fn new(answers: Vec<WholeReply>, id: String, created: i64) -> Self {
        let rerouted = answers.iter().rfind(|answer| answer.is_rerouted);
        let model = rerouted
            .or(answers.first())
            .map(|answer| answer.reply.model.clone());
        let inkstone = rerouted.map(|answer| InkstoneReply::rerouted(answer.reply.model.clone()));
        let mut usage = Usage::default();
        for answer in &answers {
            usage += answer.reply.usage;
        }
        Self {
            id,
            object: "chat.completion",
            created,
            model: model.unwrap_or_default(),
            choices: (0..)
                .zip(answers)
                .map(|(index, answer)| choice(index, answer.reply))
                .collect(),
            usage: UsageReply::from(usage),
            inkstone,
        }
    }
}

fn choice(index: u32, reply: Reply) -> ChoiceReply {
    let called_tools = !reply.tool_calls.is_empty();
    let content = (!reply.text.is_empty() || !called_tools).then_some(reply.text);
    let message = MessageReply {
        role: "assistant",
        content,
        refusal: (),
        reasoning_content: (!reply.reasoning.is_empty()).then_some(reply.reasoning),
        reasoning_signature: reply.thought_signature,
        tool_calls: reply.tool_calls.into_iter().map(tool_call).collect(),
        annotations: reply.citations.into_iter().filter_map(annotation).collect(),
    };
    ChoiceReply {
        index,
        message,
        logprobs: LogprobsReply::of(reply.logprobs),
        finish_reason: finish_word(reply.finish.unwrap_or(FinishReason::Stop)),
    }
}

impl LogprobsReply {
    /// None of no tokens.
    pub(super) fn of(tokens: Vec<TokenLogprob>) -> Option<Self> {
        (!tokens.is_empty()).then(|| Self {
            content: token_logprobs(tokens),
            refusal: (),
        })
    }
}

impl From<Usage> for UsageReply {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            prompt_tokens_details: PromptDetailsReply {
                cached_tokens: usage.cached_input_tokens,
            },
            completion_tokens_details: CompletionDetailsReply {
                reasoning_tokens: usage.reasoning_tokens,
            },
        }
    }
}

/// OpenAI's word for why an answer ended.
pub(super) fn finish_word(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// A source with an address is a citation; OpenAI has no word for others.
pub(super) fn annotation(source: Source) -> Option<AnnotationReply> {
    let url = source.url?;
    Some(AnnotationReply {
        kind: "url_citation",
        url_citation: UrlCitationReply {
            title: source.title.unwrap_or_else(|| url.clone()),
            url,
            start_index: 0,
            end_index: 0,
        },
    })
}

fn tool_call(call: ToolCall) -> ToolCallReply {
    ToolCallReply {
        id: call.id,
        kind: "function",
        function: FunctionCallReply {
            name: call.name,
            arguments: call.arguments,
        },
    }
}
