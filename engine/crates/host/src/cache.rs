//! Compiled components on disk. An entry is named by the component's digest and everything that
//! decides what the compiler makes of it; its own digest stands beside it, because loading damaged
//! machine code is not safe. An entry that does not fit is compiled again and replaced.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

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
}

impl CompiledCache {
    /// Opens the folder, readable by this user alone. Without one, everything is compiled.
    pub fn open(folder: Option<PathBuf>) -> Self {
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
        Self { folder }
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
        let entry = Entry::new(folder, engine, digest);
        if let Some(component) = entry.load(engine) {
            return Ok((component, Origin::Cache));
        }
        let component = Component::from_binary(engine, wasm)?;
        let kept = component
            .serialize()
            .and_then(|code| entry.keep(&code).map_err(Into::into));
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

/// The two files of one compiled component.
struct Entry {
    code: PathBuf,
    sum: PathBuf,
}

impl Entry {
    fn new(folder: &Path, engine: &Engine, digest: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        // Covers wasmtime's version, the target and every setting that shapes the code.
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let stem = format!("{digest}-{:016x}", hasher.finish());
        Self {
            code: folder.join(format!("{stem}.cwasm")),
            sum: folder.join(format!("{stem}.sha256")),
        }
    }

    /// `None` where there is no entry, or none that can be trusted.
    fn load(&self, engine: &Engine) -> Option<Component> {
        let want = fs::read(&self.sum).ok()?;
        let code = fs::read(&self.code).ok()?;
        if Sha256::digest(&code).as_slice() != want {
            tracing::warn!(file = %self.code.display(), "a damaged compiled plugin is compiled again");
            return None;
        }
        // SAFETY: the bytes are what `keep` wrote, as the digest beside them proves; the folder is
        // open to this user alone, and files in it are only ever replaced as a whole.
        #[allow(unsafe_code, reason = "machine code can only be trusted, not checked")]
        let loaded = unsafe { Component::deserialize_file(engine, &self.code) };
        loaded
            .inspect_err(|error| {
                tracing::warn!(
                    file = %self.code.display(),
                    error = format!("{error:#}"),
                    "a compiled plugin does not fit this engine and is compiled again"
                );
            })
            .ok()
    }

    fn keep(&self, code: &[u8]) -> io::Result<()> {
        // The digest last: without it the code is not looked at.
        let _ = fs::remove_file(&self.sum);
        write_atomically(&self.code, code)?;
        write_atomically(&self.sum, &Sha256::digest(code))
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
mod tests {
    use super::*;

    fn engine() -> Engine {
        Engine::new(wasmtime::Config::new().wasm_component_model(true)).unwrap()
    }

    fn entries(folder: &Path, extension: &str) -> Vec<PathBuf> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == extension))
            .collect()
    }

    #[test]
    fn a_second_load_comes_from_the_cache_and_damage_is_repaired() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("cache");
        let cache = CompiledCache::open(Some(folder.clone()));
        let wasm = wat::parse_str("(component (core module (func)))").unwrap();
        let load = || cache.load_or_compile(&engine(), &wasm, "d1").unwrap().1;
        assert_eq!(load(), Origin::Compiled);
        assert_eq!(load(), Origin::Cache);

        let code = entries(&folder, "cwasm").remove(0);
        let mut bytes = fs::read(&code).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(&code, &bytes).unwrap();
        assert_eq!(load(), Origin::Compiled);
        assert_eq!(load(), Origin::Cache);

        fs::write(&code, b"").unwrap();
        assert_eq!(load(), Origin::Compiled);
        assert_eq!(load(), Origin::Cache);
        assert!(entries(&folder, "tmp").is_empty());
    }

    #[test]
    fn code_of_another_engine_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CompiledCache::open(Some(folder.path().join("cache")));
        let wasm = wat::parse_str("(component (core module (func)))").unwrap();
        cache.load_or_compile(&engine(), &wasm, "d1").unwrap();
        let other = Engine::new(
            wasmtime::Config::new()
                .wasm_component_model(true)
                .epoch_interruption(true),
        )
        .unwrap();
        let (_, origin) = cache.load_or_compile(&other, &wasm, "d1").unwrap();
        assert_eq!(origin, Origin::Compiled);
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("open");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        CompiledCache::open(Some(folder.clone()));
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
