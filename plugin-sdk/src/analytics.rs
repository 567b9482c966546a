//! Analytics plugins: reports with typed inputs that answer with blocks of numbers, tables and charts.
//!
//! ```
//! use inkstone_plugin::analytics::*;
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Input { text: String }
//!
//! fn words(input: Input) -> Result<Vec<Block>> {
//!     let count = input.text.split_whitespace().count();
//!     Ok(vec![Metric::new("words", "Words", count as f64).into()])
//! }
//!
//! struct Counter;
//!
//! impl Analytics for Counter {
//!     fn reports(&self) -> Vec<Report> {
//!         vec![Report::new("words", "Words", "Counts words.", words)]
//!     }
//! }
//!
//! inkstone_plugin::export_analytics!(Counter);
//! ```

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::analytics_world::exports::inkstone::plugin::analytics as wit;
pub use crate::bindings::analytics_world::exports::inkstone::plugin::analytics::{
    Block, Cell, Chart, Metric, Point, Series, Table,
};
use crate::json;
use crate::schema::schema_text;
pub use crate::{Error, ErrorKind, Result};

/// An analytics plugin: its reports.
pub trait Analytics {
    /// The reports there are. Called for every run, so it should only list them.
    fn reports(&self) -> Vec<Report>;
}

/// One report: a name, a typed input, and the function behind it.
pub struct Report {
    info: wit::ReportInfo,
    run: Function,
}

/// From the input as JSON to the blocks.
type Function = Box<dyn Fn(&str) -> Result<Vec<Block>>>;

impl Report {
    /// `id` is `[a-z0-9-]+`; the JSON Schema of the input is derived from the function's parameter.
    pub fn new<I>(
        id: impl Into<String>,
        title: impl Into<String>,
        description: impl Into<String>,
        run: impl Fn(I) -> Result<Vec<Block>> + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema,
    {
        Self {
            info: wit::ReportInfo {
                id: id.into(),
                title: title.into(),
                description: description.into(),
                input_schema: schema_text::<I>(),
            },
            run: Box::new(move |input| run(json::parse_input(input)?)),
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

impl Metric {
    /// One number.
    pub fn new(id: impl Into<String>, title: impl Into<String>, value: f64) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            value,
            unit: None,
            note: None,
        }
    }

    /// Its unit.
    pub fn with_unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// What it means, in a sentence.
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

impl Series {
    /// Numbers along an axis.
    pub fn new(
        id: impl Into<String>,
        title: impl Into<String>,
        points: impl IntoIterator<Item = (String, f64)>,
    ) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            points: points.into_iter().map(|(x, y)| Point { x, y }).collect(),
        }
    }
}

impl Table {
    /// An empty table with these columns.
    pub fn new(id: impl Into<String>, title: impl Into<String>, columns: &[&str]) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.rows.push(cells.into_iter().collect());
        self
    }
}

impl Chart {
    /// A Vega-Lite specification with its data inline.
    pub fn new(
        id: impl Into<String>,
        title: impl Into<String>,
        spec: &impl Serialize,
    ) -> Result<Self> {
        Ok(Self {
            id: id.into(),
            title: title.into(),
            spec: serde_json::to_string(spec)?,
        })
    }
}

macro_rules! from {
    ($target:ty: $($source:ty => $variant:ident),* $(,)?) => {
        $(impl From<$source> for $target {
            fn from(value: $source) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from!(Block: Metric => Metric, Series => Series, Table => Table, Chart => Chart);
from!(Cell: String => Text, &str => Text, f64 => Number, u32 => Number);

/// Runs a report of this plugin, as the host does. `input` is JSON.
pub fn run(analytics: &impl Analytics, report: &str, input: &str) -> Result<Vec<Block>> {
    let reports = analytics.reports();
    let Some(found) = reports.iter().find(|known| known.id() == report) else {
        let names: Vec<&str> = reports.iter().map(Report::id).collect();
        return Err(Error::not_found(format!(
            "there is no report `{report}`; there are: {}",
            names.join(", ")
        )));
    };
    (found.run)(input)
}

/// Makes a unit struct that is an [`Analytics`] the component's analytics plugin.
#[macro_export]
macro_rules! export_analytics {
    ($analytics:ident) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::analytics::Exported for Exported {
                type Analytics = $analytics;
                fn analytics() -> &'static $analytics {
                    &$analytics
                }
            }
            type Guest = $crate::analytics::Adapter<Exported>;
            $crate::bindings::analytics_world::export_analytics_world!(
                Guest with_types_in $crate::bindings::analytics_world
            );
        };
    };
}

/// What the export macro says about the plugin.
#[doc(hidden)]
pub trait Exported: 'static {
    type Analytics: Analytics;
    fn analytics() -> &'static Self::Analytics;
}

#[doc(hidden)]
pub struct Adapter<E>(PhantomData<E>);

impl<E: Exported> wit::Guest for Adapter<E> {
    fn reports() -> Vec<wit::ReportInfo> {
        crate::guest::enter();
        let reports = E::analytics().reports();
        reports.into_iter().map(|report| report.info).collect()
    }

    fn run(report: String, input: String) -> Result<Vec<Block>> {
        crate::guest::enter();
        run(E::analytics(), &report, &input)
    }
}
