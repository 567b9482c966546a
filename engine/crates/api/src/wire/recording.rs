//! Recorded calls of plugins. Their format is that of the files, which has a version of its own.

use chrono::{DateTime, Utc};
use inkstone_domain::recording::{Recording, RecordingInfo};
use inkstone_domain::{FieldError, Result};
use inkstone_services::plugins::MAX_RECORDED_CALLS;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::invalid_fields;

/// How many calls to record.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordBody {
    /// 1 to 1,000; 1 where it is left out.
    #[serde(default = "one")]
    pub calls: u32,
}

fn one() -> u32 {
    1
}

impl RecordBody {
    pub(crate) fn checked_calls(&self) -> Result<u32> {
        if (1..=MAX_RECORDED_CALLS).contains(&self.calls) {
            return Ok(self.calls);
        }
        let field = FieldError {
            pointer: "/calls".to_owned(),
            detail: format!("must be from 1 to {MAX_RECORDED_CALLS}"),
        };
        Err(invalid_fields("the body is not valid", vec![field]))
    }
}

/// What will be recorded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordReply {
    pub plugin: String,
    pub calls: u32,
}

/// A recording on a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingInfoReply {
    pub id: String,
    pub version: String,
    /// The exported function that was called, such as `complete`.
    pub function: String,
    pub recorded_at: DateTime<Utc>,
    pub size_bytes: u64,
}

impl From<RecordingInfo> for RecordingInfoReply {
    fn from(info: RecordingInfo) -> Self {
        Self {
            id: info.id,
            version: info.version,
            function: info.function,
            recorded_at: info.recorded_at,
            size_bytes: info.size_bytes,
        }
    }
}

/// A whole recording; docs/recordings.md says what its fields mean.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
#[serde(transparent)]
pub(crate) struct RecordingReply(Recording);

impl From<Recording> for RecordingReply {
    fn from(recording: Recording) -> Self {
        Self(recording)
    }
}
