//! What a plugin says it offers: a list of things with an id and an input schema each, asked once
//! when the plugin is prepared, with every schema compiled.

use inkstone_domain::codes::Code;
use inkstone_domain::generation::Template;
use inkstone_domain::report::ReportInfo;
use inkstone_domain::research::Tool;
use inkstone_domain::{Error, Result};
use serde_json::Value;

use crate::schema::Schema;

/// A template, tool or report.
pub(crate) trait Offer {
    /// How messages call it.
    const WORD: &'static str;

    fn id(&self) -> &str;
    fn input_schema(&self) -> &Value;
}

impl Offer for Template {
    const WORD: &'static str = "template";

    fn id(&self) -> &str {
        &self.id
    }

    fn input_schema(&self) -> &Value {
        &self.input_schema
    }
}

impl Offer for Tool {
    const WORD: &'static str = "tool";

    fn id(&self) -> &str {
        &self.name
    }

    fn input_schema(&self) -> &Value {
        &self.input_schema
    }
}

impl Offer for ReportInfo {
    const WORD: &'static str = "report";

    fn id(&self) -> &str {
        &self.id
    }

    fn input_schema(&self) -> &Value {
        &self.input_schema
    }
}

/// More than this is no offer but an attack: each schema is compiled, each name compared.
const MAX_OFFERS: usize = 1_000;

/// Everything a plugin offers.
pub(crate) struct Declared<T> {
    offers: Vec<T>,
    /// In the order of `offers`.
    schemas: Vec<Schema>,
}

impl<T: Offer> Declared<T> {
    /// The error says what is wrong with the list, in words for the plugin's author.
    pub fn new(offers: Vec<T>) -> Result<Self, String> {
        let word = T::WORD;
        if offers.len() > MAX_OFFERS {
            return Err(format!(
                "it offers {} {word}s, and {MAX_OFFERS} is the most",
                offers.len()
            ));
        }
        let mut schemas = Vec::with_capacity(offers.len());
        for (position, offer) in offers.iter().enumerate() {
            let id = offer.id();
            let is_plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if id.is_empty() || !id.bytes().all(is_plain) {
                return Err(format!(
                    "the {word} `{id}` has a name that is not made of a-z, 0-9 and -"
                ));
            }
            if offers[..position].iter().any(|earlier| earlier.id() == id) {
                return Err(format!("the {word} `{id}` is offered twice"));
            }
            let schema = Schema::compile(offer.input_schema()).map_err(|why| {
                format!("the input schema of the {word} `{id}` cannot be used: {why}")
            })?;
            schemas.push(schema);
        }
        Ok(Self { offers, schemas })
    }

    pub fn offers(&self) -> &[T] {
        &self.offers
    }

    /// `unknown` where there is no such offer, `schema_mismatch` where the input does not fit.
    pub fn check_input(
        &self,
        plugin: &str,
        id: &str,
        input: &Value,
        unknown: &'static Code,
    ) -> Result<()> {
        let word = T::WORD;
        let Some(position) = self.offers.iter().position(|offer| offer.id() == id) else {
            let known: Vec<String> = self
                .offers
                .iter()
                .map(|offer| format!("`{}`", offer.id()))
                .collect();
            return Err(Error::new(
                unknown,
                format!(
                    "plugin `{plugin}` has no {word} `{id}`; it has {}",
                    if known.is_empty() {
                        "none".to_owned()
                    } else {
                        known.join(", ")
                    }
                ),
            ));
        };
        self.schemas[position].check(input, || format!("the input of `{plugin}/{id}`"))
    }
}

/// The schema a guest declared, parsed. The error is in words for the plugin's author.
pub(crate) fn schema_text(word: &str, id: &str, text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| {
        format!("the input schema of the {word} `{id}` is not valid JSON: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkstone_domain::codes;
    use serde_json::json;

    fn tool(name: &str, input_schema: Value) -> Tool {
        Tool {
            name: name.to_owned(),
            title: String::new(),
            description: String::new(),
            input_schema,
        }
    }

    #[test]
    fn a_bad_list_is_refused_with_its_reason() {
        for (tools, want) in [
            (vec![tool("A b", json!({}))], "not made of a-z"),
            (vec![tool("a", json!({})), tool("a", json!({}))], "twice"),
            (vec![tool("a", json!({ "type": 7 }))], "cannot be used"),
            (vec![tool("a", json!({})); 1_001], "offers 1001 tools"),
        ] {
            let why = Declared::new(tools).err().unwrap();
            assert!(why.contains(want), "{why}");
        }
    }

    #[test]
    fn inputs_are_checked_and_unknown_names_say_what_there_is() {
        let declared = Declared::new(vec![tool("fetch", json!({ "required": ["url"] }))]).unwrap();
        let check = |id: &str, input: Value| {
            declared.check_input("research-web", id, &input, &codes::UNKNOWN_TOOL)
        };
        check("fetch", json!({ "url": "x" })).unwrap();
        let missing = check("fetch", json!({})).unwrap_err();
        assert_eq!(missing.code().name, "schema_mismatch");
        assert_eq!(missing.fields()[0].pointer, "/url");
        let unknown = check("crawl", json!({})).unwrap_err();
        assert_eq!(unknown.code().name, "unknown_tool");
        assert!(unknown.message().contains("`fetch`"), "{unknown}");
    }
}
