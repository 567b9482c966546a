//! Secrets: written as a reference, resolved when the configuration is loaded, never printed.

use std::fmt;

use crate::problem::Place;
use crate::section::Section;
use crate::vault::Vault;

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
}

/// Where a secret comes from. Never the value, but where that was given in the environment already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `{ env = "NAME" }`
    Env(String),
    /// `{ file = "path" }`
    File(String),
    /// `{ stored = true }`: the encrypted store, under the credential's own name.
    Stored,
    /// Given in place of a reference, as only the environment and flags may.
    Given(Secret),
}

/// What may be written where a secret is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretForms {
    /// `env` or `file`.
    References,
    /// `stored`, too: for credentials, which have a name to be stored under.
    ReferencesOrStored,
}

impl SecretForms {
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::References => "{ env = \"NAME\" } or { file = \"path\" }",
            Self::ReferencesOrStored => {
                "{ env = \"NAME\" }, { file = \"path\" } or { stored = true }"
            }
        }
    }
}

impl SecretSource {
    /// Reads the table that refers to a secret, and resolves nothing.
    pub(crate) fn read(
        section: &mut Section<'_>,
        place: &Place,
        forms: SecretForms,
    ) -> Option<Self> {
        let mut env = None;
        let mut file = None;
        let mut stored = false;
        section.optional_text("env", &mut env);
        section.optional_text("file", &mut file);
        if forms == SecretForms::ReferencesOrStored {
            section.flag("stored", &mut stored);
        }
        match (env, file, stored) {
            (Some(name), None, false) => Some(Self::Env(name)),
            (None, Some(path), false) => Some(Self::File(path)),
            (None, None, true) => Some(Self::Stored),
            _ => {
                let number = match forms {
                    SecretForms::References => "two",
                    SecretForms::ReferencesOrStored => "three",
                };
                let forms = forms.told();
                section.fault(
                    place,
                    format!("a secret is either {forms}, one of the {number}"),
                );
                None
            }
        }
    }

    /// The value. `vault` and the name in it are only asked for what is stored.
    pub(crate) fn resolve(&self, vault: &Vault, name: &str) -> Result<Secret, String> {
        match self {
            Self::Env(variable) => from_env(variable),
            Self::File(path) => from_file(path),
            Self::Stored => vault.get(name).map_err(|error| error.to_string()),
            Self::Given(secret) => Ok(secret.clone()),
        }
    }

    /// The value of one that cannot be stored.
    pub(crate) fn resolve_reference(&self) -> Result<Secret, String> {
        match self {
            Self::Stored => Err("only credentials can be stored".to_owned()),
            Self::Env(variable) => from_env(variable),
            Self::File(path) => from_file(path),
            Self::Given(secret) => Ok(secret.clone()),
        }
    }
}

impl fmt::Display for SecretSource {
    /// Such as `env OPENAI_API_KEY`; never the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Stored => f.write_str("stored"),
            Self::Given(_) => f.write_str("environment"),
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
