//! Saved searches in memory.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{SavedSearchId, UserId};
use inkstone_domain::ports::SavedSearchStore;
use inkstone_domain::search::SavedSearch;

use super::{MemStore, already_exists, not_found, page_of};

#[async_trait]
impl SavedSearchStore for MemStore {
    async fn create_saved_search(&self, search: &SavedSearch) -> Result<()> {
        let mut state = self.state();
        if state.saved_searches.contains_key(&search.id) {
            return Err(already_exists("saved search", search.id));
        }
        state.saved_searches.insert(search.id, search.clone());
        Ok(())
    }

    async fn saved_search(&self, owner: UserId, id: SavedSearchId) -> Result<Option<SavedSearch>> {
        let state = self.state();
        let found = state.saved_searches.get(&id);
        Ok(found.filter(|search| search.owner == owner).cloned())
    }

    async fn list_saved_searches(
        &self,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<SavedSearch>> {
        let state = self.state();
        let newest_first = state.saved_searches.iter().rev();
        let own = newest_first.filter(|(_, search)| search.owner == owner);
        let keyed = own.map(|(id, search)| (*id, search.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn remove_saved_search(&self, owner: UserId, id: SavedSearchId) -> Result<()> {
        let mut state = self.state();
        let found = state.saved_searches.get(&id);
        if found.is_none_or(|search| search.owner != owner) {
            return Err(not_found("saved search", id));
        }
        state.saved_searches.remove(&id);
        Ok(())
    }

    async fn searches_with_alerts(
        &self,
        after: Option<SavedSearchId>,
        limit: usize,
    ) -> Result<Vec<SavedSearch>> {
        let state = self.state();
        let alerting = state.saved_searches.values();
        let alerting = alerting.filter(|search| search.alerts_since.is_some());
        let rest = alerting.filter(|search| after.is_none_or(|after| search.id > after));
        Ok(rest.take(limit).cloned().collect())
    }
}
