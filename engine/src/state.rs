//! What a running engine leaves in its data folder for the command line of the same machine: where it
//! listens, and the key that signs access tokens. Who may read the folder is an operator of the engine.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use inkstone_domain::ids::UserId;
use inkstone_host::CacheKey;
use inkstone_services::SigningKey;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::cli::Failure;

const STATE_FILE: &str = "engine.json";
const KEY_FILE: &str = "signing.key";
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

/// The key of this engine, made at the first start.
pub(crate) fn signing_key(data_dir: &Path) -> Result<SigningKey, Failure> {
    let path = data_dir.join(KEY_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let bytes = SigningKey::generate();
            write_private(&path, &bytes)?;
            bytes
        }
        Err(error) => {
            return Err(Failure::Failed(format!(
                "the signing key `{}` cannot be read: {error}",
                path.display()
            )));
        }
    };
    Ok(SigningKey::from_bytes(&bytes)?)
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
