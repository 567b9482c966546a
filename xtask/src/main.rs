//! The project's own commands: `cargo xtask setup | plugins | run | test | lint | bench | clients | tidy | release`.
//! The Makefile only calls these. Nothing of the product lives here.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bench;
mod clients;
mod fuzz;
mod hostile;
mod kills;
mod lint;
mod plugins;
mod process;
mod run;
mod schemathesis;
mod setup;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::process::{Failure, note};
use crate::workspace::Workspace;

#[derive(Parser)]
#[command(about = "The project's own commands", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing: a compiler for wasm, the local model. Quiet when all is there.
    Setup {
        /// Also what the tests need: llama.cpp's server, and the Python and JavaScript libraries that are clients.
        #[arg(long)]
        tests: bool,
        /// Also what the checks need: cargo-deny.
        #[arg(long)]
        lint: bool,
    },
    /// Build and package every bundled plugin, and the guests of the tests.
    Plugins,
    /// Set up, build, start the engine and show the main job.
    Run(run::RunArgs),
    /// Set up, build and run every test.
    Test {
        /// Passed on to the test runner.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        runner_args: Vec<String>,
    },
    /// Formatting, clippy, tidy, licences.
    Lint,
    /// The benchmarks beside their peers, optimised.
    Bench {
        /// Passed on to the benchmarks.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        bench_args: Vec<String>,
    },
    /// Every attack of a hostile guest, at length; writes the table in docs/security.
    Hostile {
        /// Only attacks whose name holds these words; writes nothing.
        #[arg(long)]
        only: Option<String>,
    },
    /// Kill and pause engines under load, at length, and count what was lost: nothing.
    Kills(kills::KillsArgs),
    /// Run the fuzz targets, one after the other; a crash ends it.
    Fuzz(fuzz::FuzzArgs),
    /// Make a TypeScript and a Python client of the OpenAPI document.
    Clients(clients::ClientsArgs),
    /// Try every route with made-up requests, at length, against a real engine.
    Schemathesis(schemathesis::SchemathesisArgs),
    /// The rules of the house that a compiler does not see.
    Tidy,
    /// The production binary.
    Release,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match Workspace::find().and_then(|workspace| dispatch(&workspace, cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            note(&format!("failed: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(workspace: &Workspace, command: Command) -> Result<(), Failure> {
    match command {
        Command::Setup { tests, lint } => {
            setup::base(workspace)?;
            if tests {
                setup::for_tests(workspace)?;
            }
            if lint {
                setup::for_lint(workspace)?;
            }
            Ok(())
        }
        Command::Plugins => plugins::all(workspace),
        Command::Run(args) => run::run(workspace, &args),
        Command::Test { runner_args } => test::run(workspace, &runner_args),
        Command::Lint => lint::run(workspace),
        Command::Bench { bench_args } => bench::run(workspace, &bench_args),
        Command::Hostile { only } => hostile::run(workspace, only.as_deref()),
        Command::Kills(args) => kills::run(workspace, &args),
        Command::Fuzz(args) => fuzz::run(workspace, &args),
        Command::Clients(args) => clients::run(workspace, &args),
        Command::Schemathesis(args) => schemathesis::run(workspace, &args),
        Command::Tidy => tidy::run(workspace),
        Command::Release => run::release(workspace),
    }
}
