//! `cargo xtask schemathesis`: the trip of the same name, at length.

use clap::Args;

use crate::process::{self, Failure};
use crate::workspace::Workspace;
use crate::{plugins, setup};

#[derive(Args)]
pub(crate) struct SchemathesisArgs {
    /// Made-up requests for each route and each of those who ask, beside those of its bounds.
    #[arg(long, default_value_t = 100)]
    examples: u32,
    /// Other requests each time, or the same.
    #[arg(long, default_value_t = 5)]
    seed: u64,
}

pub(crate) fn run(workspace: &Workspace, args: &SchemathesisArgs) -> Result<(), Failure> {
    setup::base(workspace)?;
    setup::for_schemathesis(workspace)?;
    plugins::bundled(workspace)?;
    let mut build = workspace.cargo();
    process::run(build.args(["build", "--workspace", "--bins", "--tests"]))?;
    let mut trip = workspace.cargo();
    process::run(
        trip.args(["test", "--workspace", "--test", "trips", "--"])
            .args(["--nocapture", "schemathesis"])
            .env("INKSTONE_BIN", workspace.engine_binary("debug"))
            .env(
                "INKSTONE_SCHEMATHESIS_VENV",
                workspace.schemathesis_venv_dir(),
            )
            .env("INKSTONE_SCHEMATHESIS_EXAMPLES", args.examples.to_string())
            .env("INKSTONE_SCHEMATHESIS_SEED", args.seed.to_string()),
    )
}
