//! The package of a plugin: as the body itself, which may be larger than other bodies, or as JSON that
//! says where it lies.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use inkstone_services::Plugins;
use inkstone_services::plugins::InstallSource;

use super::broken_off::broken_off;
use super::json_body::body_too_large;
use super::{Caller, JsonBody};
use crate::error::ApiError;
use crate::state::Shared;
use crate::wire::plugin_admin::InstallBody;

/// Media types of a package, and of a bare component.
const PACKAGES: &[&str] = &[
    "application/octet-stream",
    "application/vnd.inkstone.plugin.v1+zip",
    "application/zip",
    "application/wasm",
];

/// What to install. Nothing of a body is read for callers who may not install.
pub(crate) struct PackageBody(pub InstallSource);

impl FromRequest<Shared> for PackageBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Caller(principal) = Caller::from_request_parts(&mut parts, state).await?;
        Plugins::may_change(&principal)?;
        let is_package = PACKAGES.contains(&media_type(&parts.headers).as_str());
        let request = Request::from_parts(parts, body);
        if !is_package {
            let body = JsonBody::<InstallBody>::from_request(request, state).await?;
            return Ok(Self(InstallSource::Remote(body.value.try_into()?)));
        }
        let max_bytes = state.config.max_package_bytes;
        let package = read(request.into_body(), max_bytes).await?;
        Ok(Self(InstallSource::Package(package)))
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok());
    let media_type = value.and_then(|value| value.split(';').next());
    media_type.unwrap_or_default().trim().to_ascii_lowercase()
}

async fn read(body: Body, max_bytes: usize) -> Result<Bytes, ApiError> {
    let mut pieces = body.into_data_stream();
    let mut read = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| ApiError(broken_off(error)))?;
        if read.len() + piece.len() > max_bytes {
            return Err(body_too_large(max_bytes));
        }
        read.extend_from_slice(&piece);
    }
    Ok(read.freeze())
}
