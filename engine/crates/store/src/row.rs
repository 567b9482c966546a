//! What all rows need to become words of the domain: ids, JSON texts, closed sets of words.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use surrealdb::types::Bytes;

use crate::failure::StoreFailure;

pub(crate) type RowResult<T> = Result<T, StoreFailure>;

/// Parses a text that this crate wrote.
pub(crate) fn parse<T>(table: &'static str, text: &str) -> RowResult<T>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error| unreadable(table, error))
}

pub(crate) fn parse_option<T>(table: &'static str, text: Option<String>) -> RowResult<Option<T>>
where
    T: FromStr,
    T::Err: Display,
{
    text.map(|text| parse(table, &text)).transpose()
}

pub(crate) fn to_json(table: &'static str, value: &impl Serialize) -> RowResult<String> {
    serde_json::to_string(value).map_err(|error| unreadable(table, error))
}

pub(crate) fn from_json<T: DeserializeOwned>(table: &'static str, text: &str) -> RowResult<T> {
    let mut json = serde_json::Deserializer::from_str(text);
    // A request may have as many levels as the limit allows; in a row they lie some levels deeper.
    json.disable_recursion_limit();
    let value = T::deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    value.map_err(|error| unreadable(table, error))
}

/// A SHA-256 as it is kept.
pub(crate) fn to_bytes(hash: [u8; 32]) -> Bytes {
    Bytes::from(hash.to_vec())
}

pub(crate) fn to_hash(table: &'static str, bytes: &Bytes) -> RowResult<[u8; 32]> {
    let hash = <[u8; 32]>::try_from(bytes.to_vec());
    hash.map_err(|_| unreadable(table, "a hash does not have 32 bytes"))
}

pub(crate) fn unreadable(table: &'static str, reason: impl Display) -> StoreFailure {
    StoreFailure::Row {
        table,
        reason: reason.to_string(),
    }
}

/// A word of a closed set that this engine does not know.
pub(crate) fn unknown_word(table: &'static str, field: &str, word: &str) -> StoreFailure {
    unreadable(table, format!("`{word}` is no `{field}`"))
}
