//! `search`: the caller's own documents. The port comes with the call and is bound to the caller.

use inkstone_bindings::v0_1_0::imports::search as wit;

use crate::state::CallState;

const MAX_HITS: u32 = 100;

impl wit::Host for CallState {
    async fn find(&mut self, query: wit::Query) -> wasmtime::Result<Vec<wit::Hit>> {
        if !self.plugin.effective.permissions.search {
            return Err(self.denied("search = true").into());
        }
        let Some(search) = self.call.search.clone() else {
            return Err(self.absent("search").into());
        };
        let limit = query.limit.clamp(1, MAX_HITS) as usize;
        let hits = search
            .query(&query.text, query.project.as_deref(), limit)
            .await?;
        Ok(hits
            .into_iter()
            .map(|hit| wit::Hit {
                id: hit.id.to_string(),
                title: hit.title,
                snippet: hit.snippet,
                score: hit.score,
            })
            .collect())
    }
}
