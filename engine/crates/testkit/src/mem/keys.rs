//! Virtual keys and allowances in memory.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::allowance::{Allowance, Subject};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::key::VirtualKey;
use inkstone_domain::ports::KeyStore;

use super::{MemStore, already_exists, not_found};

#[async_trait]
impl KeyStore for MemStore {
    async fn create_key(&self, key: &VirtualKey, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        if state.keys.contains_key(&key.id) {
            return Err(already_exists("key", key.id));
        }
        state.keys.insert(key.id, key.clone());
        state.append_audit(audit);
        Ok(())
    }

    async fn update_key(&self, key: &VirtualKey, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let stored = state.keys.get_mut(&key.id);
        let stored = stored.ok_or_else(|| not_found("key", key.id))?;
        stored.clone_from(key);
        state.append_audit(audit);
        Ok(())
    }

    async fn keys(&self) -> Result<Vec<VirtualKey>> {
        Ok(self.state().keys.values().cloned().collect())
    }

    async fn allowances(&self) -> Result<Vec<(Subject, Allowance)>> {
        Ok(self.state().allowances.values().cloned().collect())
    }

    async fn set_allowance(
        &self,
        subject: &Subject,
        allowance: Option<Allowance>,
        audit: &AuditRecord,
    ) -> Result<()> {
        let mut state = self.state();
        let text = subject.to_string();
        match allowance {
            Some(allowance) => state.allowances.insert(text, (subject.clone(), allowance)),
            None => state.allowances.remove(&text),
        };
        state.append_audit(audit);
        Ok(())
    }
}
