//! The table `mail_token`: one row for each user and purpose.

use chrono::{DateTime, Utc};
use inkstone_domain::people::{MailPurpose, MailToken};
use surrealdb::types::{Bytes, SurrealValue};

use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, to_bytes, to_hash, unknown_word};
use crate::statement::Statement;

const TABLE: &str = "mail_token";

#[derive(SurrealValue)]
struct MailTokenRow {
    token_hash: Bytes,
    purpose: String,
    user: String,
    expires_at: DateTime<Utc>,
}

impl SurrealStore {
    pub(super) async fn replace_mail_token(&self, token: &MailToken) -> Result<(), StoreFailure> {
        let row = MailTokenRow {
            token_hash: to_bytes(token.token_hash),
            purpose: word(token.purpose).to_owned(),
            user: token.user.to_string(),
            expires_at: token.expires_at,
        };
        let statement = Statement::new(
            "{
                UPSERT type::record('mail_token', [$row.user, $row.purpose])
                    CONTENT $row RETURN NONE;
                RETURN NONE;
            }",
        )
        .about("token of a mail")
        .bind("row", row);
        self.write(statement).await
    }

    pub(super) async fn find_mail_token(
        &self,
        token_hash: [u8; 32],
        purpose: MailPurpose,
        now: DateTime<Utc>,
    ) -> Result<Option<MailToken>, StoreFailure> {
        let statement = Statement::new(
            "SELECT * FROM mail_token WHERE token_hash = $token_hash \
             AND purpose = $purpose AND expires_at > $now LIMIT 1",
        );
        let rows: Vec<MailTokenRow> = self.read(of(statement, token_hash, purpose, now)).await?;
        rows.into_iter().next().map(MailToken::try_from).transpose()
    }

    pub(super) async fn take_mail_token(
        &self,
        token_hash: [u8; 32],
        purpose: MailPurpose,
        now: DateTime<Utc>,
    ) -> Result<Option<MailToken>, StoreFailure> {
        let statement = Statement::new(
            "{
                LET $rows = SELECT * FROM mail_token WHERE token_hash = $token_hash
                    AND purpose = $purpose AND expires_at > $now LIMIT 1;
                FOR $row IN $rows { DELETE $row.id; };
                RETURN $rows;
            }",
        );
        let rows: Vec<MailTokenRow> = self.write(of(statement, token_hash, purpose, now)).await?;
        rows.into_iter().next().map(MailToken::try_from).transpose()
    }
}

fn of(
    statement: Statement,
    token_hash: [u8; 32],
    purpose: MailPurpose,
    now: DateTime<Utc>,
) -> Statement {
    statement
        .bind("token_hash", to_bytes(token_hash))
        .bind("purpose", word(purpose))
        .bind("now", now)
}

fn word(purpose: MailPurpose) -> &'static str {
    match purpose {
        MailPurpose::VerifyEmail => "verify_email",
        MailPurpose::ResetPassword => "reset_password",
        MailPurpose::FinishSignIn => "finish_sign_in",
    }
}

impl TryFrom<MailTokenRow> for MailToken {
    type Error = StoreFailure;

    fn try_from(row: MailTokenRow) -> RowResult<Self> {
        Ok(Self {
            token_hash: to_hash(TABLE, &row.token_hash)?,
            purpose: match row.purpose.as_str() {
                "verify_email" => MailPurpose::VerifyEmail,
                "reset_password" => MailPurpose::ResetPassword,
                "finish_sign_in" => MailPurpose::FinishSignIn,
                other => return Err(unknown_word(TABLE, "purpose", other)),
            },
            user: parse(TABLE, &row.user)?,
            expires_at: row.expires_at,
        })
    }
}
