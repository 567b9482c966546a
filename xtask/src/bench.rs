//! `make bench`: the benchmarks, optimised, with the plugins that they call.

use std::process::Command;

use crate::process::{self, Failure};
use crate::workspace::Workspace;
use crate::{plugins, setup};

pub(crate) fn run(workspace: &Workspace, bench_args: &[String]) -> Result<(), Failure> {
    setup::base(workspace)?;
    plugins::all(workspace)?;
    let mut build = workspace.cargo();
    process::run(build.args([
        "build",
        "--release",
        "--package",
        "inkstone",
        "--package",
        "bench",
    ]))?;
    // Beside the engine's own binary, where the benchmarks look for it.
    let mut command = Command::new(workspace.engine_binary("release").with_file_name("bench"));
    process::run(command.current_dir(&workspace.root).args(bench_args))
}
