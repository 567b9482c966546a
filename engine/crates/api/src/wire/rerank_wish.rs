//! `rerank` in searches and questions: whether a model puts the best in order, and which.

use inkstone_domain::{FieldError, Result};
use inkstone_services::search::RerankBy;
use serde::Deserialize;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

use crate::error::invalid_fields;

/// `true` for the model that is configured, or an object with one; `false` is as if it was left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected `true`, `false` or `{\"model\": \"provider/model\"}`"
)]
pub(crate) enum RerankWish {
    Word(bool),
    By(RerankModel),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RerankModel {
    /// `provider/model` or an alias.
    pub model: String,
}

impl RerankWish {
    /// As it stands in a query string.
    pub(crate) fn named(word: String) -> Self {
        match word.as_str() {
            "true" => Self::Word(true),
            "false" => Self::Word(false),
            _ => Self::By(RerankModel { model: word }),
        }
    }

    pub(crate) fn into_domain(self) -> Result<Option<RerankBy>> {
        match self {
            Self::Word(false) => Ok(None),
            Self::Word(true) => Ok(Some(RerankBy::Configured)),
            Self::By(RerankModel { model }) if model.is_empty() => {
                let field = FieldError {
                    pointer: "/rerank/model".to_owned(),
                    detail: "must not be empty".to_owned(),
                };
                Err(invalid_fields("the search is not valid", vec![field]))
            }
            Self::By(RerankModel { model }) => Ok(Some(RerankBy::Model(model))),
        }
    }
}

/// What it looks like; derives know only one type of a field.
pub(crate) fn schema() -> Schema {
    let word = ObjectBuilder::new().schema_type(Type::Boolean).build();
    let model = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("`provider/model` or an alias."))
        .min_length(Some(1));
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("model", model)
        .required("model")
        .additional_properties(Some(
            utoipa::openapi::schema::AdditionalProperties::<Schema>::FreeForm(false),
        ))
        .build();
    let either = OneOfBuilder::new()
        .description(Some(
            "`true` for the configured model that reranks, or which; nobody reranks where it is left out.",
        ))
        .item(word)
        .item(object)
        .item(ObjectBuilder::new().schema_type(Type::Null).build())
        .build();
    Schema::OneOf(either)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn by(value: Value) -> std::result::Result<Option<RerankBy>, String> {
        let wish =
            serde_json::from_value::<RerankWish>(value).map_err(|error| error.to_string())?;
        wish.into_domain().map_err(|error| error.to_string())
    }

    #[test]
    fn a_word_or_a_model() {
        assert_eq!(by(json!(true)), Ok(Some(RerankBy::Configured)));
        assert_eq!(by(json!(false)), Ok(None));
        let model = Ok(Some(RerankBy::Model("a/b".to_owned())));
        assert_eq!(by(json!({"model": "a/b"})), model);
        for wrong in [json!("a/b"), json!({"model": ""}), json!({"modell": "a/b"})] {
            assert!(by(wrong.clone()).is_err(), "{wrong}");
        }
        let named = |word: &str| RerankWish::named(word.to_owned()).into_domain().unwrap();
        assert_eq!(named("true"), Some(RerankBy::Configured));
        assert_eq!(named("a/b"), Some(RerankBy::Model("a/b".to_owned())));
    }
}
