//! The table `cached_reply`.

use chrono::{DateTime, Utc};
use inkstone_domain::kept_reply::{CachedReply, Meaning};
use surrealdb::types::{Bytes, SurrealValue};

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::RowResult;
use crate::statement::Statement;
use crate::vectors::{to_bytes, to_vector};

const TABLE: &str = "cached_reply";

#[derive(SurrealValue)]
struct CachedRow {
    scope: String,
    key: String,
    body: Bytes,
    has_meaning: bool,
    frame: Option<String>,
    vector: Option<Bytes>,
    stored_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl SurrealStore {
    pub(super) async fn cached_reply(
        &self,
        scope: &str,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<CachedReply>, StoreFailure> {
        let statement =
            Statement::new("SELECT * FROM ONLY type::record('cached_reply', [$scope, $key])")
                .bind("scope", scope)
                .bind("key", key);
        let row: Option<CachedRow> = self.read(statement).await?;
        let good = row.filter(|row| row.expires_at > now);
        good.map(CachedReply::try_from).transpose()
    }

    pub(super) async fn newest_meanings(
        &self,
        scope: &str,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<CachedReply>, StoreFailure> {
        let statement = Statement::new(
            "SELECT * FROM cached_reply \
             WHERE scope = $scope AND has_meaning = true AND expires_at > $now \
             ORDER BY stored_at DESC LIMIT $limit",
        )
        .bind("scope", scope)
        .bind("now", now)
        .bind("limit", limit.min(u32::MAX as usize));
        let rows: Vec<CachedRow> = self.read(statement).await?;
        read_all(rows)
    }

    pub(super) async fn upsert_cached(&self, reply: &CachedReply) -> Result<(), StoreFailure> {
        let statement = Statement::new(
            "{
                UPSERT type::record('cached_reply', [$row.scope, $row.key])
                    CONTENT $row RETURN NONE;
                RETURN NONE;
            }",
        )
        .about("cached answer")
        .bind("row", CachedRow::from(reply));
        self.write(statement).await
    }
}

impl From<&CachedReply> for CachedRow {
    fn from(reply: &CachedReply) -> Self {
        let meaning = reply.meaning.as_ref();
        Self {
            scope: reply.scope.clone(),
            key: reply.key.clone(),
            body: reply.body.clone().into(),
            has_meaning: meaning.is_some(),
            frame: meaning.map(|meaning| meaning.frame.clone()),
            vector: meaning.map(|meaning| to_bytes(&meaning.vector)),
            stored_at: reply.stored_at,
            expires_at: reply.expires_at,
        }
    }
}

impl TryFrom<CachedRow> for CachedReply {
    type Error = StoreFailure;

    fn try_from(row: CachedRow) -> RowResult<Self> {
        let meaning = match (row.frame, row.vector) {
            (Some(frame), Some(vector)) => Some(Meaning {
                frame,
                vector: to_vector(TABLE, &vector)?,
            }),
            _ => None,
        };
        Ok(Self {
            scope: row.scope,
            key: row.key,
            body: row.body.into(),
            meaning,
            stored_at: row.stored_at,
            expires_at: row.expires_at,
        })
    }
}
