//! A TOML document as a tree in which every key and value knows where it was written. It knows no
//! key by name; `section` reads it.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Place, Problems};

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Datetime(String),
    Array(Vec<Node>),
    Table(Table),
    /// From the environment or a flag: text whose type is decided by the key that reads it.
    Untyped(String),
}

/// The entries of a table, and where the table itself stands.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) place: Place,
    pub(crate) entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key_place: Place,
    pub(crate) node: Node,
}

impl Value {
    /// The type, in words for people.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Untyped(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Bool(_) => "true or false",
            Self::Datetime(_) => "a date",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Parses a document. Faults of syntax go to `problems`; what could be read is returned all the same.
pub(crate) fn parse(text: &str, file: &str, problems: &Problems) -> Table {
    let places = Places::new(text, file);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let place = error
            .span()
            .map_or_else(|| places.whole(), |span| places.at(span.start));
        problems.add(
            &place,
            format!("this is no valid TOML: {}", error.message()),
        );
    }
    places.table(document.get_ref(), places.whole(), problems)
}

/// Parses one value, such as an environment variable's `["a", "b"]`; `None` when it is no TOML value.
pub(crate) fn parse_value(text: &str, place: &Place) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    let places = Places {
        text,
        line_starts: vec![0],
        fixed: Some(place.clone()),
        file: "",
    };
    let problems = Problems::default();
    let node = places.node(&value, &problems);
    problems.finish(node).ok()
}

/// Turns byte offsets into places.
struct Places<'a> {
    text: &'a str,
    file: &'a str,
    line_starts: Vec<usize>,
    /// Outside a file every value has the same place.
    fixed: Option<Place>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str, file: &'a str) -> Self {
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(offset, _)| offset + 1))
            .collect();
        Self {
            text,
            file,
            line_starts,
            fixed: None,
        }
    }

    fn whole(&self) -> Place {
        self.fixed.clone().unwrap_or_else(|| Place::WholeFile {
            file: self.file.to_owned(),
        })
    }

    fn at(&self, offset: usize) -> Place {
        if let Some(fixed) = &self.fixed {
            return fixed.clone();
        }
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        let column = self
            .text
            .get(start..offset)
            .map_or(1, |before| before.chars().count() + 1);
        Place::File {
            file: self.file.to_owned(),
            line,
            column,
        }
    }

    fn table(&self, table: &DeTable<'_>, place: Place, problems: &Problems) -> Table {
        let entries = table
            .iter()
            .map(|(key, value)| {
                let entry = Entry {
                    key_place: self.at(key.span().start),
                    node: self.node(value, problems),
                };
                (key.get_ref().to_string(), entry)
            })
            .collect();
        Table { place, entries }
    }

    fn node(&self, value: &Spanned<DeValue<'_>>, problems: &Problems) -> Node {
        let place = self.at(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(date) => Value::Datetime(date.to_string()),
            DeValue::Integer(number) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Value::Integer(number),
                    Err(_) => {
                        problems.add(&place, "this number does not fit into 64 bits");
                        Value::Integer(0)
                    }
                }
            }
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => Value::Float(number),
                Err(_) => {
                    problems.add(&place, "this is no number");
                    Value::Float(0.0)
                }
            },
            DeValue::Array(items) => {
                Value::Array(items.iter().map(|item| self.node(item, problems)).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table, place.clone(), problems)),
        };
        Node { place, value }
    }
}
