//! Bytes in a folder: `<project>/<two letters>/<id>`. They are written beside, synced, and renamed, so that
//! what is there is whole and outlives a crash; what a crash leaves half written is removed at the start.

use std::io::{self, ErrorKind, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures::{Stream, StreamExt};
use inkstone_domain::media::BlobKey;
use inkstone_domain::ports::{Blob, BlobEntry, BlobStore, ByteStream};
use inkstone_domain::project::is_slug;
use inkstone_domain::{Error, Result, codes};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::io::ReaderStream;

use crate::unavailable;

/// No project is called so: a slug has no dot.
const INCOMING: &str = ".incoming";
/// Whatever is written for longer is written by nobody.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);
/// Read at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Entries of a list that wait to be taken.
const AHEAD: usize = 256;

/// The folder.
pub struct LocalBlobs {
    root: PathBuf,
}

/// A file that is being written; it is removed unless it is kept.
struct Incoming {
    path: PathBuf,
    is_kept: bool,
}

impl LocalBlobs {
    /// Makes the folder where it is missing.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let incoming = root.join(INCOMING);
        std::fs::create_dir_all(&incoming)
            .and_then(|()| remove_forgotten(&incoming))
            .map_err(|error| {
                let message = format!(
                    "the folder `{}` for files cannot be used; set `[media] folder` to one you may write to",
                    root.display()
                );
                unavailable(&message, error)
            })?;
        Ok(Self { root })
    }

    fn path(&self, key: &BlobKey) -> Result<PathBuf> {
        // Slugs are checked long before; a path is not built on that.
        if !is_slug(&key.project) {
            return Err(Error::new(&codes::INTERNAL, "a file's project has no slug"));
        }
        let name = key.blob.to_string();
        // The last letters are random, the first are the time.
        let (_, shelf) = name.split_at(name.len() - 2);
        Ok(self.root.join(&key.project).join(shelf).join(&name))
    }

    async fn write(&self, target: &Path, mut bytes: ByteStream) -> Result<u64> {
        let name = target.file_name().unwrap_or_default();
        let mut incoming = Incoming {
            path: self.root.join(INCOMING).join(name),
            is_kept: false,
        };
        let file = File::create_new(&incoming.path).await;
        let mut file = file.map_err(not_written)?;
        let mut size_bytes = 0;
        while let Some(piece) = bytes.next().await {
            let piece = piece?;
            size_bytes += piece.len() as u64;
            file.write_all(&piece).await.map_err(not_written)?;
        }
        file.flush().await.map_err(not_written)?;
        file.sync_all().await.map_err(not_written)?;
        drop(file);
        let (from, to) = (incoming.path.clone(), target.to_owned());
        let root = self.root.clone();
        blocking(move || publish(&from, &to, &root))
            .await?
            .map_err(not_written)?;
        incoming.is_kept = true;
        Ok(size_bytes)
    }
}

#[async_trait]
impl BlobStore for LocalBlobs {
    async fn put(&self, key: &BlobKey, bytes: ByteStream) -> Result<u64> {
        self.write(&self.path(key)?, bytes).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Option<Blob>> {
        let mut file = match File::open(self.path(key)?).await {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(not_read(error)),
        };
        let size_bytes = file.metadata().await.map_err(not_read)?.len();
        let range = range.unwrap_or(0..size_bytes);
        let end = range.end.min(size_bytes);
        let range = range.start.min(end)..end;
        if range.start > 0 {
            let start = SeekFrom::Start(range.start);
            file.seek(start).await.map_err(not_read)?;
        }
        let part = file.take(range.end - range.start);
        let pieces = ReaderStream::with_capacity(part, PIECE_BYTES);
        Ok(Some(Blob {
            size_bytes,
            range,
            bytes: pieces.map(|piece| piece.map_err(not_read)).boxed(),
        }))
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>> {
        match tokio::fs::metadata(self.path(key)?).await {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(not_read(error)),
        }
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        match tokio::fs::remove_file(self.path(key)?).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(not_written(error)),
            _ => Ok(()),
        }
    }

    async fn list(&self) -> Result<Pin<Box<dyn Stream<Item = Result<BlobEntry>> + Send>>> {
        let (sender, receiver) = tokio::sync::mpsc::channel(AHEAD);
        let root = self.root.clone();
        tokio::task::spawn_blocking(move || {
            let mut tell = |entry| sender.blocking_send(entry).is_ok();
            if let Err(error) = walk(&root, &mut tell) {
                tell(Err(not_read(error)));
            }
        });
        Ok(ReceiverStream::new(receiver).boxed())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed now is at the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Gives a file its place, durably: the entries of new folders are synced, too.
fn publish(from: &Path, to: &Path, root: &Path) -> io::Result<()> {
    let Some(folder) = to.parent() else {
        return Err(ErrorKind::InvalidInput.into());
    };
    let is_new = !folder.exists();
    std::fs::create_dir_all(folder)?;
    std::fs::rename(from, to)?;
    sync_folder(folder)?;
    if is_new {
        for above in folder.ancestors().skip(1) {
            sync_folder(above)?;
            if above == root {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn remove_forgotten(incoming: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(incoming)? {
        let entry = entry?;
        let written = entry.metadata()?.modified()?;
        let age = SystemTime::now().duration_since(written);
        if age.is_ok_and(|age| age > FORGOTTEN) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Stops where nobody listens any more. What is no file of ours is passed over.
fn walk(root: &Path, tell: &mut impl FnMut(Result<BlobEntry>) -> bool) -> io::Result<()> {
    for project in folders(root)? {
        let slug = project.file_name().and_then(|name| name.to_str());
        let Some(slug) = slug.filter(|slug| is_slug(slug)) else {
            continue;
        };
        for shelf in folders(&project)? {
            for entry in std::fs::read_dir(shelf)? {
                let entry = entry?;
                let name = entry.file_name();
                let Some(Ok(blob)) = name.to_str().map(str::parse) else {
                    continue;
                };
                let size_bytes = match entry.metadata() {
                    Ok(found) => found.len(),
                    // Deleted meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                let key = BlobKey {
                    project: slug.to_owned(),
                    blob,
                };
                if !tell(Ok(BlobEntry { key, size_bytes })) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

fn folders(of: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(of)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::new(&codes::INTERNAL, "writing ended early").with_source(error))
}

fn not_written(error: io::Error) -> Error {
    unavailable("the file could not be written; is the disk full?", error)
}

fn not_read(error: io::Error) -> Error {
    unavailable("the file could not be read", error)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::{TryStreamExt, stream};
    use inkstone_domain::ids::BlobId;

    use super::*;

    #[tokio::test]
    async fn nothing_is_left_of_a_write_that_was_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open(folder.path()).unwrap();
        let key = BlobKey {
            project: "handbook".to_owned(),
            blob: BlobId::new(),
        };
        let (written, has_written) = tokio::sync::oneshot::channel();
        let mut written = Some(written);
        let silence = stream::poll_fn(move |_| {
            written.take().map(|written| written.send(()));
            std::task::Poll::Pending
        });
        let half = stream::iter([Ok(Bytes::from_static(b"half"))]).chain(silence);
        tokio::select! {
            _ = blobs.put(&key, half.boxed()) => panic!("it has no end"),
            _ = has_written => {}
        }
        assert_eq!(blobs.size(&key).await.unwrap(), None);
        let incoming = std::fs::read_dir(folder.path().join(INCOMING)).unwrap();
        assert_eq!(incoming.count(), 0);
    }

    #[tokio::test]
    async fn a_project_is_no_path() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open(folder.path().join("blobs")).unwrap();
        for project in ["..", "../x", "/etc", "", ".incoming"] {
            let key = BlobKey {
                project: project.to_owned(),
                blob: BlobId::new(),
            };
            let put = blobs.put(&key, stream::empty().boxed()).await;
            assert!(put.is_err(), "{project}");
            assert!(blobs.get(&key, None).await.is_err(), "{project}");
        }
        let found: Vec<_> = blobs.list().await.unwrap().try_collect().await.unwrap();
        assert!(found.is_empty());
    }
}
