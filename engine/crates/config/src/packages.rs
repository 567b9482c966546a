//! Where packages lie: the folder of plugins, and what was fetched from elsewhere, by content. A
//! reference of a registry is remembered beside, with the content it led to, so that a restart needs
//! no network.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::digest::sha256;
use inkstone_domain::plugin::RemoteSource;
use inkstone_domain::ports::PackageStore;
use inkstone_domain::{Error, Result, codes};

use crate::atomic_file;
use crate::plugins::on_disk;

/// Both folders. They are made when something is put there.
#[derive(Debug, Clone)]
pub struct PackageFolders {
    /// The folder of plugins.
    pub plugins: PathBuf,
    /// For what was fetched; it may be deleted, and is fetched anew then.
    pub fetched: PathBuf,
}

#[async_trait]
impl PackageStore for PackageFolders {
    async fn put(&self, file: &str, package: Bytes) -> Result<bool> {
        let path = self.in_plugins(file)?;
        on_disk(move || {
            let is_new = !path.exists();
            write(&path, &package)?;
            Ok(is_new)
        })
        .await
    }

    async fn discard(&self, file: &str) -> Result<()> {
        let path = self.in_plugins(file)?;
        on_disk(move || match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::new(
                &codes::CONFLICT,
                format!("`{}` cannot be removed ({error})", path.display()),
            )
            .with_source(error)),
            _ => Ok(()),
        })
        .await
    }

    async fn find(&self, source: &RemoteSource) -> Result<Option<PathBuf>> {
        let folders = self.clone();
        let source = source.clone();
        on_disk(move || {
            let digest = match &source {
                RemoteSource::Url { digest, .. } => Some(digest.clone()),
                RemoteSource::Oci { reference } => folders.remembered(reference)?,
            };
            let Some(digest) = digest else {
                return Ok(None);
            };
            let path = folders.by_content(&digest);
            match std::fs::read(&path) {
                // What does not have its content any more is fetched again.
                Ok(content) => Ok((sha256(&content) == digest).then_some(path)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(unreadable(&path, error)),
            }
        })
        .await
    }

    async fn keep(&self, source: &RemoteSource, package: Bytes) -> Result<PathBuf> {
        let folders = self.clone();
        let source = source.clone();
        on_disk(move || {
            let digest = sha256(&package);
            let path = folders.by_content(&digest);
            write(&path, &package)?;
            if let RemoteSource::Oci { reference } = &source {
                let note = format!("{digest} {reference}\n");
                write(&folders.note(reference), note.as_bytes())?;
            }
            Ok(path)
        })
        .await
    }
}

impl PackageFolders {
    /// The name comes out of a package's manifest, so it must be nothing more than a name.
    fn in_plugins(&self, file: &str) -> Result<PathBuf> {
        if file.is_empty() || file.starts_with('.') || file.contains(['/', '\\', '\0']) {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!("{file:?} is no file name"),
            ));
        }
        Ok(self.plugins.join(file))
    }

    fn by_content(&self, digest: &str) -> PathBuf {
        self.fetched.join(format!("sha256-{digest}.inkplug"))
    }

    /// References hold characters that file names do not.
    fn note(&self, reference: &str) -> PathBuf {
        let name = sha256(reference.as_bytes());
        self.fetched.join("references").join(name)
    }

    fn remembered(&self, reference: &str) -> Result<Option<String>> {
        let path = self.note(reference);
        match std::fs::read_to_string(&path) {
            Ok(note) => Ok(note.split_whitespace().next().map(str::to_owned)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&path, error)),
        }
    }
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| atomic_file::write(path, content))
        .map_err(|error| {
            Error::new(
                &codes::CONFLICT,
                format!("`{}` cannot be written ({error})", path.display()),
            )
            .with_source(error)
        })
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::new(
        &codes::CONFLICT,
        format!("`{}` cannot be read ({error})", path.display()),
    )
    .with_source(error)
}
