//! What answers where no route does.

use axum::http::{Method, Uri};
use inkstone_domain::codes;

use crate::error::ApiError;

/// No route has this path.
pub(crate) async fn unknown_route(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        &codes::UNKNOWN_ROUTE,
        format!(
            "there is no route `{method} {}`; `/openapi.json` and `/docs` list all",
            uri.path()
        ),
    )
}

/// An engine with the role `worker` has no routes but those for its operators.
pub(crate) async fn not_of_a_worker(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        &codes::UNKNOWN_ROUTE,
        format!(
            "this engine has the role `worker` and does not answer `{method} {}`; ask one with the role `api` or `all`",
            uri.path()
        ),
    )
}

/// The path is known, the method is not; the header `allow` names those that are.
pub(crate) async fn unknown_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        &codes::METHOD_NOT_ALLOWED,
        format!(
            "`{}` does not take `{method}`; the header `allow` names what it takes",
            uri.path()
        ),
    )
}
