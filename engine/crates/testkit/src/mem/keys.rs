//! Virtual keys and allowances in memory.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::allowance::{Allowance, Subject};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ids::{KeyId, UserId};
use inkstone_domain::key::{EndedKey, VirtualKey};
use inkstone_domain::ports::KeyStore;

use super::projects::mismatch;
use super::{MemStore, State, already_exists, not_found};

pub(super) struct AllowanceEntry {
    subject: Subject,
    allowance: Option<Allowance>,
    revision: u64,
}

impl State {
    /// Whether these are all keys that somebody has in a project, as they are stored.
    pub(super) fn check_ended(
        &self,
        holder: UserId,
        project: &str,
        ended: &[EndedKey],
    ) -> Result<()> {
        let of_project = |key: &&VirtualKey| key.project.as_deref() == Some(project);
        let mut live = self
            .keys
            .values()
            .filter(|key| key.owner == holder && key.revoked_at.is_none())
            .filter(of_project);
        let all = live.all(|key| ended.iter().any(|end| end.key.id == key.id));
        let as_stored = ended.iter().all(|end| {
            let stored = self.keys.get(&end.key.id);
            stored.is_some_and(|stored| stored.revision + 1 == end.key.revision)
        });
        match all && as_stored {
            true => Ok(()),
            false => Err(mismatch()),
        }
    }

    pub(super) fn end_keys(&mut self, ended: &[EndedKey]) {
        for end in ended {
            self.keys.insert(end.key.id, end.key.clone());
            self.append_audit(&end.audit);
        }
    }
}

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
        if stored.revision + 1 != key.revision {
            return Err(mismatch());
        }
        stored.clone_from(key);
        state.append_audit(audit);
        Ok(())
    }

    async fn key(&self, id: KeyId) -> Result<Option<VirtualKey>> {
        Ok(self.state().keys.get(&id).cloned())
    }

    async fn keys(&self) -> Result<Vec<VirtualKey>> {
        Ok(self.state().keys.values().cloned().collect())
    }

    async fn allowances(&self) -> Result<Vec<(Subject, Allowance)>> {
        let state = self.state();
        let set = state.allowances.values().filter_map(|entry| {
            let allowance = entry.allowance?;
            Some((entry.subject.clone(), allowance))
        });
        Ok(set.collect())
    }

    async fn allowance(&self, subject: &Subject) -> Result<(Option<Allowance>, u64)> {
        let state = self.state();
        let entry = state.allowances.get(&subject.to_string());
        Ok(entry.map_or((None, 0), |entry| (entry.allowance, entry.revision)))
    }

    async fn set_allowance(
        &self,
        subject: &Subject,
        allowance: Option<Allowance>,
        expected: Option<u64>,
        audit: &AuditRecord,
    ) -> Result<()> {
        let mut state = self.state();
        let text = subject.to_string();
        let stored = state
            .allowances
            .get(&text)
            .map_or(0, |entry| entry.revision);
        if expected.is_some_and(|expected| expected != stored) {
            return Err(mismatch());
        }
        let entry = AllowanceEntry {
            subject: subject.clone(),
            allowance,
            revision: stored + 1,
        };
        state.allowances.insert(text, entry);
        state.append_audit(audit);
        Ok(())
    }
}
