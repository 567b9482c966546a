//! Content generators: an `async fn` per template that reads like a script. Every `.await` on the [`Run`] hands an
//! event to the host, which pulls the next when it is ready; calls to `ai`, `tools` and `search` are plain function
//! calls. After a crash the script starts again, and [`Run::resume`] gives the state of its last checkpoint.
//!
//! ```
//! use inkstone_plugin::{ai, generator::*};
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! /// A haiku.
//! #[derive(Deserialize, JsonSchema)]
//! struct Input { topic: String }
//!
//! async fn haiku(input: Input, run: Run) -> Result<Draft> {
//!     run.progress("Writing", 0, 1).await;
//!     let text = ai::ask(format!("A haiku about {}", input.topic))?;
//!     run.text(&text).await;
//!     Ok(Draft { title: input.topic, body: text, ..Draft::default() })
//! }
//!
//! struct Poet;
//!
//! impl Generator for Poet {
//!     fn templates(&self) -> Vec<Template> {
//!         vec![Template::new("haiku", "Haiku", "Three lines.", haiku)]
//!     }
//! }
//!
//! inkstone_plugin::export_generator!(Poet);
//! ```

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::generator_world::exports::inkstone::plugin::generator as wit;
pub use crate::bindings::generator_world::exports::inkstone::plugin::generator::{
    Draft, Event, Progress,
};
use crate::json;
use crate::schema::schema_text;
pub use crate::{Error, ErrorKind, Result, Source};

/// A generator: its templates.
pub trait Generator {
    /// The templates there are. Called for every start, so it should only list them.
    fn templates(&self) -> Vec<Template>;
}

/// What can be generated: a name, a typed input, and the script that writes it.
pub struct Template {
    info: wit::Template,
    start: Start,
}

/// From the input as JSON to the script, not yet begun.
type Start = Box<dyn Fn(&str, Run) -> Result<Script>>;

type Script = Pin<Box<dyn Future<Output = Result<Draft>>>>;

impl Template {
    /// `id` is `[a-z0-9-]+`; the JSON Schema of the input is derived from the script's first parameter.
    pub fn new<I, F>(
        id: impl Into<String>,
        title: impl Into<String>,
        description: impl Into<String>,
        script: impl Fn(I, Run) -> F + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema,
        F: Future<Output = Result<Draft>> + 'static,
    {
        Self {
            info: wit::Template {
                id: id.into(),
                title: title.into(),
                description: description.into(),
                input_schema: schema_text::<I>(),
            },
            start: Box::new(move |input, run| {
                let input = json::parse_input(input)?;
                let script: Script = Box::pin(script(input, run));
                Ok(script)
            }),
        }
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.info.id
    }

    /// JSON Schema of its input.
    pub fn input_schema(&self) -> &str {
        &self.info.input_schema
    }
}

/// The script's line to the host. Only its own futures may be awaited in a script.
pub struct Run {
    outbox: Rc<RefCell<VecDeque<Event>>>,
    resume: Option<Vec<u8>>,
}

impl Run {
    /// Says what is being done, for people.
    pub fn progress(&self, step: impl Into<String>, done: u32, total: u32) -> Emit<'_> {
        self.emit(Event::Progress(Progress {
            step: step.into(),
            done,
            total,
        }))
    }

    /// Shows a piece of the text being written to whoever watches.
    pub fn text(&self, piece: impl Into<String>) -> Emit<'_> {
        self.emit(Event::Text(piece.into()))
    }

    /// Hands over all that is needed to go on from here. Fails if the state cannot be written as JSON.
    pub async fn checkpoint<S: Serialize>(&self, state: &S) -> Result<()> {
        let bytes = serde_json::to_vec(state)?;
        self.emit(Event::Checkpoint(bytes)).await;
        Ok(())
    }

    /// The state of the last checkpoint of an earlier try, if there was one. A state that this version of the
    /// plugin cannot read is logged and passed over: starting afresh is right, if slow.
    pub fn resume<S: DeserializeOwned>(&self) -> Option<S> {
        let bytes = self.resume.as_deref()?;
        match serde_json::from_slice(bytes) {
            Ok(state) => Some(state),
            Err(error) => {
                crate::log::warn(format!(
                    "the checkpoint cannot be read, starting afresh: {error}"
                ));
                None
            }
        }
    }

    fn emit(&self, event: Event) -> Emit<'_> {
        Emit {
            run: self,
            event: Some(event),
        }
    }
}

/// An event on its way to the host: awaiting it lets the host take it.
#[must_use = "an event is only sent when it is awaited"]
pub struct Emit<'a> {
    run: &'a Run,
    event: Option<Event>,
}

impl Future for Emit<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        match self.event.take() {
            Some(event) => {
                self.run.outbox.borrow_mut().push_back(event);
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

/// A generation under way, as an iterator of events that ends with the draft.
pub struct Running {
    script: Option<Script>,
    outbox: Rc<RefCell<VecDeque<Event>>>,
}

impl Iterator for Running {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Result<Event>> {
        if let Some(event) = self.take_event() {
            return Some(Ok(event));
        }
        let script = self.script.as_mut()?;
        let mut context = Context::from_waker(Waker::noop());
        match script.as_mut().poll(&mut context) {
            Poll::Pending => {
                let event = self.take_event().ok_or_else(|| {
                    self.script = None;
                    Error::internal(
                        "the script awaited something that is no event; only futures of `Run` can be awaited",
                    )
                });
                Some(event)
            }
            Poll::Ready(Ok(draft)) => {
                self.script = None;
                Some(Ok(Event::Draft(draft)))
            }
            Poll::Ready(Err(error)) => {
                self.script = None;
                Some(Err(error))
            }
        }
    }
}

impl Running {
    fn take_event(&self) -> Option<Event> {
        self.outbox.borrow_mut().pop_front()
    }
}

/// Starts a template of this generator, as the host does. `input` is JSON.
pub fn start(
    generator: &impl Generator,
    template: &str,
    input: &str,
    resume: Option<Vec<u8>>,
) -> Result<Running> {
    let templates = generator.templates();
    let Some(found) = templates.iter().find(|known| known.id() == template) else {
        let names: Vec<&str> = templates.iter().map(Template::id).collect();
        return Err(Error::not_found(format!(
            "there is no template `{template}`; there are: {}",
            names.join(", ")
        )));
    };
    let outbox = Rc::new(RefCell::new(VecDeque::new()));
    let run = Run {
        outbox: Rc::clone(&outbox),
        resume,
    };
    Ok(Running {
        script: Some((found.start)(input, run)?),
        outbox,
    })
}

#[allow(clippy::derivable_impls, reason = "the type is generated")]
impl Default for Draft {
    fn default() -> Self {
        Self {
            title: String::new(),
            summary: String::new(),
            body: String::new(),
            tags: Vec::new(),
            meta_description: String::new(),
            language: "en".to_owned(),
            sources: Vec::new(),
        }
    }
}

/// Makes a unit struct that is a [`Generator`] the component's generator.
#[macro_export]
macro_rules! export_generator {
    ($generator:ident) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::generator::Exported for Exported {
                type Generator = $generator;
                fn generator() -> &'static $generator {
                    &$generator
                }
            }
            type Guest = $crate::generator::Adapter<Exported>;
            $crate::bindings::generator_world::export_generator_world!(
                Guest with_types_in $crate::bindings::generator_world
            );
        };
    };
}

/// What the export macro says about the plugin.
#[doc(hidden)]
pub trait Exported: 'static {
    type Generator: Generator;
    fn generator() -> &'static Self::Generator;
}

#[doc(hidden)]
pub struct Adapter<E>(PhantomData<E>);

#[doc(hidden)]
pub struct RunResource(RefCell<Running>);

impl wit::GuestRun for RunResource {
    fn next(&self) -> Result<Option<Event>> {
        self.0.borrow_mut().next().transpose()
    }
}

impl<E: Exported> wit::Guest for Adapter<E> {
    type Run = RunResource;

    fn templates() -> Vec<wit::Template> {
        crate::guest::enter();
        let templates = E::generator().templates();
        templates
            .into_iter()
            .map(|template| template.info)
            .collect()
    }

    fn start(template: String, input: String, resume: Option<Vec<u8>>) -> Result<wit::Run> {
        crate::guest::enter();
        let running = start(E::generator(), &template, &input, resume)?;
        Ok(wit::Run::new(RunResource(RefCell::new(running))))
    }
}
