//! `/v1/audit`: the audit log, for admins.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt};
use inkstone_domain::Result;
use inkstone_domain::audit::{AuditEntry, AuditFilter};
use inkstone_domain::ids::UserId;
use inkstone_domain::principal::Principal;
use inkstone_services::Audit;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiResult;
use crate::extract::{Caller, QueryOf};
use crate::reply::{ok, streamed};
use crate::state::Shared;
use crate::wire::audit::{AuditEntryReply, AuditHeadReply, csv_lines, json_lines};
use crate::wire::page::{ListReply, page_request};

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// `usr_…`
    #[serde(rename = "filter[actor]")]
    #[param(value_type = Option<String>)]
    actor: Option<UserId>,
    /// Such as `key.rotated`.
    #[serde(rename = "filter[action]")]
    action: Option<String>,
    /// Such as `project:handbook`.
    #[serde(rename = "filter[subject]")]
    subject: Option<String>,
    /// From this instant on.
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    to: Option<DateTime<Utc>>,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Which entries, and how they are written.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `jsonl` where it is left out, from which the chain can be checked; or `csv`.
    #[param(inline)]
    format: Option<ExportWord>,
    /// `usr_…`
    #[serde(rename = "filter[actor]")]
    #[param(value_type = Option<String>)]
    actor: Option<UserId>,
    /// Such as `key.rotated`.
    #[serde(rename = "filter[action]")]
    action: Option<String>,
    /// Such as `project:handbook`.
    #[serde(rename = "filter[subject]")]
    subject: Option<String>,
    /// From this instant on.
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    to: Option<DateTime<Utc>>,
}

/// How the log is written out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExportWord {
    #[default]
    Jsonl,
    Csv,
}

/// List the audit log
///
/// Newest first. For admins. An actor and a subject at once are refused with 400 `unindexed_filter`: no index has
/// them together.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "A page of entries.", body = ListReply<AuditEntryReply>)),
)]
pub(crate) async fn list_audit(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<AuditQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let filter = AuditFilter {
        actor: query.actor,
        action: query.action,
        subject: query.subject,
        from: query.from,
        to: query.to,
    };
    let entries = state.services.audit.list(&principal, &filter, page).await?;
    ok(&ListReply::<AuditEntryReply>::page(entries))
}

/// Show the end of the audit log
///
/// Write it down elsewhere: whoever knows a later hash sees every change of what was before it. For admins.
#[utoipa::path(
    get, path = "/v1/audit/head", tag = "audit",
    responses((status = 200, description = "The last entry's place and hash.", body = AuditHeadReply)),
)]
pub(crate) async fn show_audit_head(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    ok(&AuditHeadReply::from(
        state.services.audit.head(&principal).await?,
    ))
}

/// Export the audit log
///
/// All entries that fit, oldest first, as they are read. For admins.
#[utoipa::path(
    get, path = "/v1/audit/export", tag = "audit", params(ExportQuery),
    responses((status = 200, description = "The entries, one a line.",
        content((String = "application/jsonl"), (String = "text/csv")))),
)]
pub(crate) async fn export_audit(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<ExportQuery>,
) -> ApiResult<Response> {
    let format = query.format.unwrap_or_default();
    let filter = AuditFilter {
        actor: query.actor,
        action: query.action,
        subject: query.subject,
        from: query.from,
        to: query.to,
    };
    let audit = state.services.audit.clone();
    // The first entries are read before the status is sent, so that a refusal is one.
    let first = audit.export(&principal, &filter, 0).await?;
    let batches = batches(audit, principal, filter, first);
    let mut is_first = true;
    let lines = batches.map(move |batch| {
        let lines = match format {
            ExportWord::Jsonl => json_lines(batch?),
            ExportWord::Csv => csv_lines(batch?, std::mem::take(&mut is_first)),
        };
        lines.map(Bytes::from)
    });
    let mut response = Response::new(streamed(lines));
    let (media_type, file) = match format {
        ExportWord::Jsonl => ("application/jsonl", "attachment; filename=\"audit.jsonl\""),
        ExportWord::Csv => (
            "text/csv; charset=utf-8",
            "attachment; filename=\"audit.csv\"",
        ),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(file));
    Ok(response)
}

/// Batch after batch, each read when the one before has gone out. An error ends the body early.
fn batches(
    audit: Audit,
    principal: Principal,
    filter: AuditFilter,
    first: Vec<AuditEntry>,
) -> impl stream::Stream<Item = Result<Vec<AuditEntry>>> + Send {
    let last = first.last().map(|entry| entry.seq);
    let rest = stream::unfold(last, move |after| {
        let (audit, principal, filter) = (audit.clone(), principal.clone(), filter.clone());
        async move {
            match audit.export(&principal, &filter, after?).await {
                Ok(batch) => {
                    let last = batch.last()?.seq;
                    Some((Ok(batch), Some(last)))
                }
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    stream::once(async move { Ok(first) }).chain(rest)
}
