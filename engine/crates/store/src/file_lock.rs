//! Waiting until an embedded database has let go of its files. SurrealDB shuts down on a task of its
//! own and tells nobody when it is done; the lock in its folder does.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PROBE_INTERVAL: Duration = Duration::from_millis(5);

/// The folder of an embedded database on disk, `None` of any other.
pub(crate) fn directory(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("surrealkv://")?;
    let path = path.split('?').next().unwrap_or(path);
    Some(PathBuf::from(path))
}

/// Returns once nobody holds the lock.
pub(crate) async fn released(directory: &Path) {
    while is_held(directory) {
        tokio::time::sleep(PROBE_INTERVAL).await;
    }
}

/// Whether a process has the database open.
pub(crate) fn is_held(directory: &Path) -> bool {
    match File::open(directory.join("LOCK")).map(|file| file.try_lock()) {
        Ok(Err(std::fs::TryLockError::WouldBlock)) => true,
        // Taken for this instant, and let go as the file is closed.
        Ok(Ok(())) => false,
        Ok(Err(std::fs::TryLockError::Error(_))) => false,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}
