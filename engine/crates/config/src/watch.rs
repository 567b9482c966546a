//! Tells that a file changed: debounced, the latest change wins. Folders are watched and not files, so
//! that editors that rename a new file over the old one are seen too. A folder that is not there yet is
//! waited for, and what lies behind a symbolic link counts like the link itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long the files must be quiet before a change is told.
const QUIET: Duration = Duration::from_millis(75);
/// A file that never rests is told of after this long all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// Kubernetes renames this link to swap all files of a mounted folder at once.
const SWAPPED_LINK: &str = "..data";

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

/// What is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// They need not exist.
    pub files: BTreeSet<PathBuf>,
    /// Every file directly in such a folder whose name ends in one of these, without the dot.
    pub folders: BTreeMap<PathBuf, &'static [&'static str]>,
}

/// Ends the watching when it is dropped.
#[derive(Debug)]
pub struct FileWatch {
    told: watch::Sender<u64>,
    changes: watch::Receiver<u64>,
    watched: Watched,
    // Dropping it ends the telling.
    _watcher: RecommendedWatcher,
}

impl FileWatch {
    pub fn start(watched: Watched) -> Result<Self, WatchError> {
        let (told, changes) = watch::channel(0);
        Ok(Self {
            _watcher: watcher(&watched, &told)?,
            told,
            changes,
            watched,
        })
    }

    /// Watches these from now on, and folders that were made or replaced since. Nothing is missed in
    /// between. Returns whether there is something new to look at.
    pub fn follow(&mut self, watched: Watched) -> Result<bool, WatchError> {
        // The new one first. A watch also ends with its folder, so even the same is set up anew.
        self._watcher = watcher(&watched, &self.told)?;
        let is_new = self.watched != watched;
        self.watched = watched;
        Ok(is_new)
    }

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

/// What of a folder's entries counts. Names only: the system may tell the folder by another path, such
/// as without a symbolic link. An entry of the same name in another watched folder costs one needless look.
#[derive(Default)]
struct Filter {
    folders: BTreeSet<PathBuf>,
    names: BTreeSet<OsString>,
    extensions: BTreeSet<&'static str>,
}

impl Filter {
    fn of(watched: &Watched) -> Result<Self, WatchError> {
        let mut filter = Self::default();
        filter.names.insert(SWAPPED_LINK.into());
        for file in &watched.files {
            filter.add_file(file)?;
            if let Ok(target) = std::fs::canonicalize(file) {
                filter.add_file(&target)?;
            }
        }
        for (folder, extensions) in &watched.folders {
            filter.add_folder(folder);
            filter.extensions.extend(extensions.iter());
        }
        Ok(filter)
    }

    fn add_file(&mut self, path: &Path) -> Result<(), WatchError> {
        let no_file = || WatchError::NoFile(path.to_owned());
        let name = path.file_name().ok_or_else(no_file)?;
        self.names.insert(name.to_owned());
        self.add_folder(path.parent().unwrap_or(Path::new("")));
        Ok(())
    }

    /// Where it is not there, the nearest folder above it is, for the way down to come.
    fn add_folder(&mut self, folder: &Path) {
        let mut folder = folder;
        loop {
            if folder.as_os_str().is_empty() {
                folder = Path::new(".");
            }
            // Its own coming and going is told by the folder above.
            self.names.extend(folder.file_name().map(OsStr::to_owned));
            if folder.is_dir() {
                break;
            }
            folder = folder.parent().unwrap_or(Path::new("/"));
        }
        self.folders.insert(folder.to_owned());
        if let Some(above) = folder.parent() {
            let above = if above.as_os_str().is_empty() {
                Path::new(".")
            } else {
                above
            };
            self.folders.insert(above.to_owned());
        }
    }

    fn counts(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default();
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        // Half-written files of whoever renames them later begin with a dot.
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        self.names.contains(name) || (!is_hidden && self.extensions.contains(extension))
    }
}

fn watcher(watched: &Watched, told: &watch::Sender<u64>) -> Result<RecommendedWatcher, WatchError> {
    let filter = Filter::of(watched)?;
    let folders = filter.folders.clone();
    let told = told.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // After an overflow or a fault nobody knows what changed, so looking again is right.
        let is_ours = event.map_or(true, |event| {
            !matches!(event.kind, EventKind::Access(_))
                && (event.need_rescan() || event.paths.iter().any(|path| filter.counts(path)))
        });
        if is_ours {
            told.send_modify(|count| *count += 1);
        }
    })?;
    for folder in folders {
        watcher
            .watch(&folder, RecursiveMode::NonRecursive)
            .map_err(|source| WatchError::Folder {
                path: folder,
                source,
            })?;
    }
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Far longer than any change takes to be told.
    const LIMIT: Duration = Duration::from_secs(20);

    fn file(path: &Path) -> Watched {
        Watched {
            files: [path.to_owned()].into(),
            ..Watched::default()
        }
    }

    async fn told(watch: &mut FileWatch) {
        let told = tokio::time::timeout(LIMIT, watch.changed()).await;
        told.expect("no change was told").unwrap();
    }

    #[tokio::test]
    async fn writes_and_renames_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("plugins.toml");
        fs::write(&list, "one").unwrap();
        let mut watch = FileWatch::start(file(&list)).unwrap();

        fs::write(&list, "two").unwrap();
        told(&mut watch).await;

        let beside = folder.path().join("new");
        // The second rename shows that the watch did not stay with the file that is gone.
        for text in ["three", "four"] {
            fs::write(&beside, text).unwrap();
            fs::rename(&beside, &list).unwrap();
            told(&mut watch).await;
        }
        assert_eq!(fs::read_to_string(&list).unwrap(), "four");
        assert!(!watch.changes.has_changed().unwrap());
    }

    #[tokio::test]
    async fn many_writes_are_one_change() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("plugins.toml");
        fs::write(&list, "0").unwrap();
        let mut watch = FileWatch::start(file(&list)).unwrap();
        for round in 1..=20 {
            fs::write(&list, round.to_string()).unwrap();
        }
        told(&mut watch).await;
        assert_eq!(fs::read_to_string(&list).unwrap(), "20");
        assert!(!watch.changes.has_changed().unwrap());
    }

    #[test]
    fn only_named_files_and_packages_count() {
        let filter = Filter::of(&Watched {
            files: [PathBuf::from("conf/plugins.toml")].into(),
            folders: [(PathBuf::from("dist"), &["inkplug", "wasm"][..])].into(),
        })
        .unwrap();
        for (path, want) in [
            ("/x/conf/plugins.toml", true),
            ("/x/conf/.plugins.toml.swp", false),
            ("/x/conf/plugins.toml~", false),
            ("/x/conf/engine.toml", false),
            ("/x/conf/..data", true),
            ("/x/dist/a-1.0.0.inkplug", true),
            ("/x/dist/a.wasm", true),
            ("/x/dist/.a.wasm", false),
            ("/x/dist/a.wasm.part", false),
            ("/x/dist", true),
        ] {
            assert_eq!(filter.counts(Path::new(path)), want, "{path}");
        }
    }

    #[tokio::test]
    async fn a_folder_may_come_later_and_be_replaced() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        let watched = Watched {
            folders: [(folder.clone(), &["inkplug"][..])].into(),
            ..Watched::default()
        };
        let mut watch = FileWatch::start(watched.clone()).unwrap();
        fs::create_dir_all(&folder).unwrap();
        told(&mut watch).await;
        assert!(!watch.follow(watched.clone()).unwrap());

        fs::write(folder.join("x-1.0.0.inkplug"), "one").unwrap();
        told(&mut watch).await;

        let other = root.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::rename(&folder, root.path().join("old")).unwrap();
        fs::rename(&other, &folder).unwrap();
        told(&mut watch).await;
        watch.follow(watched).unwrap();
        fs::write(folder.join("x-2.0.0.inkplug"), "two").unwrap();
        told(&mut watch).await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_file_behind_a_link_counts() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("elsewhere");
        fs::create_dir(&target).unwrap();
        let target = target.join("real.toml");
        fs::write(&target, "one").unwrap();
        let link = root.path().join("plugins.toml");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut watch = FileWatch::start(file(&link)).unwrap();
        fs::write(&target, "two").unwrap();
        told(&mut watch).await;
    }

    #[tokio::test]
    async fn what_is_followed_later_is_told_too() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        let mut watch = FileWatch::start(file(&first)).unwrap();
        assert!(watch.follow(file(&second)).unwrap());
        fs::write(&second, "one").unwrap();
        told(&mut watch).await;
    }
}
