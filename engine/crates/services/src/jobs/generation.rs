//! An attempt at a generation: the plugin writes a draft with the powers of the job's owner, and the
//! draft is stored with all that belongs to it.

use std::sync::Arc;

use backon::Retryable;
use futures::StreamExt;
use inkstone_domain::generation::{Draft, GenerationEvent};
use inkstone_domain::job::GenerateTask;
use inkstone_domain::plugin::LoadedPlugin;
use inkstone_domain::ports::{Ai, DocumentSearch, DraftCommit, Generator, GuestCall, Toolbox};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::attempt::{Attempt, store_patience};
use super::commit::{Made, commit};
use super::context_of;
use crate::ai::CallerAi;
use crate::content::{SLUG_ATTEMPTS, numbered};
use crate::plugins::{Callable, Choice};
use crate::toolbox::{CallerSearch, CallerTools};

impl Attempt<'_> {
    /// Who writes it, where it is loaded here with its template: the job was submitted to one that had both.
    pub(super) fn generator(
        &self,
        principal: &Principal,
        task: &GenerateTask,
    ) -> Result<Callable<dyn Generator>> {
        let choice = Choice::of(principal, &context_of(self.job.id, task));
        let snapshot = self.worker.plugins.snapshot();
        let generator = snapshot.generator(&task.plugin, &choice)?;
        let templates = generator.port.templates();
        if templates.iter().all(|one| one.id != task.template) {
            return Err(Error::new(
                &codes::UNKNOWN_TEMPLATE,
                format!(
                    "version {} has no template `{}`",
                    generator.plugin.manifest.version, task.template
                ),
            ));
        }
        Ok(generator)
    }

    pub(super) async fn generate(
        &self,
        principal: Principal,
        task: &GenerateTask,
        generator: &Callable<dyn Generator>,
    ) -> Result<Box<Draft>> {
        let call = self.guest_call(principal, task);
        let mut events = generator
            .port
            .start(
                &call,
                &task.template,
                task.input.clone(),
                self.resume.clone(),
            )
            .await?;
        while let Some(event) = events.next().await {
            match event? {
                GenerationEvent::Progress(progress) => self.progress(progress),
                GenerationEvent::Text(text) => self.feed.text(text),
                GenerationEvent::Checkpoint(state) => self.save_checkpoint(state).await?,
                GenerationEvent::Draft(draft) => {
                    let plugins = &self.worker.plugins;
                    plugins.answered(self.job.owner, &call.request_id, &generator.plugin);
                    return Ok(draft);
                }
            }
        }
        Err(Error::new(
            &codes::PLUGIN_FAILED,
            format!("the plugin `{}` ended without a draft", task.plugin),
        ))
    }

    /// The powers of the job's owner.
    fn guest_call(&self, principal: Principal, task: &GenerateTask) -> GuestCall {
        let powers = &self.worker.powers;
        let caller = Some(principal.user);
        let context = context_of(self.job.id, task);
        let search = CallerSearch::new(Arc::clone(&powers.search), principal.clone());
        let ai: Arc<dyn Ai> = Arc::new(CallerAi::new(
            Arc::clone(&powers.chat),
            principal.clone(),
            context.clone(),
            task.model.clone(),
            self.calls.clone(),
        ));
        let tools = CallerTools::new(
            Arc::clone(&self.worker.plugins),
            principal,
            context.clone(),
            Arc::clone(&ai),
        );
        GuestCall {
            request_id: context.request_id,
            caller,
            ai: Some(ai),
            tools: Some(Arc::new(tools) as Arc<dyn Toolbox>),
            search: Some(Arc::new(search) as Arc<dyn DocumentSearch>),
            ..GuestCall::default()
        }
    }

    pub(super) async fn store_draft(
        &self,
        task: &GenerateTask,
        draft: Draft,
        plugin: &LoadedPlugin,
    ) -> Result<()> {
        let model = task.model.as_deref().unwrap_or_default();
        let route = self.worker.models.resolve(model, &Choice::stable());
        let mut commit = commit(Made {
            job: &self.job,
            task,
            draft,
            plugin,
            // A generator that asks no model needs none.
            model: route.map_or_else(|_| String::new(), |route| route.name),
            calls: self.calls.calls(),
            elapsed_ms: self.elapsed_ms(),
            now: self.worker.clock.now(),
        })?;
        let base = commit.write.article.slug.clone();
        for clash in 1..=SLUG_ATTEMPTS {
            match self.store_success(&commit).await {
                Err(error) if error.code() == &codes::SLUG_TAKEN => {
                    commit.write.article.slug = numbered(&base, clash);
                }
                done => return done,
            }
        }
        self.store_success(&commit).await
    }

    async fn store_success(&self, commit: &DraftCommit) -> Result<()> {
        let store = &self.worker.store;
        (|| store.succeed(self.job.id, self.fence, commit.clone()))
            .retry(store_patience())
            .when(Error::is_transient)
            .await
    }
}
