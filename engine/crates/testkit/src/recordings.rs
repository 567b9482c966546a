//! Recordings in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use inkstone_domain::ports::{RecordingSink, RecordingStore};
use inkstone_domain::recording::{Recording, RecordingInfo};
use inkstone_domain::{Error, Result, codes};

/// Keeps everything it is given.
#[derive(Default)]
pub struct MemRecordings(Mutex<Vec<Recording>>);

impl MemRecordings {
    fn kept(&self) -> MutexGuard<'_, Vec<Recording>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecordingSink for MemRecordings {
    fn keep(&self, recording: Recording) {
        self.kept().push(recording);
    }
}

#[async_trait]
impl RecordingStore for MemRecordings {
    async fn list(&self, plugin: &str) -> Result<Vec<RecordingInfo>> {
        let kept = self.kept();
        let own = kept.iter().enumerate().rev();
        let own = own.filter(|(_, recording)| recording.plugin == plugin);
        Ok(own
            .take(100)
            .map(|(number, recording)| RecordingInfo {
                id: number.to_string(),
                version: recording.version.clone(),
                function: recording.function.clone(),
                recorded_at: recording.recorded_at,
                size_bytes: 0,
            })
            .collect())
    }

    async fn read(&self, plugin: &str, id: &str) -> Result<Recording> {
        let number = id.parse::<usize>().ok();
        let found = number.and_then(|number| self.kept().get(number).cloned());
        found
            .filter(|recording| recording.plugin == plugin)
            .ok_or_else(|| Error::new(&codes::NOT_FOUND, format!("there is no recording `{id}`")))
    }
}
