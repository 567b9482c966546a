//! Recorded calls: which are to be recorded next, and those that were kept. For admins: recordings
//! hold what users wrote.

use inkstone_domain::Result;
use inkstone_domain::audit::actions;
use inkstone_domain::principal::Principal;
use inkstone_domain::recording::{Recording, RecordingInfo};

use super::{Plugins, check_admin};

/// Most calls that are recorded on one demand.
pub const MAX_RECORDED_CALLS: u32 = 1_000;

impl Plugins {
    /// Records the next calls of every loaded version of a plugin.
    pub async fn record_next(&self, principal: &Principal, id: &str, calls: u32) -> Result<()> {
        check_admin(principal)?;
        let snapshot = self.snapshot();
        snapshot.status(id)?;
        let audit = self
            .intent(principal, actions::RECORDING_ASKED, id)
            .with_detail(format!("the next {calls} calls"));
        self.audit.append(&audit).await?;
        for plugin in snapshot.loaded(id) {
            plugin.recording.record_next(calls.min(MAX_RECORDED_CALLS));
        }
        Ok(())
    }

    /// Newest first, at most 100. Those of a plugin that was removed are still there.
    pub async fn list_recordings(
        &self,
        principal: &Principal,
        id: &str,
    ) -> Result<Vec<RecordingInfo>> {
        check_admin(principal)?;
        self.ports.recordings.list(id).await
    }

    /// One of them; `not_found` where there is no such recording.
    pub async fn read_recording(
        &self,
        principal: &Principal,
        id: &str,
        recording: &str,
    ) -> Result<Recording> {
        check_admin(principal)?;
        let found = self.ports.recordings.read(id, recording).await?;
        let audit = self
            .intent(principal, actions::RECORDING_READ, id)
            .with_detail(recording);
        self.audit.append(&audit).await?;
        Ok(found)
    }
}
