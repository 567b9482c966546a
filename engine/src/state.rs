//! What a running engine leaves in its data folder for the command line of the same machine: where it
//! listens, and the key that signs access tokens. Who may read the folder is an operator of the engine.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use inkstone_domain::codes;
use inkstone_domain::ids::UserId;
use inkstone_domain::people::StoredSigningKey;
use inkstone_domain::ports::SigningKeyStore;
use inkstone_host::CacheKey;
use inkstone_services::{SealingKey, SigningKey};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::cli::Failure;

const STATE_FILE: &str = "engine.json";
const KEY_FILE: &str = "signing.key";
const RETIRED_KEYS_FILE: &str = "signing.retired.json";
const SEALING_KEY_FILE: &str = "sealing.key";
const CACHE_KEY_FILE: &str = "cache.key";
const ENGINE_ID_FILE: &str = "engine.id";

/// Where an engine is reached.
#[derive(Serialize, Deserialize)]
pub(crate) struct EngineState {
    pub url: String,
    /// Its process id.
    pub process: u32,
    /// Whom the command line acts as.
    pub admin: UserId,
}

/// Stands as long as the engine serves.
pub(crate) struct StateFile(PathBuf);

impl StateFile {
    pub(crate) fn write(data_dir: &Path, state: &EngineState) -> Result<Self, Failure> {
        let path = data_dir.join(STATE_FILE);
        write_private(&path, serde_json::to_string(state)?.as_bytes())?;
        Ok(Self(path))
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        // It may be gone already, and an old one does no harm: readers check whether the engine answers.
        let _ = fs::remove_file(&self.0);
    }
}

/// The engine that was started with this data folder, if its file is there.
pub(crate) fn read(data_dir: &Path) -> Option<EngineState> {
    let text = fs::read_to_string(data_dir.join(STATE_FILE)).ok()?;
    serde_json::from_str(&text).ok()
}

/// The key that signs access tokens, made at the first start.
pub(crate) fn signing_key(data_dir: &Path) -> Result<SigningKey, Failure> {
    let keys = FileSigningKeys::new(data_dir).signing_keys()?;
    match keys.first() {
        Some(key) => Ok(SigningKey::from_bytes(&key.pkcs8)?),
        None => Err(Failure::Failed("there is no signing key".to_owned())),
    }
}

/// The signing keys of a data folder: the one that signs in a file of its own, and those that it followed
/// in another.
pub(crate) struct FileSigningKeys {
    signing: PathBuf,
    retired: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct RetiredKey {
    pkcs8: Vec<u8>,
    retired_at: DateTime<Utc>,
}

impl FileSigningKeys {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self {
            signing: data_dir.join(KEY_FILE),
            retired: data_dir.join(RETIRED_KEYS_FILE),
        }
    }
}

impl SigningKeyStore for FileSigningKeys {
    fn signing_keys(&self) -> inkstone_domain::Result<Vec<StoredSigningKey>> {
        let pkcs8 = match fs::read(&self.signing) {
            Ok(pkcs8) => pkcs8,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let pkcs8 = SigningKey::generate();
                write_private(&self.signing, &pkcs8)
                    .map_err(|error| broken(&self.signing, error))?;
                pkcs8
            }
            Err(error) => return Err(broken(&self.signing, error)),
        };
        let retired: Vec<RetiredKey> = match fs::read(&self.retired) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|error| broken(&self.retired, error))?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(broken(&self.retired, error)),
        };
        let signing = StoredSigningKey {
            pkcs8,
            retired_at: None,
        };
        // A crash between the two files leaves the one that signs among the retired.
        let retired = retired.into_iter().filter(|key| key.pkcs8 != signing.pkcs8);
        let retired = retired.map(|key| StoredSigningKey {
            pkcs8: key.pkcs8,
            retired_at: Some(key.retired_at),
        });
        Ok([signing.clone()].into_iter().chain(retired).collect())
    }

    fn put_signing_keys(&self, keys: &[StoredSigningKey]) -> inkstone_domain::Result<()> {
        let signing = keys.iter().find(|key| key.retired_at.is_none());
        let signing = signing.ok_or_else(|| {
            inkstone_domain::Error::new(&codes::INTERNAL, "a key that signs is missing")
        })?;
        let retired = keys.iter().filter_map(|key| {
            Some(RetiredKey {
                pkcs8: key.pkcs8.clone(),
                retired_at: key.retired_at?,
            })
        });
        let retired: Vec<RetiredKey> = retired.collect();
        let text = serde_json::to_vec(&retired).map_err(|error| broken(&self.retired, error))?;
        write_private(&self.retired, &text).map_err(|error| broken(&self.retired, error))?;
        write_private(&self.signing, &signing.pkcs8).map_err(|error| broken(&self.signing, error))
    }
}

fn broken(
    path: &Path,
    source: impl std::error::Error + Send + Sync + 'static,
) -> inkstone_domain::Error {
    inkstone_domain::Error::new(
        &codes::INVALID_CONFIG,
        format!(
            "the signing keys in `{}` cannot be read or written: {source}",
            path.display()
        ),
    )
    .with_source(source)
}

/// What secrets in the store are encrypted with, made at the first start. It is never made anew while a
/// damaged one is there: what was sealed with it would stay closed.
pub(crate) fn sealing_key(data_dir: &Path) -> Result<SealingKey, Failure> {
    let path = data_dir.join(SEALING_KEY_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let bytes: [u8; 32] = rand::random();
            write_private(&path, &bytes)?;
            bytes.to_vec()
        }
        Err(error) => {
            return Err(Failure::Failed(format!(
                "the sealing key `{}` cannot be read: {error}",
                path.display()
            )));
        }
    };
    match <[u8; 32]>::try_from(bytes) {
        Ok(bytes) => Ok(SealingKey::new(bytes)),
        Err(_) => Err(Failure::Failed(format!(
            "the sealing key `{}` is damaged: it must have 32 bytes; put it back from a backup",
            path.display()
        ))),
    }
}

/// What vouches for compiled plugins in the cache, made at the first start. One that was lost or
/// damaged is made anew: then every plugin is compiled once more.
pub(crate) fn cache_key(data_dir: &Path) -> Result<CacheKey, Failure> {
    let path = data_dir.join(CACHE_KEY_FILE);
    if let Ok(bytes) = fs::read(&path)
        && let Ok(bytes) = <[u8; 32]>::try_from(bytes)
    {
        return Ok(CacheKey::new(bytes));
    }
    let bytes: [u8; 32] = rand::random();
    write_private(&path, &bytes)?;
    Ok(CacheKey::new(bytes))
}

/// Tells this engine apart from all others on its store, and is the same after a restart.
pub(crate) fn engine_id(data_dir: &Path) -> Result<String, Failure> {
    let path = data_dir.join(ENGINE_ID_FILE);
    match fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => Ok(id.trim().to_owned()),
        _ => {
            let id = Ulid::new().to_string();
            write_private(&path, id.as_bytes())?;
            Ok(id)
        }
    }
}

/// Writes beside and renames, readable by its owner alone.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_keys_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileSigningKeys::new(folder.path());
        let first = store.signing_keys().unwrap();
        assert_eq!(first.len(), 1);
        assert_eq!(store.signing_keys().unwrap(), first);
        let keys = [
            StoredSigningKey {
                pkcs8: SigningKey::generate(),
                retired_at: None,
            },
            StoredSigningKey {
                retired_at: DateTime::from_timestamp(1_767_225_600, 0),
                ..first[0].clone()
            },
        ];
        store.put_signing_keys(&keys).unwrap();
        let again = FileSigningKeys::new(folder.path());
        assert_eq!(again.signing_keys().unwrap(), keys);
        let current = signing_key(folder.path()).unwrap();
        let expected = SigningKey::from_bytes(&keys[0].pkcs8).unwrap();
        assert_eq!(current.id(), expected.id());
        assert!(store.put_signing_keys(&keys[1..]).is_err());
    }

    /// The crash between the two files of a rotation.
    #[test]
    fn a_rotation_that_broke_off_leaves_the_old_key() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileSigningKeys::new(folder.path());
        let first = store.signing_keys().unwrap();
        let signing = fs::read(&store.signing).unwrap();
        let keys = [
            StoredSigningKey {
                pkcs8: SigningKey::generate(),
                retired_at: None,
            },
            StoredSigningKey {
                retired_at: DateTime::from_timestamp(1_767_225_600, 0),
                ..first[0].clone()
            },
        ];
        store.put_signing_keys(&keys).unwrap();
        fs::write(&store.signing, signing).unwrap();
        assert_eq!(store.signing_keys().unwrap(), first);
    }

    #[test]
    fn a_damaged_sealing_key_is_told_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        sealing_key(folder.path()).unwrap();
        sealing_key(folder.path()).unwrap();
        let path = folder.path().join(SEALING_KEY_FILE);
        fs::write(&path, b"short").unwrap();
        assert!(sealing_key(folder.path()).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
