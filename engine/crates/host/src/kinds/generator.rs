//! Content generators: templates, and runs as streams of events that end in a draft.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_bindings::latest::generator::exports::inkstone::plugin::generator as wit;
use inkstone_domain::generation::{Draft, GenerationEvent, GenerationStream, Template};
use inkstone_domain::job::Progress;
use inkstone_domain::ports::{Generator, GuestCall, Probe};
use inkstone_domain::recording::Blob;
use inkstone_domain::{Result, codes};
use serde_json::Value;
use tracing::Instrument;
use wasmtime::component::ResourceAny;

use super::declared::{Declared, schema_text};
use crate::call::{Guest, Session, Shape};
use crate::convert;
use crate::observe::Function;
use crate::stream::{self, Pull};
use crate::versions::{GeneratorInstance, GeneratorWorld};

/// A loaded generator.
pub(crate) struct WasmGenerator {
    guest: Guest<GeneratorWorld>,
    declared: Declared<Template>,
    start: Function,
}

impl WasmGenerator {
    /// Asks the guest for its templates.
    pub async fn prepare(guest: Guest<GeneratorWorld>) -> Result<Self> {
        let declared = ask(&guest).await?;
        Ok(Self {
            start: Function::new(&guest.plugin, "start"),
            declared,
            guest,
        })
    }
}

/// What the guest says it offers, checked.
async fn ask(guest: &Guest<GeneratorWorld>) -> Result<Declared<Template>> {
    let call = GuestCall::default();
    let asked = Function::new(&guest.plugin, "templates").begin_own(&call);
    let instruments = asked.instruments();
    let work = async {
        let mut session = guest.open(&call, instruments, Shape::Plain).await?;
        let step = session.instance.templates(&mut session.store);
        let outcome = session.watch.bound(step).await;
        let templates = session.ended(outcome)?;
        templates
            .into_iter()
            .map(template)
            .collect::<Result<_, String>>()
            .and_then(Declared::new)
            .map_err(|why| session.bad_answer(why))
    };
    asked.around_own(work).await
}

#[async_trait]
impl Probe for WasmGenerator {
    async fn check(&self) -> Result<()> {
        ask(&self.guest).await.map(drop)
    }

    fn retire(&self, grace: Duration) {
        self.guest.plugin.retire(grace);
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
        let resume = resume.map(|checkpoint| Blob(checkpoint.into()));
        let observation = self.start.begin(call, &(template, &input, &resume));
        let instruments = observation.instruments();
        let start = async {
            let input = input.to_string();
            let resume = resume.as_ref().map(|checkpoint| checkpoint.0.as_slice());
            let mut session = self.guest.open(call, instruments, Shape::Stream).await?;
            let step = session
                .instance
                .start(&mut session.store, template, &input, resume);
            let outcome = session.watch.bound(step).await;
            let run = session.settle(outcome)?;
            Ok(Run { session, run })
        };
        let started = start.instrument(observation.span().clone()).await;
        match started {
            Ok(run) => Ok(stream::pulled(&self.guest.plugin.tasks, run, observation)),
            Err(error) => Err(observation.refused(error)),
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
    session: Session<GeneratorInstance>,
    run: ResourceAny,
}

impl Pull for Run {
    type Item = GenerationEvent;

    async fn pull(&mut self) -> Result<Option<GenerationEvent>> {
        let session = &mut self.session;
        session.watch.next_item();
        let step = session.instance.next(&mut session.store, self.run);
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
