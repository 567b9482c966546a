//! What is wrong with a configuration, and where: one `Problem` per fault, all of a file together in
//! a `ConfigError`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use inkstone_domain::{Error, codes};

/// Where a value or a key was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Line and column count from 1; the column counts characters.
    File {
        file: String,
        line: usize,
        column: usize,
    },
    /// A file as a whole: it cannot be read, or something is missing in it.
    WholeFile { file: String },
    /// The name of an environment variable, or of a flag.
    Outside { name: String },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::WholeFile { file } => f.write_str(file),
            Self::Outside { name } => f.write_str(name),
        }
    }
}

/// One fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    /// What is wrong and what would be right; never the value of a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Every fault that was found, in the order of the file. Shown as one line per fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(&codes::INVALID_CONFIG, error.to_string())
    }
}

impl ConfigError {
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file",
            std::io::ErrorKind::PermissionDenied => "this user may not read the file",
            _ => "the file cannot be read",
        };
        Self {
            problems: vec![Problem {
                place: Place::WholeFile {
                    file: path.display().to_string(),
                },
                message: format!("{hint} ({error})"),
            }],
        }
    }
}

/// Collects faults while a tree is read, so that one run tells them all.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: RefCell<Vec<Problem>>,
    /// Every key that was asked for, dotted, so that a test can compare them with what is documented.
    known: RefCell<BTreeSet<String>>,
}

impl Problems {
    pub(crate) fn add(&self, place: &Place, message: impl Into<String>) {
        self.found.borrow_mut().push(Problem {
            place: place.clone(),
            message: message.into(),
        });
    }

    pub(crate) fn remember(&self, keys: impl Iterator<Item = String>) {
        self.known.borrow_mut().extend(keys);
    }

    #[cfg(test)]
    pub(crate) fn known(&self) -> BTreeSet<String> {
        self.known.borrow().clone()
    }

    /// The value, unless something was wrong.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        let mut problems = self.found.into_inner();
        if problems.is_empty() {
            return Ok(value);
        }
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        Err(ConfigError { problems })
    }
}
