//! Prompts of projects: kept in versions, filled in, and tried on a model. A version never changes, so
//! what it made can be made again; templates run in `sandbox`.

mod arrival;
mod budget;
mod check;
mod fill;
mod sandbox;

use std::sync::Arc;

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::chat::{Message, Reply, Request};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::PromptId;
use inkstone_domain::ports::{Clock, PromptStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::project::Project;
use inkstone_domain::prompt::{Prompt, PromptRef, PromptText, PromptVersion};
use inkstone_domain::{Error, Result, codes};
use serde_json::{Map, Value, json};

pub(crate) use self::arrival::ArrivingVersion;
use crate::access::Access;
use crate::chat::{Chat, RequestContext};
use crate::content::check_page;
use crate::policy::Act;
use crate::projects::{CHANGE_ATTEMPTS, by_right, check_revision, contended, retries};

/// What a prompt is to be filled with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PromptUse {
    pub name: String,
    /// The newest where `None`.
    pub version: Option<u32>,
    pub variables: Map<String, Value>,
}

/// A prompt that was filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// What made it.
    pub prompt: PromptRef,
    pub messages: Vec<Message>,
}

/// Keeps prompts, and fills them in, in the name of a principal.
pub struct Prompts {
    store: Arc<dyn PromptStore>,
    access: Arc<Access>,
    chat: Arc<Chat>,
    clock: Arc<dyn Clock>,
}

impl Prompts {
    pub fn new(
        store: Arc<dyn PromptStore>,
        access: Arc<Access>,
        chat: Arc<Chat>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            access,
            chat,
            clock,
        }
    }

    /// Makes a prompt with its first version. For editors of the project.
    pub async fn create(
        &self,
        principal: &Principal,
        project: &str,
        name: String,
        text: PromptText,
    ) -> Result<(Prompt, PromptVersion)> {
        let (_, verdict) = self
            .access
            .enter_to_change(principal, project, Act::WritePrompt)
            .await?;
        check::name(&name)?;
        let text = checked(text).await?;
        let now = self.clock.now();
        let prompt = Prompt {
            id: PromptId::new(),
            project: project.to_owned(),
            name,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let version = PromptVersion {
            prompt: prompt.id,
            version: 1,
            text,
            author: principal.user,
            created_at: now,
        };
        let audit = AuditRecord::by(principal, now, actions::PROMPT_CREATED, subject(&prompt))
            .with_detail(format!("{project}/{} version 1", prompt.name))
            .with_states(None, Some(&json!(version.text)));
        let audit = by_right(audit, verdict);
        self.store.create_prompt(&prompt, &version, &audit).await?;
        Ok((prompt, version))
    }

    /// Adds a version. With `expected` the newest one must be that. For editors of the project. A version
    /// that says the same as the newest is none.
    pub async fn add_version(
        &self,
        principal: &Principal,
        project: &str,
        name: &str,
        text: PromptText,
        expected: Option<u64>,
    ) -> Result<(Prompt, PromptVersion)> {
        let (_, verdict) = self
            .access
            .enter_to_change(principal, project, Act::WritePrompt)
            .await?;
        let text = checked(text).await?;
        for _ in 0..CHANGE_ATTEMPTS {
            let before = self.stored(project, name).await?;
            check_revision(&format!("prompt `{name}`"), before.version.into(), expected)?;
            let newest = self.version_of(&before, None).await?;
            if newest.text == text {
                return Ok((before, newest));
            }
            let now = self.clock.now();
            let prompt = Prompt {
                version: before.version + 1,
                updated_at: now,
                ..before
            };
            let version = PromptVersion {
                prompt: prompt.id,
                version: prompt.version,
                text: text.clone(),
                author: principal.user,
                created_at: now,
            };
            let audit = AuditRecord::by(principal, now, actions::PROMPT_CHANGED, subject(&prompt))
                .with_detail(format!("{project}/{name} version {}", prompt.version))
                .with_states(Some(&json!(newest.text)), Some(&json!(text)));
            let audit = by_right(audit, verdict);
            match self
                .store
                .add_prompt_version(&prompt, &version, &audit)
                .await
            {
                Ok(()) => return Ok((prompt, version)),
                Err(error) if retries(&error, expected) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("prompt", name))
    }

    /// Newest first. For members.
    pub async fn list(
        &self,
        principal: &Principal,
        project: &str,
        page: PageRequest,
    ) -> Result<Page<Prompt>> {
        check_page(&page)?;
        self.may_read(principal, project).await?;
        self.store.list_prompts(project, page).await
    }

    /// A prompt, and one version of it: the newest where `None`. For members.
    pub async fn get(
        &self,
        principal: &Principal,
        project: &str,
        name: &str,
        version: Option<u32>,
    ) -> Result<(Prompt, PromptVersion)> {
        self.may_read(principal, project).await?;
        let prompt = self.stored(project, name).await?;
        let version = self.version_of(&prompt, version).await?;
        Ok((prompt, version))
    }

    /// Newest first. For members.
    pub async fn versions(
        &self,
        principal: &Principal,
        project: &str,
        name: &str,
        page: PageRequest,
    ) -> Result<Page<PromptVersion>> {
        check_page(&page)?;
        self.may_read(principal, project).await?;
        let prompt = self.stored(project, name).await?;
        self.store.prompt_versions(prompt.id, page).await
    }

    /// Fills a prompt in. For members.
    pub async fn render(
        &self,
        principal: &Principal,
        project: &str,
        wanted: PromptUse,
    ) -> Result<Rendered> {
        self.may_read(principal, project).await?;
        self.filled(project, wanted).await
    }

    /// Fills a prompt in and asks a model with it: the one that is named, or the project's. Needs the
    /// role creator, since it costs tokens; for members.
    pub async fn test(
        &self,
        principal: &Principal,
        context: &RequestContext,
        project: &str,
        wanted: PromptUse,
        model: Option<String>,
    ) -> Result<(Rendered, Reply)> {
        let entered = self
            .access
            .enter_to_spend(principal, project, Act::TestPrompt);
        let project = entered.await?;
        let rendered = self.filled(&project.slug, wanted).await?;
        let request = Request {
            model: model_for(&project, model),
            messages: rendered.messages.clone(),
            ..Request::default()
        };
        let reply = self.chat.complete(principal, context, request).await?;
        Ok((rendered, reply))
    }

    /// For callers that have asked who may.
    pub(crate) async fn filled(&self, project: &str, wanted: PromptUse) -> Result<Rendered> {
        let prompt = self.stored(project, &wanted.name).await?;
        let version = self.version_of(&prompt, wanted.version).await?;
        let messages = fill::messages(version.text, wanted.variables).await?;
        Ok(Rendered {
            prompt: PromptRef {
                id: prompt.id,
                name: prompt.name,
                version: version.version,
            },
            messages,
        })
    }

    async fn may_read(&self, principal: &Principal, project: &str) -> Result<()> {
        let entered = self.access.enter(principal, project, Act::ReadPrompt).await;
        entered.map(drop)
    }

    async fn stored(&self, project: &str, name: &str) -> Result<Prompt> {
        let prompt = self.store.prompt(project, name).await?;
        prompt.ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!("the project `{project}` has no prompt `{name}`"),
            )
        })
    }

    async fn version_of(&self, prompt: &Prompt, version: Option<u32>) -> Result<PromptVersion> {
        let number = version.unwrap_or(prompt.version);
        let version = self.store.prompt_version(prompt.id, number).await?;
        version.ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!(
                    "the prompt `{}` has no version {number}; the newest is {}",
                    prompt.name, prompt.version
                ),
            )
        })
    }
}

/// What a call in a project asks for where it names no model.
pub(crate) fn model_for(project: &Project, model: Option<String>) -> String {
    model
        .or_else(|| project.settings.model.clone())
        .unwrap_or_default()
}

/// Templates are compiled off the threads that serve.
async fn checked(text: PromptText) -> Result<PromptText> {
    fill::off_thread(move || check::text(&text).map(|()| text)).await
}

fn subject(prompt: &Prompt) -> String {
    format!("prompt:{}", prompt.id)
}
