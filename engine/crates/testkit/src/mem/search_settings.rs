//! Search settings of projects in memory.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ports::SearchSettingsStore;
use inkstone_domain::search::SearchSettings;

use super::MemStore;

#[async_trait]
impl SearchSettingsStore for MemStore {
    async fn search_settings(&self, project: &str) -> Result<Option<SearchSettings>> {
        Ok(self.state().search_settings.get(project).cloned())
    }

    async fn put_search_settings(
        &self,
        settings: &SearchSettings,
        audit: &AuditRecord,
    ) -> Result<()> {
        let mut state = self.state();
        let stored = state.search_settings.get(&settings.project);
        if stored.map_or(0, |stored| stored.revision) + 1 != settings.revision {
            return Err(super::projects::mismatch());
        }
        let project = settings.project.clone();
        state.search_settings.insert(project, settings.clone());
        state.append_audit(audit);
        Ok(())
    }
}
