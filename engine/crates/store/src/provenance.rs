//! The table `provenance`: where generated texts come from, a row per revision that a job wrote.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::provenance::Provenance;
use surrealdb::types::SurrealValue;

use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, to_json};
use crate::statement::Statement;

const TABLE: &str = "provenance";

/// Part of the transaction that ends a job. It takes `$provenance`.
pub(crate) const CREATE_PROVENANCE: &str = "
    CREATE type::record('provenance', [$provenance.article, $provenance.revision])
        CONTENT $provenance RETURN NONE;
";

#[derive(SurrealValue)]
pub(crate) struct ProvenanceRow {
    article: String,
    revision: u64,
    job: String,
    plugin: String,
    model: String,
    created_at: DateTime<Utc>,
    document: String,
}

impl SurrealStore {
    pub(crate) async fn newest_provenance(
        &self,
        article: ArticleId,
    ) -> Result<Option<Provenance>, StoreFailure> {
        let statement = Statement::new(
            "SELECT VALUE document FROM provenance WHERE article = $article \
             ORDER BY revision DESC LIMIT 1",
        )
        .bind("article", article.to_string());
        let documents: Vec<String> = self.read(statement).await?;
        let newest = documents.into_iter().next();
        newest.map(|text| from_json(TABLE, &text)).transpose()
    }
}

impl ProvenanceRow {
    pub(crate) fn of(provenance: &Provenance) -> RowResult<Self> {
        Ok(Self {
            article: provenance.article.to_string(),
            revision: provenance.revision,
            job: provenance.job.to_string(),
            plugin: provenance.plugin.clone(),
            model: provenance.model.clone(),
            created_at: provenance.created_at,
            document: to_json(TABLE, provenance)?,
        })
    }
}
