//! Invariant 2: WIT types stop in host, rows in store, wire shapes in api. Domain types cross borders.

use std::collections::BTreeMap;

use super::Finding;
use super::tree::Tree;

/// Who may speak of the generated types: the crate that holds them, the one that converts them, and
/// the benchmark that calls a guest without the host.
const SPEAK_OF_BINDINGS: &[&str] = &["engine/crates/bindings/", "engine/crates/host/", "bench/"];
const STORE: &str = "engine/crates/store/";
const API: &str = "engine/crates/api/";

pub(super) fn bindings_stay_in_host(tree: &Tree) -> Vec<Finding> {
    let elsewhere = |path: &str| !is_within(path, SPEAK_OF_BINDINGS);
    lines(tree, elsewhere)
        .filter(|(_, _, line)| {
            line.contains("inkstone_bindings::") || line.contains("use inkstone_bindings")
        })
        .map(|(path, number, _)| {
            format!("{path}:{number}: WIT types stop in engine/crates/host; convert to domain types there")
        })
        .collect()
}

pub(super) fn rows_stay_in_store(tree: &Tree) -> Vec<Finding> {
    let of_engine = |path: &str| path.starts_with("engine/");
    lines(tree, of_engine)
        .filter_map(|(path, number, line)| {
            let (is_public, name) = declared_type(line)?;
            if !name.ends_with("Row") || name == "Row" {
                return None;
            }
            if !path.starts_with(STORE) {
                return Some(format!(
                    "{path}:{number}: {name} is a row; rows live in {STORE}"
                ));
            }
            is_public.then(|| {
                format!(
                    "{path}:{number}: {name} is public; rows stop in the store, write pub(crate)"
                )
            })
        })
        .collect()
}

pub(super) fn wire_shapes_stay_in_api(tree: &Tree) -> Vec<Finding> {
    let elsewhere = |path: &str| path.starts_with("engine/crates/") && !path.starts_with(API);
    lines(tree, elsewhere)
        .filter(|(_, _, line)| line.contains("ToSchema") && !line.trim_start().starts_with("//"))
        .map(|(path, number, _)| {
            format!(
                "{path}:{number}: a wire shape outside {API}; domain types know nothing of HTTP"
            )
        })
        .collect()
}

/// Schemas of the OpenAPI document are known by the bare names of their types: of two with the same name, one
/// silently takes the other's place.
pub(super) fn schemas_have_names_of_their_own(tree: &Tree) -> Vec<Finding> {
    let of_api = |path: &str| path.starts_with(API) && path.contains("/src/");
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut is_schema = false;
    for (path, number, line) in lines(tree, of_api) {
        if line.trim_start().starts_with("#[derive(")
            || line.trim_start().starts_with("#[cfg_attr(")
        {
            is_schema = false;
        }
        is_schema |= line.contains("ToSchema") && !line.trim_start().starts_with("use ");
        let Some((_, name)) = declared_type(line) else {
            continue;
        };
        if std::mem::take(&mut is_schema) {
            let place = format!("{path}:{number}");
            places.entry(name.to_owned()).or_default().push(place);
        }
    }
    let twice = places.into_iter().filter(|(_, places)| places.len() > 1);
    let told = twice.map(|(name, places)| {
        format!(
            "{}: two wire shapes are called {name}, and the OpenAPI document would have one of them only; rename one",
            places.join(" and ")
        )
    });
    told.collect()
}

/// Path, line number and line of Rust files.
fn lines<'t>(
    tree: &'t Tree,
    is_wanted: impl Fn(&str) -> bool + 't,
) -> impl Iterator<Item = (&'t str, usize, &'t str)> {
    tree.with_extension("rs")
        .filter(move |(path, _)| is_wanted(path) && !path.starts_with("xtask/"))
        .flat_map(|(path, text)| {
            let numbered = text.lines().enumerate();
            numbered.map(move |(index, line)| (path, index + 1, line))
        })
}

/// The name that a line declares as struct, enum or alias, and whether other crates see it.
fn declared_type(line: &str) -> Option<(bool, &str)> {
    let line = line.trim_start();
    let (is_public, rest) = match line.strip_prefix("pub ") {
        Some(rest) => (true, rest),
        None if line.starts_with("pub(") => (false, line.split_once(") ")?.1),
        None => (false, line),
    };
    let rest = ["struct ", "enum ", "type "]
        .iter()
        .find_map(|keyword| rest.strip_prefix(keyword))?;
    let end = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    Some((is_public, &rest[..end]))
}

fn is_within(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_outside_host_are_found() {
        let text = "use inkstone_bindings::v0_1_0;\n";
        for (path, is_fine) in [
            ("engine/crates/host/src/kinds.rs", true),
            ("engine/crates/services/src/chat.rs", false),
            ("engine/src/wire.rs", false),
        ] {
            let findings = bindings_stay_in_host(&Tree::of(&[(path, text)]));
            assert_eq!(findings.is_empty(), is_fine, "{findings:?}");
        }
    }

    #[test]
    fn rows_elsewhere_and_public_rows_are_found() {
        for (path, text, is_fine) in [
            (
                "engine/crates/store/src/jobs.rs",
                "pub(crate) struct JobRow {",
                true,
            ),
            (
                "engine/crates/store/src/jobs.rs",
                "struct JobRow<'a> {",
                true,
            ),
            (
                "engine/crates/store/src/jobs.rs",
                "pub struct JobRow {",
                false,
            ),
            (
                "engine/crates/services/src/jobs.rs",
                "struct JobRow;",
                false,
            ),
            ("engine/crates/services/src/jobs.rs", "struct Rows;", true),
        ] {
            let findings = rows_stay_in_store(&Tree::of(&[(path, text)]));
            assert_eq!(findings.is_empty(), is_fine, "{text}: {findings:?}");
        }
    }

    #[test]
    fn wire_shapes_elsewhere_are_found() {
        let text = "//! No ToSchema here.\n#[derive(ToSchema)]\nstruct X;\n";
        let findings =
            wire_shapes_stay_in_api(&Tree::of(&[("engine/crates/domain/src/x.rs", text)]));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("engine/crates/domain/src/x.rs:2:"));
        let tree = Tree::of(&[("engine/crates/api/src/wire/x.rs", text)]);
        assert!(wire_shapes_stay_in_api(&tree).is_empty());
    }

    #[test]
    fn schemas_of_one_name_are_found() {
        let one = "#[derive(Debug, ToSchema)]\n#[serde(rename_all = \"snake_case\")]\npub(crate) enum FormatWord {\n";
        let other = "#[derive(\n    Debug,\n    ToSchema,\n)]\nstruct FormatWord;\n";
        let no_schema = "use utoipa::ToSchema;\n#[derive(Debug)]\nstruct FormatWord;\n";
        let path = "engine/crates/api/src/wire/a.rs";
        for (text, is_fine) in [(other, false), (no_schema, true)] {
            let tree = Tree::of(&[(path, one), ("engine/crates/api/src/routes/b.rs", text)]);
            let findings = schemas_have_names_of_their_own(&tree);
            assert_eq!(findings.is_empty(), is_fine, "{findings:?}");
        }
        let tree = Tree::of(&[(path, one), ("engine/crates/domain/src/b.rs", other)]);
        assert!(schemas_have_names_of_their_own(&tree).is_empty());
    }
}
