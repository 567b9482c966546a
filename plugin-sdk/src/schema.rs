//! JSON Schemas of Rust types, in the flat form that forms, models and validators all understand: draft 2020-12,
//! every part in its place, no `$ref` but where a type contains itself.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of a type.
pub fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
    });
    settings.into_generator().into_root_schema_for::<T>().into()
}

/// The schema of a type, as text.
pub fn schema_text<T: JsonSchema>() -> String {
    schema_of::<T>().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long.
    #[derive(serde::Serialize, serde::Deserialize, JsonSchema, Default)]
    #[serde(rename_all = "snake_case")]
    enum Length {
        #[default]
        Short,
        Long,
    }

    /// What to write.
    #[allow(dead_code)]
    #[derive(serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Input {
        /// About what.
        #[schemars(length(min = 1, max = 200))]
        topic: String,
        #[serde(default)]
        length: Length,
        first: Option<Length>,
        #[serde(default)]
        #[schemars(range(min = 1, max = 9))]
        sections: u8,
    }

    #[test]
    fn schemas_are_flat_and_carry_docs_defaults_and_bounds() {
        let schema = schema_of::<Input>();
        assert!(!schema.to_string().contains("$ref"), "{schema}");
        assert_eq!(schema["description"], "What to write.");
        assert_eq!(schema["required"], serde_json::json!(["topic"]));
        assert_eq!(schema["additionalProperties"], false);
        let properties = &schema["properties"];
        assert_eq!(properties["topic"]["description"], "About what.");
        assert_eq!(properties["topic"]["maxLength"], 200);
        assert_eq!(properties["length"]["default"], "short");
        assert_eq!(
            properties["length"]["enum"],
            serde_json::json!(["short", "long"])
        );
        assert_eq!(properties["sections"]["maximum"], 9);
    }
}
