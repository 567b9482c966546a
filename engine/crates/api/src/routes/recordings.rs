//! `/v1/plugins/{id}/recordings`: calls that are written down, to be run again offline. For admins.

use axum::extract::State;
use axum::http::StatusCode;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, PathWord, PathWords};
use crate::reply::{json, ok};
use crate::state::Shared;
use crate::wire::page::ListReply;
use crate::wire::recording::{RecordBody, RecordReply, RecordingInfoReply, RecordingReply};

/// Record the next calls
///
/// Every import of the next calls of the plugin is written down with its result, and what it answered.
/// Prompts and answers are part of a recording; credentials never are.
#[utoipa::path(
    post, path = "/v1/plugins/{id}/recordings", tag = "plugins", request_body = RecordBody,
    params(("id" = String, Path, description = "Its id, such as `research-web`.")),
    responses((status = 202, description = "The next calls will be recorded.", body = RecordReply)),
)]
pub(crate) async fn record_calls(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
    body: JsonBody<RecordBody>,
) -> ApiResult {
    let calls = body.value.checked_calls()?;
    let plugins = &state.services.plugins;
    plugins.record_next(&principal, &id, calls).await?;
    json(StatusCode::ACCEPTED, &RecordReply { plugin: id, calls })
}

/// List recordings
///
/// Newest first, at most 100.
#[utoipa::path(
    get, path = "/v1/plugins/{id}/recordings", tag = "plugins",
    params(("id" = String, Path, description = "Its id, such as `research-web`.")),
    responses((status = 200, description = "The recordings.", body = ListReply<RecordingInfoReply>)),
)]
pub(crate) async fn list_recordings(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(id): PathWord,
) -> ApiResult {
    let plugins = &state.services.plugins;
    let recordings = plugins.list_recordings(&principal, &id).await?;
    ok(&ListReply::<RecordingInfoReply>::whole(recordings))
}

/// Read a recording
///
/// As `inkstone plugin replay` takes it.
#[utoipa::path(
    get, path = "/v1/plugins/{id}/recordings/{recording}", tag = "plugins",
    params(
        ("id" = String, Path, description = "Id of the plugin."),
        ("recording" = String, Path, description = "Id of the recording."),
    ),
    responses((status = 200, description = "The recording.", body = RecordingReply)),
)]
pub(crate) async fn read_recording(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWords(id, recording): PathWords,
) -> ApiResult {
    let plugins = &state.services.plugins;
    let recording = plugins.read_recording(&principal, &id, &recording).await?;
    ok(&RecordingReply::from(recording))
}
