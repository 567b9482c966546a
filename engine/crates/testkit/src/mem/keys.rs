//! Virtual keys and allowances in memory.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::allowance::{Allowance, Subject};
use inkstone_domain::key::VirtualKey;
use inkstone_domain::ports::KeyStore;

use super::{MemStore, already_exists, not_found};

#[async_trait]
impl KeyStore for MemStore {
    async fn create_key(&self, key: &VirtualKey) -> Result<()> {
        let mut state = self.state();
        if state.keys.contains_key(&key.id) {
            return Err(already_exists("key", key.id));
        }
        state.keys.insert(key.id, key.clone());
        Ok(())
    }

    async fn update_key(&self, key: &VirtualKey) -> Result<()> {
        match self.state().keys.get_mut(&key.id) {
            Some(stored) => {
                stored.clone_from(key);
                Ok(())
            }
            None => Err(not_found("key", key.id)),
        }
    }

    async fn keys(&self) -> Result<Vec<VirtualKey>> {
        Ok(self.state().keys.values().cloned().collect())
    }

    async fn allowances(&self) -> Result<Vec<(Subject, Allowance)>> {
        Ok(self.state().allowances.values().cloned().collect())
    }

    async fn set_allowance(&self, subject: &Subject, allowance: Option<Allowance>) -> Result<()> {
        let mut state = self.state();
        let text = subject.to_string();
        match allowance {
            Some(allowance) => state.allowances.insert(text, (subject.clone(), allowance)),
            None => state.allowances.remove(&text),
        };
        Ok(())
    }
}
