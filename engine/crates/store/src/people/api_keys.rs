//! The table `api_key`.

use chrono::{DateTime, Utc};
use inkstone_domain::api_key::{ApiKey, Scope};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ids::ApiKeyId;
use surrealdb::types::{Bytes, SurrealValue};

use crate::articles::read_all;
use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, to_bytes, to_hash};
use crate::statement::Statement;

const TABLE: &str = "api_key";

#[derive(SurrealValue)]
struct ApiKeyRow {
    key: String,
    owner: String,
    name: String,
    scopes: Vec<String>,
    token_hash: Bytes,
    hint: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

impl SurrealStore {
    pub(super) async fn insert_api_key(
        &self,
        key: &ApiKey,
        audit: &AuditRecord,
    ) -> Result<(), StoreFailure> {
        let statement = audited(
            "CREATE type::record('api_key', $row.key) CONTENT $row RETURN NONE;",
            audit,
        )
        .about(subject(key.id))
        .bind("row", ApiKeyRow::from(key));
        self.write(statement).await
    }

    pub(super) async fn delete_api_key(
        &self,
        id: ApiKeyId,
        audit: &AuditRecord,
    ) -> Result<(), StoreFailure> {
        let statement = audited(
            "IF (SELECT VALUE key FROM ONLY type::record('api_key', $key)) = NONE {
                THROW 'refused:not_found'
            };
            DELETE type::record('api_key', $key);",
            audit,
        )
        .about(subject(id))
        .bind("key", id.to_string());
        self.write(statement).await
    }

    pub(super) async fn all_api_keys(&self) -> Result<Vec<ApiKey>, StoreFailure> {
        let statement = Statement::new("SELECT * FROM api_key ORDER BY key");
        let rows: Vec<ApiKeyRow> = self.read(statement).await?;
        read_all(rows)
    }
}

fn subject(id: ApiKeyId) -> String {
    format!("API key `{id}`")
}

impl From<&ApiKey> for ApiKeyRow {
    fn from(key: &ApiKey) -> Self {
        Self {
            key: key.id.to_string(),
            owner: key.owner.to_string(),
            name: key.name.clone(),
            scopes: key.scopes.iter().map(Scope::to_string).collect(),
            token_hash: to_bytes(key.token_hash),
            hint: key.hint.clone(),
            created_at: key.created_at,
            expires_at: key.expires_at,
        }
    }
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = StoreFailure;

    fn try_from(row: ApiKeyRow) -> RowResult<Self> {
        let scopes = row.scopes.iter();
        let scopes: RowResult<_> = scopes.map(|scope| parse(TABLE, scope)).collect();
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            owner: parse(TABLE, &row.owner)?,
            name: row.name,
            scopes: scopes?,
            token_hash: to_hash(TABLE, &row.token_hash)?,
            hint: row.hint,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}
