//! Parts of a request that every API takes as they are: JSON that somebody else wrote.

use std::collections::BTreeMap;

use inkstone_plugin::{Error, Result};
use serde_json::value::{RawValue, Value};

/// Fields by which routers of models let a request name other models than `model`, or services that are paid beside it:
/// OpenRouter (`models`, `route`, `preset`, `plugins`) and LiteLLM (`fallbacks`).
pub const ROUTING: &[&str] = &["models", "route", "fallbacks", "preset", "plugins"];

/// Refuses such fields: a caller may use the models of their key, and those have prices.
pub fn refuse_routing(extra: &BTreeMap<String, Value>, routing: &[&str]) -> Result<()> {
    match routing.iter().find(|field| extra.contains_key(**field)) {
        Some(field) => Err(Error::invalid_input(format!(
            "`{field}` may choose another model, or something paid beside it, than the one that was checked; leave it out, or set `allow_routing` of this plugin"
        ))),
        None => Ok(()),
    }
}

/// JSON text, to be sent as it is. `place` says where it stands, in errors.
pub fn raw<'a>(json: &'a str, place: &str) -> Result<&'a RawValue> {
    serde_json::from_str(json)
        .map_err(|error| Error::invalid_input(format!("{place}: no JSON ({error})")))
}

/// The further fields of a request. Streaming is the plugin's own business, so its fields are passed over; `own` are
/// those that have a place in the contract's request.
pub fn extra(json: Option<&str>, own: &[&str]) -> Result<BTreeMap<String, Value>> {
    let mut fields: BTreeMap<String, Value> = match json {
        None | Some("") => BTreeMap::new(),
        Some(json) => serde_json::from_str(json)
            .map_err(|error| Error::invalid_input(format!("`extra`: no JSON object ({error})")))?,
    };
    fields.remove("stream");
    fields.remove("stream_options");
    // Would give several answers, and the contract has room for one.
    if let Some(n) = fields.remove("n")
        && n.as_u64() != Some(1)
    {
        return Err(Error::unsupported(
            "`n`: one answer is given per request; send the request several times",
        ));
    }
    match own.iter().find(|own| fields.contains_key(**own)) {
        Some(own) => Err(Error::invalid_input(format!(
            "`extra` holds `{own}`, which has a place of its own in the request"
        ))),
        None => Ok(fields),
    }
}
