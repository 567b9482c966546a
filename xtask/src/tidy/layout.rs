//! Files: none too long, none with a name that says nothing, each opening with what lives in it.

use super::Finding;
use super::tree::Tree;

const MAX_LINES: usize = 600;
/// Names that take in everything and so say nothing.
const FORBIDDEN: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "manager", "misc",
];

pub(super) fn sizes(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .filter_map(|(path, text)| {
            let count = text.lines().count();
            (count > MAX_LINES)
                .then(|| format!("{path} has {count} lines; split it before {MAX_LINES}"))
        })
        .collect()
}

pub(super) fn names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("rs") {
        let parts = path.trim_end_matches(".rs").split('/');
        if path.ends_with("/mod.rs") {
            findings.push(format!(
                "{path}: write <module>.rs beside the folder instead"
            ));
        }
        let bad_part = parts.into_iter().find(|part| FORBIDDEN.contains(part));
        let bad_module = text.lines().find_map(|line| {
            let name = line.split("mod ").nth(1)?.trim_end_matches([';', '{', ' ']);
            (line.trim_start().starts_with("mod ") || line.trim_start().starts_with("pub"))
                .then_some(name)
                .filter(|name| FORBIDDEN.contains(name))
        });
        if let Some(name) = bad_part.or(bad_module) {
            findings.push(format!(
                "{path}: `{name}` says nothing; name it after what lives there"
            ));
        }
    }
    findings
}

pub(super) fn openings(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("rs")
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| {
            format!("{path}: begin with `//!` and one to five sentences on what lives here")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_found() {
        let long = "\n".repeat(MAX_LINES + 1);
        let fine = "\n".repeat(MAX_LINES);
        let tree = Tree::of(&[("a/src/long.rs", &long), ("a/src/fine.rs", &fine)]);
        let findings = sizes(&tree);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("a/src/long.rs has 601 lines"));
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        for (path, text, is_fine) in [
            ("a/src/chat.rs", "mod stream;", true),
            ("a/src/chat/mod.rs", "", false),
            ("a/src/utils.rs", "", false),
            ("a/src/helpers/x.rs", "", false),
            ("a/src/lib.rs", "pub mod common {", false),
            ("a/src/lib.rs", "// mod common", true),
            ("a/src/commons.rs", "", true),
        ] {
            let findings = names(&Tree::of(&[(path, text)]));
            assert_eq!(findings.is_empty(), is_fine, "{path} {text}: {findings:?}");
        }
    }

    #[test]
    fn silent_openings_are_found() {
        let tree = Tree::of(&[("a/src/a.rs", "//! Words."), ("a/src/b.rs", "use std::fs;")]);
        let findings = openings(&tree);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("a/src/b.rs"));
    }
}
