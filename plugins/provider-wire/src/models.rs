//! What an admin is told about the models of a service.

use std::collections::BTreeSet;

/// How many names are given.
const NAMED_MODELS: usize = 5;

/// How many models there are, some of their names, and which of those that the admin wants are not among them.
pub fn report<'a>(
    base_url: &str,
    offered: impl IntoIterator<Item = &'a str>,
    wanted: impl IntoIterator<Item = &'a str>,
) -> String {
    let known: BTreeSet<&str> = offered.into_iter().collect();
    let names: Vec<&str> = known.iter().copied().take(NAMED_MODELS).collect();
    let mut text = format!("{base_url} offers {} models", known.len());
    if !names.is_empty() {
        text.push_str(if known.len() > names.len() {
            ", among them "
        } else {
            ": "
        });
        text.push_str(&names.join(", "));
    }
    let wanted = wanted.into_iter();
    let missing: Vec<&str> = wanted.filter(|name| !known.contains(name)).collect();
    if !missing.is_empty() {
        text.push_str("; not there: ");
        text.push_str(&missing.join(", "));
    }
    text
}
