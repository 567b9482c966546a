//! What `POST /chat/completions` answers: chunks of a stream, or a whole reply from a server that cannot stream.

use std::fmt;

use inkstone_plugin::provider::{FinishReason, Source, TokenLogprob, Usage};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::Value;

use crate::fault::ErrorField;

/// What OpenAI sends for a token that is next to impossible, and others leave out.
const VERY_UNLIKELY: f32 = -9999.0;

/// One event of a stream. A whole reply has the same shape with `message` for `delta`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChatReply {
    pub choices: Option<Vec<Choice>>,
    pub usage: Option<UsageBody>,
    pub error: Option<ErrorField>,
    /// Only set with `object: error`, by servers without the envelope.
    pub message: Option<String>,
    pub object: Option<String>,
    /// Perplexity's sources of the whole answer, repeated in every event.
    pub citations: Option<Vec<CitationBody>>,
}

/// One answer; this plugin asks for one only.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    pub index: Option<u32>,
    #[serde(alias = "message")]
    pub delta: Option<Delta>,
    pub finish_reason: Option<String>,
    pub logprobs: Option<LogprobsBody>,
}

/// How likely the tokens of a piece were; those of a refusal stand apart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogprobsBody {
    pub content: Option<Vec<TokenBody>>,
    pub refusal: Option<Vec<TokenBody>>,
}

/// One token.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TokenBody {
    pub token: String,
    pub logprob: Option<f32>,
    pub top_logprobs: Option<Vec<AlternativeBody>>,
}

/// One that could have stood at its place.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AlternativeBody {
    pub token: String,
    pub logprob: Option<f32>,
}

/// A piece of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Delta {
    pub content: Option<Content>,
    /// As DeepSeek, llama.cpp and vLLM call it.
    pub reasoning_content: Option<String>,
    /// As OpenRouter and Groq call it.
    pub reasoning: Option<Value>,
    pub refusal: Option<String>,
    pub tool_calls: Option<Vec<ToolCallPiece>>,
    pub annotations: Option<Vec<Annotation>>,
}

/// A text; Mistral's reasoning models send parts.
#[derive(Debug)]
pub enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

/// By hand, because a derived untagged enum copies the whole answer once more before it looks at it.
impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a list of parts")
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Content, E> {
        Ok(Content::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = list.next_element()? {
            parts.push(part);
        }
        Ok(Content::Parts(parts))
    }
}

/// A part of a content.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContentPart {
    pub text: Option<String>,
    pub thinking: Option<Vec<ContentPart>>,
}

/// A piece of a tool call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ToolCallPiece {
    /// Missing at some servers, which then send every call whole.
    pub index: Option<u32>,
    pub id: Option<String>,
    pub function: Option<FunctionPiece>,
}

/// The function's part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FunctionPiece {
    pub name: Option<String>,
    /// A text by the book; some servers send the object itself.
    pub arguments: Option<Value>,
}

/// A remark on the text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotation {
    pub url_citation: Option<UrlCitation>,
}

/// A page the text leans on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct UrlCitation {
    pub url: Option<String>,
    pub title: Option<String>,
}

/// An address, bare or with more about it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum CitationBody {
    Url(String),
    Page(UrlCitation),
}

/// Tokens spent.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct UsageBody {
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    pub total_tokens: Option<u64>,
    pub prompt_tokens_details: Option<PromptTokensDetails>,
    pub completion_tokens_details: Option<CompletionTokensDetails>,
    /// DeepSeek's name for cached input.
    pub prompt_cache_hit_tokens: Option<u64>,
}

/// Parts of the input.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct PromptTokensDetails {
    pub cached_tokens: Option<u64>,
}

/// Parts of the output.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct CompletionTokensDetails {
    pub reasoning_tokens: Option<u64>,
}

impl From<TokenBody> for TokenLogprob {
    fn from(body: TokenBody) -> Self {
        let top = body.top_logprobs.unwrap_or_default().into_iter();
        Self {
            token: body.token,
            logprob: body.logprob.unwrap_or(VERY_UNLIKELY),
            top: top
                .map(|other| (other.token, other.logprob.unwrap_or(VERY_UNLIKELY)))
                .collect(),
        }
    }
}

impl From<UsageBody> for Usage {
    fn from(body: UsageBody) -> Self {
        let input_tokens = body.prompt_tokens.unwrap_or_default();
        let rest = body.total_tokens.unwrap_or_default();
        let cached = body.prompt_tokens_details.and_then(|d| d.cached_tokens);
        Self {
            input_tokens,
            output_tokens: body
                .completion_tokens
                .unwrap_or_else(|| rest.saturating_sub(input_tokens)),
            cached_input_tokens: cached.or(body.prompt_cache_hit_tokens).unwrap_or_default(),
            reasoning_tokens: body
                .completion_tokens_details
                .and_then(|details| details.reasoning_tokens)
                .unwrap_or_default(),
        }
    }
}

impl From<UrlCitation> for Source {
    fn from(citation: UrlCitation) -> Self {
        Self {
            url: citation.url,
            title: citation.title,
            author: None,
            published: None,
        }
    }
}

impl From<CitationBody> for Source {
    fn from(body: CitationBody) -> Self {
        match body {
            CitationBody::Url(url) => Self::url(url),
            CitationBody::Page(page) => page.into(),
        }
    }
}

/// Why the answer ended. Words nobody documents are taken as an ordinary end.
pub fn finish_reason(word: &str) -> FinishReason {
    match word {
        "length" | "max_tokens" | "model_length" => FinishReason::Length,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "content_filter" | "safety" | "SAFETY" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}
