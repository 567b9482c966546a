//! Research plugins: tools with typed inputs that look things up and say where they found them.
//!
//! ```
//! use inkstone_plugin::research::*;
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Input { word: String }
//!
//! fn shout(input: Input) -> Result<Answer> {
//!     let loud = input.word.to_uppercase();
//!     Answer::new(&loud, &loud)
//! }
//!
//! struct Tools;
//!
//! impl Research for Tools {
//!     fn tools(&self) -> Vec<Tool> {
//!         vec![Tool::new("shout", "Shout", "Upper case.", shout)]
//!     }
//! }
//!
//! inkstone_plugin::export_research!(Tools);
//! ```

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::research_world::exports::inkstone::plugin::research as wit;
pub use crate::bindings::research_world::exports::inkstone::plugin::research::Answer;
use crate::json;
use crate::schema::schema_text;
pub use crate::{Error, ErrorKind, Result, Source};

/// A research plugin: its tools.
pub trait Research {
    /// The tools there are. Called for every call, so it should only list them.
    fn tools(&self) -> Vec<Tool>;
}

/// One tool: a name, a typed input, and the function behind it.
pub struct Tool {
    info: wit::Tool,
    call: Function,
}

/// From the input as JSON to the answer.
type Function = Box<dyn Fn(&str) -> Result<Answer>>;

impl Tool {
    /// `name` is `[a-z0-9-]+`; the JSON Schema of the input is derived from the function's parameter.
    pub fn new<I>(
        name: impl Into<String>,
        title: impl Into<String>,
        description: impl Into<String>,
        call: impl Fn(I) -> Result<Answer> + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema,
    {
        Self {
            info: wit::Tool {
                name: name.into(),
                title: title.into(),
                description: description.into(),
                input_schema: schema_text::<I>(),
            },
            call: Box::new(move |input| call(json::parse_input(input)?)),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// JSON Schema of its input.
    pub fn input_schema(&self) -> &str {
        &self.info.input_schema
    }
}

impl Answer {
    /// The result for programs, and the same for people as Markdown.
    pub fn new(content: &impl Serialize, text: impl Into<String>) -> Result<Self> {
        Ok(Self {
            content: serde_json::to_string(content)?,
            text: text.into(),
            sources: Vec::new(),
        })
    }

    /// Adds where it was found.
    pub fn source(mut self, source: Source) -> Self {
        self.sources.push(source);
        self
    }
}

/// Calls a tool of this plugin, as the host does. `input` is JSON.
pub fn call(research: &impl Research, tool: &str, input: &str) -> Result<Answer> {
    let tools = research.tools();
    let Some(found) = tools.iter().find(|known| known.name() == tool) else {
        let names: Vec<&str> = tools.iter().map(Tool::name).collect();
        return Err(Error::not_found(format!(
            "there is no tool `{tool}`; there are: {}",
            names.join(", ")
        )));
    };
    (found.call)(input)
}

/// Makes a unit struct that is a [`Research`] the component's research plugin.
#[macro_export]
macro_rules! export_research {
    ($research:ident) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::research::Exported for Exported {
                type Research = $research;
                fn research() -> &'static $research {
                    &$research
                }
            }
            type Guest = $crate::research::Adapter<Exported>;
            $crate::bindings::research_world::export_research_world!(
                Guest with_types_in $crate::bindings::research_world
            );
        };
    };
}

/// What the export macro says about the plugin.
#[doc(hidden)]
pub trait Exported: 'static {
    type Research: Research;
    fn research() -> &'static Self::Research;
}

#[doc(hidden)]
pub struct Adapter<E>(PhantomData<E>);

impl<E: Exported> wit::Guest for Adapter<E> {
    fn tools() -> Vec<wit::Tool> {
        crate::guest::enter();
        let tools = E::research().tools();
        tools.into_iter().map(|tool| tool.info).collect()
    }

    fn call(tool: String, input: String) -> Result<Answer> {
        crate::guest::enter();
        call(E::research(), &tool, &input)
    }
}
