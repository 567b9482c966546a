//! Research tools of all plugins, called by people. Calls by other plugins go through `toolbox`.

use std::sync::Arc;

use inkstone_domain::ports::{Ai, GuestCall};
use inkstone_domain::principal::Principal;
use inkstone_domain::research::{Answer, Tool};
use inkstone_domain::{Error, Result, codes};
use serde_json::Value;

use crate::ai::{CallLog, CallerAi};
use crate::chat::{Chat, RequestContext};
use crate::plugins::{Answered, Choice, Plugins};

/// A tool and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedTool {
    /// Id of the plugin.
    pub plugin: String,
    pub tool: Tool,
}

/// Research as users see it.
pub struct ResearchTools {
    plugins: Arc<Plugins>,
    chat: Arc<Chat>,
}

impl ResearchTools {
    /// Tools that ask models do it through `chat`.
    pub fn new(plugins: Arc<Plugins>, chat: Arc<Chat>) -> Self {
        Self { plugins, chat }
    }

    /// All tools, by plugin.
    pub fn list(&self) -> Vec<ListedTool> {
        let researchers = self.plugins.snapshot().researchers();
        let listed = researchers.iter().flat_map(|one| {
            one.port.tools().iter().map(|tool| ListedTool {
                plugin: one.plugin.manifest.id.clone(),
                tool: tool.clone(),
            })
        });
        listed.collect()
    }

    /// Calls a tool. Needs the role creator: tools reach the network.
    pub async fn call(
        &self,
        principal: &Principal,
        context: &RequestContext,
        plugin: &str,
        tool: &str,
        input: Value,
    ) -> Result<Answered<Answer>> {
        if !principal.can_create() {
            return Err(Error::new(
                &codes::FORBIDDEN,
                "your role may read only; research needs the role `creator`",
            ));
        }
        let choice = Choice::of(principal, context);
        let research = self.plugins.snapshot().research(plugin, &choice)?;
        let ai = CallerAi::new(
            Arc::clone(&self.chat),
            principal.clone(),
            context.clone(),
            None,
            CallLog::default(),
        );
        let call = GuestCall {
            request_id: context.request_id.clone(),
            caller: Some(principal.user),
            ai: Some(Arc::new(ai) as Arc<dyn Ai>),
            ..GuestCall::default()
        };
        let value = research.port.call(&call, tool, input).await?;
        self.plugins
            .answered(principal.user, &context.request_id, &research.plugin);
        Ok(Answered {
            plugin: research.plugin,
            value,
        })
    }
}
