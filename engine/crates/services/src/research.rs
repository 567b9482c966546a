//! Research tools of all plugins, called by people, who may keep what is found as a note. Calls by other plugins go through `toolbox`.

use std::sync::Arc;

use inkstone_domain::note::{FoundWith, Note};
use inkstone_domain::ports::{Ai, GuestCall};
use inkstone_domain::principal::Principal;
use inkstone_domain::research::{Answer, Tool};
use inkstone_domain::{Error, Result, codes};
use serde_json::Value;

use crate::ai::{CallLog, CallerAi};
use crate::chat::{Chat, RequestContext};
use crate::notes::Notes;
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
    notes: Arc<Notes>,
}

/// The input of a tool, and where what it finds is kept.
#[derive(Debug, Clone)]
pub struct Inquiry<'a> {
    /// Id of the plugin.
    pub plugin: &'a str,
    /// Name of its tool.
    pub tool: &'a str,
    pub input: Value,
    /// Slug of a project; `None` keeps nothing.
    pub keep_in: Option<&'a str>,
}

/// What came of an inquiry.
#[derive(Debug)]
pub struct Found {
    pub answered: Answered<Answer>,
    /// That keeps it, or why none does: what was found is not lost with it.
    pub note: Option<Result<Note>>,
}

impl ResearchTools {
    /// Tools that ask models do it through `chat`.
    pub fn new(plugins: &Arc<Plugins>, chat: &Arc<Chat>, notes: &Arc<Notes>) -> Self {
        Self {
            plugins: Arc::clone(plugins),
            chat: Arc::clone(chat),
            notes: Arc::clone(notes),
        }
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

    /// Calls a tool. Needs the role creator: tools reach the network. Whether what it finds may be kept is asked
    /// before.
    pub async fn call(
        &self,
        principal: &Principal,
        context: &RequestContext,
        inquiry: Inquiry<'_>,
    ) -> Result<Found> {
        if !principal.can_create() {
            return Err(Error::new(
                &codes::FORBIDDEN,
                "your role may read only; research needs the role `creator`",
            ));
        }
        let Inquiry {
            plugin,
            tool,
            input,
            keep_in,
        } = inquiry;
        if let Some(project) = keep_in {
            let may_keep = self.notes.check_may_keep(principal, project, &input);
            may_keep.await?;
        }
        let kept_input = keep_in.map(|_| input.clone());
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
        let note = match keep_in.zip(kept_input) {
            None => None,
            Some((project, input)) => {
                let manifest = &research.plugin.manifest;
                let found_with = FoundWith {
                    plugin: manifest.id.clone(),
                    plugin_version: manifest.version.clone(),
                    tool: tool.to_owned(),
                    input,
                };
                let listed = research.port.tools().iter().find(|one| one.name == tool);
                let title = listed.map_or(tool, |one| one.title.as_str());
                let kept =
                    self.notes
                        .keep_found(principal, project, title, found_with, value.clone());
                let kept = kept.await;
                if let Err(error) = &kept {
                    tracing::warn!(?error, project, "what a tool found is not kept");
                }
                Some(kept)
            }
        };
        let answered = Answered {
            plugin: research.plugin,
            value,
        };
        Ok(Found { answered, note })
    }
}
