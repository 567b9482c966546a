//! The tables `kv` and `kv_space`: the plugins' own storage, and how much of it each one uses.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::ports::PluginKv;
use surrealdb::types::Bytes;

use crate::connection::SurrealStore;
use crate::statement::Statement;

#[async_trait]
impl PluginKv for SurrealStore {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>> {
        let statement =
            Statement::new("SELECT VALUE value FROM ONLY type::record('kv', [$plugin, $key])")
                .bind("plugin", plugin)
                .bind("key", key);
        let value: Option<Bytes> = self.read(statement).await?;
        Ok(value.map(|bytes| bytes.to_vec()))
    }

    async fn put(&self, plugin: &str, key: &str, value: Vec<u8>, quota_bytes: u64) -> Result<()> {
        let size_bytes = key.len() as u64 + value.len() as u64;
        let statement = Statement::new(
            "{
                LET $old = (SELECT VALUE size_bytes FROM ONLY type::record('kv', [$plugin, $key])) ?? 0;
                LET $used = (SELECT VALUE used_bytes FROM ONLY type::record('kv_space', $plugin)) ?? 0;
                LET $wanted = $used - $old + $size_bytes;
                IF $wanted > $quota_bytes { THROW 'refused:quota_exceeded:' + <string>$wanted };
                UPSERT type::record('kv', [$plugin, $key])
                    CONTENT { key: $key, value: $value, size_bytes: $size_bytes } RETURN NONE;
                UPSERT type::record('kv_space', $plugin) CONTENT { used_bytes: $wanted } RETURN NONE;
                RETURN NONE;
            }",
        )
        .about(format!("plugin `{plugin}`"))
        .bind("plugin", plugin)
        .bind("key", key)
        .bind("value", Bytes::from(value))
        .bind("size_bytes", size_bytes)
        .bind("quota_bytes", quota_bytes.min(i64::MAX as u64));
        Ok(self.write(statement).await?)
    }

    async fn delete(&self, plugin: &str, key: &str) -> Result<()> {
        let statement = Statement::new(
            "{
                LET $old = SELECT VALUE size_bytes FROM ONLY type::record('kv', [$plugin, $key]);
                IF $old != NONE {
                    DELETE type::record('kv', [$plugin, $key]);
                    UPDATE type::record('kv_space', $plugin) SET used_bytes -= $old RETURN NONE;
                };
                RETURN NONE;
            }",
        )
        .bind("plugin", plugin)
        .bind("key", key);
        Ok(self.write(statement).await?)
    }

    async fn list_keys(&self, plugin: &str, prefix: &str) -> Result<Vec<String>> {
        // No key can begin with the prefix and lie behind this end: an array sorts after every string.
        let text = if prefix.is_empty() {
            "SELECT VALUE key FROM kv:[$plugin, '']..[$plugin, []] LIMIT 1000"
        } else {
            "SELECT VALUE key FROM kv:[$plugin, $prefix]..[$plugin, $end] \
             WHERE string::starts_with(key, $prefix) LIMIT 1000"
        };
        let statement = Statement::new(text)
            .bind("plugin", plugin)
            .bind("prefix", prefix)
            .bind("end", format!("{prefix}{}", char::MAX));
        Ok(self.read(statement).await?)
    }
}
