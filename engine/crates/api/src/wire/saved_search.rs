//! Searches that are kept.

use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::search::{Matching, SavedQuery, SavedSearch};
use inkstone_services::search::{Alerts, NewSavedSearch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object::object;
use super::search::KindWord;
use super::search_form::{FilterBody, SearchBody};

/// A search to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedSearchBody {
    #[schema(max_length = 100, example = "Tides")]
    pub name: String,
    /// What to look for, as in a search; empty finds everything.
    #[schema(example = "\"low tide\" moon -sun")]
    #[serde(default)]
    pub q: String,
    /// Articles where it is left out.
    #[schema(example = json!(["article", "media"]))]
    #[serde(default)]
    pub kinds: Vec<KindWord>,
    #[serde(default, deserialize_with = "object")]
    pub filter: FilterBody,
    /// Which words must be there: `any`, `all`, `last` or `frequency`; `all` where it is left out.
    pub matching: Option<String>,
    /// BCP 47 of `q`.
    pub locale: Option<String>,
    /// `true` tells of what is written from now on and matches.
    #[serde(default)]
    pub alert: bool,
}

/// A search of the caller's.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedSearchReply {
    #[schema(example = "srh_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: String,
    pub name: String,
    pub q: String,
    pub kinds: Vec<KindWord>,
    pub filter: FilterBody,
    pub matching: &'static str,
    pub locale: Option<String>,
    pub alert: bool,
    pub created_at: DateTime<Utc>,
}

impl SavedSearchBody {
    /// `invalid_input` with what is wrong and what would do.
    pub(crate) fn checked(self) -> Result<NewSavedSearch> {
        let all = Matching::All.as_str().to_owned();
        let body = SearchBody {
            q: self.q,
            kinds: self.kinds,
            filter: self.filter,
            matching: Some(self.matching.unwrap_or(all)),
            locale: self.locale,
            ..SearchBody::default()
        };
        let request = body.checked()?.request;
        Ok(NewSavedSearch {
            name: self.name,
            query: SavedQuery {
                text: request.text,
                kinds: request.kinds,
                project: request.project,
                status: request.status,
                tags: request.tags,
                narrow: request.narrow,
                matching: request.shape.matching,
                language: request.shape.language,
            },
            alerts: match self.alert {
                true => Alerts::On,
                false => Alerts::Off,
            },
        })
    }
}

impl From<SavedSearch> for SavedSearchReply {
    fn from(search: SavedSearch) -> Self {
        let query = search.query;
        Self {
            id: search.id.to_string(),
            name: search.name,
            filter: FilterBody::from(&query),
            q: query.text,
            kinds: query.kinds.into_iter().map(KindWord::from).collect(),
            matching: query.matching.as_str(),
            locale: query.language,
            alert: search.alerts_since.is_some(),
            created_at: search.created_at,
        }
    }
}
