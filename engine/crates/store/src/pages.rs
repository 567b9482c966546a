//! Pages of lists, mostly newest first. The cursor is the key of the last item shown, so writes do not move it.

use std::fmt::Display;
use std::str::FromStr;

use inkstone_domain::content::{Page, PageRequest};

use crate::failure::StoreFailure;

const MAX_ITEMS: usize = 100;

/// The place a page begins at, and how many rows to ask for: one more than is shown, to see whether
/// there is a next page.
pub(crate) struct Place<K> {
    /// The last item of the page before.
    pub(crate) before: Option<K>,
    pub(crate) rows: u64,
    limit: usize,
}

impl<K: FromStr> Place<K> {
    pub(crate) fn of(request: &PageRequest) -> Result<Self, StoreFailure> {
        let before = match request.cursor.as_deref() {
            None => None,
            Some(cursor) => match cursor.parse() {
                Ok(key) => Some(key),
                Err(_) => return Err(StoreFailure::Cursor(cursor.to_owned())),
            },
        };
        let limit = request.limit.clamp(1, MAX_ITEMS);
        Ok(Self {
            before,
            rows: limit as u64 + 1,
            limit,
        })
    }

    pub(crate) fn page<T, C: Display>(&self, mut items: Vec<T>, key: impl Fn(&T) -> C) -> Page<T> {
        let is_last = items.len() <= self.limit;
        items.truncate(self.limit);
        let next_cursor = match items.last() {
            Some(last) if !is_last => Some(key(last).to_string()),
            _ => None,
        };
        Page { items, next_cursor }
    }
}
