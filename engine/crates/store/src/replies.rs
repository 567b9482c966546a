//! The port over kept answers. Each kind of them has a file: the cache, and claims by `Idempotency-Key`.

mod cache;
mod claims;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::kept_reply::{CachedReply, Claim, Claimed};
use inkstone_domain::ports::ReplyStore;

use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::statement::Statement;

/// So many rows leave in one transaction: it stays short, however much has expired.
const PRUNED_AT_ONCE: u64 = 200;

const PRUNE_CACHE: &str = "{
    LET $expired = SELECT VALUE id FROM cached_reply WHERE expires_at <= $now LIMIT $rows;
    DELETE $expired;
    RETURN array::len($expired);
}";
const PRUNE_CLAIMS: &str = "{
    LET $expired = SELECT VALUE id FROM claim WHERE expires_at <= $now LIMIT $rows;
    DELETE $expired;
    RETURN array::len($expired);
}";

#[async_trait]
impl ReplyStore for SurrealStore {
    async fn cached(
        &self,
        scope: &str,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<CachedReply>> {
        Ok(self.cached_reply(scope, key, now).await?)
    }

    async fn cached_meanings(
        &self,
        scope: &str,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<CachedReply>> {
        Ok(self.newest_meanings(scope, now, limit).await?)
    }

    async fn put_cached(&self, reply: &CachedReply) -> Result<()> {
        Ok(self.upsert_cached(reply).await?)
    }

    async fn claim(&self, claim: &Claim, now: DateTime<Utc>) -> Result<Claimed> {
        Ok(self.begin_claim(claim, now).await?)
    }

    async fn renew_claim(
        &self,
        scope: &str,
        key: &str,
        holder: &str,
        lease_until: DateTime<Utc>,
    ) -> Result<()> {
        Ok(self.prolong_claim(scope, key, holder, lease_until).await?)
    }

    async fn finish_claim(&self, scope: &str, key: &str, holder: &str, body: Bytes) -> Result<()> {
        Ok(self.answer_claim(scope, key, holder, body).await?)
    }

    async fn drop_claim(&self, scope: &str, key: &str, holder: &str) -> Result<()> {
        Ok(self.give_claim_up(scope, key, holder).await?)
    }

    async fn drop_claims_of(&self, engine: &str) -> Result<()> {
        Ok(self.give_claims_up(engine).await?)
    }

    async fn prune_replies(&self, now: DateTime<Utc>) -> Result<u64> {
        let cached = self.prune(PRUNE_CACHE, now).await?;
        let claims = self.prune(PRUNE_CLAIMS, now).await?;
        Ok(cached + claims)
    }
}

impl SurrealStore {
    async fn prune(&self, text: &'static str, now: DateTime<Utc>) -> Result<u64, StoreFailure> {
        let statement = Statement::new(text)
            .about("expired answers")
            .bind("now", now)
            .bind("rows", PRUNED_AT_ONCE);
        let mut total = 0;
        loop {
            let pruned: u64 = self.write(statement.clone()).await?;
            total += pruned;
            if pruned < PRUNED_AT_ONCE {
                return Ok(total);
            }
        }
    }
}
