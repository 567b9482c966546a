//! The plugin's own key-value storage. Keys are 1 to 256 bytes; beyond the quota a put fails with `rate-limited`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, host};

/// The value under a key.
pub fn get(key: &str) -> Result<Option<Vec<u8>>> {
    host::kv::get(key)
}

/// Sets the value under a key.
pub fn put(key: &str, value: &[u8]) -> Result<()> {
    host::kv::put(key, value)
}

/// Forgets a key; one that is not there is no error.
pub fn delete(key: &str) -> Result<()> {
    host::kv::delete(key)
}

/// Keys that begin with `prefix`, in order, at most 1,000.
pub fn list_keys(prefix: &str) -> Result<Vec<String>> {
    host::kv::list_keys(prefix)
}

/// The value under a key, read as JSON. What an older version left and cannot be read counts as absent.
pub fn get_json<T: DeserializeOwned>(key: &str) -> Result<Option<T>> {
    Ok(get(key)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Sets the value under a key, written as JSON.
pub fn put_json(key: &str, value: &impl Serialize) -> Result<()> {
    put(key, &serde_json::to_vec(value)?)
}
