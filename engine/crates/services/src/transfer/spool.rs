//! Files that were sent, until their imports have ended: each in the transfers' folder, under its
//! import's id. A file is there under its name only once all of it is on the disk.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use inkstone_domain::digest::hex;
use inkstone_domain::ids::ImportId;
use inkstone_domain::{Error, Result, codes};
use sha2::{Digest, Sha256};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

/// A folder of files.
pub struct Spool {
    folder: PathBuf,
}

/// A file in the folder.
#[derive(Debug, PartialEq, Eq)]
pub struct SpoolFile {
    pub import: ImportId,
    /// Not all of it is there.
    pub is_part: bool,
    path: PathBuf,
}

/// What was kept.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    pub size_bytes: u64,
    /// Hex.
    pub sha256: String,
}

impl Spool {
    /// The folder is made when it is needed.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where an import's file is.
    pub fn path(&self, id: ImportId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// Keeps what comes; `body_too_large` beyond `most` bytes, of which nothing is kept then.
    pub async fn keep(
        &self,
        id: ImportId,
        body: impl Stream<Item = Result<Bytes>> + Send,
        most: u64,
    ) -> Result<Kept> {
        fs::create_dir_all(&self.folder).await.map_err(disk)?;
        let part = Part(self.folder.join(format!("{id}.part")));
        let kept = write(&part.0, body, most).await?;
        fs::rename(&part.0, self.path(id)).await.map_err(disk)?;
        Ok(kept)
    }

    /// Forgets a file, if it is there.
    pub async fn forget(&self, id: ImportId) {
        let path = self.path(id);
        if let Err(error) = fs::remove_file(&path).await
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(error = %error, import.id = %id, "a file of an import cannot be removed");
        }
    }

    /// Whether an import's file is here.
    pub async fn has(&self, id: ImportId) -> Result<bool> {
        fs::try_exists(self.path(id)).await.map_err(disk)
    }

    /// All files of imports. What is not ours is none.
    pub async fn files(&self) -> Result<Vec<SpoolFile>> {
        let mut found = Vec::new();
        let mut files = match fs::read_dir(&self.folder).await {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(disk(error)),
        };
        while let Some(file) = files.next_entry().await.map_err(disk)? {
            let name = file.file_name();
            let name = name.to_string_lossy();
            let whole = name.strip_suffix(".part").unwrap_or(&name);
            if let Ok(import) = whole.parse::<ImportId>() {
                found.push(SpoolFile {
                    import,
                    is_part: whole.len() < name.len(),
                    path: file.path(),
                });
            }
        }
        Ok(found)
    }

    /// Removes one, if it is still there.
    pub async fn remove(&self, file: &SpoolFile) -> Result<()> {
        match fs::remove_file(&file.path).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(disk(error)),
            _ => Ok(()),
        }
    }
}

async fn write(
    path: &Path,
    body: impl Stream<Item = Result<Bytes>> + Send,
    most: u64,
) -> Result<Kept> {
    let mut file = File::create(path).await.map_err(disk)?;
    let mut body = std::pin::pin!(body);
    let (mut size_bytes, mut hash) = (0, Sha256::new());
    while let Some(piece) = body.next().await {
        let piece = piece?;
        size_bytes += piece.len() as u64;
        if size_bytes > most {
            return Err(Error::new(
                &codes::BODY_TOO_LARGE,
                format!("the file has more than {most} bytes, which is the most that is taken"),
            ));
        }
        hash.update(&piece);
        file.write_all(&piece).await.map_err(disk)?;
    }
    file.sync_all().await.map_err(disk)?;
    Ok(Kept {
        size_bytes,
        sha256: hex(&hash.finalize()),
    })
}

/// Removed again, unless it was renamed: also where the sender goes away in between.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // After a rename there is nothing to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn disk(error: std::io::Error) -> Error {
    Error::new(
        &codes::STORE_UNAVAILABLE,
        "the folder for transfers cannot be used; the log says why",
    )
    .with_source(error)
}
