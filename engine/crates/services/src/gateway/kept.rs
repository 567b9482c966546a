//! Answers that are kept, as bytes in the store, and how they are said again.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream;
use inkstone_domain::chat::{Chunk, ChunkStream};
use inkstone_domain::usage::UsageRecord;
use inkstone_domain::{Error, Result, codes};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Who answered, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub id: String,
    pub created_at: DateTime<Utc>,
    pub model: String,
    pub plugin: String,
    pub plugin_version: String,
    pub plugin_digest: String,
}

/// An answer that can be said again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept<T> {
    pub by: Signature,
    pub answer: T,
    /// What it cost, for a ledger that may not have it yet.
    #[serde(default)]
    pub records: Vec<UsageRecord>,
}

impl<T: Serialize + DeserializeOwned> Kept<T> {
    pub fn to_bytes(&self) -> Result<Bytes> {
        let bytes = serde_json::to_vec(self).map_err(unreadable)?;
        Ok(Bytes::from(bytes))
    }

    pub fn of_bytes(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(unreadable)
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::new(&codes::INTERNAL, "a kept answer cannot be read").with_source(error)
}

/// The chunks as they came.
pub(crate) fn say_again(chunks: Vec<Chunk>) -> ChunkStream {
    Box::pin(stream::iter(chunks.into_iter().map(Ok)))
}

/// SHA-256, hex, of a value's JSON with the keys of every object in order: requests that differ only in
/// the order of their fields are the same.
pub(crate) fn digest_of(value: &impl Serialize) -> Result<String> {
    let value = serde_json::to_value(value).map_err(unreadable)?;
    let mut hash = Sha256::new();
    feed(&mut hash, &value);
    Ok(inkstone_domain::digest::hex(&hash.finalize()))
}

/// Every value begins with what it is and how much of it comes, so that no two are fed alike.
fn feed(hash: &mut Sha256, value: &serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            hash.update(format!("o{};", names.len()));
            for name in names {
                hash.update(format!("{};", name.len()));
                hash.update(name);
                if let Some(value) = fields.get(name) {
                    feed(hash, value);
                }
            }
        }
        Value::Array(items) => {
            hash.update(format!("a{};", items.len()));
            for item in items {
                feed(hash, item);
            }
        }
        Value::String(text) => {
            hash.update(format!("s{};", text.len()));
            hash.update(text);
        }
        plain => hash.update(format!("p{plain};")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_fields_is_no_difference_and_everything_else_is() {
        let of = |text: &str| {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            digest_of(&value).unwrap()
        };
        assert_eq!(of(r#"{"a":1,"b":[2]}"#), of(r#"{"b":[2],"a":1}"#));
        let all = [
            r#"{"a":1,"b":[2]}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":"1","b":[2]}"#,
            r#"[["ab"],["c"]]"#,
            r#"[["a"],["bc"]]"#,
            r#"[["a","bc"]]"#,
        ];
        let mut seen: Vec<String> = all.into_iter().map(of).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all.len());
        assert_eq!(digest_of(&json!(null)).unwrap().len(), 64);
    }
}
