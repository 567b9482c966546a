//! The table `saved_search`.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{SavedSearchId, UserId};
use inkstone_domain::ports::SavedSearchStore;
use inkstone_domain::search::SavedSearch;
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::{RowResult, from_json, parse, to_json};
use crate::statement::Statement;

const TABLE: &str = "saved_search";

const CREATE: &str = "{
    IF record::exists(type::record('saved_search', $row.key)) { THROW 'refused:already_exists' };
    CREATE type::record('saved_search', $row.key) CONTENT $row RETURN NONE;
    RETURN NONE;
}";
const REMOVE: &str = "{
    LET $owned = SELECT VALUE owner FROM ONLY type::record('saved_search', $key);
    IF $owned = NONE OR $owned != $owner { THROW 'refused:not_found' };
    DELETE type::record('saved_search', $key) RETURN NONE;
    RETURN NONE;
}";

#[derive(SurrealValue)]
struct SearchRow {
    key: String,
    owner: String,
    name: String,
    query: String,
    has_alerts: bool,
    alerts_since: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

#[async_trait]
impl SavedSearchStore for SurrealStore {
    async fn create_saved_search(&self, search: &SavedSearch) -> Result<()> {
        let statement = Statement::new(CREATE)
            .about(subject(search.id))
            .bind("row", SearchRow::of(search)?);
        Ok(self.write(statement).await?)
    }

    async fn saved_search(&self, owner: UserId, id: SavedSearchId) -> Result<Option<SavedSearch>> {
        let row: Option<SearchRow> = self.record(TABLE, id.to_string()).await?;
        let found = row.map(SavedSearch::try_from).transpose()?;
        Ok(found.filter(|search| search.owner == owner))
    }

    async fn list_saved_searches(
        &self,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<SavedSearch>> {
        let place: Place<SavedSearchId> = Place::of(&page)?;
        let beginning = match place.before {
            Some(_) => "AND key < $before",
            None => "",
        };
        let statement = Statement::new(format!(
            "SELECT * FROM saved_search WHERE owner = $owner {beginning} \
             ORDER BY key DESC LIMIT $rows"
        ))
        .bind("owner", owner.to_string())
        .bind("before", place.before.map(|id| id.to_string()))
        .bind("rows", place.rows);
        let rows: Vec<SearchRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |search: &SavedSearch| search.id))
    }

    async fn remove_saved_search(&self, owner: UserId, id: SavedSearchId) -> Result<()> {
        let statement = Statement::new(REMOVE)
            .about(subject(id))
            .bind("key", id.to_string())
            .bind("owner", owner.to_string());
        Ok(self.write(statement).await?)
    }

    async fn searches_with_alerts(
        &self,
        after: Option<SavedSearchId>,
        limit: usize,
    ) -> Result<Vec<SavedSearch>> {
        let statement = Statement::new(
            "SELECT * FROM saved_search WHERE has_alerts = true AND key > $after \
             ORDER BY key LIMIT $limit",
        )
        .bind("after", after.map(|id| id.to_string()).unwrap_or_default())
        .bind("limit", limit.min(u32::MAX as usize));
        let rows: Vec<SearchRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }
}

fn subject(id: SavedSearchId) -> String {
    format!("saved search `{id}`")
}

impl SearchRow {
    fn of(search: &SavedSearch) -> RowResult<Self> {
        Ok(Self {
            key: search.id.to_string(),
            owner: search.owner.to_string(),
            name: search.name.clone(),
            query: to_json(TABLE, &search.query)?,
            has_alerts: search.alerts_since.is_some(),
            alerts_since: search.alerts_since,
            created_at: search.created_at,
        })
    }
}

impl TryFrom<SearchRow> for SavedSearch {
    type Error = StoreFailure;

    fn try_from(row: SearchRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            owner: parse(TABLE, &row.owner)?,
            name: row.name,
            query: from_json(TABLE, &row.query)?,
            alerts_since: row.alerts_since,
            created_at: row.created_at,
        })
    }
}
