//! JSON Schemas of inputs and settings: compiled once, when a plugin is prepared, and asked before
//! the guest is. Patterns run on a linear-time engine and nothing is fetched, since schemas come
//! from plugins.

use inkstone_domain::{Error, FieldError, codes};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::logbook::shorten;

/// More violations than this help nobody.
const MAX_FIELDS: usize = 32;
const MAX_DETAIL_BYTES: usize = 300;

/// A compiled schema.
pub(crate) struct Schema(Validator);

impl Schema {
    /// The error says why the schema cannot be used, in words for the plugin's author.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .map(Self)
            .map_err(|error| shorten(&error.to_string(), MAX_DETAIL_BYTES).to_owned())
    }

    /// `schema_mismatch` with one field for each violation. `what` begins the message, such as `the input of …`.
    pub fn check(&self, value: &Value, what: impl FnOnce() -> String) -> Result<(), Error> {
        if self.0.is_valid(value) {
            return Ok(());
        }
        let fields: Vec<FieldError> = self
            .0
            .iter_errors(value)
            .take(MAX_FIELDS)
            .map(|violation| field(&violation))
            .collect();
        let first = fields
            .first()
            .map(|field| format!(": {}", describe(field)))
            .unwrap_or_default();
        let message = format!("{} does not fit its schema{first}", what());
        Err(Error::new(&codes::SCHEMA_MISMATCH, message).with_fields(fields))
    }
}

fn field(violation: &jsonschema::ValidationError<'_>) -> FieldError {
    let mut pointer = violation.instance_path().as_str().to_owned();
    // A missing property is named itself, so that a form can show the message beside its field.
    if let ValidationErrorKind::Required { property } = violation.kind()
        && let Some(name) = property.as_str()
    {
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
    FieldError {
        pointer,
        detail: shorten(&violation.to_string(), MAX_DETAIL_BYTES).to_owned(),
    }
}

fn describe(field: &FieldError) -> String {
    if field.pointer.is_empty() {
        field.detail.clone()
    } else {
        format!("{} ({})", field.detail, field.pointer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_violation_has_its_pointer() {
        let schema = Schema::compile(&json!({
            "type": "object",
            "properties": { "topic": { "type": "string" }, "n": { "type": "integer", "minimum": 1 } },
            "required": ["topic", "a/b"],
        }))
        .unwrap();
        let error = schema
            .check(&json!({ "topic": 1, "n": 0 }), || "the input".to_owned())
            .unwrap_err();
        assert_eq!(error.code().name, "schema_mismatch");
        let mut pointers: Vec<_> = error.fields().iter().map(|f| f.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/a~1b", "/n", "/topic"]);
        assert!(
            error
                .message()
                .starts_with("the input does not fit its schema: ")
        );
        schema
            .check(&json!({ "topic": "x", "a/b": 1 }), || unreachable!())
            .unwrap();
    }

    #[test]
    fn a_schema_that_is_none_says_why() {
        let why = Schema::compile(&json!({ "type": "nonsense" }))
            .err()
            .unwrap();
        assert!(why.contains("nonsense"), "{why}");
    }

    #[test]
    fn a_reference_to_elsewhere_is_not_fetched() {
        let outcome = Schema::compile(&json!({ "$ref": "https://example.org/schema.json" }));
        assert!(outcome.is_err());
    }
}
