//! `make run` and `make release`: everything between a fresh checkout and a running engine.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::process::{self, Failure, note};
use crate::workspace::Workspace;
use crate::{plugins, setup};

#[derive(Args)]
pub(crate) struct RunArgs {
    /// What the article is about.
    #[arg(long)]
    topic: Option<String>,
    /// A text that the article is grounded in.
    #[arg(long)]
    source: Option<PathBuf>,
    /// End after the job instead of serving on.
    #[arg(long)]
    once: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &RunArgs) -> Result<(), Failure> {
    setup::base(workspace)?;
    plugins::bundled(workspace)?;
    // The whole workspace chooses the features, as for the tests, so that the heavy crates are
    // compiled once for both.
    let mut build = workspace.cargo();
    process::run(build.args(["build", "--workspace", "--bin", "inkstone"]))?;
    replace_process(&mut start_command(workspace, args)?)
}

pub(crate) fn release(workspace: &Workspace) -> Result<(), Failure> {
    setup::base(workspace)?;
    plugins::bundled(workspace)?;
    let mut build = workspace.cargo();
    process::run(build.args(["build", "--release", "--package", "inkstone"]))?;
    note(&format!(
        "{} is ready; it needs config/ and plugins/dist/ beside it",
        workspace.engine_binary("release").display()
    ));
    Ok(())
}

/// The one place that knows how the engine is told to show the main job.
fn start_command(workspace: &Workspace, args: &RunArgs) -> Result<Command, Failure> {
    let mut command = Command::new(workspace.engine_binary("debug"));
    command.current_dir(&workspace.root).arg("start");
    if let Some(topic) = &args.topic {
        command.arg("--topic").arg(topic);
    }
    if let Some(source) = &args.source {
        // The engine starts in the checkout, the path counts from where the command was typed.
        let source = std::path::absolute(source).map_err(Failure::file(source))?;
        command.arg("--source").arg(source);
    }
    if args.once {
        command.arg("--once");
    }
    Ok(command)
}

/// Becomes the engine, so that signals and the exit code are its own.
#[cfg(unix)]
fn replace_process(command: &mut Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(Failure(format!("the engine cannot be started: {error}")))
}

#[cfg(not(unix))]
fn replace_process(command: &mut Command) -> Result<(), Failure> {
    process::run(command)
}
