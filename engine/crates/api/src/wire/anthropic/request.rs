//! The body of `POST /v1/messages`, and its conversion. Known fields are checked here; what Anthropic has
//! and we cannot do is refused by name; everything else is passed on in `extra`.

use inkstone_domain::Result;
use inkstone_domain::chat::{Message, Part, Request, ResponseFormat, Role, Sampling};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::block::AnthropicBlockBody;
use super::message::{AnthropicMessageBody, messages_of};
use super::tools::{AnthropicToolBody, AnthropicToolChoiceBody, choice_of, tools_of};
use crate::wire::openai::chat_request::{checked_stops, without_nulls};
use crate::wire::refusals::Refusals;
use crate::wire::schema;
use crate::wire::text_or_list::TextOrList;

/// A conversation to go on with.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct MessagesBody {
    /// `provider/model` or an alias; the engine's default where it is left out.
    #[serde(default)]
    #[schema(example = "local/smollm2-135m")]
    pub model: String,
    /// At least 1.
    #[serde(default)]
    #[schema(required, value_type = u32, minimum = 1)]
    pub max_tokens: Option<u32>,
    pub messages: Vec<AnthropicMessageBody>,
    /// A text, or blocks of text.
    #[serde(default)]
    #[schema(schema_with = schema::text_or_list_of::<AnthropicBlockBody>)]
    pub system: Option<TextOrList<AnthropicBlockBody>>,
    /// Texts before which to stop.
    #[serde(default)]
    pub stop_sequences: Option<Vec<String>>,
    /// 0 to 2; models of Anthropic take at most 1.
    #[serde(default)]
    pub temperature: Option<f32>,
    /// 0 to 1.
    #[serde(default)]
    pub top_p: Option<f32>,
    /// At least 1.
    #[serde(default)]
    pub top_k: Option<u32>,
    #[serde(default)]
    pub tools: Option<Vec<AnthropicToolBody>>,
    #[serde(default)]
    pub tool_choice: Option<AnthropicToolChoiceBody>,
    /// What form the answer takes, and how much effort to put into it.
    #[serde(default)]
    pub output_config: Option<OutputConfigBody>,
    /// Answer as server-sent events, as the model speaks.
    #[serde(default)]
    pub stream: Option<bool>,
    /// Leave out what the provider cannot do instead of refusing it. Not Anthropic's.
    #[serde(default)]
    pub drop_unsupported: Option<bool>,
    /// Further fields, such as `thinking` and `metadata`, passed to the provider as they are.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// What the answer is to be like.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct OutputConfigBody {
    #[serde(default)]
    pub format: Option<OutputFormatBody>,
    /// Passed to the provider as it is.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extra: Map<String, Value>,
}

/// A schema the answer must fit.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct OutputFormatBody {
    /// Always `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
}

/// Fields that are refused where they ask for something: they need what runs at Anthropic.
const UNSUPPORTED: [&str; 2] = ["container", "mcp_servers"];

/// Fields that may be sent and change no answer: they save tokens at Anthropic, or ask how many were saved.
const NOT_PASSED_ON: [&str; 3] = ["cache_control", "context_management", "diagnostics"];

/// Others need a name for a schema; Anthropic's API has none.
const SCHEMA_NAME: &str = "answer";

impl MessagesBody {
    /// Whether the client wants events.
    pub(crate) fn is_stream(&self) -> bool {
        self.stream == Some(true)
    }

    /// Checks and converts; the error names every wrong field.
    pub(crate) fn into_domain(mut self) -> Result<Request> {
        let mut wrong = Refusals::default();
        for name in UNSUPPORTED {
            if self.extra.get(name).is_some_and(|value| !value.is_null()) {
                wrong.refuse(format!("/{name}"), "is not possible here; leave it out");
            }
        }
        let sampling = self.sampling(&mut wrong);
        let output = self.output_config.take().unwrap_or_default();
        let response_format = format_of(output.format, &mut wrong);
        let tools = tools_of(self.tools.unwrap_or_default(), &mut wrong);
        let (tool_choice, is_single) = choice_of(self.tool_choice, &tools, &mut wrong);
        if self.messages.is_empty() {
            wrong.refuse("/messages", "at least one message is needed");
        }
        let mut messages = system_of(self.system, &mut wrong);
        messages.extend(messages_of(self.messages, &mut wrong));
        wrong.into_result()?;
        let mut extra = without_nulls(self.extra);
        extra.retain(|name, _| !NOT_PASSED_ON.contains(&name.as_str()));
        let output = without_nulls(output.extra);
        if !output.is_empty() {
            extra.insert("output_config".to_owned(), Value::Object(output));
        }
        if is_single {
            extra.insert("parallel_tool_calls".to_owned(), Value::Bool(false));
        }
        Ok(Request {
            model: self.model,
            messages,
            tools,
            tool_choice,
            response_format,
            sampling,
            logprobs: None,
            drop_unsupported: self.drop_unsupported == Some(true),
            stream: self.stream == Some(true),
            extra: (!extra.is_empty()).then_some(extra),
        })
    }

    fn sampling(&mut self, wrong: &mut Refusals) -> Sampling {
        match self.max_tokens {
            None => wrong.refuse("/max_tokens", "is needed; it must be at least 1"),
            count => wrong.check_count("max_tokens", count),
        }
        wrong.check_range("temperature", self.temperature, 0.0, 2.0);
        wrong.check_range("top_p", self.top_p, 0.0, 1.0);
        wrong.check_count("top_k", self.top_k);
        let stops = self.stop_sequences.take().unwrap_or_default();
        Sampling {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            max_tokens: self.max_tokens,
            stop: checked_stops(stops, "/stop_sequences", wrong),
            ..Sampling::default()
        }
    }
}

fn system_of(system: Option<TextOrList<AnthropicBlockBody>>, wrong: &mut Refusals) -> Vec<Message> {
    let parts: Vec<Part> = match system {
        None => Vec::new(),
        Some(TextOrList::Text(text)) => vec![Part::Text(text)],
        Some(TextOrList::List(blocks)) => blocks
            .into_iter()
            .enumerate()
            .filter_map(|(index, block)| block.into_text(&format!("/system/{index}"), wrong))
            .map(Part::Text)
            .collect(),
    };
    let is_said = parts
        .iter()
        .any(|part| matches!(part, Part::Text(text) if !text.is_empty()));
    let message = Message {
        role: Role::System,
        name: None,
        parts,
    };
    is_said.then_some(message).into_iter().collect()
}

fn format_of(format: Option<OutputFormatBody>, wrong: &mut Refusals) -> ResponseFormat {
    let Some(OutputFormatBody { kind, schema }) = format else {
        return ResponseFormat::Text;
    };
    match (kind.as_str(), schema) {
        ("json_schema", Some(schema)) => ResponseFormat::JsonSchema {
            name: SCHEMA_NAME.to_owned(),
            schema,
            strict: true,
        },
        _ => {
            wrong.refuse(
                "/output_config/format",
                "must be `{\"type\": \"json_schema\", \"schema\": {…}}`",
            );
            ResponseFormat::Text
        }
    }
}
