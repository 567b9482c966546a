//! The body of `POST /v1/responses`, and its conversion. What OpenAI has and we cannot do is refused by
//! name; what both its APIs know under other names is passed on under that of chat completions.

use std::collections::BTreeMap;

use inkstone_domain::Result;
use inkstone_domain::chat::{Message, Request, Role, Sampling};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::input::{InputItemBody, messages_of};
use super::reply::{ReasoningEchoReply, ResponseEchoReply, TextEchoReply};
use super::text::{TextBody, format_of};
use super::tools::{ResponseToolBody, ResponseToolChoiceBody, choice_of, tools_of};
use crate::wire::logprobs::MAX_TOP_LOGPROBS;
use crate::wire::openai::chat_request::without_nulls;
use crate::wire::refusals::Refusals;
use crate::wire::schema;
use crate::wire::text_or_list::TextOrList;

/// What to respond to.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ResponsesBody {
    /// `provider/model` or an alias; the engine's default where it is left out.
    #[serde(default)]
    #[schema(example = "local/smollm2-135m")]
    pub model: String,
    /// A text, or items: messages, calls of functions and their outputs, reasoning.
    #[serde(default)]
    #[schema(schema_with = schema::text_or_list_of::<InputItemBody>)]
    pub input: Option<TextOrList<InputItemBody>>,
    /// Stands before the input, as the system's message.
    #[serde(default)]
    pub instructions: Option<String>,
    #[serde(default)]
    pub tools: Option<Vec<ResponseToolBody>>,
    /// `none`, `auto`, `required`, or `{"type":"function","name":…}`.
    #[serde(default)]
    #[schema(schema_with = super::tools::tool_choice_schema)]
    pub tool_choice: Option<ResponseToolChoiceBody>,
    #[serde(default)]
    pub parallel_tool_calls: Option<bool>,
    #[serde(default)]
    pub text: Option<TextBody>,
    /// At least 1.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub max_output_tokens: Option<u32>,
    /// 0 to 2.
    #[serde(default)]
    pub temperature: Option<f32>,
    /// 0 to 1.
    #[serde(default)]
    pub top_p: Option<f32>,
    /// 0 to 20: tell as many of the likeliest tokens at each place.
    #[serde(default)]
    pub top_logprobs: Option<u32>,
    /// Only `message.output_text.logprobs` changes the answer; what belongs to a thought always comes with it.
    #[serde(default)]
    pub include: Option<Vec<String>>,
    #[serde(default)]
    pub reasoning: Option<ReasoningBody>,
    /// Answer as server-sent events, as the model speaks.
    #[serde(default)]
    pub stream: Option<bool>,
    /// Texts by name, given back with the response.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
    /// May be sent, but nothing is stored.
    #[serde(default)]
    #[expect(dead_code, reason = "named here so that it is not passed on")]
    pub store: Option<bool>,
    /// Leave out what the provider cannot do instead of refusing it. Not OpenAI's.
    #[serde(default)]
    pub drop_unsupported: Option<bool>,
    /// Further fields, passed to the provider as they are.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// How much to think.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ReasoningBody {
    /// Such as `low`; passed to the provider as `reasoning_effort`.
    #[serde(default)]
    pub effort: Option<String>,
    /// Thoughts are told where the provider tells them, whatever stands here.
    #[serde(default)]
    pub summary: Option<String>,
}

const NOTHING_IS_STORED: &str =
    "is not possible here, since no response is stored; send the whole conversation as `input`";
const NOT_POSSIBLE: &str = "is not possible here; leave it out";

/// Fields that are refused where they ask for something, and what to do instead.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("previous_response_id", NOTHING_IS_STORED),
    ("conversation", NOTHING_IS_STORED),
    (
        "prompt",
        "is not possible here, since no prompt is stored; use `instructions` and `input`",
    ),
    ("context_management", NOT_POSSIBLE),
    ("moderation", NOT_POSSIBLE),
];

/// Fields that ask for nothing a provider would have to know.
const OURS_TO_KEEP: [&str; 4] = [
    "background",
    "truncation",
    "stream_options",
    "max_tool_calls",
];

/// What both of OpenAI's APIs call logprobs of the answer.
const LOGPROBS: &str = "message.output_text.logprobs";

impl ResponsesBody {
    /// Whether the client wants events.
    pub(crate) fn is_stream(&self) -> bool {
        self.stream == Some(true)
    }

    /// Checks and converts; the error names every wrong field. The response repeats the second half.
    pub(crate) fn into_domain(mut self) -> Result<(Request, ResponseEchoReply)> {
        let mut wrong = Refusals::default();
        self.refuse_what_is_not_possible(&mut wrong);
        let logprobs = self.logprobs(&mut wrong);
        let sampling = self.sampling(&mut wrong);
        let extra = self.take_extra();
        let messages = messages_with(&self.instructions, self.input, &mut wrong);
        let sent_tools = self.tools.unwrap_or_default();
        let tools = tools_of(&sent_tools, &mut wrong);
        let sent_choice = self.tool_choice.unwrap_or_default();
        let tool_choice = choice_of(&sent_choice, &tools, &mut wrong);
        let text = self.text.unwrap_or_default();
        let response_format = format_of(&text, &mut wrong);
        wrong.into_result()?;
        let reasoning = self.reasoning.unwrap_or_default();
        let echo = ResponseEchoReply {
            instructions: self.instructions,
            max_output_tokens: self.max_output_tokens,
            metadata: self.metadata.unwrap_or_default(),
            parallel_tool_calls: self.parallel_tool_calls.unwrap_or(true),
            reasoning: ReasoningEchoReply {
                effort: reasoning.effort,
                summary: reasoning.summary,
            },
            temperature: self.temperature,
            text: TextEchoReply {
                format: text.format.unwrap_or_default(),
                verbosity: text.verbosity,
            },
            tool_choice: sent_choice,
            tools: sent_tools,
            top_logprobs: self.top_logprobs,
            top_p: self.top_p,
        };
        let request = Request {
            model: self.model,
            messages,
            tools,
            tool_choice,
            response_format,
            sampling,
            logprobs,
            drop_unsupported: self.drop_unsupported == Some(true),
            stream: self.stream == Some(true),
            extra,
        };
        Ok((request, echo))
    }

    fn refuse_what_is_not_possible(&self, wrong: &mut Refusals) {
        for (name, detail) in UNSUPPORTED {
            if self.extra.get(*name).is_some_and(|value| !value.is_null()) {
                wrong.refuse(format!("/{name}"), *detail);
            }
        }
        let asks = |name: &str, harmless: Value| {
            let value = self.extra.get(name);
            value.is_some_and(|value| !value.is_null() && *value != harmless)
        };
        if asks("background", Value::Bool(false)) {
            wrong.refuse(
                "/background",
                "only `false` is possible: an answer is given at once",
            );
        }
        if asks("truncation", Value::from("disabled")) {
            wrong.refuse(
                "/truncation",
                "only `disabled` is possible; send less instead",
            );
        }
    }

    fn logprobs(&self, wrong: &mut Refusals) -> Option<u8> {
        let includes = self.include.iter().flatten().any(|name| name == LOGPROBS);
        match self.top_logprobs {
            Some(top) if top > MAX_TOP_LOGPROBS => wrong.none(
                "/top_logprobs",
                format!("must be from 0 to {MAX_TOP_LOGPROBS}"),
            ),
            Some(top) if includes || top > 0 => u8::try_from(top).ok(),
            _ => includes.then_some(0),
        }
    }

    fn sampling(&self, wrong: &mut Refusals) -> Sampling {
        wrong.check_range("temperature", self.temperature, 0.0, 2.0);
        wrong.check_range("top_p", self.top_p, 0.0, 1.0);
        wrong.check_count("max_output_tokens", self.max_output_tokens);
        Sampling {
            temperature: self.temperature,
            top_p: self.top_p,
            max_tokens: self.max_output_tokens,
            ..Sampling::default()
        }
    }

    /// What is passed on, by the names that chat completions have.
    fn take_extra(&mut self) -> Option<Map<String, Value>> {
        let mut extra = without_nulls(std::mem::take(&mut self.extra));
        extra.retain(|name, _| !OURS_TO_KEEP.contains(&name.as_str()));
        let effort = self.reasoning.as_ref().and_then(|body| body.effort.clone());
        let verbosity = self.text.as_ref().and_then(|body| body.verbosity.clone());
        let renamed = [
            ("reasoning_effort", effort.map(Value::from)),
            ("verbosity", verbosity.map(Value::from)),
            (
                "parallel_tool_calls",
                self.parallel_tool_calls.map(Value::from),
            ),
        ];
        for (name, value) in renamed {
            if let Some(value) = value {
                extra.insert(name.to_owned(), value);
            }
        }
        (!extra.is_empty()).then_some(extra)
    }
}

fn messages_with(
    instructions: &Option<String>,
    input: Option<TextOrList<InputItemBody>>,
    wrong: &mut Refusals,
) -> Vec<Message> {
    let instructions = instructions.iter().filter(|text| !text.is_empty());
    let mut messages: Vec<Message> = instructions
        .map(|text| Message::text(Role::System, text))
        .collect();
    match input {
        Some(TextOrList::Text(text)) => messages.push(Message::text(Role::User, text)),
        Some(TextOrList::List(items)) if !items.is_empty() => {
            messages.extend(messages_of(items, wrong));
        }
        _ => wrong.refuse("/input", "must be a text or a list of at least one item"),
    }
    messages
}
