//! The encrypted store of credentials: `credentials.json` in the data folder, each value sealed by
//! XChaCha20-Poly1305 under one key with its name as associated data. The key lies beside it in a file
//! for its owner alone, or comes from the environment, so that the folder by itself tells nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The variable that holds the key, in base64, instead of the file.
pub const KEY_VARIABLE: &str = "INKSTONE_CREDENTIALS_KEY";
/// Shorter values cannot be told from ordinary text, and so not kept out of logs and answers.
pub const SHORTEST_BYTES: usize = 8;

const STORE_FILE: &str = "credentials.json";
const KEY_FILE: &str = "credentials.key";
const LOCK_FILE: &str = "credentials.lock";
const FORMAT: u32 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Credentials at rest.
#[derive(Debug, Clone)]
pub struct Vault {
    data_dir: PathBuf,
    key_of_environment: Option<Secret>,
}

/// Why the store cannot be used. No value is ever part of it.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the credential `{name}` is not stored; `inkstone credential set {name}` stores it")]
    NotStored { name: String },
    #[error("`{name}` is no name of a credential; write letters, digits, `-` and `_`")]
    BadName { name: String },
    #[error("the value {0}")]
    BadValue(String),
    #[error(
        "the key `{}` of the stored credentials is missing; put it back or set {KEY_VARIABLE}, else remove `{STORE_FILE}` beside it and store them anew",
        .path.display()
    )]
    NoKey { path: PathBuf },
    #[error(
        "{whence} is no key: it must be {KEY_BYTES} bytes in base64, as `openssl rand -base64 {KEY_BYTES}` makes them"
    )]
    BadKey { whence: String },
    #[error(
        "the stored credential `{name}` cannot be opened with this key; use the key it was stored with, or store it anew"
    )]
    Sealed { name: String },
    #[error("`{}` is damaged: {why}", .path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("`{}` cannot be read or written: {source}", .path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    /// By name: nonce and sealed value in base64.
    credentials: BTreeMap<String, String>,
}

impl Vault {
    /// The store of a data folder, with the key of the environment if there is one. Reads nothing yet.
    pub fn new(data_dir: &Path) -> Self {
        let key = std::env::var(KEY_VARIABLE).ok();
        Self::with_key(data_dir, key.filter(|key| !key.is_empty()).map(Secret::new))
    }

    /// The same with a key in base64; `None` is the one in the data folder.
    pub fn with_key(data_dir: &Path, key: Option<Secret>) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            key_of_environment: key,
        }
    }

    /// The names of all stored credentials, in order. Needs no key.
    pub fn names(&self) -> Result<Vec<String>, VaultError> {
        Ok(self.read()?.credentials.into_keys().collect())
    }

    pub fn get(&self, name: &str) -> Result<Secret, VaultError> {
        let stored = self.read()?;
        let sealed = stored
            .credentials
            .get(name)
            .ok_or_else(|| VaultError::NotStored {
                name: name.to_owned(),
            })?;
        open(&self.cipher()?, name, sealed)
    }

    /// Stores a value, over an older one of that name. The first one makes the key.
    pub fn set(&self, name: &str, value: &Secret) -> Result<(), VaultError> {
        check_name(name)?;
        check_value(value)?;
        let _lock = self.lock()?;
        let mut stored = self.read()?;
        if stored.credentials.is_empty() && self.key_of_environment.is_none() {
            self.make_key()?;
        }
        let cipher = self.cipher()?;
        // One key for all: another one would leave the rest behind closed doors.
        if let Some((other, sealed)) = stored.credentials.iter().find(|(other, _)| *other != name) {
            open(&cipher, other, sealed)?;
        }
        let nonce = XNonce::generate();
        let payload = Payload {
            msg: value.expose().as_bytes(),
            aad: &associated(name),
        };
        let sealed = cipher
            .encrypt(&nonce, payload)
            .map_err(|_| VaultError::BadValue("is too long to be stored".to_owned()))?;
        let sealed = [nonce.as_slice(), &sealed].concat();
        stored
            .credentials
            .insert(name.to_owned(), STANDARD.encode(sealed));
        self.write(&stored)
    }

    /// Whether there was one of that name. Needs no key.
    pub fn remove(&self, name: &str) -> Result<bool, VaultError> {
        if !self.data_dir.join(STORE_FILE).exists() {
            return Ok(false);
        }
        let _lock = self.lock()?;
        let mut stored = self.read()?;
        let was_there = stored.credentials.remove(name).is_some();
        if was_there {
            self.write(&stored)?;
        }
        Ok(was_there)
    }

    fn read(&self) -> Result<Stored, VaultError> {
        let path = self.data_dir.join(STORE_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Stored {
                    format: FORMAT,
                    credentials: BTreeMap::new(),
                });
            }
            Err(source) => return Err(VaultError::File { path, source }),
        };
        let damaged = |why: String| VaultError::Damaged {
            path: path.clone(),
            why,
        };
        let stored: Stored =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if stored.format != FORMAT {
            let format = stored.format;
            return Err(damaged(format!(
                "its format is {format}, and this engine reads {FORMAT}; it may be of a newer one"
            )));
        }
        Ok(stored)
    }

    fn write(&self, stored: &Stored) -> Result<(), VaultError> {
        let path = self.data_dir.join(STORE_FILE);
        let written = serde_json::to_vec_pretty(stored)
            .map_err(io::Error::from)
            .and_then(|text| {
                let beside = self.beside(&text)?;
                beside.persist(&path).map_err(|error| error.error)
            });
        match written {
            Ok(_) => Ok(()),
            Err(source) => Err(VaultError::File { path, source }),
        }
    }

    /// A new file for its owner alone, whole and on the disk, to be given its name.
    fn beside(&self, content: &[u8]) -> io::Result<tempfile::NamedTempFile> {
        let mut beside = tempfile::Builder::new()
            .prefix(".credentials.")
            .tempfile_in(&self.data_dir)?;
        beside.write_all(content)?;
        beside.as_file().sync_all()?;
        Ok(beside)
    }

    /// Keeps the processes that change the store apart. Ends with the file.
    fn lock(&self) -> Result<File, VaultError> {
        let path = self.data_dir.join(LOCK_FILE);
        let locked = fs::create_dir_all(&self.data_dir)
            .and_then(|()| File::create(&path))
            .and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| VaultError::File { path, source })
    }

    fn make_key(&self) -> Result<(), VaultError> {
        let path = self.data_dir.join(KEY_FILE);
        if path.exists() {
            return Ok(());
        }
        let key = STANDARD.encode(Key::generate());
        let made = self
            .beside(format!("{key}\n").as_bytes())
            .and_then(|beside| beside.persist_noclobber(&path).map_err(|error| error.error));
        match made {
            Ok(_) => Ok(()),
            Err(source) => Err(VaultError::File { path, source }),
        }
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305, VaultError> {
        let path = self.data_dir.join(KEY_FILE);
        let (text, whence) = match &self.key_of_environment {
            Some(key) => (key.expose().to_owned(), KEY_VARIABLE.to_owned()),
            None => match fs::read_to_string(&path) {
                Ok(text) => (text, format!("`{}`", path.display())),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(VaultError::NoKey { path });
                }
                Err(source) => return Err(VaultError::File { path, source }),
            },
        };
        let bytes = STANDARD.decode(text.trim()).ok();
        bytes
            .and_then(|bytes| XChaCha20Poly1305::new_from_slice(&bytes).ok())
            .ok_or(VaultError::BadKey { whence })
    }
}

/// A value that belongs to another name cannot be passed off as this one's.
fn associated(name: &str) -> Vec<u8> {
    format!("inkstone credential {FORMAT}: {name}").into_bytes()
}

fn open(cipher: &XChaCha20Poly1305, name: &str, sealed: &str) -> Result<Secret, VaultError> {
    let refused = || VaultError::Sealed {
        name: name.to_owned(),
    };
    let bytes = STANDARD.decode(sealed).map_err(|_| refused())?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(refused)?;
    let nonce = XNonce::try_from(nonce).map_err(|_| refused())?;
    let payload = Payload {
        msg: sealed,
        aad: &associated(name),
    };
    let value = cipher.decrypt(&nonce, payload).map_err(|_| refused())?;
    let value = String::from_utf8(value).map_err(|_| refused())?;
    Ok(Secret::new(value))
}

fn check_name(name: &str) -> Result<(), VaultError> {
    let is_name = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_name {
        Ok(())
    } else {
        Err(VaultError::BadName {
            name: name.to_owned(),
        })
    }
}

fn check_value(value: &Secret) -> Result<(), VaultError> {
    let value = value.expose();
    let wrong = |what: &str| Err(VaultError::BadValue(what.to_owned()));
    if value.trim().is_empty() {
        wrong("is empty")
    } else if value.len() < SHORTEST_BYTES {
        wrong(&format!(
            "is shorter than {SHORTEST_BYTES} bytes, so it could not be kept out of logs and answers"
        ))
    } else if value.chars().any(char::is_control) {
        wrong("holds line breaks or other control characters, which no header may carry")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-very-secret-0123456789";

    fn in_folder() -> (tempfile::TempDir, Vault) {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::with_key(&folder.path().join("data"), None);
        (folder, vault)
    }

    #[test]
    fn what_is_stored_comes_back_and_lies_there_sealed() {
        let (folder, vault) = in_folder();
        assert_eq!(vault.names().unwrap(), Vec::<String>::new());
        vault.set("openai", &Secret::new(KEY)).unwrap();
        vault.set("other", &Secret::new("an-old-value")).unwrap();
        vault.set("other", &Secret::new("a-new-value")).unwrap();
        assert_eq!(vault.names().unwrap(), ["openai", "other"]);
        assert_eq!(vault.get("openai").unwrap().expose(), KEY);
        assert_eq!(vault.get("other").unwrap().expose(), "a-new-value");

        for entry in fs::read_dir(folder.path().join("data")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("very-secret"), "{}", path.display());
            assert!(!text.contains(&STANDARD.encode(KEY)), "{}", path.display());
        }
        assert!(vault.remove("openai").unwrap());
        assert!(!vault.remove("openai").unwrap());
        assert_eq!(vault.names().unwrap(), ["other"]);
        let missing = vault.get("openai").unwrap_err().to_string();
        assert!(
            missing.contains("`inkstone credential set openai`"),
            "{missing}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_store_and_key() {
        use std::os::unix::fs::PermissionsExt;

        let (folder, vault) = in_folder();
        vault.set("openai", &Secret::new(KEY)).unwrap();
        for name in [STORE_FILE, KEY_FILE] {
            let path = folder.path().join("data").join(name);
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_value_under_another_name_stays_closed() {
        let (folder, vault) = in_folder();
        vault.set("a", &Secret::new("the-first-one")).unwrap();
        vault.set("b", &Secret::new("the-second-one")).unwrap();
        let path = folder.path().join("data").join(STORE_FILE);
        let mut stored = vault.read().unwrap();
        let first = stored.credentials["a"].clone();
        stored.credentials.insert("b".to_owned(), first.clone());
        fs::write(&path, serde_json::to_vec(&stored).unwrap()).unwrap();
        assert!(matches!(vault.get("b"), Err(VaultError::Sealed { .. })));
        assert_eq!(vault.get("a").unwrap().expose(), "the-first-one");

        let mut bytes = STANDARD.decode(first).unwrap();
        for at in [0, NONCE_BYTES, bytes.len() - 1] {
            bytes[at] ^= 1;
            let changed = STANDARD.encode(&bytes);
            bytes[at] ^= 1;
            stored.credentials.insert("a".to_owned(), changed);
            fs::write(&path, serde_json::to_vec(&stored).unwrap()).unwrap();
            assert!(matches!(vault.get("a"), Err(VaultError::Sealed { .. })));
        }
        for broken in ["", "!", "AAAA"] {
            stored.credentials.insert("a".to_owned(), broken.to_owned());
            fs::write(&path, serde_json::to_vec(&stored).unwrap()).unwrap();
            assert!(matches!(vault.get("a"), Err(VaultError::Sealed { .. })));
        }
        fs::write(&path, "{").unwrap();
        assert!(matches!(vault.get("a"), Err(VaultError::Damaged { .. })));
        fs::write(&path, r#"{"format":2,"credentials":{}}"#).unwrap();
        let newer = vault.get("a").unwrap_err().to_string();
        assert!(newer.contains("format is 2"), "{newer}");
    }

    #[test]
    fn the_key_of_the_environment_needs_no_file() {
        let (folder, _) = in_folder();
        let data_dir = folder.path().join("data");
        let key = Secret::new(STANDARD.encode([7; KEY_BYTES]));
        let vault = Vault::with_key(&data_dir, Some(key));
        vault.set("openai", &Secret::new(KEY)).unwrap();
        assert!(!data_dir.join(KEY_FILE).exists());
        assert_eq!(vault.get("openai").unwrap().expose(), KEY);

        let without = Vault::with_key(&data_dir, None);
        assert!(matches!(
            without.get("openai"),
            Err(VaultError::NoKey { .. })
        ));
        let set = without.set("b", &Secret::new("12345678"));
        assert!(matches!(set, Err(VaultError::NoKey { .. })));
        let other = Secret::new(STANDARD.encode([8; KEY_BYTES]));
        let other = Vault::with_key(&data_dir, Some(other));
        assert!(matches!(
            other.get("openai"),
            Err(VaultError::Sealed { .. })
        ));
        let set = other.set("b", &Secret::new("12345678"));
        assert!(matches!(set, Err(VaultError::Sealed { .. })));
        let short = Vault::with_key(&data_dir, Some(Secret::new("c2hvcnQ=")));
        let error = short.get("openai").unwrap_err().to_string();
        assert!(error.contains(KEY_VARIABLE), "{error}");
        assert!(!error.contains("c2hvcnQ"), "{error}");
    }

    #[test]
    fn what_cannot_be_used_is_not_stored() {
        let (_folder, vault) = in_folder();
        for value in ["", "        ", "short", "two\nlines-of-text"] {
            let error = vault.set("a", &Secret::new(value)).unwrap_err();
            assert!(matches!(error, VaultError::BadValue(_)), "{value:?}");
        }
        for name in ["", "a b", "../a", "ü"] {
            let error = vault.set(name, &Secret::new("12345678")).unwrap_err();
            assert!(matches!(error, VaultError::BadName { .. }), "{name:?}");
        }
    }
}
