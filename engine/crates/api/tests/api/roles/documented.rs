//! The table of roles is whole: what the document knows stands in it, and nothing else.

use std::collections::BTreeSet;

use super::routes::routes;

/// Served, and not in the document they serve.
const UNDOCUMENTED: [&str; 2] = ["GET /openapi.json", "GET /docs/"];

#[test]
fn every_documented_operation_stands_in_the_table() {
    let document = inkstone_api::openapi();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    let mut ruled = BTreeSet::new();
    for (method, path, _) in routes() {
        let path = path.split('?').next().unwrap();
        let fitting = documented
            .iter()
            .filter(|(other, template)| method.as_str() == other && fits(template, path));
        // A word of the route goes before a parameter.
        let closest = fitting.min_by_key(|(_, template)| template.matches('{').count());
        let name = format!("{method} {path}");
        match closest {
            Some(operation) => drop(ruled.insert(operation.clone())),
            None => assert!(UNDOCUMENTED.contains(&name.as_str()), "{name} is no route"),
        }
    }
    let unruled: Vec<_> = documented.difference(&ruled).collect();
    assert!(
        unruled.is_empty(),
        "add these to `routes`, and read who may: {unruled:?}"
    );
}

/// Whether a path is one of a template's. Names of models have several words.
fn fits(template: &str, path: &str) -> bool {
    let takes_rest = template.starts_with("/v1/models/");
    let mut words = path.split('/');
    let mut parts = template.split('/').peekable();
    while let Some(part) = parts.next() {
        let Some(word) = words.next() else {
            return false;
        };
        let is_parameter = part.starts_with('{');
        if !is_parameter && part != word {
            return false;
        }
        if takes_rest && is_parameter && parts.peek().is_none() {
            return true;
        }
    }
    words.next().is_none()
}
