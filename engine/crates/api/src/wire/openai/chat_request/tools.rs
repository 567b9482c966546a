//! The tools a model may call, and whether it must.

use inkstone_domain::chat::{ToolChoice, ToolDefinition};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, Schema};

use crate::wire::refusals::Refusals;
use crate::wire::schema;
use crate::wire::tool_choice::{check_tool_choice, no_parameters};

/// A tool the model may call.
#[derive(Debug, serde::Deserialize, ToSchema)]
pub(crate) struct ToolBody {
    /// Always `function`.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    pub function: FunctionBody,
}

/// A function as a tool.
#[derive(Debug, serde::Deserialize, ToSchema)]
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

/// A word, or the name of a function.
pub(super) fn tool_choice_schema() -> Schema {
    let name = ObjectBuilder::new()
        .property("name", schema::text())
        .required("name");
    let named = ObjectBuilder::new()
        .property("type", schema::word(["function"]))
        .property("function", name)
        .required("function");
    schema::word_or(["none", "auto", "required"], named)
}

pub(super) fn tools_of(tools: Vec<ToolBody>, wrong: &mut Refusals) -> Vec<ToolDefinition> {
    for (index, tool) in tools.iter().enumerate() {
        if tool.kind.as_deref().is_some_and(|kind| kind != "function") {
            wrong.refuse(
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
            parameters: tool.function.parameters.unwrap_or_else(no_parameters),
        })
        .collect()
}

pub(super) fn tool_choice_of(
    choice: Option<ToolChoiceBody>,
    tools: &[ToolDefinition],
    wrong: &mut Refusals,
) -> ToolChoice {
    let choice = match choice {
        None => return ToolChoice::Auto,
        Some(ToolChoiceBody::Named(name)) => ToolChoice::Named(name),
        Some(ToolChoiceBody::Word(word)) => choice_of_word(&word, wrong),
    };
    check_tool_choice(
        &choice,
        tools,
        "required",
        "/tool_choice/function/name",
        wrong,
    );
    choice
}

/// The words of both OpenAI's APIs.
pub(crate) fn choice_of_word(word: &str, wrong: &mut Refusals) -> ToolChoice {
    match word {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::Forbid,
        "required" => ToolChoice::Require,
        _ => {
            wrong.refuse(
                "/tool_choice",
                format!("`{word}` is not one of `none`, `auto`, `required`"),
            );
            ToolChoice::Auto
        }
    }
}

impl<'de> Deserialize<'de> for ToolChoiceBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ToolChoiceVisitor)
    }
}

struct ToolChoiceVisitor;

#[derive(serde::Deserialize)]
struct NamedChoice {
    function: NamedFunction,
}

#[derive(serde::Deserialize)]
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
