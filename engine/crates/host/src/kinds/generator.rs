//! Content generators: templates, and runs as streams of events that end in a draft.

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_bindings::v0_1_0::generator::exports::inkstone::plugin::generator as wit;
use inkstone_bindings::v0_1_0::generator::{GeneratorPlugin, GeneratorPluginPre};
use inkstone_domain::generation::{Draft, GenerationEvent, GenerationStream, Template};
use inkstone_domain::job::Progress;
use inkstone_domain::ports::{Generator, GuestCall, Probe};
use inkstone_domain::{Result, codes};
use serde_json::Value;
use tracing::Instrument;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::declared::{Declared, schema_text};
use crate::call::{Guest, Session, World};
use crate::convert;
use crate::observe::Function;
use crate::state::CallState;
use crate::stream::{self, Pull};

impl World for GeneratorPluginPre<CallState> {
    type Instance = GeneratorPlugin;

    async fn instantiate(&self, store: &mut Store<CallState>) -> wasmtime::Result<GeneratorPlugin> {
        self.instantiate_async(store).await
    }
}

/// A loaded generator.
pub(crate) struct WasmGenerator {
    guest: Guest<GeneratorPluginPre<CallState>>,
    declared: Declared<Template>,
    start: Function,
}

impl WasmGenerator {
    /// Asks the guest for its templates.
    pub async fn prepare(guest: Guest<GeneratorPluginPre<CallState>>) -> Result<Self> {
        let declared = ask(&guest).await?;
        Ok(Self {
            start: Function::new(&guest.plugin, "start"),
            declared,
            guest,
        })
    }
}

/// What the guest says it offers, checked.
async fn ask(guest: &Guest<GeneratorPluginPre<CallState>>) -> Result<Declared<Template>> {
    let call = GuestCall::default();
    let work = async {
        let mut session = guest.open(&call).await?;
        let generator = session.instance.inkstone_plugin_generator();
        let step = generator.call_templates(&mut session.store);
        let outcome = session.watch.bound(step).await;
        let templates = session.ended(outcome)?;
        templates
            .into_iter()
            .map(template)
            .collect::<Result<_, String>>()
            .and_then(Declared::new)
            .map_err(|why| session.bad_answer(why))
    };
    let asked = Function::new(&guest.plugin, "templates").begin(&call);
    asked.around(work).await
}

#[async_trait]
impl Probe for WasmGenerator {
    async fn check(&self) -> Result<()> {
        ask(&self.guest).await.map(drop)
    }
}

#[async_trait]
impl Generator for WasmGenerator {
    fn templates(&self) -> &[Template] {
        self.declared.offers()
    }

    async fn start(
        &self,
        call: &GuestCall,
        template: &str,
        input: Value,
        resume: Option<Bytes>,
    ) -> Result<GenerationStream> {
        self.check_input(template, &input)?;
        let mut observation = self.start.begin(call);
        let start = async {
            let input = input.to_string();
            let resume = resume.map(Vec::from);
            let mut session = self.guest.open(call).await?;
            let generator = session.instance.inkstone_plugin_generator();
            let step =
                generator.call_start(&mut session.store, template, &input, resume.as_deref());
            let outcome = session.watch.bound(step).await;
            let run = session.settle(outcome)?;
            Ok(Run { session, run })
        };
        let started = start.instrument(observation.span().clone()).await;
        match started {
            Ok(run) => Ok(stream::spawn(&self.guest.plugin.tasks, run, observation)),
            Err(error) => {
                observation.failed(&error);
                Err(error)
            }
        }
    }

    fn check_input(&self, template: &str, input: &Value) -> Result<()> {
        let plugin = &self.guest.plugin.id;
        self.declared
            .check_input(plugin, template, input, &codes::UNKNOWN_TEMPLATE)
    }
}

/// A generation under way in its own store.
struct Run {
    session: Session<GeneratorPlugin>,
    run: ResourceAny,
}

impl Pull for Run {
    type Item = GenerationEvent;

    async fn pull(&mut self) -> Result<Option<GenerationEvent>> {
        let session = &mut self.session;
        session.watch.restart();
        let generator = session.instance.inkstone_plugin_generator();
        let run = generator.run();
        let step = run.call_next(&mut session.store, self.run);
        let outcome = session.watch.bound(step).await;
        let event = session.settle(outcome)?;
        Ok(event.map(generation_event))
    }
}

fn template(template: wit::Template) -> Result<Template, String> {
    Ok(Template {
        input_schema: schema_text("template", &template.id, &template.input_schema)?,
        id: template.id,
        title: template.title,
        description: template.description,
    })
}

fn generation_event(event: wit::Event) -> GenerationEvent {
    match event {
        wit::Event::Progress(progress) => GenerationEvent::Progress(Progress {
            step: progress.step,
            done: progress.done,
            total: progress.total,
        }),
        wit::Event::Text(text) => GenerationEvent::Text(text),
        wit::Event::Checkpoint(bytes) => GenerationEvent::Checkpoint(bytes.into()),
        wit::Event::Draft(draft) => GenerationEvent::Draft(Box::new(Draft {
            title: draft.title,
            summary: draft.summary,
            body: draft.body,
            tags: draft.tags,
            meta_description: draft.meta_description,
            language: draft.language,
            sources: convert::sources(draft.sources),
        })),
    }
}
