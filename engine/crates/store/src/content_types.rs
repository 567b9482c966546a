//! The table `content_type`: kinds of articles, and the schemas of their fields.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::ContentType;
use inkstone_domain::ports::ContentTypeStore;
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, from_json, to_json};
use crate::statement::Statement;

const TABLE: &str = "content_type";

#[derive(SurrealValue)]
struct ContentTypeRow {
    name: String,
    title: String,
    /// JSON text: numbers of all 64 bits, and `null`, as they came.
    schema: String,
    revision: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[async_trait]
impl ContentTypeStore for SurrealStore {
    async fn create_content_type(&self, new: &ContentType, audit: &AuditRecord) -> Result<()> {
        let statement = audited(
            "CREATE type::record('content_type', $row.name) CONTENT $row RETURN NONE;",
            audit,
        )
        .about(subject(&new.name))
        .bind("row", ContentTypeRow::of(new)?);
        Ok(self.write(statement).await?)
    }

    async fn replace_content_type(&self, next: &ContentType, audit: &AuditRecord) -> Result<()> {
        let statement = audited(
            "
                LET $stored = SELECT revision FROM ONLY type::record('content_type', $row.name);
                IF $stored = NONE { THROW 'refused:not_found' };
                IF $stored.revision != $row.revision - 1 {
                    THROW 'refused:revision_mismatch:' + <string>$stored.revision
                };
                UPDATE type::record('content_type', $row.name) CONTENT $row RETURN NONE;
            ",
            audit,
        )
        .about(subject(&next.name))
        .bind("row", ContentTypeRow::of(next)?);
        Ok(self.write(statement).await?)
    }

    async fn content_type(&self, name: &str) -> Result<Option<ContentType>> {
        let statement = Statement::new("SELECT * FROM ONLY type::record('content_type', $name)")
            .bind("name", name);
        let row: Option<ContentTypeRow> = self.read(statement).await?;
        Ok(row.map(ContentType::try_from).transpose()?)
    }

    async fn content_types(&self) -> Result<Vec<ContentType>> {
        let statement = Statement::new("SELECT * FROM content_type ORDER BY name");
        let rows: Vec<ContentTypeRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }
}

fn subject(name: &str) -> String {
    format!("content type `{name}`")
}

impl ContentTypeRow {
    fn of(kind: &ContentType) -> RowResult<Self> {
        Ok(Self {
            name: kind.name.clone(),
            title: kind.title.clone(),
            schema: to_json(TABLE, &kind.schema)?,
            revision: kind.revision,
            created_at: kind.created_at,
            updated_at: kind.updated_at,
        })
    }
}

impl TryFrom<ContentTypeRow> for ContentType {
    type Error = StoreFailure;

    fn try_from(row: ContentTypeRow) -> RowResult<Self> {
        Ok(Self {
            schema: from_json(TABLE, &row.schema)?,
            name: row.name,
            title: row.title,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
