//! Examples of bodies, made of their schemas: of the examples that fields have, and the least that fits for
//! the rest.

use serde_json::{Map, Value, json};

use super::polish::resolved;

/// Who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// What must be there, and what has an example of its own.
    Request,
    /// All that may be there.
    Reply,
}

/// Deeper, schemas lead back to themselves.
const DEPTH: usize = 8;

pub(super) fn example(schema: &Value, side: Side, schemas: &Value) -> Value {
    let maker = Maker { side, schemas };
    maker.of(schema, DEPTH).unwrap_or_else(|| json!({}))
}

struct Maker<'s> {
    side: Side,
    schemas: &'s Value,
}

impl Maker<'_> {
    /// `None` where it would be too deep.
    fn of(&self, schema: &Value, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let schema = resolved(schema, self.schemas);
        if let Some(own) = own_example(schema) {
            return Some(own);
        }
        if let Some(variants) = variants(schema) {
            let is_null = |it: &&Value| it["type"] == "null";
            let mut some = variants.iter().filter(|it| !is_null(it));
            return some.find_map(|it| self.of(it, depth));
        }
        match kind(schema) {
            "array" => Some(self.array(schema, depth)),
            "string" => Some(text(schema)),
            "integer" | "number" => Some(number(schema)),
            "boolean" => Some(json!(true)),
            "null" => Some(Value::Null),
            _ => Some(self.object(schema, depth)),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let is_required = |name: &str| {
            let required = schema["required"].as_array();
            required.is_some_and(|names| names.iter().any(|it| it == name))
        };
        let mut fields = Map::new();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let is_shown =
                self.side == Side::Reply || is_required(name) || own_example(field).is_some();
            if is_shown && let Some(value) = self.of(field, depth) {
                fields.insert(name.clone(), value);
            }
        }
        Value::Object(fields)
    }

    fn array(&self, schema: &Value, depth: usize) -> Value {
        let item = schema.get("items").and_then(|items| self.of(items, depth));
        Value::Array(item.into_iter().collect())
    }
}

fn own_example(schema: &Value) -> Option<Value> {
    let first = |name: &str| schema[name].as_array().and_then(|all| all.first()).cloned();
    let own = schema.get("example").or_else(|| schema.get("const"));
    own.cloned()
        .or_else(|| first("examples"))
        .or_else(|| first("enum"))
}

fn variants(schema: &Value) -> Option<&Vec<Value>> {
    let one_of = schema.get("oneOf").or_else(|| schema.get("anyOf"));
    one_of.or_else(|| schema.get("allOf"))?.as_array()
}

/// The first type that is not null.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null").unwrap_or("null")
        }
        _ => "object",
    }
}

fn text(schema: &Value) -> Value {
    match schema["format"].as_str() {
        Some("date-time") => json!("2026-11-21T09:00:00Z"),
        Some("date") => json!("2026-11-21"),
        Some("uri") => json!("https://example.org/"),
        _ => json!("text"),
    }
}

fn number(schema: &Value) -> Value {
    let least = schema
        .get("minimum")
        .filter(|least| least.as_f64() > Some(1.0));
    least.cloned().unwrap_or_else(|| json!(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_show_their_own_examples_and_the_rest_what_fits() {
        let schemas = json!({ "Word": { "type": "string", "enum": ["draft", "published"] } });
        let schema = json!({
            "type": "object",
            "required": ["title", "status", "count"],
            "properties": {
                "title": { "type": "string", "example": "Tides" },
                "status": { "$ref": "#/components/schemas/Word" },
                "count": { "type": ["integer", "null"], "minimum": 3 },
                "at": { "oneOf": [{ "type": "null" }, { "type": "string", "format": "date-time" }] },
                "tags": { "type": "array", "items": { "type": "string" }, "example": ["sea"] },
            },
        });
        let request = json!({ "title": "Tides", "status": "draft", "count": 3, "tags": ["sea"] });
        assert_eq!(example(&schema, Side::Request, &schemas), request);
        let mut reply = request;
        reply["at"] = json!("2026-11-21T09:00:00Z");
        assert_eq!(example(&schema, Side::Reply, &schemas), reply);
    }

    #[test]
    fn a_schema_that_leads_back_to_itself_ends() {
        let schemas = json!({ "Node": {
            "type": "object",
            "properties": { "next": { "$ref": "#/components/schemas/Node" } },
        } });
        let schema = json!({ "$ref": "#/components/schemas/Node" });
        let shown = example(&schema, Side::Reply, &schemas).to_string();
        assert_eq!(shown.matches("next").count(), DEPTH - 1);
    }
}
