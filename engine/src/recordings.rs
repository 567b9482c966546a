//! Recorded calls of plugins as files: a folder per plugin, a JSON file per call, the oldest removed
//! beyond a number. Every known secret is taken out before a file is written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::ports::{RecordingSink, RecordingStore};
use inkstone_domain::recording::{Recording, RecordingInfo};
use inkstone_domain::{Error, Result, codes};
use inkstone_egress::Scrubber;
use tokio::sync::watch;
use ulid::Ulid;

use crate::state::write_private;

/// Recordings kept of one plugin.
const KEPT: usize = 100;

/// The folder of recordings.
pub(crate) struct FileRecordings(Arc<Folder>);

struct Folder {
    path: PathBuf,
    scrubber: Scrubber,
    /// Files that are being written: whoever reads waits for them.
    writing: watch::Sender<usize>,
}

impl FileRecordings {
    pub(crate) fn new(path: PathBuf, scrubber: Scrubber) -> Self {
        let writing = watch::Sender::new(0);
        Self(Arc::new(Folder {
            path,
            scrubber,
            writing,
        }))
    }
}

impl RecordingSink for FileRecordings {
    fn keep(&self, recording: Recording) {
        let folder = Arc::clone(&self.0);
        folder.writing.send_modify(|files| *files += 1);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = folder.write(&recording) {
                tracing::warn!(
                    plugin = recording.plugin,
                    folder = %folder.path.display(),
                    %error,
                    "a recording could not be kept"
                );
            }
            folder.writing.send_modify(|files| *files -= 1);
        });
    }
}

#[async_trait]
impl RecordingStore for FileRecordings {
    async fn list(&self, plugin: &str) -> Result<Vec<RecordingInfo>> {
        let files = self
            .blocking(plugin, |folder, plugin| folder.files(plugin))
            .await?;
        Ok(files.into_iter().map(|(_, info)| info).collect())
    }

    async fn read(&self, plugin: &str, id: &str) -> Result<Recording> {
        let wanted = id.to_owned();
        let found = self
            .blocking(plugin, move |folder, plugin| {
                let files = folder.files(plugin)?;
                let Some((path, _)) = files.into_iter().find(|(_, info)| info.id == wanted) else {
                    return Ok(None);
                };
                Ok(Some(serde_json::from_slice(&fs::read(path)?)?))
            })
            .await?;
        found.ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!("plugin `{plugin}` has no recording `{id}`"),
            )
        })
    }
}

impl FileRecordings {
    async fn blocking<T: Send + 'static>(
        &self,
        plugin: &str,
        work: impl FnOnce(&Folder, &str) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (folder, plugin) = (Arc::clone(&self.0), plugin.to_owned());
        let mut writing = folder.writing.subscribe();
        // The sender is in the folder, and so is there.
        let _ = writing.wait_for(|files| *files == 0).await;
        let done = tokio::task::spawn_blocking(move || work(&folder, &plugin)).await;
        done.map_err(io::Error::other).flatten().map_err(|error| {
            Error::new(&codes::INTERNAL, "the recordings cannot be read").with_source(error)
        })
    }
}

impl Folder {
    fn write(&self, recording: &Recording) -> io::Result<()> {
        let Some(folder) = self.of(&recording.plugin) else {
            return Err(io::Error::other("the plugin's id is no folder's name"));
        };
        make_private(&folder)?;
        let at = u64::try_from(recording.recorded_at.timestamp_millis()).unwrap_or(0);
        let id = Ulid::from_parts(at, rand::random());
        let name = format!("{id}~{}~{}.json", recording.version, recording.function);
        let text = serde_json::to_string(recording)?;
        let text = self.scrubber.scrub(&text);
        write_private(&folder.join(name), text.as_bytes())?;
        for (path, _) in self.files(&recording.plugin)?.into_iter().skip(KEPT) {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Newest first.
    fn files(&self, plugin: &str) -> io::Result<Vec<(PathBuf, RecordingInfo)>> {
        let Some(folder) = self.of(plugin) else {
            return Ok(Vec::new());
        };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            if let Some(info) = info(&entry.path(), entry.metadata()?.len()) {
                files.push((entry.path(), info));
            }
        }
        // Ids begin with their time.
        files.sort_by(|(_, a), (_, b)| b.id.cmp(&a.id));
        Ok(files)
    }

    /// `None` for what cannot be a plugin's id, such as a path.
    fn of(&self, plugin: &str) -> Option<PathBuf> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_id = !plugin.is_empty() && plugin.bytes().all(is_plain);
        is_id.then(|| self.path.join(plugin))
    }
}

/// What the name of a file says: `ULID~VERSION~FUNCTION.json`.
fn info(path: &Path, size_bytes: u64) -> Option<RecordingInfo> {
    let id = path.file_name()?.to_str()?.strip_suffix(".json")?;
    let (ulid, rest) = id.split_once('~')?;
    let (version, function) = rest.split_once('~')?;
    Some(RecordingInfo {
        id: id.to_owned(),
        version: version.to_owned(),
        function: function.to_owned(),
        recorded_at: DateTime::<Utc>::from(Ulid::from_string(ulid).ok()?.datetime()),
        size_bytes,
    })
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkstone_testkit::contract;

    #[tokio::test]
    async fn files_keep_the_contract_of_recordings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recordings");
        let store = FileRecordings::new(path, Scrubber::default());
        contract::recordings::run(Arc::new(store)).await;
    }

    #[test]
    fn secrets_are_taken_out_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let secret = inkstone_egress::Secret::new("sk-very-secret-1");
        let scrubber = Scrubber::new([("openai", &secret)]).unwrap();
        let folder = Folder {
            path: folder.path().to_owned(),
            scrubber,
            writing: watch::Sender::new(0),
        };
        let mut recording = contract::recordings::sample("provider-x", 0);
        recording.arguments = serde_json::json!("Bearer sk-very-secret-1");
        for _ in 0..=KEPT {
            folder.write(&recording).unwrap();
        }
        let files = folder.files("provider-x").unwrap();
        assert_eq!(files.len(), KEPT);
        let text = fs::read_to_string(&files[0].0).unwrap();
        assert!(!text.contains("very-secret"), "{text}");
    }
}
