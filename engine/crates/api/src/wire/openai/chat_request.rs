//! The body of `POST /v1/chat/completions`, and its conversion. Known fields are checked here; what
//! OpenAI has and we cannot do is refused by name; everything else is passed on in `extra`.

use inkstone_domain::chat::{Request, ResponseFormat, Sampling, ToolChoice, ToolDefinition};
use inkstone_domain::{FieldError, Result};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::message::{MessageBody, refuse};
use super::schema;
use super::text_or_list::TextOrList;
use crate::error::invalid_fields;

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
    #[serde(default)]
    pub seed: Option<u64>,
    /// The older word for `max_completion_tokens`.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// At least 1.
    #[serde(default)]
    pub max_completion_tokens: Option<u32>,
    /// A text or a list of texts before which to stop.
    #[serde(default)]
    #[schema(schema_with = schema::text_or_texts)]
    pub stop: Option<TextOrList<String>>,
    #[serde(default)]
    pub tools: Option<Vec<ToolBody>>,
    /// `none`, `auto`, `required`, or `{"type":"function","function":{"name":…}}`.
    #[serde(default)]
    #[schema(schema_with = schema::tool_choice)]
    pub tool_choice: Option<ToolChoiceBody>,
    #[serde(default)]
    pub response_format: Option<ResponseFormatBody>,
    /// Only 1 is possible.
    #[serde(default)]
    pub n: Option<u32>,
    /// Only `false` is possible.
    #[serde(default)]
    pub logprobs: Option<bool>,
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

/// A tool the model may call.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ToolBody {
    /// Always `function`.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    pub function: FunctionBody,
}

/// A function as a tool.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct FunctionBody {
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    /// JSON Schema of the arguments; none are taken where it is left out.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
}

/// Which tool to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolChoiceBody {
    Word(String),
    Named(String),
}

/// What form the answer takes.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ResponseFormatBody {
    /// `text`, `json_object` or `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub json_schema: Option<JsonSchemaBody>,
}

/// A schema the answer must fit.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct JsonSchemaBody {
    pub name: String,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    #[serde(default)]
    pub strict: Option<bool>,
}

/// How to answer: one piece or a stream, with or without the last chunk of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    Stream { include_usage: bool },
}

/// More stops than this are refused.
const MAX_STOPS: usize = 16;

/// Fields OpenAI has that are refused where they ask for something, and what to do instead.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("functions", "is not read here; use `tools`"),
    ("function_call", "is not read here; use `tool_choice`"),
    ("audio", "is not possible here; leave it out"),
    ("top_logprobs", "is not possible here; leave it out"),
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

    /// Checks and converts; the error names every wrong field.
    pub(crate) fn into_domain(self) -> Result<Request> {
        let mut wrong = Vec::new();
        self.refuse_what_is_not_possible(&mut wrong);
        let sampling = self.sampling(&mut wrong);
        if self.messages.is_empty() {
            refuse(
                &mut wrong,
                "/messages".to_owned(),
                "at least one message is needed",
            );
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
        if !wrong.is_empty() {
            return Err(invalid_fields("the request is not valid", wrong));
        }
        let extra = without_nulls(self.extra);
        Ok(Request {
            stream: self.stream == Some(true),
            logprobs: None,
            drop_unsupported: false,
            model: self.model,
            messages,
            tools,
            tool_choice,
            response_format,
            sampling,
            extra: (!extra.is_empty()).then_some(extra),
        })
    }

    fn refuse_what_is_not_possible(&self, wrong: &mut Vec<FieldError>) {
        if self.n.is_some_and(|n| n != 1) {
            refuse(
                wrong,
                "/n".to_owned(),
                "only `1` is possible; ask once per answer",
            );
        }
        if self.logprobs == Some(true) {
            refuse(
                wrong,
                "/logprobs".to_owned(),
                "is not possible here; leave it out",
            );
        }
        for (name, detail) in UNSUPPORTED {
            if self.extra.get(*name).is_some_and(|value| !value.is_null()) {
                refuse(wrong, format!("/{name}"), *detail);
            }
        }
    }

    fn sampling(&self, wrong: &mut Vec<FieldError>) -> Sampling {
        let ranges = [
            ("temperature", self.temperature, 0.0, 2.0),
            ("top_p", self.top_p, 0.0, 1.0),
            ("frequency_penalty", self.frequency_penalty, -2.0, 2.0),
            ("presence_penalty", self.presence_penalty, -2.0, 2.0),
        ];
        for (name, value, low, high) in ranges {
            if value.is_some_and(|value| !(low..=high).contains(&value)) {
                refuse(
                    wrong,
                    format!("/{name}"),
                    format!("must be from {low} to {high}"),
                );
            }
        }
        if self.repeat_penalty.is_some_and(|value| value <= 0.0) {
            refuse(wrong, "/repeat_penalty".to_owned(), "must be above 0");
        }
        let counts = [
            ("top_k", self.top_k),
            ("max_tokens", self.max_tokens),
            ("max_completion_tokens", self.max_completion_tokens),
        ];
        for (name, _) in counts.into_iter().filter(|(_, value)| *value == Some(0)) {
            refuse(wrong, format!("/{name}"), "must be at least 1");
        }
        Sampling {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            repeat_penalty: self.repeat_penalty,
            seed: self.seed,
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            stop: stops_of(self.stop.as_ref(), wrong),
        }
    }
}

fn stops_of(stop: Option<&TextOrList<String>>, wrong: &mut Vec<FieldError>) -> Vec<String> {
    let stops = match stop {
        None => Vec::new(),
        Some(TextOrList::Text(text)) => vec![text.clone()],
        Some(TextOrList::List(texts)) => texts.clone(),
    };
    if stops.len() > MAX_STOPS {
        refuse(
            wrong,
            "/stop".to_owned(),
            format!("at most {MAX_STOPS} are possible"),
        );
    }
    if stops.iter().any(String::is_empty) {
        refuse(wrong, "/stop".to_owned(), "must not be empty");
    }
    stops
}

fn tools_of(tools: Vec<ToolBody>, wrong: &mut Vec<FieldError>) -> Vec<ToolDefinition> {
    for (index, tool) in tools.iter().enumerate() {
        if tool.kind.as_deref().is_some_and(|kind| kind != "function") {
            refuse(
                wrong,
                format!("/tools/{index}/type"),
                "only `function` is possible",
            );
        }
    }
    tools
        .into_iter()
        .map(|tool| ToolDefinition {
            name: tool.function.name,
            description: tool.function.description.unwrap_or_default(),
            parameters: tool
                .function
                .parameters
                .unwrap_or_else(|| serde_json::json!({"type": "object", "properties": {}})),
        })
        .collect()
}

fn tool_choice_of(
    choice: Option<ToolChoiceBody>,
    tools: &[ToolDefinition],
    wrong: &mut Vec<FieldError>,
) -> ToolChoice {
    let choice = match choice {
        None => return ToolChoice::Auto,
        Some(ToolChoiceBody::Named(name)) => ToolChoice::Named(name),
        Some(ToolChoiceBody::Word(word)) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::Forbid,
            "required" => ToolChoice::Require,
            _ => {
                let detail = format!("`{word}` is not one of `none`, `auto`, `required`");
                refuse(wrong, "/tool_choice".to_owned(), detail);
                ToolChoice::Auto
            }
        },
    };
    if choice == ToolChoice::Require && tools.is_empty() {
        refuse(wrong, "/tool_choice".to_owned(), "`required` needs `tools`");
    }
    if let ToolChoice::Named(name) = &choice
        && !tools.iter().any(|tool| &tool.name == name)
    {
        let detail = format!("`{name}` is not one of `tools`");
        refuse(wrong, "/tool_choice/function/name".to_owned(), detail);
    }
    choice
}

fn response_format_of(
    format: Option<ResponseFormatBody>,
    wrong: &mut Vec<FieldError>,
) -> ResponseFormat {
    let Some(format) = format else {
        return ResponseFormat::Text;
    };
    match (format.kind.as_str(), format.json_schema) {
        ("text", _) => ResponseFormat::Text,
        ("json_object", _) => ResponseFormat::JsonObject,
        (
            "json_schema",
            Some(JsonSchemaBody {
                name,
                schema: Some(schema),
                strict,
            }),
        ) => ResponseFormat::JsonSchema {
            name,
            schema,
            strict: strict.unwrap_or(false),
        },
        ("json_schema", _) => {
            let pointer = "/response_format/json_schema".to_owned();
            refuse(wrong, pointer, "must be `{\"name\": …, \"schema\": {…}}`");
            ResponseFormat::Text
        }
        (other, _) => {
            let detail = format!("`{other}` is not one of `text`, `json_object`, `json_schema`");
            refuse(wrong, "/response_format/type".to_owned(), detail);
            ResponseFormat::Text
        }
    }
}

/// Clients send `null` for what they leave out; an upstream need not understand that.
fn without_nulls(mut extra: Map<String, Value>) -> Map<String, Value> {
    extra.retain(|_, value| !value.is_null());
    extra
}

impl<'de> Deserialize<'de> for ToolChoiceBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ToolChoiceVisitor)
    }
}

struct ToolChoiceVisitor;

#[derive(Deserialize)]
struct NamedChoice {
    function: NamedFunction,
}

#[derive(Deserialize)]
struct NamedFunction {
    name: String,
}

impl<'de> Visitor<'de> for ToolChoiceVisitor {
    type Value = ToolChoiceBody;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a word or `{\"type\":\"function\",\"function\":{\"name\":…}}`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Self::Value, E> {
        Ok(ToolChoiceBody::Word(word.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let choice = NamedChoice::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(ToolChoiceBody::Named(choice.function.name))
    }
}
