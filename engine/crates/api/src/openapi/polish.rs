//! The document's last touch, on its JSON: what makers of clients and of tests need beyond what routes say.
//! It holds for every route, those to come included.

use serde_json::{Map, Value, json};

use super::example::{Side, example};

/// `usr_…` and its kin, after the prefix.
const ULID: &str = "[0-7][0-9A-HJKMNP-TV-Z]{25}";

const SCHEMAS: &str = "/components/schemas";
/// A list is a schema for each kind of item.
const LIST: &str = "ListReply_";
/// Items of lists that take `fields=`, which leaves the id alone.
const WITH_CHOSEN_FIELDS: [&str; 1] = ["ArticleItemReply"];
const OPEN_OBJECT: &str = "AnyObject";

pub(super) fn polish(document: &utoipa::openapi::OpenApi) -> Value {
    // Of types that all have names for keys, this never fails.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(schemas) = document.pointer_mut(SCHEMAS) {
        name_items(schemas);
    }
    let schemas = document.pointer(SCHEMAS).cloned().unwrap_or_default();
    merge_parts(&mut document, &schemas);
    if let Some(schemas) = document.pointer_mut(SCHEMAS) {
        name_open_objects(schemas);
        close_variants(schemas);
    }
    for name in WITH_CHOSEN_FIELDS {
        if let Some(schema) = document.pointer_mut(&format!("{SCHEMAS}/{name}")) {
            schema["required"] = json!(["id"]);
        }
    }
    let schemas = document.pointer(SCHEMAS).cloned().unwrap_or_default();
    for operation in operations(&mut document) {
        for parameter in list(operation, "parameters") {
            bound(parameter);
        }
        allow_none(operation.get_mut("requestBody"));
        for content in contents(operation.get_mut("requestBody")) {
            show(as_bytes(content), Side::Request, &schemas);
        }
        let replies = operation
            .get_mut("responses")
            .and_then(Value::as_object_mut);
        for (status, reply) in replies.into_iter().flatten() {
            if status.starts_with('2') {
                for content in contents(Some(reply)) {
                    show(content, Side::Reply, &schemas);
                }
            }
        }
    }
    document
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flat_map(Map::values_mut);
    items
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut)
        .filter(|it| it.get("responses").is_some())
}

fn list<'v>(value: &'v mut Value, name: &str) -> impl Iterator<Item = &'v mut Value> {
    let items = value.get_mut(name).and_then(Value::as_array_mut);
    items.into_iter().flatten()
}

/// The media types of a body, by name.
fn contents(body: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    let content = body.and_then(|body| body.get_mut("content"));
    content
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::iter_mut)
}

/// What is flattened into an object is a part of it for serde and a schema beside it for utoipa; and of the
/// two each would forbid the other's fields.
fn merge_parts(value: &mut Value, schemas: &Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|it| merge_parts(it, schemas)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|it| merge_parts(it, schemas));
            unsign(fields);
            if let Some(whole) = merged(fields, schemas) {
                fields.remove("allOf");
                fields.extend(whole);
            }
        }
        _ => {}
    }
}

/// Numbers that begin at 0 take all bits; utoipa gives them the format of those with a sign.
fn unsign(schema: &mut Map<String, Value>) {
    let is_unsigned = schema
        .get("minimum")
        .is_some_and(|least| least.as_f64() >= Some(0.0));
    let format = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => "uint32",
        Some("int64") => "uint64",
        _ => return,
    };
    if is_unsigned {
        schema.insert("format".to_owned(), json!(format));
    }
}

fn merged(schema: &Map<String, Value>, schemas: &Value) -> Option<Map<String, Value>> {
    let parts = schema.get("allOf")?.as_array()?;
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in parts {
        let part = resolved(part, schemas).as_object()?;
        let whole = merged(part, schemas);
        let part = whole.as_ref().unwrap_or(part);
        properties.extend(part.get("properties")?.as_object()?.clone());
        let names = part.get("required").and_then(Value::as_array);
        required.extend(names.into_iter().flatten().cloned());
    }
    let whole = json!({ "type": "object", "properties": properties, "required": required });
    whole.as_object().cloned()
}

/// An item of a list is the same type as where it stands alone.
fn name_items(schemas: &mut Value) {
    let Some(schemas) = schemas.as_object_mut() else {
        return;
    };
    let mut items = Map::new();
    for (name, schema) in schemas.iter_mut() {
        let item = name.strip_prefix(LIST);
        let inline = schema.pointer_mut("/properties/data/items");
        if let (Some(item), Some(inline)) = (item, inline)
            && inline.get("$ref").is_none()
        {
            let reference = json!({ "$ref": format!("#{SCHEMAS}/{item}") });
            items.insert(item.to_owned(), std::mem::replace(inline, reference));
        }
    }
    for (name, item) in items {
        schemas.entry(name).or_insert(item);
    }
}

/// An object that says by its one field what it is has no other.
fn close_variants(schemas: &mut Value) {
    let all = schemas.as_object_mut().into_iter();
    for schema in all.flat_map(Map::values_mut) {
        for variant in list(schema, "oneOf") {
            let fields = variant["properties"].as_object().map_or(0, Map::len);
            let required = variant["required"].as_array().map_or(0, Vec::len);
            if (fields, required) == (1, 1) {
                variant["additionalProperties"] = json!(false);
            }
        }
    }
}

/// Makers of clients give each object of no known fields a type, and meet the same one twice in variants.
fn name_open_objects(schemas: &mut Value) {
    for schema in schemas
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
    {
        let parts = schema.as_object_mut().into_iter().flat_map(Map::values_mut);
        parts.for_each(name_open_objects_in);
    }
    schemas[OPEN_OBJECT] = json!({
        "type": "object",
        "description": "Any JSON object.",
        "additionalProperties": true,
    });
}

fn name_open_objects_in(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(name_open_objects_in),
        Value::Object(fields) => {
            let is_open = fields.get("type").is_some_and(|kind| kind == "object")
                && [
                    "properties",
                    "additionalProperties",
                    "allOf",
                    "oneOf",
                    "example",
                    "examples",
                ]
                .iter()
                .all(|word| !fields.contains_key(*word));
            if is_open {
                fields.remove("type");
                let name = format!("#{SCHEMAS}/{OPEN_OBJECT}");
                fields.insert("$ref".to_owned(), json!(name));
            } else {
                fields.values_mut().for_each(name_open_objects_in);
            }
        }
        _ => {}
    }
}

/// What a reference leads to; anything else is itself.
pub(super) fn resolved<'v>(schema: &'v Value, schemas: &'v Value) -> &'v Value {
    let name = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next());
    name.and_then(|name| schemas.get(name)).unwrap_or(schema)
}

/// What parameters that many routes have take.
fn bound(parameter: &mut Value) {
    let (place, name) = (parameter["in"].as_str(), parameter["name"].as_str());
    let (place, name) = (place.unwrap_or_default(), name.unwrap_or_default());
    let id = |prefix: &str| json!({ "type": "string", "pattern": format!("^{prefix}_{ULID}$") });
    let is_day = parameter["schema"].get("format").is_none();
    let more = match (place, name) {
        ("query", "limit") => json!({ "minimum": 1, "maximum": 100 }),
        ("query", "cursor") => json!({ "minLength": 1 }),
        ("query", "filter[owner]" | "filter[user]" | "filter[actor]") => id("usr"),
        ("query", "filter[key]") => id("key"),
        ("query", "from" | "to") if is_day => json!({ "format": "date" }),
        ("header", "if-match") => {
            json!({ "type": "string", "pattern": r#"^(\*|"[0-9]{1,18}(-[0-9a-f]{1,64})?")$"#, "examples": ["\"7\""] })
        }
        // A header is there or is not; it is never null.
        ("header", _) => json!({ "type": "string" }),
        _ => return,
    };
    if let (Some(schema), Some(more)) = (parameter["schema"].as_object_mut(), more.as_object()) {
        schema.extend(more.clone());
    }
}

/// Bytes that are an `Option` may be none at all.
fn allow_none(body: Option<&mut Value>) {
    let Some(body) = body else { return };
    let types = &body["content"]["application/octet-stream"]["schema"]["type"];
    let types = types.as_array().into_iter().flatten();
    if types.into_iter().any(|it| it == "null") {
        body["required"] = json!(false);
    }
}

/// Bytes are no list of numbers.
fn as_bytes<'v>((media_type, content): (&'v String, &'v mut Value)) -> (&'v String, &'v mut Value) {
    if media_type == "application/octet-stream" {
        content["schema"] = json!({ "type": "string", "format": "binary" });
    }
    (media_type, content)
}

fn show((media_type, content): (&String, &mut Value), side: Side, schemas: &Value) {
    let is_json = media_type == "application/json" || media_type.ends_with("+json");
    if !is_json || content.get("example").is_some() || content.get("examples").is_some() {
        return;
    }
    if let Some(schema) = content.get("schema") {
        content["example"] = example(schema, side, schemas);
    }
}
