//! `/v1/articles/bulk`: many changes of articles in one request.

use axum::extract::State;
use inkstone_domain::Result;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody};
use crate::middleware::RequestId;
use crate::middleware::failure::log_failure;
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::bulk::{BulkBody, BulkReply, OperationReply, Place};

/// Change many articles
///
/// Makes 1 to 100 changes in their order. Each is a transaction of its own under the rules of the route of its
/// own, and has its own result; what fails does not stop what follows. 200 says that all were tried.
#[utoipa::path(
    post, path = "/v1/articles/bulk", tag = "articles", request_body = BulkBody,
    responses((status = 200, description = "What became of each change.", body = BulkReply)),
)]
pub(crate) async fn change_articles(
    State(state): State<Shared>,
    Caller(principal): Caller,
    request_id: RequestId,
    body: JsonBody<BulkBody>,
) -> ApiResult {
    let operations = body.value.operations.into_iter();
    let places: Vec<Place> = operations
        .as_slice()
        .iter()
        .map(|one| one.place())
        .collect();
    let operations: Result<Vec<_>> = operations
        .enumerate()
        .map(|(index, one)| one.into_domain(index))
        .collect();
    let outcomes = state
        .services
        .articles
        .bulk(&principal, operations?)
        .await?;
    let replies = outcomes.into_iter().zip(places).enumerate();
    let replies = replies.map(|(index, (outcome, place))| {
        if let Err(error) = &outcome.result {
            log_failure(error, &request_id);
        }
        OperationReply::new(index, place, outcome, request_id.as_str())
    });
    ok(&BulkReply::new(replies.collect()))
}
