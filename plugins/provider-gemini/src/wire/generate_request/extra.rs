//! The caller's further fields, passed on as they are. A field with a place of its own in the contract is refused,
//! under whichever of its two names: the API reads `topP` and `top_p` alike.

use inkstone_plugin::provider::{Error, Result};
use serde_json::{Map, Value};

/// Fields of the body with a place of their own, in lower case and without `_`.
const OWN_FIELDS: [&str; 4] = ["model", "contents", "systeminstruction", "toolconfig"];

/// The same within `generationConfig`.
const OWN_CONFIG_FIELDS: [&str; 13] = [
    "temperature",
    "topp",
    "topk",
    "maxoutputtokens",
    "stopsequences",
    "seed",
    "frequencypenalty",
    "presencepenalty",
    "responsemimetype",
    "responseschema",
    "responsejsonschema",
    "responselogprobs",
    "logprobs",
];

/// By these Google's other door to the same models, Vertex, chooses another one than the named.
const ROUTING_FIELDS: [&str; 3] = ["routingconfig", "modelconfig", "modelselectionconfig"];

/// The fields, sorted by where they go.
#[derive(Debug, Default)]
pub struct Extra {
    /// Tools of the API's own, such as `{"googleSearch": {}}`.
    pub tools: Vec<Value>,
    pub generation_config: Map<String, Value>,
    pub fields: Map<String, Value>,
}

impl Extra {
    /// Reads `extra` of a request.
    pub fn read(json: Option<&str>) -> Result<Self> {
        let fields: Map<String, Value> = match json {
            None | Some("") => Map::new(),
            Some(json) => serde_json::from_str(json).map_err(|error| {
                Error::invalid_input(format!("`extra`: no JSON object ({error})"))
            })?,
        };
        let mut extra = Self::default();
        for (name, value) in fields {
            match plain(&name).as_str() {
                // Streaming is this plugin's own business.
                "stream" | "streamoptions" => {}
                "n" => one_answer(&name, &value)?,
                "tools" => extra.tools = tools(value)?,
                "generationconfig" => extra.generation_config = generation_config(value)?,
                own if OWN_FIELDS.contains(&own) => return Err(has_a_place(&name)),
                other if ROUTING_FIELDS.contains(&other) => return Err(routes(&name)),
                _ => {
                    extra.fields.insert(name, value);
                }
            }
        }
        Ok(extra)
    }
}

fn generation_config(value: Value) -> Result<Map<String, Value>> {
    let Value::Object(fields) = value else {
        return Err(Error::invalid_input(
            "`generationConfig` in `extra` is no JSON object",
        ));
    };
    let mut config = Map::new();
    for (name, value) in fields {
        match plain(&name).as_str() {
            "candidatecount" => one_answer(&name, &value)?,
            "thinkingconfig" => {
                config.insert("thinkingConfig".to_owned(), thinking_config(value)?);
            }
            own if OWN_CONFIG_FIELDS.contains(&own) => return Err(has_a_place(&name)),
            other if ROUTING_FIELDS.contains(&other) => return Err(routes(&name)),
            _ => {
                config.insert(name, value);
            }
        }
    }
    Ok(config)
}

/// Under one name, so that `includeThoughts` is not sent twice.
fn thinking_config(value: Value) -> Result<Value> {
    let Value::Object(fields) = value else {
        return Err(Error::invalid_input(
            "`thinkingConfig` in `extra` is no JSON object",
        ));
    };
    let named = fields.into_iter().map(|(name, value)| {
        let name = match plain(&name).as_str() {
            "includethoughts" => "includeThoughts".to_owned(),
            _ => name,
        };
        (name, value)
    });
    Ok(Value::Object(named.collect()))
}

fn tools(value: Value) -> Result<Vec<Value>> {
    let Value::Array(tools) = value else {
        return Err(Error::invalid_input("`tools` in `extra` is no list"));
    };
    let declares = |tool: &Value| {
        tool.as_object().is_none_or(|fields| {
            fields
                .keys()
                .any(|name| plain(name) == "functiondeclarations")
        })
    };
    if tools.iter().any(declares) {
        return Err(Error::invalid_input(
            "`tools` in `extra` is for the API's own tools, such as {\"googleSearch\": {}}; functions have a place of their own in the request",
        ));
    }
    Ok(tools)
}

fn one_answer(name: &str, value: &Value) -> Result<()> {
    if value.as_u64() == Some(1) {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "`{name}`: one answer is given per request; send the request several times"
    )))
}

fn has_a_place(name: &str) -> Error {
    Error::invalid_input(format!(
        "`extra` holds `{name}`, which has a place of its own in the request"
    ))
}

fn routes(name: &str) -> Error {
    Error::invalid_input(format!(
        "`{name}` may choose another model than the one that was checked; leave it out, and name the model"
    ))
}

fn plain(name: &str) -> String {
    name.replace('_', "").to_ascii_lowercase()
}
