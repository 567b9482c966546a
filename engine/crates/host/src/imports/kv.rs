//! `kv`: the plugin's own storage, under its own id and quota.

use inkstone_bindings::latest::imports::kv as wit;
use inkstone_domain::recording::Blob;
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
        let value = import!(self, "kv.get", [&key], async |own| {
            own.kv_quota()?;
            check_key(&key)?;
            let value = own.plugin.ports.kv.get(&own.plugin.id, &key).await?;
            Ok(value.map(Blob))
        })?;
        Ok(value.map(|blob: Blob| blob.0))
    }

    async fn put(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        let value = Blob(value);
        import!(self, "kv.put", (&key, &value), async |own| {
            let quota = own.kv_quota()?;
            check_key(&key)?;
            let plugin = &own.plugin;
            Ok(plugin
                .ports
                .kv
                .put(&plugin.id, &key, value.0, quota)
                .await?)
        })
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<()> {
        import!(self, "kv.delete", [&key], async |own| {
            own.kv_quota()?;
            check_key(&key)?;
            Ok(own.plugin.ports.kv.delete(&own.plugin.id, &key).await?)
        })
    }

    async fn list_keys(&mut self, prefix: String) -> wasmtime::Result<Vec<String>> {
        import!(self, "kv.list-keys", [&prefix], async |own| {
            own.kv_quota()?;
            let plugin = &own.plugin;
            Ok(plugin.ports.kv.list_keys(&plugin.id, &prefix).await?)
        })
    }
}
