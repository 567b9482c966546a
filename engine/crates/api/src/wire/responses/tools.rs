//! The functions a model may call. OpenAI's own tools run at OpenAI and are refused.

use inkstone_domain::chat::{ToolChoice, ToolDefinition};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, Schema};

use crate::wire::openai::chat_request::choice_of_word;
use crate::wire::refusals::Refusals;
use crate::wire::schema;
use crate::wire::tool_choice::{check_tool_choice, no_parameters};

/// A function the model may call; responses repeat it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, ToSchema)]
pub(crate) struct ResponseToolBody {
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    /// JSON Schema of the arguments; none are taken where it is left out.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
    /// May be sent; whether arguments fit is up to the provider.
    #[serde(default)]
    pub strict: Option<bool>,
}

/// Which function to call; responses repeat it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum ResponseToolChoiceBody {
    Word(String),
    Object(ChoiceObjectBody),
}

/// `{"type":"function","name":…}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct ChoiceObjectBody {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub name: Option<String>,
}

impl Default for ResponseToolChoiceBody {
    fn default() -> Self {
        Self::Word("auto".to_owned())
    }
}

/// A word, or the name of a function.
pub(super) fn tool_choice_schema() -> Schema {
    let named = ObjectBuilder::new()
        .property("type", schema::word(["function"]))
        .required("type")
        .property("name", schema::text())
        .required("name");
    schema::word_or(["none", "auto", "required"], named)
}

pub(super) fn tools_of(sent: &[ResponseToolBody], wrong: &mut Refusals) -> Vec<ToolDefinition> {
    let mut tools = Vec::with_capacity(sent.len());
    for (index, tool) in sent.iter().enumerate() {
        if tool.kind != "function" {
            wrong.refuse(
                format!("/tools/{index}/type"),
                format!("`{}` is not possible here; only `function` is", tool.kind),
            );
            continue;
        }
        let Some(name) = &tool.name else {
            wrong.refuse(format!("/tools/{index}/name"), "a function needs a name");
            continue;
        };
        tools.push(ToolDefinition {
            name: name.clone(),
            description: tool.description.clone().unwrap_or_default(),
            parameters: tool.parameters.clone().unwrap_or_else(no_parameters),
        });
    }
    tools
}

pub(super) fn choice_of(
    sent: &ResponseToolChoiceBody,
    tools: &[ToolDefinition],
    wrong: &mut Refusals,
) -> ToolChoice {
    let choice = match sent {
        ResponseToolChoiceBody::Word(word) => choice_of_word(word, wrong),
        ResponseToolChoiceBody::Object(ChoiceObjectBody { kind, name }) => {
            match (kind.as_str(), name) {
                ("function", Some(name)) => ToolChoice::Named(name.clone()),
                ("function", None) => {
                    wrong.refuse("/tool_choice/name", "must be the name of a function");
                    return ToolChoice::Auto;
                }
                (other, _) => {
                    wrong.refuse(
                        "/tool_choice/type",
                        format!("`{other}` is not possible here; only `function` is"),
                    );
                    return ToolChoice::Auto;
                }
            }
        }
    };
    check_tool_choice(&choice, tools, "required", "/tool_choice/name", wrong);
    choice
}

impl<'de> Deserialize<'de> for ResponseToolChoiceBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

struct ChoiceVisitor;

impl<'de> Visitor<'de> for ChoiceVisitor {
    type Value = ResponseToolChoiceBody;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a word or `{\"type\":\"function\",\"name\":…}`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Self::Value, E> {
        Ok(ResponseToolChoiceBody::Word(word.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        ChoiceObjectBody::deserialize(de::value::MapAccessDeserializer::new(map))
            .map(ResponseToolChoiceBody::Object)
    }
}
