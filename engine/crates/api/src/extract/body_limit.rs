//! How long a body each route takes: most are JSON, and some are files that are read as they come.

use axum::http::Method;

use crate::state::ApiState;

/// Of a form around a file: its other fields, and the lines between them.
const FORM_BYTES: usize = 64 * 1024;

/// In bytes.
pub(crate) fn max_body_bytes(state: &ApiState, method: &Method, path: &str) -> usize {
    let usual = state.config.max_body_bytes;
    if *method == Method::POST && path == "/v1/plugins" {
        return usual.max(state.config.max_package_bytes);
    }
    let file = state.services.media.config().max_bytes;
    let file = usize::try_from(file).unwrap_or(usize::MAX);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (method.as_str(), parts.as_slice()) {
        // It is counted where it is written to the disk.
        ("POST", ["v1", "projects", _, "imports"]) => usize::MAX,
        ("POST", ["v1", "projects", _, "media"]) => usual.max(file.saturating_add(FORM_BYTES)),
        ("PATCH", ["v1", "projects", _, "uploads", _]) | ("PUT", ["v1", "media", _, "content"]) => {
            usual.max(file)
        }
        _ => usual,
    }
}
