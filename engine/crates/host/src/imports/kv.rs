//! `kv`: the plugin's own storage, under its own id and quota.

use inkstone_bindings::v0_1_0::imports::kv as wit;
use inkstone_domain::{Error, codes};

use crate::state::CallState;

const MAX_KEY_BYTES: usize = 256;

impl CallState {
    /// The quota in bytes; without one there is no storage.
    fn kv_quota(&self) -> Result<u64, Error> {
        match self.plugin.effective.permissions.kv_quota_bytes {
            0 => Err(self.denied("kv_quota_bytes = …")),
            quota => Ok(quota),
        }
    }
}

fn check_key(key: &str) -> Result<(), Error> {
    if (1..=MAX_KEY_BYTES).contains(&key.len()) {
        return Ok(());
    }
    Err(Error::new(
        &codes::INVALID_INPUT,
        format!(
            "a key has 1 to {MAX_KEY_BYTES} bytes, and this one has {}",
            key.len()
        ),
    ))
}

impl wit::Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.kv_quota()?;
        check_key(&key)?;
        Ok(self.plugin.ports.kv.get(&self.plugin.id, &key).await?)
    }

    async fn put(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        let quota = self.kv_quota()?;
        check_key(&key)?;
        let plugin = &self.plugin;
        Ok(plugin.ports.kv.put(&plugin.id, &key, value, quota).await?)
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<()> {
        self.kv_quota()?;
        check_key(&key)?;
        Ok(self.plugin.ports.kv.delete(&self.plugin.id, &key).await?)
    }

    async fn list_keys(&mut self, prefix: String) -> wasmtime::Result<Vec<String>> {
        self.kv_quota()?;
        let plugin = &self.plugin;
        Ok(plugin.ports.kv.list_keys(&plugin.id, &prefix).await?)
    }
}
