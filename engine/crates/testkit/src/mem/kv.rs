//! The plugins' own storage in memory.

use async_trait::async_trait;
use inkstone_domain::ports::PluginKv;
use inkstone_domain::{Error, Result, codes};

use super::MemStore;

const MAX_KEYS_LISTED: usize = 1000;

#[async_trait]
impl PluginKv for MemStore {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>> {
        let state = self.state();
        Ok(state.kv.get(plugin).and_then(|own| own.get(key)).cloned())
    }

    async fn put(&self, plugin: &str, key: &str, value: Vec<u8>, quota_bytes: u64) -> Result<()> {
        let mut state = self.state();
        let own = state.kv.entry(plugin.to_owned()).or_default();
        let others: usize = own
            .iter()
            .filter(|(known, _)| known.as_str() != key)
            .map(|(known, value)| known.len() + value.len())
            .sum();
        let wanted = (others + key.len() + value.len()) as u64;
        if wanted > quota_bytes {
            return Err(Error::new(
                &codes::QUOTA_EXCEEDED,
                format!(
                    "the plugin `{plugin}` would keep {wanted} bytes and may keep {quota_bytes}; \
                     let it delete keys, or raise `kv_quota_bytes`"
                ),
            ));
        }
        own.insert(key.to_owned(), value);
        Ok(())
    }

    async fn delete(&self, plugin: &str, key: &str) -> Result<()> {
        if let Some(own) = self.state().kv.get_mut(plugin) {
            own.remove(key);
        }
        Ok(())
    }

    async fn list_keys(&self, plugin: &str, prefix: &str) -> Result<Vec<String>> {
        let state = self.state();
        let Some(own) = state.kv.get(plugin) else {
            return Ok(Vec::new());
        };
        Ok(own
            .keys()
            .filter(|key| key.starts_with(prefix))
            .take(MAX_KEYS_LISTED)
            .cloned()
            .collect())
    }
}
