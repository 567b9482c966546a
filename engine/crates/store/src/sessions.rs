//! The table `session`: the last refresh token of each sign-in, by its hash, and what tells its predecessors.

use chrono::{DateTime, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::digest::hex;
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Ending, Rotation, ShownToken, Successor, TellReuse};
use inkstone_domain::principal::{Account, SeenFrom, Session, User};
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::audit::{APPEND_AUDIT, audited_giving, bind_audit, transaction};
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, parse_option, unknown_word, unreadable};
use crate::statement::Statement;
use crate::users::UserRow;

const TABLE: &str = "session";

#[derive(SurrealValue)]
struct SessionRow {
    key: String,
    family: String,
    user: String,
    token_hash: String,
    family_hash: Option<String>,
    signed_in_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    address: Option<String>,
    user_agent: Option<String>,
    spent: bool,
    ended: bool,
}

#[derive(SurrealValue)]
struct EndedRow {
    family: String,
}

/// What became of a token; the rest is there where it was rotated.
#[derive(SurrealValue)]
struct RotationRow {
    outcome: String,
    family: Option<String>,
    user: Option<String>,
    signed_in_at: Option<DateTime<Utc>>,
}

const ENDED_SINCE: &str = "SELECT family, ended_at FROM session WHERE ended_at > $since \
     ORDER BY ended_at DESC LIMIT $limit";
const EXPIRED: &str = "SELECT VALUE id FROM session WHERE expires_at <= $now LIMIT $limit";

/// What became of somebody's sign-ins.
pub(crate) const END_SESSIONS: &str = "
    LET $families = IF $ending = NONE { [] } ELSE {
        (UPDATE session SET ended = true, ended_at = $ending.at
            WHERE user = $user_key AND spent = false AND ended = false
                AND ($ending.but = NONE OR family != $ending.but)
            RETURN VALUE family)
    };
";

/// What [`END_SESSIONS`] takes as `ending`, with `user_key`.
#[derive(SurrealValue)]
pub(crate) struct EndingRow {
    but: Option<String>,
    at: DateTime<Utc>,
}

impl From<Ending> for EndingRow {
    fn from(ending: Ending) -> Self {
        Self {
            but: ending.but.map(|family| family.to_string()),
            at: ending.at,
        }
    }
}

pub(crate) fn families(ended: Vec<String>) -> RowResult<Vec<SessionId>> {
    let ended = ended.iter().map(|family| parse(TABLE, family));
    ended.collect()
}

impl SurrealStore {
    pub(crate) async fn insert_session(
        &self,
        session: Session,
        checked: Option<&str>,
        audit: &AuditRecord,
    ) -> Result<User, StoreFailure> {
        // Whoever changes the account writes to the audit log, too: so one of the two is tried again.
        // A sign-in sweeps away what ran out for the same user: an expired token is unknown anyway.
        let statement = audited_giving(
            "LET $account = SELECT * FROM ONLY type::record('user', $token_row.user);
            IF $account = NONE OR $account.disabled_at != NONE
                OR ($checked != NONE AND $account.password_hash != $checked) {
                THROW 'refused:credentials_changed'
            };
            IF (SELECT VALUE key FROM session WHERE token_hash = $token_row.token_hash)[0] != NONE {
                THROW 'refused:already_exists'
            };
            DELETE session WHERE user = $token_row.user AND expires_at <= $token_row.created_at;
            CREATE type::record('session', $token_row.key) CONTENT $token_row RETURN NONE;",
            "$account",
            std::slice::from_ref(audit),
        )
        .about("session")
        .bind("checked", checked.map(str::to_owned))
        .bind("token_row", SessionRow::from(session));
        let row: UserRow = self.write(statement).await?;
        Ok(Account::try_from(row)?.user)
    }

    pub(crate) async fn rotate(
        &self,
        shown: ShownToken,
        successor: Successor,
        now: DateTime<Utc>,
        tell: TellReuse<'_>,
    ) -> Result<Rotation, StoreFailure> {
        // Tokens of before have no part that tells their family: those that were spent are kept.
        let statement = Statement::new(
            "{
                LET $shown = (SELECT * FROM session WHERE token_hash = $token_hash)[0];
                LET $live = IF $shown = NONE {
                    IF $family_hash = NONE { NONE } ELSE {
                        (SELECT * FROM session WHERE family_hash = $family_hash)[0]
                    }
                } ELSE {
                    IF $shown.spent {
                        (SELECT * FROM session WHERE family = $shown.family AND spent = false)[0]
                    } ELSE { $shown }
                };
                IF $live = NONE OR $live.ended OR $live.expires_at <= $now {
                    RETURN { outcome: 'unknown' };
                };
                IF $shown = NONE OR $shown.spent {
                    RETURN { outcome: 'reused', family: $live.family, user: $live.user };
                };
                IF $shown.family_hash = NONE {
                    UPDATE $shown.id SET spent = true RETURN NONE;
                } ELSE {
                    DELETE $shown.id RETURN NONE;
                };
                CREATE type::record('session', $successor) CONTENT {
                    key: $successor,
                    family: $shown.family,
                    user: $shown.user,
                    token_hash: $successor_hash,
                    family_hash: $successor_family,
                    signed_in_at: $shown.signed_in_at,
                    created_at: $now,
                    expires_at: $expires_at,
                    address: $address,
                    user_agent: $user_agent,
                    spent: false,
                    ended: false
                } RETURN NONE;
                RETURN {
                    outcome: 'rotated',
                    family: $shown.family,
                    user: $shown.user,
                    signed_in_at: $shown.signed_in_at
                };
            }",
        )
        .about("session")
        .bind("token_hash", hex(&shown.token_hash))
        .bind("family_hash", shown.family_hash.map(|hash| hex(&hash)))
        .bind("successor", successor.id.to_string())
        .bind("successor_hash", hex(&successor.token_hash))
        .bind("successor_family", hex(&successor.family_hash))
        .bind("now", now)
        .bind("expires_at", successor.expires_at)
        .bind("address", successor.seen.address.map(|ip| ip.to_string()))
        .bind("user_agent", successor.seen.user_agent.clone());
        let row: RotationRow = self.write(statement).await?;
        match row.outcome.as_str() {
            "unknown" => Ok(Rotation::Unknown),
            "reused" => {
                let user = parse(TABLE, &row.user.unwrap_or_default())?;
                let family = parse(TABLE, &row.family.unwrap_or_default())?;
                match self.end_reused(family, now, &tell(user, family)).await? {
                    true => Ok(Rotation::Reused { user, family }),
                    false => Ok(Rotation::Unknown),
                }
            }
            "rotated" => Ok(Rotation::Rotated(Session {
                id: successor.id,
                family: parse(TABLE, &row.family.unwrap_or_default())?,
                user: parse(TABLE, &row.user.unwrap_or_default())?,
                token_hash: successor.token_hash,
                family_hash: Some(successor.family_hash),
                signed_in_at: row.signed_in_at.unwrap_or(now),
                created_at: now,
                expires_at: successor.expires_at,
                seen: successor.seen,
            })),
            other => Err(unknown_word(TABLE, "outcome", other)),
        }
    }

    /// Ends a family and writes down why, both or neither; `false` where somebody else has ended it.
    async fn end_reused(
        &self,
        family: SessionId,
        now: DateTime<Utc>,
        audit: &AuditRecord,
    ) -> Result<bool, StoreFailure> {
        let statement = Statement::new(format!(
            "{{
                LET $ended = UPDATE session SET ended = true, ended_at = $now
                    WHERE family = $family AND spent = false AND ended = false RETURN VALUE key;
                IF array::len($ended) = 0 {{ RETURN false; }};
                {APPEND_AUDIT}
                RETURN true;
            }}"
        ))
        .bind("family", family.to_string())
        .bind("now", now);
        self.write(bind_audit(statement, audit)).await
    }

    pub(crate) async fn end_sessions_in(
        &self,
        family: SessionId,
        at: DateTime<Utc>,
        audit: Option<&AuditRecord>,
    ) -> Result<(), StoreFailure> {
        // The one row that a rotation takes away: the two at the same time are a conflict.
        let statement = transaction(
            "UPDATE session SET ended = true, ended_at = $at
                WHERE family = $family AND spent = false AND ended = false RETURN NONE;",
            audit,
        )
        .bind("family", family.to_string())
        .bind("at", at);
        self.write(statement).await
    }

    pub(crate) async fn end_sessions_of(
        &self,
        user: UserId,
        ending: Ending,
        audit: Option<&AuditRecord>,
    ) -> Result<Vec<SessionId>, StoreFailure> {
        let audit = audit.map(std::slice::from_ref).unwrap_or_default();
        let statement = audited_giving(END_SESSIONS, "$families", audit)
            .bind("user_key", user.to_string())
            .bind("ending", Some(EndingRow::from(ending)));
        families(self.write(statement).await?)
    }

    pub(crate) async fn families_ended_since(
        &self,
        since: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<SessionId>, StoreFailure> {
        let statement = Statement::new(ENDED_SINCE)
            .bind("since", since)
            .bind("limit", limit as u64);
        let rows: Vec<EndedRow> = self.read(statement).await?;
        families(rows.into_iter().map(|row| row.family).collect())
    }

    pub(crate) async fn drop_expired_sessions(
        &self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<u64, StoreFailure> {
        let statement = Statement::new(format!(
            "{{
                LET $old = {EXPIRED};
                FOR $row IN $old {{ DELETE $row RETURN NONE; }};
                RETURN array::len($old);
            }}"
        ))
        .bind("now", now)
        .bind("limit", limit as u64);
        self.write(statement).await
    }

    /// Unspent, and neither ended nor expired.
    pub(crate) async fn live_sessions(
        &self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Session>, StoreFailure> {
        let statement = Statement::new(
            "SELECT * FROM session WHERE user = $user AND expires_at > $now              AND spent = false AND ended = false ORDER BY family DESC",
        )
        .bind("user", user.to_string())
        .bind("now", now);
        let rows: Vec<SessionRow> = self.read(statement).await?;
        read_all(rows)
    }
}

impl From<Session> for SessionRow {
    fn from(session: Session) -> Self {
        let Session {
            id,
            family,
            user,
            token_hash,
            family_hash,
            signed_in_at,
            created_at,
            expires_at,
            seen,
        } = session;
        Self {
            key: id.to_string(),
            family: family.to_string(),
            user: user.to_string(),
            token_hash: hex(&token_hash),
            family_hash: family_hash.map(|hash| hex(&hash)),
            signed_in_at,
            created_at,
            expires_at,
            address: seen.address.map(|ip| ip.to_string()),
            user_agent: seen.user_agent,
            spent: false,
            ended: false,
        }
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreFailure;

    fn try_from(row: SessionRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            family: parse(TABLE, &row.family)?,
            user: parse(TABLE, &row.user)?,
            token_hash: unhex(TABLE, &row.token_hash)?,
            family_hash: row
                .family_hash
                .map(|hash| unhex(TABLE, &hash))
                .transpose()?,
            signed_in_at: row.signed_in_at,
            created_at: row.created_at,
            expires_at: row.expires_at,
            seen: SeenFrom {
                address: parse_option(TABLE, row.address)?,
                user_agent: row.user_agent,
            },
        })
    }
}

/// What `hex` writes.
fn unhex(table: &'static str, text: &str) -> RowResult<[u8; 32]> {
    let pairs = text.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let hash = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    hash.ok_or_else(|| unreadable(table, "a hash does not have 32 bytes"))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use inkstone_domain::principal::Role;
    use inkstone_testkit::{run_on_deep_stack, sample};

    use super::*;
    use crate::plans::{assert_bounded, store};

    #[test]
    fn what_is_looked_for_now_and_then_is_found_by_index() {
        run_on_deep_stack(async {
            let store = store().await;
            let account = sample::account(Role::Creator);
            let (user, audit) = (account.user.id, sample::some_audit());
            inkstone_domain::ports::UserStore::create_user(&store, account, audit)
                .await
                .unwrap();
            for number in 0..40 {
                let mut session = sample::session(user, [number; 32]);
                session.expires_at += TimeDelta::hours(number.into());
                let (family, at) = (session.family, session.expires_at);
                store.insert_session(session, None, audit).await.unwrap();
                if number < 10 {
                    store.end_sessions_in(family, at, None).await.unwrap();
                }
            }
            let place = sample::now() + TimeDelta::minutes(450);
            let ended = Statement::new(ENDED_SINCE)
                .bind("since", place)
                .bind("limit", 2);
            assert_bounded(&store, ended, "IndexScan", 2, "ended").await;
            let expired = Statement::new(EXPIRED).bind("now", place).bind("limit", 3);
            assert_bounded(&store, expired, "IndexScan", 3, "expired").await;
        });
    }
}
