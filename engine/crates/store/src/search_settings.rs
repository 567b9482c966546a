//! The table `search_settings`: what projects say about words. A record's key is the project's slug.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ports::SearchSettingsStore;
use inkstone_domain::search::SearchSettings;
use surrealdb::types::SurrealValue;

use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, to_json};

const TABLE: &str = "search_settings";

const PUT: &str = "
    LET $stored = (SELECT VALUE revision FROM ONLY type::record('search_settings', $row.project)) ?? 0;
    IF $stored != $row.revision - 1 { THROW 'refused:stale:' + <string>$stored };
    UPSERT type::record('search_settings', $row.project) CONTENT $row RETURN NONE;
";

#[derive(SurrealValue)]
struct SettingsRow {
    project: String,
    /// JSON text: it is read and written as one.
    lexicon: String,
    revision: u64,
    updated_at: Option<DateTime<Utc>>,
}

#[async_trait]
impl SearchSettingsStore for SurrealStore {
    async fn search_settings(&self, project: &str) -> Result<Option<SearchSettings>> {
        let row: Option<SettingsRow> = self.record("search_settings", project.to_owned()).await?;
        Ok(row.map(SearchSettings::try_from).transpose()?)
    }

    async fn put_search_settings(
        &self,
        settings: &SearchSettings,
        audit: &AuditRecord,
    ) -> Result<()> {
        let statement = audited(PUT, audit)
            .about(format!("search settings of `{}`", settings.project))
            .bind("row", SettingsRow::of(settings)?);
        Ok(self.write(statement).await?)
    }
}

impl SettingsRow {
    fn of(settings: &SearchSettings) -> RowResult<Self> {
        Ok(Self {
            project: settings.project.clone(),
            lexicon: to_json(TABLE, &settings.lexicon)?,
            revision: settings.revision,
            updated_at: settings.updated_at,
        })
    }
}

impl TryFrom<SettingsRow> for SearchSettings {
    type Error = StoreFailure;

    fn try_from(row: SettingsRow) -> RowResult<Self> {
        Ok(Self {
            lexicon: from_json(TABLE, &row.lexicon)?,
            project: row.project,
            revision: row.revision,
            updated_at: row.updated_at,
        })
    }
}
