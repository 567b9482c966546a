//! `config/plugin-keys.toml`: the keys whose signatures on packages are trusted, and those that are
//! revoked. It is read anew at every load, and edited in place by `inkstone plugin key`. Whether a
//! text is a key is checked where keys are known, not here.

use std::io::ErrorKind;
use std::path::Path;

use inkstone_domain::{Error, Result, codes};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use crate::atomic_file;
use crate::problem::{ConfigError, Problems};
use crate::section::Section;
use crate::tree;

/// What stands in the file, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginKeys {
    pub trusted: Vec<TrustedKey>,
    pub revoked: Vec<RevokedKey>,
}

/// `[[trusted]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// Whose it is, in the admin's words.
    pub name: String,
    /// `ed25519:` and base64.
    pub key: String,
}

/// `[[revoked]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedKey {
    /// 16 hex digits.
    pub key_id: String,
    pub reason: Option<String>,
}

/// Reads the keys in `path`; a file that is not there holds none.
pub fn load(path: &Path) -> Result<PluginKeys, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text, &path.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(PluginKeys::default()),
        Err(error) => Err(ConfigError::unreadable(path, &error)),
    }
}

/// Checks `text`, which faults call `file`.
pub fn parse(text: &str, file: &str) -> Result<PluginKeys, ConfigError> {
    let problems = Problems::default();
    let mut top = Section::top(tree::parse(text, file, &problems), &problems);
    let trusted = top.sections("trusted").into_iter().map(trusted).collect();
    let revoked = top.sections("revoked").into_iter().map(revoked).collect();
    top.finish();
    problems.finish(PluginKeys { trusted, revoked })
}

/// Adds a trusted key; the file is made where it is not there. Nothing changes where the key is
/// trusted already. `already_exists` where the name belongs to another key.
pub fn trust(path: &Path, key: &TrustedKey) -> Result<()> {
    let keys = load(path)?;
    if keys.trusted.iter().any(|one| one.key == key.key) {
        return Ok(());
    }
    if keys.trusted.iter().any(|one| one.name == key.name) {
        return Err(Error::new(
            &codes::ALREADY_EXISTS,
            format!(
                "another key is trusted as `{}` in {}; take another name, or revoke that key",
                key.name,
                path.display()
            ),
        ));
    }
    let mut entry = Table::new();
    entry.insert("name", value(key.name.as_str()));
    entry.insert("key", value(key.key.as_str()));
    add(path, "trusted", entry)
}

/// Adds a revocation, whether the key is known or not. Nothing changes where it is revoked already.
pub fn revoke(path: &Path, key: &RevokedKey) -> Result<()> {
    let keys = load(path)?;
    if keys.revoked.iter().any(|one| one.key_id == key.key_id) {
        return Ok(());
    }
    let mut entry = Table::new();
    entry.insert("key_id", value(key.key_id.as_str()));
    if let Some(reason) = &key.reason {
        entry.insert("reason", value(reason.as_str()));
    }
    add(path, "revoked", entry)
}

fn trusted(mut section: Section<'_>) -> TrustedKey {
    let read = TrustedKey {
        name: section.required_text("name"),
        key: section.required_text("key"),
    };
    section.finish();
    read
}

fn revoked(mut section: Section<'_>) -> RevokedKey {
    let mut read = RevokedKey {
        key_id: section.required_text("key_id"),
        reason: None,
    };
    section.optional_text("reason", &mut read.reason);
    section.finish();
    read
}

/// Puts an entry at the end of the file; everything else in it stays as somebody wrote it.
fn add(path: &Path, list: &str, entry: Table) -> Result<()> {
    let mut text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => HEAD.to_owned(),
        Err(error) => return Err(ConfigError::unreadable(path, &error).into()),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let mut entries = ArrayOfTables::new();
    entries.push(entry);
    let mut document = DocumentMut::new();
    document.insert(list, Item::ArrayOfTables(entries));
    text.push('\n');
    text.push_str(&document.to_string());
    // A list in another form cannot be added to in this way.
    parse(&text, &path.display().to_string()).map_err(|error| {
        Error::new(
            &codes::INVALID_CONFIG,
            format!(
                "`{list}` in {} cannot be added to; write it as [[{list}]]",
                path.display()
            ),
        )
        .with_source(error)
    })?;
    let unwritable = |error: std::io::Error| {
        Error::new(
            &codes::CONFLICT,
            format!(
                "the keys in {} cannot be written ({error}); change them where they come from",
                path.display()
            ),
        )
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    atomic_file::write(path, text.as_bytes()).map_err(unwritable)
}

const HEAD: &str = "\
# Whose signatures on packages of plugins are trusted. `inkstone plugin key` changes this file, and so
# may you; it is read anew whenever plugins are loaded.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(name: &str, key: &str) -> TrustedKey {
        TrustedKey {
            name: name.to_owned(),
            key: key.to_owned(),
        }
    }

    fn revoked(key_id: &str, reason: Option<&str>) -> RevokedKey {
        RevokedKey {
            key_id: key_id.to_owned(),
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn keys_are_added_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config/keys.toml");
        assert_eq!(load(&path).unwrap(), PluginKeys::default());
        trust(&path, &trusted("acme", "ed25519:AAAA")).unwrap();
        let mut text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# Whose signatures"), "{text}");
        text.push_str("# Met at the fair.\n");
        std::fs::write(&path, text).unwrap();
        trust(&path, &trusted("acme again", "ed25519:AAAA")).unwrap();
        trust(&path, &trusted("other", "ed25519:BBBB")).unwrap();
        revoke(&path, &revoked("0123456789abcdef", Some("lost"))).unwrap();
        revoke(&path, &revoked("0123456789abcdef", None)).unwrap();
        revoke(&path, &revoked("fedcba9876543210", None)).unwrap();
        let keys = load(&path).unwrap();
        assert_eq!(
            keys.trusted,
            [
                trusted("acme", "ed25519:AAAA"),
                trusted("other", "ed25519:BBBB")
            ]
        );
        assert_eq!(
            keys.revoked,
            [
                revoked("0123456789abcdef", Some("lost")),
                revoked("fedcba9876543210", None)
            ]
        );
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("# Met at the fair.\n"), "{text}");
        let error = trust(&path, &trusted("acme", "ed25519:CCCC")).unwrap_err();
        assert_eq!(error.code().name, "already_exists");
    }

    #[test]
    fn a_file_with_faults_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        for (text, words) in [
            ("[[trusted]]\nname = \"x\"\n", "`key` is missing"),
            ("[[revoked]]\nkeyid = \"x\"\n", "did you mean `key_id`?"),
            ("[trusted]\n", "written [[trusted]]"),
            ("trusted = [", "no valid TOML"),
            ("[[trustet]]\n", "did you mean `trusted`?"),
        ] {
            std::fs::write(&path, text).unwrap();
            let message = load(&path).unwrap_err().to_string();
            assert!(message.contains(words), "{text}: {message}");
            let error = revoke(&path, &revoked("0123456789abcdef", None)).unwrap_err();
            assert_eq!(error.code().name, "invalid_config");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        // Valid, but nothing can be put at the end of the file.
        let text = "revoked = [{ key_id = \"0123456789abcdef\" }]\n";
        std::fs::write(&path, text).unwrap();
        let error = revoke(&path, &revoked("fedcba9876543210", None)).unwrap_err();
        assert!(
            error.message().contains("write it as [[revoked]]"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}
