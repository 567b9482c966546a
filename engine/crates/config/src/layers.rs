//! Lays the environment and the overrides over the file: `INKSTONE__SECTION__KEY`, then flags.

use std::collections::BTreeMap;

use crate::problem::{Place, Problems};
use crate::tree::{Entry, Node, Table, Value};

/// What environment variables of ours start with.
const PREFIX: &str = "INKSTONE__";

/// A value that was given on the command line and outranks everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Dotted, as in `server.listen`.
    pub key: String,
    /// Text, or TOML where the key wants a number, a list or a table.
    pub value: String,
    /// How faults call it, such as `--listen`.
    pub shown_as: String,
}

/// Puts the variables that start with `INKSTONE__` over the tree.
pub(crate) fn environment(
    tree: &mut Table,
    variables: impl Iterator<Item = (String, String)>,
    problems: &Problems,
) {
    let ours: BTreeMap<String, String> = variables
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    for (name, value) in ours {
        let key = name[PREFIX.len()..].to_ascii_lowercase();
        let path: Vec<&str> = key.split("__").collect();
        put(tree, &path, value, &name, problems);
    }
}

/// Puts the overrides over the tree.
pub(crate) fn overrides(tree: &mut Table, list: &[Override], problems: &Problems) {
    for item in list {
        let path: Vec<&str> = item.key.split('.').collect();
        put(tree, &path, item.value.clone(), &item.shown_as, problems);
    }
}

fn put(table: &mut Table, path: &[&str], value: String, name: &str, problems: &Problems) {
    let place = Place::Outside {
        name: name.to_owned(),
    };
    let Some((key, rest)) = path.split_first().filter(|(key, _)| !key.is_empty()) else {
        problems.add(&place, "this names no key; write INKSTONE__SECTION__KEY");
        return;
    };
    if rest.is_empty() {
        let node = Node {
            place: place.clone(),
            value: Value::Untyped(value),
        };
        let key_place = place;
        table
            .entries
            .insert((*key).to_owned(), Entry { key_place, node });
        return;
    }
    let entry = table.entries.entry((*key).to_owned()).or_insert_with(|| {
        let empty = Table {
            place: place.clone(),
            entries: BTreeMap::new(),
        };
        Entry {
            key_place: place.clone(),
            node: Node {
                place: place.clone(),
                value: Value::Table(empty),
            },
        }
    });
    match &mut entry.node.value {
        Value::Table(inner) => put(inner, rest, value, name, problems),
        _ => problems.add(&place, format!("`{key}` is no section")),
    }
}
