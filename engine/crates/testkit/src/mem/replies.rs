//! Kept answers in memory: the cache, and claims by `Idempotency-Key`.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use inkstone_domain::kept_reply::{CachedReply, Claim, Claimed};
use inkstone_domain::ports::ReplyStore;
use inkstone_domain::{Error, Result, codes};

use super::{MemStore, State};

pub(super) struct ClaimEntry {
    claim: Claim,
    /// The answer, once there is one.
    body: Option<Bytes>,
}

#[async_trait]
impl ReplyStore for MemStore {
    async fn cached(
        &self,
        scope: &str,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<CachedReply>> {
        let state = self.state();
        let found = state.cached.get(&place(scope, key));
        Ok(found.filter(|reply| reply.expires_at > now).cloned())
    }

    async fn cached_meanings(
        &self,
        scope: &str,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<CachedReply>> {
        let state = self.state();
        let is_wanted = |reply: &&CachedReply| {
            reply.scope == scope && reply.meaning.is_some() && reply.expires_at > now
        };
        let mut found: Vec<&CachedReply> = state.cached.values().filter(is_wanted).collect();
        found.sort_by_key(|reply| std::cmp::Reverse(reply.stored_at));
        Ok(found.into_iter().take(limit).cloned().collect())
    }

    async fn put_cached(&self, reply: &CachedReply) -> Result<()> {
        let place = place(&reply.scope, &reply.key);
        self.state().cached.insert(place, reply.clone());
        Ok(())
    }

    async fn claim(&self, claim: &Claim, now: DateTime<Utc>) -> Result<Claimed> {
        let mut state = self.state();
        let place = place(&claim.scope, &claim.key);
        let stands = |entry: &&ClaimEntry| entry.stands(now);
        if let Some(entry) = state.claims.get(&place).filter(stands) {
            return Ok(match &entry.body {
                _ if entry.claim.digest != claim.digest => Claimed::OtherRequest,
                Some(body) => Claimed::Done(body.clone()),
                None => Claimed::Busy,
            });
        }
        let entry = ClaimEntry {
            claim: claim.clone(),
            body: None,
        };
        state.claims.insert(place, entry);
        Ok(Claimed::Mine)
    }

    async fn renew_claim(
        &self,
        scope: &str,
        key: &str,
        holder: &str,
        lease_until: DateTime<Utc>,
    ) -> Result<()> {
        let mut state = self.state();
        state.held_claim(scope, key, holder)?.claim.lease_until = lease_until;
        Ok(())
    }

    async fn finish_claim(&self, scope: &str, key: &str, holder: &str, body: Bytes) -> Result<()> {
        let mut state = self.state();
        // The first answer stays: it may have been given to somebody.
        state
            .held_claim(scope, key, holder)?
            .body
            .get_or_insert(body);
        Ok(())
    }

    async fn drop_claim(&self, scope: &str, key: &str, holder: &str) -> Result<()> {
        let mut state = self.state();
        let place = place(scope, key);
        let is_open = |entry: &ClaimEntry| entry.is_open_of(holder);
        if state.claims.get(&place).is_some_and(is_open) {
            state.claims.remove(&place);
        }
        Ok(())
    }

    async fn drop_claims_of(&self, engine: &str) -> Result<()> {
        let own = format!("{engine}/");
        let mut state = self.state();
        state
            .claims
            .retain(|_, entry| entry.body.is_some() || !entry.claim.holder.starts_with(&own));
        Ok(())
    }

    async fn prune_replies(&self, now: DateTime<Utc>) -> Result<u64> {
        let mut state = self.state();
        let before = state.cached.len() + state.claims.len();
        state.cached.retain(|_, reply| reply.expires_at > now);
        state.claims.retain(|_, entry| entry.claim.expires_at > now);
        let after = state.cached.len() + state.claims.len();
        Ok((before - after) as u64)
    }
}

impl State {
    fn held_claim(&mut self, scope: &str, key: &str, holder: &str) -> Result<&mut ClaimEntry> {
        self.claims
            .get_mut(&place(scope, key))
            .filter(|entry| entry.claim.holder == holder)
            .ok_or_else(|| {
                Error::new(
                    &codes::LEASE_LOST,
                    format!("the claim `{key}` has ended or is in the hands of another worker"),
                )
            })
    }
}

impl ClaimEntry {
    /// Whether nobody else may take its place.
    fn stands(&self, now: DateTime<Utc>) -> bool {
        let is_settled = self.body.is_some() || self.claim.lease_until > now;
        is_settled && self.claim.expires_at > now
    }

    fn is_open_of(&self, holder: &str) -> bool {
        self.body.is_none() && self.claim.holder == holder
    }
}

fn place(scope: &str, key: &str) -> (String, String) {
    (scope.to_owned(), key.to_owned())
}
