//! The text files of the checkout in memory, so that rules are functions and fixtures are literals.

use std::fs;
use std::path::Path;

use crate::process::Failure;

/// Folders that hold nothing of ours to judge.
const SKIPPED: &[&str] = &[".git", ".venv", "data", "dist", "node_modules", "target"];
/// The kinds of file that rules look at.
const KINDS: &[&str] = &["rs", "wit", "sha256"];

/// Path below the root, with `/`, and text.
pub(super) struct Tree {
    pub(super) files: Vec<(String, String)>,
}

impl Tree {
    pub(super) fn load(root: &Path) -> Result<Self, Failure> {
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        files.sort();
        Ok(Self { files })
    }

    /// Files of one kind, by the end of their name.
    pub(super) fn with_extension(
        &self,
        extension: &'static str,
    ) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .filter(move |(path, _)| {
                path.rsplit_once('.')
                    .is_some_and(|(_, found)| found == extension)
            })
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self {
            files: files.iter().map(owned).collect(),
        }
    }
}

fn walk(folder: &Path, below: &str, files: &mut Vec<(String, String)>) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(Failure::file(folder))? {
        let entry = entry.map_err(Failure::file(folder))?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let shown = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        let kind = entry.file_type().map_err(Failure::file(&path))?;
        if kind.is_dir() {
            // `tests/data` holds recorded traffic; only the engine's own `data` is meant here.
            let is_skipped =
                SKIPPED.contains(&name.as_str()) && (name != "data" || below.is_empty());
            if !is_skipped {
                walk(&path, &shown, files)?;
            }
        } else if path
            .extension()
            .is_some_and(|extension| KINDS.iter().any(|kind| extension == *kind))
        {
            let text = fs::read_to_string(&path).map_err(Failure::file(&path))?;
            files.push((shown, text));
        }
    }
    Ok(())
}
