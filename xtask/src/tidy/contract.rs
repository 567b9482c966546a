//! Invariants 4 and 5, read from the text of `wit/`: plugins compute and the host commits, and a
//! provider cannot call a provider.

use super::Finding;
use super::tree::Tree;

/// What a world may import. Nothing here writes to store or index; `kv` is the plugin's own.
const IMPORTS: &[&str] = &[
    "types",
    "chat",
    "http",
    "inference",
    "ai",
    "tools",
    "search",
    "kv",
    "log",
    "settings",
    "clock",
    "random",
];
/// Interfaces that may write: the plugin's own keys, and lines of the log.
const MAY_WRITE: &[&str] = &["kv", "log"];
/// How functions begin that write.
const WRITING: &[&str] = &[
    "add", "commit", "create", "delete", "insert", "put", "publish", "remove", "save", "set",
    "store", "update", "upsert", "write",
];
/// What would let a provider reach another provider.
const NESTING: &[&str] = &["ai", "tools"];

/// Invariant 4.
pub(super) fn no_world_writes(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for item in items(tree) {
        let place = format!("{}:{}", item.path, item.line);
        match item.what {
            What::Import { name, .. } if !IMPORTS.contains(&name) => findings.push(format!(
                "{place}: a world imports `{name}`, which xtask/src/tidy/contract.rs does not know; make sure that it writes to neither store nor index, then add it there"
            )),
            What::Function { interface, name } if !MAY_WRITE.contains(&interface) => {
                let first_word = name.split('-').next().unwrap_or_default();
                if IMPORTS.contains(&interface) && WRITING.contains(&first_word) {
                    findings.push(format!(
                        "{place}: `{interface}.{name}` reads like a write; plugins compute, the host commits"
                    ));
                }
            }
            _ => {}
        }
    }
    findings
}

/// Invariant 5.
pub(super) fn providers_do_not_nest(tree: &Tree) -> Vec<Finding> {
    items(tree)
        .filter_map(|item| match item.what {
            What::Import { world, name }
                if world == "provider-plugin" && NESTING.contains(&name) =>
            {
                Some(format!(
                    "{}:{}: a provider imports `{name}`; nesting ends at one level",
                    item.path, item.line
                ))
            }
            _ => None,
        })
        .collect()
}

/// One line of the contract that a rule looks at.
struct Item<'t> {
    path: &'t str,
    line: usize,
    what: What<'t>,
}

enum What<'t> {
    Import { world: &'t str, name: &'t str },
    Function { interface: &'t str, name: &'t str },
}

/// Reads line by line, which our own way of writing WIT allows: one item per line.
fn items(tree: &Tree) -> impl Iterator<Item = Item<'_>> {
    tree.with_extension("wit")
        .filter(|(path, _)| path.starts_with("wit/"))
        .flat_map(|(path, text)| items_of(path, text))
}

fn items_of<'t>(path: &'t str, text: &'t str) -> Vec<Item<'t>> {
    let mut found = Vec::new();
    let mut world = "";
    let mut interface = "";
    for (index, raw) in text.lines().enumerate() {
        let line = raw.split("//").next().unwrap_or_default().trim();
        if let Some(rest) = line.strip_prefix("world ") {
            (world, interface) = (first_name(rest), "");
        } else if let Some(rest) = line.strip_prefix("interface ") {
            (world, interface) = ("", first_name(rest));
        } else if let Some(rest) = line.strip_prefix("import ") {
            let name = first_name(rest);
            found.push((index, What::Import { world, name }));
        } else if let Some((name, rest)) = line.split_once(':')
            && (rest.trim_start().starts_with("func") || rest.contains(" func("))
            && !interface.is_empty()
        {
            let name = name.trim();
            found.push((index, What::Function { interface, name }));
        }
    }
    found
        .into_iter()
        .map(|(index, what)| Item {
            path,
            line: index + 1,
            what,
        })
        .collect()
}

/// The first name in the text, without a package before it or a version behind it.
fn first_name(text: &str) -> &str {
    let text = text.rsplit_once('/').map_or(text, |(_, rest)| rest);
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '-')
        .unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wit(text: &str) -> Tree {
        Tree::of(&[("wit/since-v0.1.0/x.wit", text)])
    }

    #[test]
    fn a_world_that_writes_is_found() {
        for (text, is_fine) in [
            ("world a-plugin {\n  import search;\n}", true),
            (
                "world a-plugin {\n  import inkstone:plugin/kv@0.1.0;\n}",
                true,
            ),
            ("world a-plugin {\n  import store;\n}", false),
            (
                "world a-plugin {\n  import articles: interface {}\n}",
                false,
            ),
            ("interface search {\n  query: func(q: string);\n}", true),
            (
                "interface search {\n  put-document: func(q: string);\n}",
                false,
            ),
            ("interface search {\n  // put: func();\n}", true),
            ("interface kv {\n  put: func(key: string);\n}", true),
        ] {
            let findings = no_world_writes(&wit(text));
            assert_eq!(findings.is_empty(), is_fine, "{text}: {findings:?}");
        }
    }

    #[test]
    fn a_provider_that_nests_is_found() {
        let text =
            "world provider-plugin {\n  import ai;\n}\nworld research-plugin {\n  import ai;\n}";
        let findings = providers_do_not_nest(&wit(text));
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].starts_with("wit/since-v0.1.0/x.wit:2:"),
            "{findings:?}"
        );
    }
}
