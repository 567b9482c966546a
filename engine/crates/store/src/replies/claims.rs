//! The table `claim`. Whoever begins, finishes or gives up writes the claim's row in the transaction
//! that looked at it, so two at once are a conflict and one of them looks again.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use inkstone_domain::kept_reply::{Claim, Claimed};
use surrealdb::types::{Bytes, SurrealValue};

use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::unknown_word;
use crate::statement::Statement;

const TABLE: &str = "claim";

const CLAIM: &str = "{
    LET $stored = SELECT * FROM ONLY type::record('claim', [$scope, $key]);
    IF $stored != NONE AND $stored.expires_at > $now
        AND ($stored.finished OR $stored.lease_until > $now)
    {
        IF $stored.digest != $row.digest { RETURN { outcome: 'other_request' } };
        IF $stored.finished { RETURN { outcome: 'done', body: $stored.body } };
        RETURN { outcome: 'busy' };
    };
    UPSERT type::record('claim', [$scope, $key]) CONTENT $row RETURN NONE;
    RETURN { outcome: 'mine' };
}";
/// First part of what only the holder may do. It gives `$held`.
const HOLD: &str = "
    LET $held = SELECT holder, finished FROM ONLY type::record('claim', [$scope, $key]);
    IF $held = NONE OR $held.holder != $holder { THROW 'refused:lease_lost' };
";
const PROLONG: &str = "
    UPDATE type::record('claim', [$scope, $key]) SET lease_until = $lease_until RETURN NONE;
    RETURN NONE;
";
/// The first answer stays: it may have been given to somebody.
const ANSWER: &str = "
    IF !$held.finished {
        UPDATE type::record('claim', [$scope, $key]) SET finished = true, body = $body RETURN NONE;
    };
    RETURN NONE;
";
const GIVE_UP: &str = "{
    DELETE type::record('claim', [$scope, $key]) WHERE holder = $holder AND finished = false;
    RETURN NONE;
}";
const GIVE_ALL_UP: &str = "{
    DELETE claim WHERE holder >= $first AND holder < $end AND finished = false;
    RETURN NONE;
}";

#[derive(SurrealValue)]
struct ClaimRow {
    digest: String,
    holder: String,
    lease_until: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    finished: bool,
    body: Option<Bytes>,
}

#[derive(SurrealValue)]
struct ClaimedRow {
    outcome: String,
    body: Option<Bytes>,
}

impl SurrealStore {
    pub(super) async fn begin_claim(
        &self,
        claim: &Claim,
        now: DateTime<Utc>,
    ) -> Result<Claimed, StoreFailure> {
        let row = ClaimRow {
            digest: claim.digest.clone(),
            holder: claim.holder.clone(),
            lease_until: claim.lease_until,
            expires_at: claim.expires_at,
            finished: false,
            body: None,
        };
        let statement = at(CLAIM, &claim.scope, &claim.key)
            .bind("row", row)
            .bind("now", now);
        let claimed: ClaimedRow = self.write(statement).await?;
        match claimed.outcome.as_str() {
            "mine" => Ok(Claimed::Mine),
            "busy" => Ok(Claimed::Busy),
            "done" => Ok(Claimed::Done(claimed.body.unwrap_or_default().into())),
            "other_request" => Ok(Claimed::OtherRequest),
            other => Err(unknown_word(TABLE, "outcome", other)),
        }
    }

    pub(super) async fn prolong_claim(
        &self,
        scope: &str,
        key: &str,
        holder: &str,
        lease_until: DateTime<Utc>,
    ) -> Result<(), StoreFailure> {
        let statement = held(PROLONG, scope, key, holder).bind("lease_until", lease_until);
        self.write(statement).await
    }

    pub(super) async fn answer_claim(
        &self,
        scope: &str,
        key: &str,
        holder: &str,
        body: bytes::Bytes,
    ) -> Result<(), StoreFailure> {
        let statement = held(ANSWER, scope, key, holder).bind("body", Bytes::from(body));
        self.write(statement).await
    }

    pub(super) async fn give_claim_up(
        &self,
        scope: &str,
        key: &str,
        holder: &str,
    ) -> Result<(), StoreFailure> {
        let statement = at(GIVE_UP, scope, key).bind("holder", holder);
        self.write(statement).await
    }

    pub(super) async fn give_claims_up(&self, engine: &str) -> Result<(), StoreFailure> {
        // Everything that begins with `engine/`: `0` is the character behind `/`.
        let statement = Statement::new(GIVE_ALL_UP)
            .about("claims")
            .bind("first", format!("{engine}/"))
            .bind("end", format!("{engine}0"));
        self.write(statement).await
    }
}

/// The transaction of this part, if the holder has the claim.
fn held(part: &str, scope: &str, key: &str, holder: &str) -> Statement {
    at(format!("{{ {HOLD} {part} }}"), scope, key).bind("holder", holder)
}

fn at(text: impl Into<Cow<'static, str>>, scope: &str, key: &str) -> Statement {
    Statement::new(text)
        .about(format!("claim `{key}`"))
        .bind("scope", scope)
        .bind("key", key)
}
