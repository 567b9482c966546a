//! A generator that writes what the test tells it to, and resumes like a real one.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use inkstone_domain::chat::{Message, Request, Role};
use inkstone_domain::generation::{Draft, GenerationEvent, GenerationStream, Template};
use inkstone_domain::job::Progress;
use inkstone_domain::ports::{Generator, GuestCall};
use inkstone_domain::{Error, FieldError, Result, codes};
use serde_json::{Value, json};

use super::Gate;

/// One step of a run.
#[derive(Clone)]
pub enum Step {
    /// Tells progress, asks the model to write this section, passes its text on, hands over a
    /// checkpoint. Skipped by a resumed run that has it.
    Section(&'static str),
    /// An event as it is.
    Event(GenerationEvent),
    Wait(Gate),
    /// Fails every run that comes here.
    Fail(Error),
    /// Fails the first run that comes here; later ones pass.
    FailOnce(Error),
    /// A draft of all sections. The last step of a good run.
    Draft,
}

/// Runs the same script at every start.
pub struct FakeGenerator {
    templates: Vec<Template>,
    script: Vec<Step>,
    seen: Arc<Mutex<Seen>>,
    busy_with: Mutex<Option<String>>,
}

#[derive(Default)]
struct Seen {
    resumes: Vec<Option<Bytes>>,
    sections: Vec<String>,
    failed_once: Vec<usize>,
}

impl FakeGenerator {
    /// Offers the template `article`, whose input is `{ "topic": string }`.
    pub fn new(script: impl IntoIterator<Item = Step>) -> Self {
        Self {
            templates: vec![Template {
                id: "article".to_owned(),
                title: "Article".to_owned(),
                description: "A fake article.".to_owned(),
                input_schema: json!({
                    "type": "object",
                    "required": ["topic"],
                    "properties": { "topic": { "type": "string" } },
                }),
            }],
            script: script.into_iter().collect(),
            seen: Arc::default(),
            busy_with: Mutex::default(),
        }
    }

    /// Whoever asks for this topic is told that it is busy.
    pub fn be_busy_with(&self, topic: Option<&str>) {
        *lock(&self.busy_with) = topic.map(str::to_owned);
    }

    /// What each start was given to resume from.
    pub fn resumes(&self) -> Vec<Option<Bytes>> {
        lock(&self.seen).resumes.clone()
    }

    /// The sections written, over all runs, in order.
    pub fn sections(&self) -> Vec<String> {
        lock(&self.seen).sections.clone()
    }
}

#[async_trait]
impl Generator for FakeGenerator {
    fn templates(&self) -> &[Template] {
        &self.templates
    }

    async fn start(
        &self,
        call: &GuestCall,
        template: &str,
        input: Value,
        resume: Option<Bytes>,
    ) -> Result<GenerationStream> {
        self.check_input(template, &input)?;
        lock(&self.seen).resumes.push(resume.clone());
        let run = Run {
            call: call.clone(),
            seen: Arc::clone(&self.seen),
            topic: input["topic"].as_str().unwrap_or_default().to_owned(),
            total: self
                .script
                .iter()
                .filter(|step| matches!(step, Step::Section(_)))
                .count() as u32,
            written: resume.map_or_else(Vec::new, |state| {
                let state = String::from_utf8_lossy(&state).into_owned();
                state.lines().map(str::to_owned).collect()
            }),
            passed: 0,
        };
        let steps: Vec<(usize, Step)> = self.script.iter().cloned().enumerate().collect();
        let events = stream::unfold((run, steps.into_iter()), |(mut run, mut steps)| async {
            let (number, step) = steps.next()?;
            let events = run.step(number, step).await;
            Some((stream::iter(events), (run, steps)))
        });
        Ok(Box::pin(events.flatten()))
    }

    fn check_input(&self, template: &str, input: &Value) -> Result<()> {
        if self.templates.iter().all(|known| known.id != template) {
            return Err(super::unknown(
                &codes::UNKNOWN_TEMPLATE,
                "template",
                template,
            ));
        }
        if let Some(topic) = input["topic"].as_str() {
            return match lock(&self.busy_with).as_deref() == Some(topic) {
                true => Err(Error::new(&codes::PLUGIN_BUSY, "it is busy")),
                false => Ok(()),
            };
        }
        let field = FieldError {
            pointer: "/topic".to_owned(),
            detail: "must be a string".to_owned(),
        };
        Err(
            Error::new(&codes::SCHEMA_MISMATCH, "the input does not fit the schema")
                .with_fields(vec![field]),
        )
    }
}

struct Run {
    call: GuestCall,
    seen: Arc<Mutex<Seen>>,
    topic: String,
    total: u32,
    /// `name: text` of every section that stands.
    written: Vec<String>,
    /// Sections gone by in this run, skipped ones too.
    passed: usize,
}

impl Run {
    async fn step(&mut self, number: usize, step: Step) -> Vec<Result<GenerationEvent>> {
        match step {
            Step::Section(name) => self.section(name).await,
            Step::Event(event) => vec![Ok(event)],
            Step::Wait(gate) => {
                gate.pass().await;
                Vec::new()
            }
            Step::Fail(error) => vec![Err(error)],
            Step::FailOnce(error) => {
                let mut seen = lock(&self.seen);
                if seen.failed_once.contains(&number) {
                    return Vec::new();
                }
                seen.failed_once.push(number);
                vec![Err(error)]
            }
            Step::Draft => vec![Ok(GenerationEvent::Draft(Box::new(Draft {
                title: format!("About {}", self.topic),
                summary: "A fake article.".to_owned(),
                body: self.written.join("\n\n"),
                tags: vec!["fake".to_owned()],
                meta_description: "A fake article.".to_owned(),
                language: "en".to_owned(),
                sources: Vec::new(),
            })))],
        }
    }

    async fn section(&mut self, name: &str) -> Vec<Result<GenerationEvent>> {
        self.passed += 1;
        if self.passed <= self.written.len() {
            return Vec::new();
        }
        lock(&self.seen).sections.push(name.to_owned());
        let text = match self.ask(name).await {
            Ok(text) => text,
            Err(error) => return vec![Err(error)],
        };
        self.written.push(format!("{name}: {text}"));
        vec![
            Ok(GenerationEvent::Progress(Progress {
                step: format!("wrote {name}"),
                done: self.passed as u32,
                total: self.total,
            })),
            Ok(GenerationEvent::Text(text)),
            Ok(GenerationEvent::Checkpoint(Bytes::from(
                self.written.join("\n"),
            ))),
        ]
    }

    async fn ask(&self, name: &str) -> Result<String> {
        let ai = self
            .call
            .ai
            .as_ref()
            .ok_or_else(|| Error::new(&codes::POWER_DENIED, "no models were granted"))?;
        let request = Request {
            messages: vec![Message::text(Role::User, format!("write {name}"))],
            ..Request::default()
        };
        Ok(ai.complete(request).await?.text)
    }
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
