//! Rollouts and what served when, in memory.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::ServedId;
use inkstone_domain::ports::RolloutStore;
use inkstone_domain::rollout::{RolloutChange, RolloutState, Served};

use super::{MemStore, page_of};

#[async_trait]
impl RolloutStore for MemStore {
    async fn rollout(&self, plugin: &str, digest: &str) -> Result<Option<RolloutState>> {
        let key = (plugin.to_owned(), digest.to_owned());
        Ok(self.state().rollouts.get(&key).cloned())
    }

    async fn record_rollout(&self, change: &RolloutChange) -> Result<()> {
        let mut state = self.state();
        if let Some(rollout) = &change.state {
            let key = (rollout.plugin.clone(), rollout.digest.clone());
            state.rollouts.insert(key, rollout.clone());
        }
        let is_known = |served: &Served| state.served.contains_key(&served.id);
        // A change may be written again after a lost answer, and by then others may have followed.
        if change.served.is_empty() || change.served.iter().any(is_known) {
            return Ok(());
        }
        for open in state.served.values_mut() {
            if open.plugin == change.plugin && open.to.is_none() {
                open.to = Some(change.at);
            }
        }
        for served in &change.served {
            state.served.insert(served.id, served.clone());
        }
        Ok(())
    }

    async fn serving(&self, plugin: &str) -> Result<Vec<Served>> {
        let state = self.state();
        let open = state
            .served
            .values()
            .filter(|served| served.plugin == plugin && served.to.is_none());
        Ok(open.cloned().collect())
    }

    async fn list_served(&self, plugin: &str, page: PageRequest) -> Result<Page<Served>> {
        let state = self.state();
        let newest_first = state
            .served
            .iter()
            .rev()
            .filter(|(_, served)| served.plugin == plugin)
            .map(|(id, served)| (*id, served.clone()));
        page_of(newest_first, &page, |cursor| {
            cursor.parse::<ServedId>().ok()
        })
    }
}
