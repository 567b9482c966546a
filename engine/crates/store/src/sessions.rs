//! The table `session`: refresh tokens, by the hash of each.

use chrono::{DateTime, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::digest::hex;
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Rotation, Successor};
use inkstone_domain::principal::{SeenFrom, Session};
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::audit::{audited, audited_some};
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, parse_option, unknown_word, unreadable};
use crate::statement::Statement;

const TABLE: &str = "session";

#[derive(SurrealValue)]
struct SessionRow {
    key: String,
    family: String,
    user: String,
    token_hash: String,
    signed_in_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    address: Option<String>,
    user_agent: Option<String>,
    spent: bool,
    ended: bool,
}

/// What became of a token; the rest is there where it was rotated.
#[derive(SurrealValue)]
struct RotationRow {
    outcome: String,
    family: Option<String>,
    user: Option<String>,
    signed_in_at: Option<DateTime<Utc>>,
}

impl SurrealStore {
    pub(crate) async fn insert_session(
        &self,
        session: Session,
        audit: &AuditRecord,
    ) -> Result<(), StoreFailure> {
        // A sign-in sweeps away what ran out for the same user: an expired token is unknown anyway.
        let statement = audited(
            "IF (SELECT VALUE key FROM session WHERE token_hash = $token_row.token_hash)[0] != NONE {
                THROW 'refused:already_exists'
            };
            DELETE session WHERE user = $token_row.user AND expires_at <= $token_row.created_at;
            CREATE type::record('session', $token_row.key) CONTENT $token_row RETURN NONE;",
            audit,
        )
        .about("session")
        .bind("token_row", SessionRow::from(session));
        self.write(statement).await
    }

    pub(crate) async fn rotate(
        &self,
        token_hash: [u8; 32],
        successor: Successor,
        now: DateTime<Utc>,
    ) -> Result<Rotation, StoreFailure> {
        let statement = Statement::new(
            "{
                LET $shown = (SELECT * FROM session WHERE token_hash = $token_hash)[0];
                IF $shown = NONE OR $shown.ended OR $shown.expires_at <= $now {
                    RETURN { outcome: 'unknown' };
                };
                IF $shown.spent {
                    UPDATE session SET ended = true WHERE family = $shown.family RETURN NONE;
                    RETURN { outcome: 'reused', family: $shown.family, user: $shown.user };
                };
                UPDATE $shown.id SET spent = true RETURN NONE;
                CREATE type::record('session', $successor) CONTENT {
                    key: $successor,
                    family: $shown.family,
                    user: $shown.user,
                    token_hash: $successor_hash,
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
        .bind("token_hash", hex(&token_hash))
        .bind("successor", successor.id.to_string())
        .bind("successor_hash", hex(&successor.token_hash))
        .bind("now", now)
        .bind("expires_at", successor.expires_at)
        .bind("address", successor.seen.address.map(|ip| ip.to_string()))
        .bind("user_agent", successor.seen.user_agent.clone());
        let row: RotationRow = self.write(statement).await?;
        match row.outcome.as_str() {
            "unknown" => Ok(Rotation::Unknown),
            "reused" => Ok(Rotation::Reused {
                user: parse(TABLE, &row.user.unwrap_or_default())?,
                family: parse(TABLE, &row.family.unwrap_or_default())?,
            }),
            "rotated" => Ok(Rotation::Rotated(Session {
                id: successor.id,
                family: parse(TABLE, &row.family.unwrap_or_default())?,
                user: parse(TABLE, &row.user.unwrap_or_default())?,
                token_hash: successor.token_hash,
                signed_in_at: row.signed_in_at.unwrap_or(now),
                created_at: now,
                expires_at: successor.expires_at,
                seen: successor.seen,
            })),
            other => Err(unknown_word(TABLE, "outcome", other)),
        }
    }

    pub(crate) async fn end_sessions_in(
        &self,
        family: SessionId,
        audit: Option<&AuditRecord>,
    ) -> Result<(), StoreFailure> {
        // All rows, spent ones too: that makes a rotation at the same time a conflict.
        let statement = audited_some(
            "UPDATE session SET ended = true WHERE family = $family RETURN NONE;",
            audit,
        )
        .bind("family", family.to_string());
        self.write(statement).await
    }

    pub(crate) async fn end_sessions_of(
        &self,
        user: UserId,
        but: Option<SessionId>,
        audit: Option<&AuditRecord>,
    ) -> Result<(), StoreFailure> {
        let statement = audited_some(
            "UPDATE session SET ended = true
                WHERE user = $user AND ended = false AND ($but = NONE OR family != $but)
                RETURN NONE;",
            audit,
        )
        .bind("user", user.to_string())
        .bind("but", but.map(|family| family.to_string()));
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
