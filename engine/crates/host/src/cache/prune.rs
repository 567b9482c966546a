//! Keeps the folder of compiled components small: what nobody used for a month goes, and then the
//! longest unused until the rest fits. Runs when a host is made.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::EXTENSION;

const UNUSED_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A writer that is still alive renames its file long before.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// A file of ours in the folder.
struct Found {
    path: PathBuf,
    unused: Duration,
    size_bytes: u64,
    is_entry: bool,
}

/// Removes what is old, and the longest unused beyond `max_bytes`. A file that cannot be removed stays.
pub(super) fn prune(folder: &Path, max_bytes: u64, now: SystemTime) {
    let mut files = found(folder, now);
    files.sort_by_key(|file| file.unused);
    let mut kept_bytes = 0_u64;
    let mut removed = 0_usize;
    for file in files {
        let is_old = match file.is_entry {
            true => file.unused > UNUSED_AFTER,
            false => file.unused > ABANDONED_AFTER,
        };
        let with_it = kept_bytes.saturating_add(file.size_bytes);
        if !is_old && with_it <= max_bytes {
            kept_bytes = with_it;
        } else if fs::remove_file(&file.path).is_ok() {
            removed += 1;
        }
    }
    if removed > 0 {
        tracing::info!(
            folder = %folder.display(),
            removed,
            kept_bytes,
            "compiled plugins that nobody used were removed"
        );
    }
}

/// Entries, half-written ones, and sums that older engines kept beside theirs. Nothing else is touched.
fn found(folder: &Path, now: SystemTime) -> Vec<Found> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let extension = path.extension().and_then(OsStr::to_str)?;
            if ![EXTENSION, "tmp", "sha256"].contains(&extension) {
                return None;
            }
            // Of the entry itself: a link is judged, and removed, as a link.
            let data = entry.metadata().ok()?;
            if data.is_dir() {
                return None;
            }
            let used = data.modified().ok()?;
            Some(Found {
                is_entry: extension == EXTENSION,
                unused: now.duration_since(used).unwrap_or_default(),
                size_bytes: data.len(),
                path,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn folder_with(files: &[(&str, usize, Duration)], now: SystemTime) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, size_bytes, unused) in files {
            let path = folder.path().join(name);
            fs::write(&path, vec![0; *size_bytes]).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(now - *unused).unwrap();
        }
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_old_and_the_abandoned_go_and_what_is_not_ours_stays() {
        let now = SystemTime::now();
        let folder = folder_with(
            &[
                ("used.cwasm", 10, DAY),
                ("unused.cwasm", 10, 31 * DAY),
                ("being-written.1-1.tmp", 10, Duration::ZERO),
                ("abandoned.1-2.tmp", 10, DAY),
                ("old-engine.sha256", 32, DAY),
                ("notes.txt", 10, 400 * DAY),
            ],
            now,
        );
        prune(folder.path(), 1 << 20, now);
        assert_eq!(
            names(folder.path()),
            ["being-written.1-1.tmp", "notes.txt", "used.cwasm"]
        );
    }

    #[test]
    fn beyond_the_size_the_longest_unused_go_first() {
        let now = SystemTime::now();
        let folder = folder_with(
            &[
                ("a.cwasm", 40, 3 * DAY),
                ("b.cwasm", 40, 2 * DAY),
                ("c.cwasm", 40, DAY),
            ],
            now,
        );
        prune(folder.path(), 100, now);
        assert_eq!(names(folder.path()), ["b.cwasm", "c.cwasm"]);
    }
}
