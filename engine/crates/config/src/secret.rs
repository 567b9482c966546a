//! Secrets: written as a reference, resolved when the configuration is loaded, never printed.

use std::fmt;

use crate::problem::Place;
use crate::section::Section;

/// A secret value. `Debug` shows `…`, and there is neither `Display` nor `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself; for the one place that hands it on.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads `{ env = "NAME" }` or `{ file = "path" }` and resolves it.
    pub(crate) fn read(section: &mut Section<'_>, place: &Place) -> Option<Self> {
        let mut env = None;
        let mut file = None;
        section.optional_text("env", &mut env);
        section.optional_text("file", &mut file);
        let resolved = match (env, file) {
            (Some(name), None) => from_env(&name),
            (None, Some(path)) => from_file(&path),
            _ => Err(
                "a secret is either { env = \"NAME\" } or { file = \"path\" }, one of the two"
                    .to_owned(),
            ),
        };
        match resolved {
            Ok(secret) => Some(secret),
            Err(why) => {
                section.fault(place, why);
                None
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

fn from_env(name: &str) -> Result<Secret, String> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(Secret(value)),
        Ok(_) => Err(format!("the environment variable `{name}` is empty")),
        Err(std::env::VarError::NotPresent) => {
            Err(format!("the environment variable `{name}` is not set"))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(format!("the environment variable `{name}` is no UTF-8"))
        }
    }
}

fn from_file(path: &str) -> Result<Secret, String> {
    let expanded = crate::paths::expand_home(path)?;
    let text = std::fs::read_to_string(expanded)
        .map_err(|error| format!("the secret's file `{path}` cannot be read ({error})"))?;
    // Editors end files with a line break, which is no part of a secret.
    let value = text.trim_end_matches(['\r', '\n']);
    if value.is_empty() {
        return Err(format!("the secret's file `{path}` is empty"));
    }
    Ok(Secret(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("hush");
        assert_eq!(format!("{secret:?}"), "…");
        assert_eq!(format!("{:?}", Some(secret)), "Some(…)");
    }

    #[test]
    fn a_file_loses_its_last_line_break_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, " two words \n").unwrap();
        let secret = from_file(path.to_str().unwrap()).unwrap();
        assert_eq!(secret.expose(), " two words ");
    }
}
