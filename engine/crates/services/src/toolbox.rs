//! Tools and documents as a guest reaches them, bound to the caller. A tool called through here is
//! a guest itself; it gets models, but no tools, so nesting ends.

use std::sync::Arc;

use async_trait::async_trait;
use inkstone_domain::ports::{Ai, DocumentSearch, GuestCall, SearchIndex, Toolbox};
use inkstone_domain::principal::Principal;
use inkstone_domain::research::Answer;
use inkstone_domain::search::{Hit, SearchQuery, Visibility};
use inkstone_domain::{Error, Result, codes};
use serde_json::Value;

use crate::chat::RequestContext;
use crate::plugins::{Choice, Plugins};

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
            ai: Some(Arc::clone(&self.ai)),
            tools: None,
            search: None,
        };
        research.port.call(&call, name, input).await
    }
}

/// The documents one caller may read.
pub struct CallerSearch {
    index: Arc<dyn SearchIndex>,
    visibility: Visibility,
}

impl CallerSearch {
    /// Nobody finds through a plugin what they may not read themselves.
    pub fn new(index: Arc<dyn SearchIndex>, visibility: Visibility) -> Self {
        Self { index, visibility }
    }
}

#[async_trait]
impl DocumentSearch for CallerSearch {
    async fn query(&self, text: &str, project: Option<&str>, limit: usize) -> Result<Vec<Hit>> {
        let page = self
            .index
            .query(SearchQuery {
                project: project.map(str::to_owned),
                limit: limit.clamp(1, 100),
                ..SearchQuery::new(text, self.visibility.clone())
            })
            .await?;
        Ok(page.hits)
    }
}
