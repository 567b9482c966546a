//! The table `session`: refresh tokens, by the hash of each.

use chrono::{DateTime, Utc};
use inkstone_domain::digest::hex;
use inkstone_domain::ids::SessionId;
use inkstone_domain::ports::Rotation;
use inkstone_domain::principal::Session;
use surrealdb::types::SurrealValue;

use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{parse, unknown_word};
use crate::statement::Statement;

const TABLE: &str = "session";

#[derive(SurrealValue)]
struct SessionRow {
    key: String,
    family: String,
    user: String,
    token_hash: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    spent: bool,
    ended: bool,
}

/// What became of a token; the rest is there where it was rotated.
#[derive(SurrealValue)]
struct RotationRow {
    outcome: String,
    family: Option<String>,
    user: Option<String>,
}

impl SurrealStore {
    pub(crate) async fn insert_session(&self, session: Session) -> Result<(), StoreFailure> {
        // A sign-in sweeps away what ran out for the same user: an expired token is unknown anyway.
        let statement = Statement::new(
            "{
                IF (SELECT VALUE key FROM session WHERE token_hash = $token_row.token_hash)[0] != NONE {
                    THROW 'refused:already_exists'
                };
                DELETE session WHERE user = $token_row.user AND expires_at <= $token_row.created_at;
                CREATE type::record('session', $token_row.key) CONTENT $token_row RETURN NONE;
                RETURN NONE;
            }",
        )
        .about("session")
        .bind("token_row", SessionRow::from(session));
        self.write(statement).await
    }

    pub(crate) async fn rotate(
        &self,
        token_hash: [u8; 32],
        successor_id: SessionId,
        successor_hash: [u8; 32],
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Rotation, StoreFailure> {
        let statement = Statement::new(
            "{
                LET $shown = (SELECT * FROM session WHERE token_hash = $token_hash)[0];
                IF $shown = NONE OR $shown.ended OR $shown.expires_at <= $now {
                    RETURN { outcome: 'unknown' };
                };
                IF $shown.spent {
                    UPDATE session SET ended = true WHERE family = $shown.family RETURN NONE;
                    RETURN { outcome: 'reused' };
                };
                UPDATE $shown.id SET spent = true RETURN NONE;
                CREATE type::record('session', $successor) CONTENT {
                    key: $successor,
                    family: $shown.family,
                    user: $shown.user,
                    token_hash: $successor_hash,
                    created_at: $now,
                    expires_at: $expires_at,
                    spent: false,
                    ended: false
                } RETURN NONE;
                RETURN { outcome: 'rotated', family: $shown.family, user: $shown.user };
            }",
        )
        .about("session")
        .bind("token_hash", hex(&token_hash))
        .bind("successor", successor_id.to_string())
        .bind("successor_hash", hex(&successor_hash))
        .bind("now", now)
        .bind("expires_at", expires_at);
        let row: RotationRow = self.write(statement).await?;
        match row.outcome.as_str() {
            "unknown" => Ok(Rotation::Unknown),
            "reused" => Ok(Rotation::Reused),
            "rotated" => Ok(Rotation::Rotated(Session {
                id: successor_id,
                family: parse(TABLE, &row.family.unwrap_or_default())?,
                user: parse(TABLE, &row.user.unwrap_or_default())?,
                token_hash: successor_hash,
                created_at: now,
                expires_at,
            })),
            other => Err(unknown_word(TABLE, "outcome", other)),
        }
    }

    pub(crate) async fn end_sessions(&self, family: SessionId) -> Result<(), StoreFailure> {
        // All rows, spent ones too: that makes a rotation at the same time a conflict.
        let statement = Statement::new(
            "{ UPDATE session SET ended = true WHERE family = $family RETURN NONE; RETURN NONE; }",
        )
        .bind("family", family.to_string());
        self.write(statement).await
    }
}

impl From<Session> for SessionRow {
    fn from(session: Session) -> Self {
        let Session {
            id,
            family,
            user,
            token_hash,
            created_at,
            expires_at,
        } = session;
        Self {
            key: id.to_string(),
            family: family.to_string(),
            user: user.to_string(),
            token_hash: hex(&token_hash),
            created_at,
            expires_at,
            spent: false,
            ended: false,
        }
    }
}
