//! `fields=`: the items of a list with some of their fields alone. Which fields there are is known, so that a
//! misspelt one is an error and not an item without it.

use axum::http::StatusCode;
use inkstone_domain::{Error, FieldError, Result};
use serde::Serialize;
use serde_json::{Map, Value};

use super::page::ListReply;
use crate::error::{ApiResult, invalid_fields};
use crate::reply::{json, ok};

/// The fields that were asked for; `None` is all.
pub(crate) struct Fields(Option<Vec<&'static str>>);

impl Fields {
    /// From a list with commas. `invalid_input` names what is no field.
    pub(crate) fn of(text: Option<&str>, known: &'static [&'static str]) -> Result<Self> {
        let Some(text) = text else {
            return Ok(Self(None));
        };
        let field = |word: &str| {
            let word = word.trim();
            let found = known.iter().find(|name| **name == word);
            found.copied().ok_or_else(|| unknown(known))
        };
        let fields: Result<Vec<_>> = text.split(',').map(field).collect();
        Ok(Self(Some(fields?)))
    }

    /// The list as a reply.
    pub(crate) fn list<T: Serialize>(&self, list: &ListReply<T>) -> ApiResult {
        let Self(Some(fields)) = self else {
            return ok(list);
        };
        let chosen = |item: &T| -> serde_json::Result<Map<String, Value>> {
            let mut all = match serde_json::to_value(item)? {
                Value::Object(all) => all,
                _ => Map::new(),
            };
            all.retain(|name, _| fields.iter().any(|field| field == name));
            Ok(all)
        };
        let data: serde_json::Result<Vec<_>> = list.data.iter().map(chosen).collect();
        let data = data.map_err(|error| {
            Error::new(
                &inkstone_domain::codes::INTERNAL,
                "a reply could not be written",
            )
            .with_source(error)
        })?;
        let reply = ListReply {
            data,
            next_cursor: list.next_cursor.clone(),
        };
        json(StatusCode::OK, &reply)
    }
}

fn unknown(known: &[&str]) -> Error {
    let field = FieldError {
        pointer: "?fields".to_owned(),
        detail: format!("must be some of {}", known.join(", ")),
    };
    invalid_fields("a query parameter is not valid", vec![field])
}
