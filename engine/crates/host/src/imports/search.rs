//! `search`: the caller's own documents. The port comes with the call and is bound to the caller.

use std::sync::Arc;

use inkstone_bindings::latest::imports::search as wit;
use inkstone_domain::Error;
use inkstone_domain::ports::DocumentSearch;
use inkstone_domain::search::Hit;

use crate::state::CallState;

const MAX_HITS: u32 = 100;

impl CallState {
    fn documents(&self) -> Result<Arc<dyn DocumentSearch>, Error> {
        if !self.plugin.effective.permissions.search {
            return Err(self.denied("search = true"));
        }
        let search = self.call.search.clone();
        search.ok_or_else(|| self.absent("search"))
    }
}

impl wit::Host for CallState {
    async fn find(&mut self, query: wit::Query) -> wasmtime::Result<Vec<wit::Hit>> {
        let asked = (&query.text, query.limit, &query.project);
        let hits: Vec<Hit> = import!(self, "search.find", asked, async |own| {
            let search = own.documents()?;
            let limit = query.limit.clamp(1, MAX_HITS) as usize;
            let project = query.project.as_deref();
            Ok(search.query(&query.text, project, limit).await?)
        })?;
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
