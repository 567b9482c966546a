//! `Idempotency-Key` on what creates, spends or changes many things: the first reply is kept for 24 hours, and
//! given to everybody who sends the same again. Routes that do nothing but call models do this themselves; those
//! whose replies hold a secret do not, for it would be kept.

use std::pin::Pin;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use inkstone_domain::{Error, codes};
use inkstone_services::once::Answer;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::extract::{Caller, IDEMPOTENCY_KEY, body_too_large, idempotency_key};
use crate::reply::{IDEMPOTENT_REPLAYED, X_INKSTONE_CHAT, X_INKSTONE_MESSAGE, X_INKSTONE_PLUGIN};
use crate::state::Shared;

/// `POST` on these.
const ROUTES: &[&str] = &[
    "/v1/analytics/{plugin}/{report}",
    // Whole, with its search: another answer might be from other passages.
    "/v1/answer",
    "/v1/articles",
    "/v1/articles/bulk",
    "/v1/articles/{id}/comments",
    "/v1/articles/{id}/comments/{comment}/replies",
    "/v1/articles/{id}/suggestions",
    "/v1/calendar",
    "/v1/content-types",
    "/v1/generate/{plugin}/{template}",
    "/v1/invitations",
    "/v1/jobs/batches",
    "/v1/jobs/{id}/requeue",
    "/v1/projects",
    // Whole, with what is said: it must not be said twice.
    "/v1/projects/{slug}/chat",
    "/v1/projects/{slug}/exports",
    "/v1/projects/{slug}/notes",
    "/v1/projects/{slug}/prompts",
    "/v1/projects/{slug}/prompts/{name}/versions",
    "/v1/research/{plugin}/{tool}",
    "/v1/schedules",
    "/v1/schedules/{id}/run",
    "/v1/searches",
    "/v1/signing-keys/rotate",
    "/v1/webhooks/{id}/deliveries/{event}/redeliver",
    "/v1/webhooks/{id}/ping",
];
/// `POST` on these hands the key to the gateway.
const BY_GATEWAY: &[&str] = &[
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/messages",
    "/v1/projects/{slug}/prompts/{name}/test",
    "/v1/rerank",
    "/v1/responses",
];
/// Of a reply these are kept.
const KEPT: [HeaderName; 6] = [
    CONTENT_TYPE,
    ETAG,
    LOCATION,
    X_INKSTONE_CHAT,
    X_INKSTONE_MESSAGE,
    X_INKSTONE_PLUGIN,
];

/// A reply as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptReply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Whether a request to this route is made once where it has a key.
fn is_made_once(method: &Method, route: &str) -> bool {
    *method == Method::POST && ROUTES.contains(&route)
}

/// Whether `POST` on this route takes a key at all.
pub(crate) fn takes_key(route: &str) -> bool {
    ROUTES.contains(&route) || BY_GATEWAY.contains(&route)
}

/// Makes a request with a key once.
pub(crate) async fn repeats(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let has_key = request.headers().contains_key(IDEMPOTENCY_KEY);
    if !has_key || !is_made_once(request.method(), route) {
        return next.run(request).await;
    }
    // As one type of future, for the compiler's sake.
    let made: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(once(state, request, next));
    made.await.unwrap_or_else(IntoResponse::into_response)
}

async fn once(state: Shared, request: Request, next: Next) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let Caller(principal) = Caller::from_request_parts(&mut parts, &state).await?;
    let Some(key) = idempotency_key(&parts.headers)? else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let limit = state.config.max_body_bytes;
    let body = to_bytes(body, limit)
        .await
        .map_err(|_| body_too_large(limit))?;
    let sent = (
        parts.method.as_str().to_owned(),
        parts.uri.to_string(),
        String::from_utf8_lossy(&body).into_owned(),
    );
    let request = Request::from_parts(parts, Body::from(body));
    let change = async move { kept_of(next.run(request).await, limit).await };
    match state
        .services
        .once
        .make(&principal, &key, &sent, change)
        .await?
    {
        Answer::Made(response) => Ok(response),
        Answer::Kept(bytes) => replay(&bytes),
    }
}

/// A reply, and what to keep of it if it tells of success.
async fn kept_of(response: Response, limit: usize) -> (Response, Option<Bytes>) {
    if !response.status().is_success() {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    // Replies hold what was sent and little more.
    let Ok(body) = to_bytes(body, limit.saturating_mul(16)).await else {
        let error = ApiError::new(&codes::INTERNAL, "a reply could not be written");
        return (error.into_response(), None);
    };
    let header = |name: &HeaderName| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    let kept = KeptReply {
        status: parts.status.as_u16(),
        headers: KEPT.iter().filter_map(header).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let kept = serde_json::to_vec(&kept).ok().map(Bytes::from);
    (Response::from_parts(parts, Body::from(body)), kept)
}

fn replay(bytes: &[u8]) -> Result<Response, ApiError> {
    let unreadable = || {
        ApiError(Error::new(
            &codes::INTERNAL,
            "the kept answer to this `Idempotency-Key` cannot be read",
        ))
    };
    let kept: KeptReply = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).map_err(|_| unreadable())?;
    let headers = response.headers_mut();
    for (name, value) in kept.headers {
        let name = HeaderName::try_from(name).map_err(|_| unreadable())?;
        let value = HeaderValue::try_from(value).map_err(|_| unreadable())?;
        headers.insert(name, value);
    }
    headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
