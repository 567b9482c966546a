//! `cargo xtask hostile`: mounts every attack at length and writes `docs/security/hostile-guests.md`.

use crate::plugins;
use crate::process::{self, Failure, note};
use crate::workspace::Workspace;

const TEST: &str = "hostile::table::every_attack_is_contained_and_the_table_says_so";

/// `only` mounts the attacks whose name holds these words, and writes nothing.
pub(crate) fn run(workspace: &Workspace, only: Option<&str>) -> Result<(), Failure> {
    plugins::all(workspace)?;
    // As `make test` builds it, so that nothing heavy is compiled twice.
    note("building the attacks");
    let mut build = workspace.cargo();
    process::run(build.args(["test", "--workspace", "--tests", "--no-run"]))?;
    note("mounting every attack; the machine should have nothing else to do");
    let page = workspace.root.join("docs/security/hostile-guests.md");
    let mut attacks = workspace.cargo();
    attacks
        .args(["test", "--workspace", "--test", "trips", "--"])
        .args(["--exact", TEST, "--nocapture"]);
    if let Some(words) = only {
        return process::run(attacks.env("INKSTONE_HOSTILE_ONLY", words));
    }
    process::run(attacks.env("INKSTONE_HOSTILE_TABLE", &page))?;
    note(&format!("{} is written", page.display()));
    Ok(())
}
