//! Lists: `{ data, next_cursor }`, and the checks of `limit` and `cursor`.

use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::{FieldError, Result};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::invalid_fields;

/// Items of a list without `limit`.
const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListReply<T> {
    pub data: Vec<T>,
    /// Send it as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

impl<T> ListReply<T> {
    /// All there is, on one page.
    pub(crate) fn whole(items: impl IntoIterator<Item = impl Into<T>>) -> Self {
        Self {
            data: items.into_iter().map(Into::into).collect(),
            next_cursor: None,
        }
    }

    /// A page of a longer list.
    pub(crate) fn page<D: Into<T>>(page: Page<D>) -> Self {
        Self {
            data: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page.next_cursor,
        }
    }
}

/// Checks the parameters of a list.
pub(crate) fn page_request(limit: Option<usize>, cursor: Option<String>) -> Result<PageRequest> {
    let limit = limit_of(limit)?;
    if cursor.as_deref() == Some("") {
        let field = FieldError {
            pointer: "?cursor".to_owned(),
            detail: "is empty; leave it out for the first page".to_owned(),
        };
        return Err(invalid_fields(
            "a query parameter is not valid",
            vec![field],
        ));
    }
    Ok(PageRequest { limit, cursor })
}

/// 1 to 100, 20 where it is left out.
pub(crate) fn limit_of(limit: Option<usize>) -> Result<usize> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    let field = FieldError {
        pointer: "?limit".to_owned(),
        detail: format!("must be from 1 to {MAX_LIMIT}"),
    };
    Err(invalid_fields(
        "a query parameter is not valid",
        vec![field],
    ))
}
