//! `search`: the caller's own documents. The port comes with the call and is bound to the caller.

use std::sync::Arc;

use inkstone_bindings::latest::imports::search as wit;
use inkstone_domain::Error;
use inkstone_domain::ports::DocumentSearch;
use inkstone_domain::search::{DocumentQuery, Hit, Passage};

use crate::state::CallState;

const MAX_HITS: u32 = 100;
const MAX_PASSAGES: u32 = 50;

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
        let asked = asked(query, MAX_HITS);
        let hits: Vec<Hit> = import!(self, "search.find", asked, async |own| {
            let search = own.documents()?;
            Ok(search.find(asked.clone()).await?)
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

    async fn passages(&mut self, query: wit::Query) -> wasmtime::Result<Vec<wit::Passage>> {
        let asked = asked(query, MAX_PASSAGES);
        let passages: Vec<Passage> = import!(self, "search.passages", asked, async |own| {
            let search = own.documents()?;
            Ok(search.passages(asked.clone()).await?)
        })?;
        Ok(passages
            .into_iter()
            .map(|passage| wit::Passage {
                document: passage.document.to_string(),
                revision: passage.revision,
                title: passage.title,
                headings: passage.headings,
                ordinal: u32::try_from(passage.ordinal).unwrap_or(u32::MAX),
                start: passage.start as u64,
                end: passage.end as u64,
                text: passage.text,
                score: passage.score,
            })
            .collect())
    }
}

fn asked(query: wit::Query, most: u32) -> DocumentQuery {
    DocumentQuery {
        text: query.text,
        limit: query.limit.clamp(1, most) as usize,
        project: query.project,
        tags: query.tags,
        locale: query.locale,
        ratio: query.ratio,
    }
}
