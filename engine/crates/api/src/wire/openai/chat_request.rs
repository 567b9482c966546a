//! The body of `POST /v1/chat/completions`, and its conversion. Known fields are checked here; what
//! OpenAI has and we cannot do is refused by name; everything else is passed on in `extra`.

mod response_format;
mod tools;

use inkstone_domain::Result;
use inkstone_domain::chat::{Request, Sampling};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use self::response_format::{ResponseFormatBody, response_format_of};
pub(crate) use self::tools::choice_of_word;
use self::tools::{ToolBody, ToolChoiceBody, tool_choice_of, tools_of};
use super::message::MessageBody;
use crate::wire::logprobs::MAX_TOP_LOGPROBS;
use crate::wire::refusals::Refusals;
use crate::wire::schema;
use crate::wire::text_or_list::TextOrList;

/// A conversation to go on with.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChatRequestBody {
    /// `provider/model` or an alias; the engine's default where it is left out.
    #[serde(default)]
    #[schema(example = "local/smollm2-135m")]
    pub model: String,
    pub messages: Vec<MessageBody>,
    /// Answer as server-sent events, as the model speaks.
    #[serde(default)]
    pub stream: Option<bool>,
    #[serde(default)]
    pub stream_options: Option<StreamOptionsBody>,
    /// 0 to 2.
    #[serde(default)]
    pub temperature: Option<f32>,
    /// 0 to 1.
    #[serde(default)]
    pub top_p: Option<f32>,
    /// At least 1. Not OpenAI's, but known to most servers.
    #[serde(default)]
    pub top_k: Option<u32>,
    /// -2 to 2.
    #[serde(default)]
    pub frequency_penalty: Option<f32>,
    /// -2 to 2.
    #[serde(default)]
    pub presence_penalty: Option<f32>,
    /// Multiplicative, above 0; 1 is none. Not OpenAI's.
    #[serde(default)]
    pub repeat_penalty: Option<f32>,
    /// Where there are several choices, each after the first takes the next number.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The older word for `max_completion_tokens`.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub max_tokens: Option<u32>,
    /// At least 1.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub max_completion_tokens: Option<u32>,
    /// A text or a list of texts before which to stop.
    #[serde(default)]
    #[schema(schema_with = schema::text_or_texts)]
    pub stop: Option<TextOrList<String>>,
    #[serde(default)]
    pub tools: Option<Vec<ToolBody>>,
    /// `none`, `auto`, `required`, or `{"type":"function","function":{"name":…}}`.
    #[serde(default)]
    #[schema(schema_with = tools::tool_choice_schema)]
    pub tool_choice: Option<ToolChoiceBody>,
    #[serde(default)]
    pub response_format: Option<ResponseFormatBody>,
    /// How many answers to give, 1 to 8. Each is a call of its own, and is billed as one.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 8)]
    pub n: Option<u32>,
    /// Tell how likely each token was.
    #[serde(default)]
    pub logprobs: Option<bool>,
    /// 0 to 20: tell as many of the likeliest tokens at each place. Needs `logprobs`.
    #[serde(default)]
    pub top_logprobs: Option<u32>,
    /// Leave out what the provider cannot do instead of refusing it. Not OpenAI's.
    #[serde(default)]
    pub drop_unsupported: Option<bool>,
    /// Further fields, passed to the provider as they are.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// How to stream.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub(crate) struct StreamOptionsBody {
    /// Send a last chunk with the tokens used and no choices.
    #[serde(default)]
    pub include_usage: Option<bool>,
}

/// How to answer: one piece or a stream, with or without the last chunk of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    Stream { include_usage: bool },
}

/// More stops than this are refused.
const MAX_STOPS: usize = 16;

/// More choices than this are refused: each is a call.
const MAX_CHOICES: u32 = 8;

/// Fields OpenAI has that are refused where they ask for something, and what to do instead.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("functions", "is not read here; use `tools`"),
    ("function_call", "is not read here; use `tool_choice`"),
    ("audio", "is not possible here; leave it out"),
];

impl ChatRequestBody {
    /// How the client wants the answer.
    pub(crate) fn delivery(&self) -> Delivery {
        if self.stream != Some(true) {
            return Delivery::Whole;
        }
        let include_usage = self
            .stream_options
            .as_ref()
            .and_then(|options| options.include_usage)
            .unwrap_or(false);
        Delivery::Stream { include_usage }
    }

    /// How many answers are wanted.
    pub(crate) fn choices(&self) -> usize {
        self.n.unwrap_or(1) as usize
    }

    /// Checks and converts; the error names every wrong field.
    pub(crate) fn into_domain(self) -> Result<Request> {
        let mut wrong = Refusals::default();
        self.refuse_what_is_not_possible(&mut wrong);
        let logprobs = self.logprobs(&mut wrong);
        let sampling = self.sampling(&mut wrong);
        if self.messages.is_empty() {
            wrong.refuse("/messages", "at least one message is needed");
        }
        let messages = self
            .messages
            .into_iter()
            .enumerate()
            .map(|(index, message)| message.into_domain(&format!("/messages/{index}"), &mut wrong))
            .collect();
        let tools = tools_of(self.tools.unwrap_or_default(), &mut wrong);
        let tool_choice = tool_choice_of(self.tool_choice, &tools, &mut wrong);
        let response_format = response_format_of(self.response_format, &mut wrong);
        wrong.into_result()?;
        let extra = without_nulls(self.extra);
        Ok(Request {
            model: self.model,
            messages,
            tools,
            tool_choice,
            response_format,
            sampling,
            logprobs,
            drop_unsupported: self.drop_unsupported == Some(true),
            stream: self.stream == Some(true),
            extra: (!extra.is_empty()).then_some(extra),
        })
    }

    fn refuse_what_is_not_possible(&self, wrong: &mut Refusals) {
        if self.n.is_some_and(|n| !(1..=MAX_CHOICES).contains(&n)) {
            wrong.refuse("/n", format!("must be from 1 to {MAX_CHOICES}"));
        }
        for (name, detail) in UNSUPPORTED {
            if self.extra.get(*name).is_some_and(|value| !value.is_null()) {
                wrong.refuse(format!("/{name}"), *detail);
            }
        }
    }

    fn logprobs(&self, wrong: &mut Refusals) -> Option<u8> {
        let wants_them = self.logprobs == Some(true);
        match self.top_logprobs {
            Some(top) if top > MAX_TOP_LOGPROBS => wrong.none(
                "/top_logprobs",
                format!("must be from 0 to {MAX_TOP_LOGPROBS}"),
            ),
            Some(_) if !wants_them => wrong.none("/top_logprobs", "needs `logprobs` to be `true`"),
            top => wants_them.then(|| u8::try_from(top.unwrap_or(0)).unwrap_or(u8::MAX)),
        }
    }

    fn sampling(&self, wrong: &mut Refusals) -> Sampling {
        wrong.check_range("temperature", self.temperature, 0.0, 2.0);
        wrong.check_range("top_p", self.top_p, 0.0, 1.0);
        wrong.check_range("frequency_penalty", self.frequency_penalty, -2.0, 2.0);
        wrong.check_range("presence_penalty", self.presence_penalty, -2.0, 2.0);
        if self.repeat_penalty.is_some_and(|value| value <= 0.0) {
            wrong.refuse("/repeat_penalty", "must be above 0");
        }
        wrong.check_count("top_k", self.top_k);
        wrong.check_count("max_tokens", self.max_tokens);
        wrong.check_count("max_completion_tokens", self.max_completion_tokens);
        let stop = self.stop.clone().map(TextOrList::into_texts);
        Sampling {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            repeat_penalty: self.repeat_penalty,
            seed: self.seed,
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            stop: checked_stops(stop.unwrap_or_default(), "/stop", wrong),
        }
    }
}

/// The texts before which to stop, in any dialect.
pub(crate) fn checked_stops(
    stops: Vec<String>,
    pointer: &str,
    wrong: &mut Refusals,
) -> Vec<String> {
    if stops.len() > MAX_STOPS {
        wrong.refuse(pointer, format!("at most {MAX_STOPS} are possible"));
    }
    if stops.iter().any(String::is_empty) {
        wrong.refuse(pointer, "must not be empty");
    }
    stops
}

/// Clients send `null` for what they leave out; an upstream need not understand that.
pub(crate) fn without_nulls(mut extra: Map<String, Value>) -> Map<String, Value> {
    extra.retain(|_, value| !value.is_null());
    extra
}
