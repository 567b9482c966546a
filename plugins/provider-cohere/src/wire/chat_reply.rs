//! What `POST /v2/chat` answers: events of a stream, or a whole message. The same names hold a list in a whole message
//! and one thing in an event, so each has shapes of its own; an event's `delta` is kept as raw JSON until its type is
//! known.

use inkstone_plugin::provider::{Error, ErrorKind, FinishReason, Result, Source, Usage};
use serde::Deserialize;
use serde_json::value::{RawValue, Value};

use super::meta::{UnitsBody, count};

/// A whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChatReply {
    pub message: Option<MessageBody>,
    pub finish_reason: Option<String>,
    pub usage: Option<UsageBody>,
}

/// What was said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MessageBody {
    pub tool_plan: Option<String>,
    pub content: Option<Vec<ContentBody>>,
    pub tool_calls: Option<Vec<ToolCallBody>>,
    pub citations: Option<Vec<CitationBody>>,
}

/// An event of a stream.
#[derive(Debug, Deserialize)]
pub struct EventBody {
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub index: Option<u32>,
    #[serde(default)]
    pub delta: Option<Box<RawValue>>,
}

/// The `delta` of every event but the first and the last.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DeltaBody {
    pub message: MessageDelta,
}

/// One of these is set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MessageDelta {
    pub tool_plan: Option<String>,
    pub content: Option<ContentBody>,
    pub tool_calls: Option<ToolCallBody>,
    pub citations: Option<CitationBody>,
}

/// The `delta` of `message-end`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndBody {
    pub finish_reason: Option<String>,
    pub usage: Option<UsageBody>,
    pub error: Option<String>,
}

/// A text or a thought, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContentBody {
    pub text: Option<String>,
    pub thinking: Option<String>,
}

/// A tool call, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ToolCallBody {
    pub id: Option<String>,
    pub function: FunctionBody,
}

/// The function's part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FunctionBody {
    pub name: Option<String>,
    pub arguments: Option<String>,
}

/// What a part of the text leans on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CitationBody {
    pub sources: Option<Vec<SourceBody>>,
}

/// A document of the caller's, or what a tool said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SourceBody {
    pub document: Option<DocumentBody>,
}

/// Its fields are the caller's own; these two are worth a citation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DocumentBody {
    url: Value,
    title: Value,
}

/// Tokens as they are billed, and as they were read with all that the API puts around them.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct UsageBody {
    pub billed_units: Option<UnitsBody>,
    pub tokens: Option<UnitsBody>,
    pub cached_tokens: Option<f64>,
}

impl From<UsageBody> for Usage {
    fn from(body: UsageBody) -> Self {
        let units = body.billed_units.or(body.tokens).unwrap_or_default();
        let input_tokens = count(units.input_tokens);
        Self {
            input_tokens,
            output_tokens: count(units.output_tokens),
            cached_input_tokens: count(body.cached_tokens).min(input_tokens),
            reasoning_tokens: 0,
        }
    }
}

impl DocumentBody {
    /// The page, where it has an address.
    pub fn into_source(self) -> Option<Source> {
        let url = self.url.as_str().filter(|url| url.starts_with("http"))?;
        Some(Source {
            title: self.title.as_str().map(str::to_owned),
            ..Source::url(url)
        })
    }
}

/// Why the answer ended; a failure is an error that holds what was said about it. Words nobody documents are taken as
/// an ordinary end.
pub fn finish_reason(word: &str, said: Option<&str>) -> Result<FinishReason> {
    let failed = |kind| {
        let said = said.unwrap_or("it gives no reason");
        let said: String = said.chars().take(300).collect();
        let what = format!("the upstream stopped with {word}: {said}");
        Err(Error::new(kind, what))
    };
    match word {
        "MAX_TOKENS" => Ok(FinishReason::Length),
        "TOOL_CALL" => Ok(FinishReason::ToolCalls),
        "ERROR_TOXIC" => Ok(FinishReason::ContentFilter),
        "TIMEOUT" => failed(ErrorKind::Timeout),
        _ if word.starts_with("ERROR") => failed(ErrorKind::Upstream),
        _ => Ok(FinishReason::Stop),
    }
}
