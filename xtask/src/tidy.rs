//! The rules of the house that the compiler does not see: the six invariants of ARCHITECTURE.md and
//! the layout of files. Every rule is a pure function from the tree or the packages to findings, and
//! has a test that shows it can fail.

mod borders;
mod contract;
mod dependencies;
mod layout;
mod packages;
mod releases;
mod tree;

use crate::process::{Failure, note};
use crate::workspace::Workspace;
use packages::Package;
use tree::Tree;

/// One broken rule, with its place.
type Finding = String;

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let tree = Tree::load(&workspace.root)?;
    let engine = packages::load(workspace.cargo())?;
    let mut plugins = Vec::new();
    if workspace.plugins_dir().join("Cargo.toml").is_file() {
        plugins = packages::load(workspace.plugins_cargo())?;
    }
    if workspace.guests_dir().join("Cargo.toml").is_file() {
        plugins.extend(packages::load(workspace.guests_cargo())?);
    }
    let findings = all(&tree, &engine, &plugins);
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        note(&format!("tidy: {finding}"));
    }
    Err(Failure(format!(
        "{} rules are broken; ARCHITECTURE.md and CONTRIBUTING.md say why they are there",
        findings.len()
    )))
}

fn all(tree: &Tree, engine: &[Package], plugins: &[Package]) -> Vec<Finding> {
    [
        dependencies::owners(engine),
        dependencies::directions(engine),
        dependencies::plugins(plugins),
        borders::bindings_stay_in_host(tree),
        borders::rows_stay_in_store(tree),
        borders::wire_shapes_stay_in_api(tree),
        borders::schemas_have_names_of_their_own(tree),
        contract::no_world_writes(tree),
        contract::providers_do_not_nest(tree),
        releases::are_untouched(tree),
        layout::sizes(tree),
        layout::names(tree),
        layout::openings(tree),
    ]
    .into_iter()
    .flatten()
    .collect()
}
