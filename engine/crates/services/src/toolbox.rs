//! Tools and documents as a guest reaches them, bound to the caller. A tool called through here is
//! a guest itself; it gets models, but no tools, so nesting ends.

use std::sync::Arc;

use async_trait::async_trait;
use inkstone_domain::api_key::Scope;
use inkstone_domain::ports::{Ai, DocumentSearch, GuestCall, Toolbox};
use inkstone_domain::principal::Principal;
use inkstone_domain::research::Answer;
use inkstone_domain::search::{DocumentQuery, Hit, Narrow, Passage};
use inkstone_domain::{Error, Result, codes};
use serde_json::Value;

use crate::chat::RequestContext;
use crate::plugins::{Choice, Plugins};
use crate::search::{Search, SearchRequest};

/// The research tools of all plugins.
pub struct CallerTools {
    plugins: Arc<Plugins>,
    principal: Principal,
    context: RequestContext,
    ai: Arc<dyn Ai>,
}

impl CallerTools {
    /// Tools are called in `principal`'s name; `ai` is what they get in their turn.
    pub fn new(
        plugins: Arc<Plugins>,
        principal: Principal,
        context: RequestContext,
        ai: Arc<dyn Ai>,
    ) -> Self {
        Self {
            plugins,
            principal,
            context,
            ai,
        }
    }
}

#[async_trait]
impl Toolbox for CallerTools {
    async fn call(&self, tool: &str, input: Value) -> Result<Answer> {
        let Some((plugin, name)) = tool.split_once('/') else {
            return Err(Error::new(
                &codes::UNKNOWN_TOOL,
                format!(
                    "`{tool}` is no tool; name it as `plugin/tool`, such as `research-web/fetch`"
                ),
            ));
        };
        let choice = Choice::of(&self.principal, &self.context);
        let research = self.plugins.snapshot().research(plugin, &choice)?;
        let call = GuestCall {
            request_id: self.context.request_id.clone(),
            caller: Some(self.principal.user),
            ai: Some(Arc::clone(&self.ai)),
            ..GuestCall::default()
        };
        research.port.call(&call, name, input).await
    }
}

/// The documents one caller may read.
pub struct CallerSearch {
    search: Arc<Search>,
    principal: Principal,
}

impl CallerSearch {
    /// Nobody finds through a plugin what they may not read themselves.
    pub fn new(search: Arc<Search>, principal: Principal) -> Self {
        Self { search, principal }
    }

    /// Articles. `forbidden` where the caller came with a key that does not read any.
    fn request(&self, query: DocumentQuery) -> Result<SearchRequest> {
        let key = self.principal.api_key.as_ref();
        if key.is_some_and(|key| !key.allows(Scope::ArticlesRead)) {
            let scope = Scope::ArticlesRead;
            return Err(Error::new(
                &codes::FORBIDDEN,
                format!("this plugin searches, and needs a key with the scope `{scope}`"),
            ));
        }
        Ok(SearchRequest {
            text: query.text,
            project: query.project,
            tags: query.tags,
            limit: query.limit.clamp(1, 100),
            narrow: Narrow {
                languages: query.locale.into_iter().collect(),
                ..Narrow::default()
            },
            ratio: query.ratio,
            ..SearchRequest::default()
        })
    }
}

#[async_trait]
impl DocumentSearch for CallerSearch {
    async fn find(&self, query: DocumentQuery) -> Result<Vec<Hit>> {
        let request = self.request(query)?;
        let page = self.search.query(&self.principal, request).await?;
        Ok(page.hits)
    }

    async fn passages(&self, query: DocumentQuery) -> Result<Vec<Passage>> {
        let most = query.limit;
        let request = self.request(query)?;
        let found = self.search.passages(&self.principal, request, most);
        Ok(found.await?.passages)
    }
}
