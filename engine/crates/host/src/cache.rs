//! Compiled components on disk. Machine code can only be trusted, never checked, so every entry
//! carries a MAC under a key that does not lie in this folder: what somebody else wrote here is
//! compiled again and never loaded. Which entries go when the folder grows is `prune`'s business.

mod prune;

use std::fmt;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use wasmtime::Engine;
use wasmtime::component::Component;

type HmacSha256 = Hmac<Sha256>;

const EXTENSION: &str = "cwasm";
const MAC_BYTES: usize = 32;
/// A use within this time of the last one is not written down.
const TOUCH_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What the MACs of compiled components are made with. Keep it where only the engine's user reads,
/// and not in the cache itself. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The same for all hosts of this process, and forgotten with it.
    fn of_this_process() -> Self {
        static KEY: OnceLock<[u8; 32]> = OnceLock::new();
        Self(*KEY.get_or_init(|| {
            let mut bytes = [0; 32];
            rand::fill(&mut bytes[..]);
            bytes
        }))
    }

    /// Keeps engines with different keys out of each other's entries; says nothing of the key.
    fn id(&self) -> String {
        let tag = self.mac("key id").finalize().into_bytes();
        tag[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Begins a MAC over something that has this name.
    fn mac(&self, name: &str) -> HmacSha256 {
        // A key shorter than the block of SHA-256 is filled up with zeros, by definition of HMAC.
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = <HmacSha256 as Mac>::new(&block.into());
        mac.update(b"inkstone compiled component 1\0");
        mac.update(&(name.len() as u64).to_le_bytes());
        mac.update(name.as_bytes());
        mac
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheKey(…)")
    }
}

/// Where a component came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Cache,
    Compiled,
}

impl Origin {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Compiled => "compiled",
        }
    }
}

/// The folder of compiled components, or none.
pub(crate) struct CompiledCache {
    folder: Option<PathBuf>,
    key: CacheKey,
    max_bytes: u64,
}

impl CompiledCache {
    /// Opens the folder, readable by this user alone, and removes what is old or too much. Without a
    /// folder, everything is compiled; without a key, nothing outlives the process.
    pub fn open(folder: Option<PathBuf>, key: Option<CacheKey>, max_bytes: u64) -> Self {
        let folder = folder.filter(|folder| match own_folder(folder) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(
                    folder = %folder.display(),
                    %error,
                    "the cache of compiled plugins cannot be used; every start will compile them"
                );
                false
            }
        });
        if let Some(folder) = &folder {
            prune::prune(folder, max_bytes, SystemTime::now());
        }
        Self {
            folder,
            key: key.unwrap_or_else(CacheKey::of_this_process),
            max_bytes,
        }
    }

    /// Loads the component, or compiles it and keeps the result. Takes seconds of CPU where it compiles.
    pub fn load_or_compile(
        &self,
        engine: &Engine,
        wasm: &[u8],
        digest: &str,
    ) -> wasmtime::Result<(Component, Origin)> {
        let Some(folder) = &self.folder else {
            return Ok((Component::from_binary(engine, wasm)?, Origin::Compiled));
        };
        let entry = Entry::new(folder, &self.key, engine, digest);
        if let Some(component) = entry.load(engine, self.max_bytes) {
            return Ok((component, Origin::Cache));
        }
        let component = Component::from_binary(engine, wasm)?;
        let kept = component
            .serialize()
            .and_then(|code| entry.keep(code).map_err(Into::into));
        if let Err(error) = kept {
            tracing::warn!(
                folder = %folder.display(),
                error = format!("{error:#}"),
                "the compiled plugin could not be kept; the next start will compile it again"
            );
        }
        Ok((component, Origin::Compiled))
    }
}

/// The file of one compiled component: the code, and at its end the MAC of name and code.
struct Entry<'a> {
    path: PathBuf,
    name: String,
    key: &'a CacheKey,
}

impl<'a> Entry<'a> {
    fn new(folder: &Path, key: &'a CacheKey, engine: &Engine, digest: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        // Covers wasmtime's version, the target and every setting that shapes the code.
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let name = format!("{digest}-{:016x}-{}", hasher.finish(), key.id());
        Self {
            path: folder.join(format!("{name}.{EXTENSION}")),
            name,
            key,
        }
    }

    /// `None` where there is no entry, or none that can be trusted.
    fn load(&self, engine: &Engine, max_bytes: u64) -> Option<Component> {
        let file = File::open(&self.path).ok()?;
        let Some(bytes) = read_at_most(&file, max_bytes) else {
            tracing::warn!(file = %self.path.display(), "a compiled plugin cannot be read and is compiled again");
            return None;
        };
        let Some(code) = self.checked(&bytes) else {
            tracing::warn!(
                file = %self.path.display(),
                "a compiled plugin was damaged or tampered with; it is not loaded, but compiled again"
            );
            return None;
        };
        // SAFETY: the MAC proves that a holder of the key wrote exactly these bytes under this name,
        // and they are read from our own memory: no file can change between check and use.
        #[allow(unsafe_code, reason = "machine code can only be trusted, not checked")]
        let loaded = unsafe { Component::deserialize(engine, code) };
        let component = loaded
            .inspect_err(|error| {
                tracing::warn!(
                    file = %self.path.display(),
                    error = format!("{error:#}"),
                    "a compiled plugin does not fit this engine and is compiled again"
                );
            })
            .ok()?;
        touch(&file);
        Some(component)
    }

    /// The code within, if the MAC at the end is the right one. Compared in constant time.
    fn checked<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (code, tag) = bytes.split_at(bytes.len().checked_sub(MAC_BYTES)?);
        let mut mac = self.key.mac(&self.name);
        mac.update(code);
        mac.verify_slice(tag).ok()?;
        Some(code)
    }

    fn keep(&self, mut code: Vec<u8>) -> io::Result<()> {
        let mut mac = self.key.mac(&self.name);
        mac.update(&code);
        code.extend_from_slice(&mac.finalize().into_bytes());
        write_atomically(&self.path, &code)
    }
}

fn read_at_most(file: &File, max_bytes: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = max_bytes.saturating_add(1);
    file.take(most).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= max_bytes).then_some(bytes)
}

/// Writes down that the entry was used. Without it, the entry only goes sooner.
fn touch(file: &File) {
    let now = SystemTime::now();
    let used = file.metadata().and_then(|data| data.modified());
    let is_recent =
        used.is_ok_and(|used| now.duration_since(used).unwrap_or_default() < TOUCH_AFTER);
    if !is_recent {
        let _ = file.set_modified(now);
    }
}

/// Readers see the old file or the new one.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
}

#[cfg(unix)]
fn own_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mode = fs::metadata(folder)?.permissions().mode();
    if mode & 0o077 != 0 {
        // Only its owner can do this, so a stranger's folder is refused.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn own_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests;
