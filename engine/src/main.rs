//! The binary `inkstone`: reads the command line, builds the runtime and hands over to `cli`.

mod certificate_watch;
mod cli;
mod mail;
mod memory;
mod others;
mod plugin_trust;
mod plugin_watch;
mod recordings;
mod settings;
mod shutdown;
mod state;
mod telemetry;
mod usage_journal;
mod wire;

use std::process::ExitCode;

use clap::Parser;

/// SurrealDB's parser and executor recurse deeply; its own server runs on stacks of this size too.
const THREAD_STACK_BYTES: usize = 10 * 1024 * 1024;

#[allow(unsafe_code)]
fn main() -> ExitCode {
    // SAFETY: no other thread runs yet, so nobody reads the environment while it is changed.
    unsafe { inkstone_inference::limit_threads(1) };
    let command = cli::Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(THREAD_STACK_BYTES)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return cli::output::fail(&cli::Failure::Start(error)),
    };
    // On a worker thread: the main thread's stack is the system's, and may be small.
    let finished = runtime.block_on(async { tokio::spawn(cli::run(command)).await });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match finished {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => cli::output::fail(&failure),
        Err(panic) => cli::output::fail(&cli::Failure::Panicked(panic.to_string())),
    }
}
