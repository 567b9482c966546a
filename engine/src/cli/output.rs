//! Printing, and how a command fails. Results go to standard output, everything else to standard error.
#![allow(clippy::print_stderr)]

use std::io::Write;
use std::process::ExitCode;

use inkstone_config::vault::VaultError;
use inkstone_domain::codes;
use serde::Serialize;

use crate::telemetry;

/// Why a command failed. The exit code tells the kind: 1 failed, 2 asked wrongly (clap's own code too),
/// 3 not reachable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the runtime cannot start: {0}")]
    Start(std::io::Error),
    #[error("this is a fault of Inkstone, please report it: {0}")]
    Panicked(String),
    #[error("{0}")]
    Domain(#[from] inkstone_domain::Error),
    #[error("{0}")]
    Config(#[from] inkstone_config::ConfigError),
    #[error("plugins cannot be watched: {0}; `[plugins] watch = false` does without")]
    Watch(#[from] inkstone_config::watch::WatchError),
    #[error("{0}")]
    Vault(#[from] VaultError),
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Unreachable(String),
    #[error("printing failed: {0}")]
    Print(#[from] std::io::Error),
    #[error("the result cannot be shown as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) => 2,
            Self::Domain(error) if error.code() == &codes::INVALID_CONFIG => 2,
            Self::Vault(VaultError::BadName { .. } | VaultError::BadValue(_)) => 2,
            Self::Unreachable(_) => 3,
            _ => 1,
        }
    }
}

pub(crate) fn fail(failure: &Failure) -> ExitCode {
    // A reader that closed the pipe has seen enough.
    if let Failure::Print(error) = failure
        && error.kind() == std::io::ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {}", telemetry::scrub(&failure.to_string()));
    ExitCode::from(failure.exit_code())
}

/// A line for people who watch; never part of the result.
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

pub(crate) fn print_line(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(())
}

pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

pub(crate) fn pretty_json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(value)?)
}
