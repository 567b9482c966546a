//! Starts other programs and says so. Words to people go to standard error, so that standard output
//! stays what the started program prints.

use std::fmt;
use std::process::{Command, Stdio};

/// Why a command ended badly, in words for people.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<inkstone_packager::PackageError> for Failure {
    fn from(error: inkstone_packager::PackageError) -> Self {
        Self(error.to_string())
    }
}

impl Failure {
    /// A fault of a file operation, with the file's name.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let shown = path.display().to_string();
        move |error| Self(format!("{shown}: {error}"))
    }
}

/// One line that says what happens now.
pub(crate) fn note(text: &str) {
    eprintln!("[xtask] {text}");
}

/// Runs to the end; the program's own words go to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command
        .status()
        .map_err(|error| Failure(format!("`{}` cannot be started: {error}", shown(command))))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure(format!("`{}` ended with {status}", shown(command))))
}

/// Runs to the end without a word; whether it went well.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// What the program printed, or why it failed, its own words included.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure(format!("`{}` cannot be started: {error}", shown(command))))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(Failure(format!(
            "`{}` ended with {}:\n{}",
            shown(command),
            output.status,
            words.trim()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shown(command: &Command) -> String {
    let parts: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect();
    parts.join(" ")
}
