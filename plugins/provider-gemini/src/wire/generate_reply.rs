//! What `POST /models/{model}:generateContent` answers, and each event of `:streamGenerateContent`.

use inkstone_plugin::provider::{Error, FinishReason, Result, Source, TokenLogprob, Usage};
use provider_wire::fault::Fault;
use serde::Deserialize;
use serde_json::Value;

/// A `GenerateContentResponse`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GenerateReply {
    pub candidates: Option<Vec<Candidate>>,
    pub prompt_feedback: Option<PromptFeedback>,
    pub usage_metadata: Option<UsageBody>,
    pub error: Option<Fault>,
}

/// One answer; this plugin asks for one only.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Candidate {
    pub index: Option<u32>,
    pub content: Option<ContentBody>,
    pub finish_reason: Option<String>,
    pub finish_message: Option<String>,
    pub grounding_metadata: Option<GroundingMetadata>,
    pub logprobs_result: Option<LogprobsResult>,
}

/// What was said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContentBody {
    pub parts: Option<Vec<PartBody>>,
}

/// A piece of it. Pictures and code run by the API have no place in the contract, so they are not read.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PartBody {
    pub text: Option<String>,
    /// Whether the text is a thought.
    pub thought: Option<bool>,
    /// In base64.
    pub thought_signature: Option<String>,
    pub function_call: Option<FunctionCallBody>,
}

/// A call, always whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FunctionCallBody {
    pub id: Option<String>,
    pub name: Option<String>,
    pub args: Option<Value>,
}

/// How likely the tokens were; both lists have an entry for every token.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LogprobsResult {
    pub chosen_candidates: Vec<TokenBody>,
    pub top_candidates: Vec<TopBody>,
}

/// The tokens that were most likely at one place.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TopBody {
    pub candidates: Vec<TokenBody>,
}

/// One token.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TokenBody {
    pub token: String,
    pub log_probability: f32,
}

impl From<LogprobsResult> for Vec<TokenLogprob> {
    fn from(body: LogprobsResult) -> Self {
        let mut tops = body.top_candidates.into_iter();
        let tokens = body.chosen_candidates.into_iter().map(|chosen| {
            let top = tops.next().unwrap_or_default().candidates.into_iter();
            TokenLogprob {
                token: chosen.token,
                logprob: chosen.log_probability,
                top: top
                    .map(|other| (other.token, other.log_probability))
                    .collect(),
            }
        });
        tokens.collect()
    }
}

/// Why the prompt was not answered.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PromptFeedback {
    pub block_reason: Option<String>,
}

/// What a search found for the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GroundingMetadata {
    pub grounding_chunks: Option<Vec<GroundingChunk>>,
}

/// One find.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GroundingChunk {
    pub web: Option<WebPage>,
}

/// A page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WebPage {
    pub uri: Option<String>,
    pub title: Option<String>,
}

impl From<WebPage> for Source {
    fn from(page: WebPage) -> Self {
        Self {
            url: page.uri,
            title: page.title,
            author: None,
            published: None,
        }
    }
}

/// Tokens spent so far; every event repeats them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UsageBody {
    /// With the cached ones.
    pub prompt_token_count: Option<u64>,
    pub cached_content_token_count: Option<u64>,
    /// Results of the API's own tools, fed back to the model.
    pub tool_use_prompt_token_count: Option<u64>,
    /// Without the thoughts.
    pub candidates_token_count: Option<u64>,
    pub thoughts_token_count: Option<u64>,
}

impl UsageBody {
    /// These counts; what is missing here is taken from before.
    pub fn after(self, before: Self) -> Self {
        Self {
            prompt_token_count: self.prompt_token_count.or(before.prompt_token_count),
            cached_content_token_count: self
                .cached_content_token_count
                .or(before.cached_content_token_count),
            tool_use_prompt_token_count: self
                .tool_use_prompt_token_count
                .or(before.tool_use_prompt_token_count),
            candidates_token_count: self
                .candidates_token_count
                .or(before.candidates_token_count),
            thoughts_token_count: self.thoughts_token_count.or(before.thoughts_token_count),
        }
    }
}

/// The contract counts thoughts as part of the output, the API beside it.
impl From<UsageBody> for Usage {
    fn from(body: UsageBody) -> Self {
        let reasoning_tokens = body.thoughts_token_count.unwrap_or_default();
        Self {
            input_tokens: body.prompt_token_count.unwrap_or_default()
                + body.tool_use_prompt_token_count.unwrap_or_default(),
            output_tokens: body.candidates_token_count.unwrap_or_default() + reasoning_tokens,
            cached_input_tokens: body.cached_content_token_count.unwrap_or_default(),
            reasoning_tokens,
        }
    }
}

/// Why the answer ended; `None` where the word says nothing. What is no good end is an error, and so is a word nobody
/// knows yet: the API has one word for a natural end, and new ones were failures so far.
pub fn finish_reason(word: &str, said: Option<&str>) -> Result<Option<FinishReason>> {
    let finish = match word {
        "" | "FINISH_REASON_UNSPECIFIED" => return Ok(None),
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => FinishReason::ContentFilter,
        _ => return Err(Error::upstream(failed(word, said))),
    };
    Ok(Some(finish))
}

fn failed(word: &str, said: Option<&str>) -> String {
    let why = match word {
        "MALFORMED_FUNCTION_CALL" => "the model wrote a tool call that nobody can read; try again",
        "UNEXPECTED_TOOL_CALL" => "the model called a tool though none was offered; try again",
        "TOO_MANY_TOOL_CALLS" => "the model called tools too many times in a row",
        "MISSING_THOUGHT_SIGNATURE" => {
            "a tool call came back without its signature; hand back ids of tool calls unchanged"
        }
        "MALFORMED_RESPONSE" => "the model's answer cannot be read; try again",
        "OTHER" => "the upstream gives no reason",
        _ => "the answer is not finished",
    };
    let text = format!("the upstream stopped with {word}: {why}");
    match said.map(str::trim).filter(|said| !said.is_empty()) {
        Some(said) => format!("{text} ({})", said.chars().take(300).collect::<String>()),
        None => text,
    }
}
