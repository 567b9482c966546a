//! Reads one table key by key: each read says what type it wants and where the value goes, and
//! `finish` reports every key that nobody asked for, with the closest one that exists.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::Value as Json;

use crate::problem::{Place, Problems};
use crate::secret::{Secret, SecretForms, SecretSource};
use crate::tree::{self, Entry, Node, Table, Value};

/// A table being read. Values that are absent or wrong leave the target as it was, so the built-in
/// default stands in the target beforehand.
pub(crate) struct Section<'p> {
    /// Dotted, as in `[server]`; empty for the top of the file.
    name: String,
    table: Table,
    known: BTreeSet<String>,
    problems: &'p Problems,
}

impl<'p> Section<'p> {
    pub(crate) fn top(table: Table, problems: &'p Problems) -> Self {
        Self {
            name: String::new(),
            table,
            known: BTreeSet::new(),
            problems,
        }
    }

    /// A table below this one; empty when it is absent.
    pub(crate) fn section(&mut self, key: &str) -> Self {
        let place = self.table.place.clone();
        let empty = Table {
            place,
            entries: BTreeMap::new(),
        };
        let table = match self.take(key) {
            None => empty,
            Some(Entry { node, .. }) => self.table_of(key, node).unwrap_or(empty),
        };
        Section {
            name: self.path(key),
            table,
            known: BTreeSet::new(),
            problems: self.problems,
        }
    }

    /// Every entry of a table whose keys the user chooses, as in `[credentials.openai]`.
    pub(crate) fn named_sections(&mut self, key: &str) -> Vec<(String, Self)> {
        let mut outer = self.section(key);
        let entries = std::mem::take(&mut outer.table.entries);
        entries
            .into_iter()
            .filter_map(|(name, entry)| {
                let table = outer.table_of(&name, entry.node)?;
                let section = Section {
                    name: outer.path(&name),
                    table: Table {
                        place: entry.key_place,
                        ..table
                    },
                    known: BTreeSet::new(),
                    problems: self.problems,
                };
                Some((name, section))
            })
            .collect()
    }

    /// The tables of `[[key]]`.
    pub(crate) fn sections(&mut self, key: &str) -> Vec<Self> {
        let Some(Entry { node, .. }) = self.take(key) else {
            return Vec::new();
        };
        let Value::Array(items) = node.value else {
            self.wrong_type(key, &node, &format!("a list of tables, written [[{key}]]"));
            return Vec::new();
        };
        items
            .into_iter()
            .filter_map(|item| {
                let table = self.table_of(key, item)?;
                Some(Section {
                    name: format!("[{}]", self.path(key)),
                    table,
                    known: BTreeSet::new(),
                    problems: self.problems,
                })
            })
            .collect()
    }

    /// Where the table stands.
    pub(crate) fn place(&self) -> &Place {
        &self.table.place
    }

    /// Where a key's value stands, if it is there. Ask before the value is read.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        self.table.entries.get(key).map_or_else(
            || self.table.place.clone(),
            |entry| entry.node.place.clone(),
        )
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.entries.contains_key(key)
    }

    pub(crate) fn fault(&self, place: &Place, message: impl Into<String>) {
        self.problems.add(place, message);
    }

    pub(crate) fn text(&mut self, key: &str, target: &mut String) {
        if let Some((text, _)) = self.take_text(key) {
            *target = text;
        }
    }

    pub(crate) fn optional_text(&mut self, key: &str, target: &mut Option<String>) {
        if let Some((text, _)) = self.take_text(key) {
            *target = Some(text);
        }
    }

    /// A text that must be there and hold something.
    pub(crate) fn required_text(&mut self, key: &str) -> String {
        let present = self.has(key);
        match self.take_text(key) {
            Some((text, place)) if text.trim().is_empty() => {
                self.fault(&place, format!("`{key}`{} is empty", self.in_section()));
                String::new()
            }
            Some((text, _)) => text,
            None => {
                if !present {
                    let place = self.table.place.clone();
                    self.fault(&place, format!("`{key}` is missing{}", self.in_section()));
                }
                String::new()
            }
        }
    }

    /// A text that `parse` turns into something; its error says what would be right.
    pub(crate) fn parsed<T>(
        &mut self,
        key: &str,
        target: &mut T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) {
        let Some((text, place)) = self.take_text(key) else {
            return;
        };
        match parse(&text) {
            Ok(value) => *target = value,
            Err(why) => self.fault(&place, format!("`{key}`{}: {why}", self.in_section())),
        }
    }

    /// One word of a closed list.
    pub(crate) fn choice<T: Copy>(&mut self, key: &str, target: &mut T, choices: &[(&str, T)]) {
        self.parsed(key, target, |text| {
            let found = choices.iter().find(|(word, _)| *word == text);
            found.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                format!(
                    "`{text}` is none of {}{}",
                    words.join(", "),
                    closest(text, words.iter().copied())
                )
            })
        });
    }

    pub(crate) fn path_value(&mut self, key: &str, target: &mut PathBuf) {
        if let Some((text, place)) = self.take_text(key) {
            match crate::paths::expand_home(&text) {
                Ok(path) => *target = path,
                Err(why) => self.fault(&place, format!("`{key}`{}: {why}", self.in_section())),
            }
        }
    }

    pub(crate) fn flag(&mut self, key: &str, target: &mut bool) {
        let Some(Entry { node, .. }) = self.take(key) else {
            return;
        };
        match node.value {
            Value::Bool(flag) => *target = flag,
            _ => self.wrong_type(key, &node, "true or false"),
        }
    }

    /// A whole number within `range`.
    pub(crate) fn number<T>(&mut self, key: &str, range: RangeInclusive<T>, target: &mut T)
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let Some(Entry { node, .. }) = self.take(key) else {
            return;
        };
        let Value::Integer(number) = node.value else {
            self.wrong_type(key, &node, "a whole number");
            return;
        };
        match T::try_from(number) {
            Ok(value) if range.contains(&value) => *target = value,
            _ => self.fault(
                &node.place,
                format!(
                    "`{key}`{} must lie between {} and {}, and is {number}",
                    self.in_section(),
                    range.start(),
                    range.end()
                ),
            ),
        }
    }

    /// A number within `range`, with or without a fraction.
    pub(crate) fn decimal(&mut self, key: &str, range: RangeInclusive<f64>, target: &mut f64) {
        let Some(Entry { node, .. }) = self.take(key) else {
            return;
        };
        let number = match node.value {
            Value::Float(number) => number,
            // Whole numbers of a configuration are far smaller than what a float loses.
            #[allow(clippy::cast_precision_loss)]
            Value::Integer(number) => number as f64,
            _ => {
                self.wrong_type(key, &node, "a number");
                return;
            }
        };
        if range.contains(&number) {
            *target = number;
        } else {
            self.fault(
                &node.place,
                format!(
                    "`{key}`{} must lie between {} and {}, and is {number}",
                    self.in_section(),
                    range.start(),
                    range.end()
                ),
            );
        }
    }

    pub(crate) fn optional_flag(&mut self, key: &str, target: &mut Option<bool>) {
        if self.has(key) {
            let mut value = false;
            self.flag(key, &mut value);
            *target = Some(value);
        } else {
            self.known.insert(key.to_owned());
        }
    }

    pub(crate) fn optional_number<T>(
        &mut self,
        key: &str,
        range: RangeInclusive<T>,
        target: &mut Option<T>,
    ) where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display + Copy,
    {
        if self.has(key) {
            let mut value = *range.start();
            self.number(key, range, &mut value);
            *target = Some(value);
        } else {
            self.known.insert(key.to_owned());
        }
    }

    /// A list of texts, each parsed.
    pub(crate) fn list<T: FromStr>(&mut self, key: &str, target: &mut Vec<T>)
    where
        T::Err: ListFault,
    {
        let Some(Entry { node, .. }) = self.take(key) else {
            return;
        };
        let Value::Array(items) = node.value else {
            self.wrong_type(key, &node, "a list of texts");
            return;
        };
        let mut values = Vec::new();
        for item in items {
            let Value::Text(text) = &item.value else {
                self.wrong_type(key, &item, "a list of texts");
                continue;
            };
            match text.parse::<T>() {
                Ok(value) => values.push(value),
                Err(error) => self.fault(
                    &item.place,
                    format!("`{key}`{}: {}", self.in_section(), error.told()),
                ),
            }
        }
        *target = values;
    }

    /// A table of texts under names that the user chooses.
    pub(crate) fn text_map(&mut self, key: &str, target: &mut BTreeMap<String, String>) {
        let mut inner = self.section(key);
        for (name, entry) in std::mem::take(&mut inner.table.entries) {
            match entry.node.value {
                Value::Text(text) | Value::Untyped(text) => {
                    target.insert(name, text);
                }
                _ => inner.wrong_type(&name, &entry.node, "text"),
            }
        }
    }

    /// A table of numbers within `range` under names that the user chooses.
    pub(crate) fn number_map(
        &mut self,
        key: &str,
        range: RangeInclusive<u32>,
        target: &mut BTreeMap<String, u32>,
    ) {
        let mut inner = self.section(key);
        let names: Vec<String> = inner.table.entries.keys().cloned().collect();
        for name in names {
            let mut number = *range.start();
            inner.number(&name, range.clone(), &mut number);
            target.insert(name, number);
        }
    }

    /// A table of lists of texts under names that the user chooses.
    pub(crate) fn list_map(&mut self, key: &str, target: &mut BTreeMap<String, Vec<String>>) {
        let mut inner = self.section(key);
        let names: Vec<String> = inner.table.entries.keys().cloned().collect();
        for name in names {
            let mut list: Vec<String> = Vec::new();
            inner.list(&name, &mut list);
            target.insert(name, list);
        }
    }

    /// A number within `range`, or none.
    pub(crate) fn optional_decimal(
        &mut self,
        key: &str,
        range: RangeInclusive<f64>,
        target: &mut Option<f64>,
    ) {
        if self.has(key) {
            let mut value = *range.start();
            self.decimal(key, range, &mut value);
            *target = Some(value);
        } else {
            self.known.insert(key.to_owned());
        }
    }

    /// Anything, as JSON; used where the plugin's own schema checks it later.
    pub(crate) fn json(&mut self, key: &str) -> Option<Json> {
        self.take(key).map(|entry| self.to_json(entry.node))
    }

    /// A secret: `{ env = "NAME" }` or `{ file = "path" }`, or plain text from the environment.
    pub(crate) fn secret(&mut self, key: &str, target: &mut Option<Secret>) {
        let Some((source, place)) = self.secret_source(key, SecretForms::References) else {
            return;
        };
        match source.resolve_reference() {
            Ok(secret) => *target = Some(secret),
            Err(why) => self.fault(&place, why),
        }
    }

    /// `username` and `password`: both or neither. `title` is how the section is named in a fault.
    pub(crate) fn sign_in(
        &mut self,
        title: &str,
        username: &mut Option<Secret>,
        password: &mut Option<Secret>,
    ) {
        self.secret("username", username);
        self.secret("password", password);
        if username.is_some() != password.is_some() {
            let place = self.place().clone();
            self.fault(
                &place,
                format!(
                    "`username` and `password` in [{title}] belong together; one of them is missing"
                ),
            );
        }
    }

    /// Where a secret comes from, and where that is written; not the secret itself.
    pub(crate) fn secret_source(
        &mut self,
        key: &str,
        forms: SecretForms,
    ) -> Option<(SecretSource, Place)> {
        let raw = self.table.entries.get(key).map(|entry| entry.node.clone());
        match raw {
            None => {
                self.known.insert(key.to_owned());
                None
            }
            Some(Node {
                value: Value::Untyped(text),
                place,
            }) if !text.trim_start().starts_with('{') => {
                self.take(key);
                Some((SecretSource::Given(Secret::new(text)), place))
            }
            Some(node) if matches!(node.value, Value::Table(_) | Value::Untyped(_)) => {
                let mut inner = self.section(key);
                let source = SecretSource::read(&mut inner, &node.place, forms);
                inner.finish();
                source.map(|source| (source, node.place))
            }
            Some(node) => {
                self.take(key);
                self.fault(
                    &node.place,
                    format!(
                        "`{key}`{} is a secret and is never written into the file; write {}",
                        self.in_section(),
                        forms.told(),
                    ),
                );
                None
            }
        }
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self) {
        self.problems
            .remember(self.known.iter().map(|key| self.path(key)));
        let what = if self.name.is_empty() {
            "section or key"
        } else {
            "key"
        };
        for (key, entry) in &self.table.entries {
            self.problems.add(
                &entry.key_place,
                format!(
                    "unknown {what} `{key}`{}{}",
                    self.in_section(),
                    closest(key, self.known.iter().map(String::as_str))
                ),
            );
        }
    }

    fn take(&mut self, key: &str) -> Option<Entry> {
        self.known.insert(key.to_owned());
        self.table.entries.remove(key).map(typed)
    }

    fn take_text(&mut self, key: &str) -> Option<(String, Place)> {
        self.known.insert(key.to_owned());
        let node = self.table.entries.remove(key)?.node;
        match node.value {
            Value::Text(text) | Value::Untyped(text) => Some((text, node.place)),
            _ => {
                self.wrong_type(key, &node, "text");
                None
            }
        }
    }

    fn table_of(&self, key: &str, node: Node) -> Option<Table> {
        match node.value {
            Value::Table(table) => Some(table),
            _ => {
                self.wrong_type(key, &node, "a table");
                None
            }
        }
    }

    fn wrong_type(&self, key: &str, node: &Node, wanted: &str) {
        self.fault(
            &node.place,
            format!(
                "`{key}`{} must be {wanted}, and is {}",
                self.in_section(),
                node.value.type_name()
            ),
        );
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            // `[[plugin]]` is a list; what lies below one of its tables is written `[plugin.grants]`.
            let name = self.name.trim_start_matches('[').trim_end_matches(']');
            format!("{name}.{key}")
        }
    }

    fn in_section(&self) -> String {
        if self.name.is_empty() {
            String::new()
        } else {
            format!(" in [{}]", self.name)
        }
    }

    fn to_json(&self, node: Node) -> Json {
        match node.value {
            Value::Text(text) | Value::Datetime(text) | Value::Untyped(text) => Json::String(text),
            Value::Integer(number) => Json::from(number),
            Value::Bool(flag) => Json::Bool(flag),
            Value::Array(items) => items.into_iter().map(|item| self.to_json(item)).collect(),
            Value::Table(table) => table
                .entries
                .into_iter()
                .map(|(key, entry)| (key, self.to_json(entry.node)))
                .collect(),
            Value::Float(number) => match serde_json::Number::from_f64(number) {
                Some(number) => Json::Number(number),
                None => {
                    self.fault(&node.place, "JSON knows no infinite numbers");
                    Json::Null
                }
            },
        }
    }
}

/// The words with which a list's item tells what is wrong with it.
pub(crate) trait ListFault {
    fn told(&self) -> String;
}

impl ListFault for inkstone_domain::Error {
    fn told(&self) -> String {
        self.message().to_owned()
    }
}

impl ListFault for ipnet::AddrParseError {
    fn told(&self) -> String {
        "it is no network, such as 10.0.0.0/8 or 2001:db8::1/128".to_owned()
    }
}

impl ListFault for std::convert::Infallible {
    fn told(&self) -> String {
        match *self {}
    }
}

/// `; did you mean …?`, when a known word is close enough to be meant.
pub(crate) fn closest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min()
        .map_or_else(String::new, |(_, candidate)| {
            format!("; did you mean `{candidate}`?")
        })
}

/// Text from outside, read as TOML when it is some; otherwise it stays text.
fn typed(entry: Entry) -> Entry {
    let Value::Untyped(text) = &entry.node.value else {
        return entry;
    };
    match tree::parse_value(text, &entry.node.place) {
        Some(node) => Entry { node, ..entry },
        None => entry,
    }
}
