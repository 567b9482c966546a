//! Tells that one of some files changed: debounced, the latest change wins, and editors that write a
//! new file and rename it over the old one are seen too, since the folders are watched and not the files.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long the files must be quiet before a change is told.
const QUIET: Duration = Duration::from_millis(150);
/// A file that never rests is told of after this long all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the files cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error("`{}` cannot be watched: {source}", path.display())]
    Folder {
        path: PathBuf,
        source: notify::Error,
    },
    #[error("the system's file notification cannot be used: {0}")]
    Backend(#[from] notify::Error),
    #[error("`{}` is no path to a file", .0.display())]
    NoFile(PathBuf),
}

/// Ends the watching when it is dropped.
#[derive(Debug)]
pub struct FileWatch {
    changes: watch::Receiver<u64>,
    // Dropping the watcher closes the channel.
    _watcher: RecommendedWatcher,
}

impl FileWatch {
    /// Waits for the next change. Changes that happen while the last one is worked on count as one.
    /// `None` once the system stops telling.
    pub async fn changed(&mut self) -> Option<()> {
        self.changes.changed().await.ok()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let quiet_until = (Instant::now() + QUIET).min(deadline);
            tokio::select! {
                another = self.changes.changed() => {
                    another.ok()?;
                    if Instant::now() >= deadline {
                        return Some(());
                    }
                }
                () = tokio::time::sleep_until(quiet_until) => return Some(()),
            }
        }
    }
}

/// Watches the files; they need not exist yet, their folders must.
pub fn files(paths: &[PathBuf]) -> Result<FileWatch, WatchError> {
    let mut watched: BTreeSet<(PathBuf, OsString)> = BTreeSet::new();
    for path in paths {
        watched.insert(folder_and_name(path)?);
    }
    let names: BTreeSet<OsString> = watched.iter().map(|(_, name)| name.clone()).collect();
    let (sender, changes) = watch::channel(0_u64);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // After an overflow or a fault nobody knows what changed, so looking again is right.
        let is_ours = event.map_or(true, |event| {
            !matches!(event.kind, EventKind::Access(_))
                && (event.need_rescan() || event.paths.iter().any(|path| is_named(path, &names)))
        });
        if is_ours {
            sender.send_modify(|count| *count += 1);
        }
    })?;
    let folders: BTreeSet<&Path> = watched.iter().map(|(folder, _)| folder.as_path()).collect();
    for folder in folders {
        watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .map_err(|source| WatchError::Folder {
                path: folder.to_owned(),
                source,
            })?;
    }
    Ok(FileWatch {
        changes,
        _watcher: watcher,
    })
}

fn folder_and_name(path: &Path) -> Result<(PathBuf, OsString), WatchError> {
    let name = path
        .file_name()
        .ok_or_else(|| WatchError::NoFile(path.to_owned()))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok((folder.to_owned(), name.to_owned()))
}

/// Names only: the system may tell the folder by another path, such as without a symbolic link. A
/// file of the same name in another watched folder costs one needless look.
fn is_named(path: &Path, names: &BTreeSet<OsString>) -> bool {
    path.file_name().is_some_and(|name| names.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far longer than any change takes to be told.
    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn writes_and_renames_are_told_and_neighbours_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plugins.toml");
        std::fs::write(&file, "one").unwrap();
        let mut watch = files(std::slice::from_ref(&file)).unwrap();

        std::fs::write(&file, "two").unwrap();
        tokio::time::timeout(LIMIT, watch.changed()).await.unwrap();

        let beside = folder.path().join("new");
        std::fs::write(&beside, "three").unwrap();
        std::fs::rename(&beside, &file).unwrap();
        tokio::time::timeout(LIMIT, watch.changed()).await.unwrap();

        // The second rename shows that the watch did not stay with the file that is gone.
        std::fs::write(&beside, "four").unwrap();
        std::fs::rename(&beside, &file).unwrap();
        tokio::time::timeout(LIMIT, watch.changed()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "four");
        assert!(!watch.changes.has_changed().unwrap());
    }

    #[tokio::test]
    async fn many_writes_are_one_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plugins.toml");
        std::fs::write(&file, "0").unwrap();
        let mut watch = files(std::slice::from_ref(&file)).unwrap();
        for round in 1..=20 {
            std::fs::write(&file, round.to_string()).unwrap();
        }
        tokio::time::timeout(LIMIT, watch.changed()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "20");
        assert!(!watch.changes.has_changed().unwrap());
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let error = files(&[PathBuf::from("not/there/x.toml")]).unwrap_err();
        assert!(error.to_string().contains("not/there"), "{error}");
    }
}
