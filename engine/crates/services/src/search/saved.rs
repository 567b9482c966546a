//! Searches that are kept. Everybody has their own alone: others hear that there is no such thing.

use std::sync::Arc;

use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::SavedSearchId;
use inkstone_domain::ports::{Clock, SavedSearchStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::search::{SavedQuery, SavedSearch};
use inkstone_domain::{Error, FieldError, Result, codes};

use crate::content::check_page;

/// Of one person. Each with alerts is run for whatever is written.
const MOST: usize = 50;
const MAX_NAME_CHARS: usize = 100;
/// Of what is looked for; a search reads no more.
const MAX_TEXT_CHARS: usize = 2_000;

/// A search to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSavedSearch {
    pub name: String,
    pub query: SavedQuery,
    pub alerts: Alerts,
}

/// Whether its owner is told of what begins to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alerts {
    Off,
    On,
}

/// Keeps them in the name of a principal.
pub struct SavedSearches {
    store: Arc<dyn SavedSearchStore>,
    clock: Arc<dyn Clock>,
}

impl SavedSearches {
    pub fn new(store: Arc<dyn SavedSearchStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// `conflict` where somebody has as many as they may.
    pub async fn create(&self, principal: &Principal, new: NewSavedSearch) -> Result<SavedSearch> {
        let name = new.name.trim().to_owned();
        check_name(&name)?;
        check_text(&new.query.text)?;
        let page = PageRequest {
            limit: MOST,
            cursor: None,
        };
        let own = self.store.list_saved_searches(principal.user, page).await?;
        if own.items.len() >= MOST {
            return Err(Error::new(
                &codes::CONFLICT,
                format!("you have {MOST} saved searches already; remove one first"),
            ));
        }
        let now = self.clock.now();
        let search = SavedSearch {
            id: SavedSearchId::new(),
            owner: principal.user,
            name,
            query: new.query,
            alerts_since: match new.alerts {
                Alerts::On => Some(now),
                Alerts::Off => None,
            },
            created_at: now,
        };
        self.store.create_saved_search(&search).await?;
        Ok(search)
    }

    /// Newest first.
    pub async fn list(
        &self,
        principal: &Principal,
        page: PageRequest,
    ) -> Result<Page<SavedSearch>> {
        check_page(&page)?;
        self.store.list_saved_searches(principal.user, page).await
    }

    pub async fn get(&self, principal: &Principal, id: SavedSearchId) -> Result<SavedSearch> {
        let found = self.store.saved_search(principal.user, id).await?;
        found.ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!("there is no saved search `{id}`"),
            )
        })
    }

    /// Of everybody, by id after `after`.
    pub(super) async fn with_alerts(
        &self,
        after: Option<SavedSearchId>,
        limit: usize,
    ) -> Result<Vec<SavedSearch>> {
        self.store.searches_with_alerts(after, limit).await
    }

    pub async fn remove(&self, principal: &Principal, id: SavedSearchId) -> Result<()> {
        self.store.remove_saved_search(principal.user, id).await
    }
}

fn check_name(name: &str) -> Result<()> {
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count());
    if fits && !name.contains(char::is_control) {
        return Ok(());
    }
    let detail = format!("must be one line of 1 to {MAX_NAME_CHARS} characters");
    Err(not_valid("/name", detail))
}

fn check_text(text: &str) -> Result<()> {
    match text.chars().count() <= MAX_TEXT_CHARS {
        true => Ok(()),
        false => {
            let detail = format!("must have {MAX_TEXT_CHARS} characters at most");
            Err(not_valid("/q", detail))
        }
    }
}

fn not_valid(pointer: &str, detail: String) -> Error {
    let field = FieldError {
        pointer: pointer.to_owned(),
        detail,
    };
    let message = "the search is not valid as given";
    Error::new(&codes::INVALID_INPUT, message).with_fields(vec![field])
}
