//! The table `invitation`.

use chrono::{DateTime, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::InvitationId;
use inkstone_domain::people::Invitation;
use inkstone_domain::principal::Account;
use surrealdb::types::{Bytes, SurrealValue};

use crate::articles::read_all;
use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::{RowResult, parse, to_bytes, to_hash};
use crate::statement::Statement;
use crate::users::{TAKE_ADDRESS, UserRow, role_of, role_word};

const TABLE: &str = "invitation";

#[derive(SurrealValue)]
struct InvitationRow {
    key: String,
    email: String,
    role: String,
    token_hash: Bytes,
    invited_by: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl SurrealStore {
    pub(super) async fn replace_invitation(
        &self,
        invitation: &Invitation,
        audit: &AuditRecord,
    ) -> Result<(), StoreFailure> {
        let statement = audited(
            "DELETE invitation WHERE email = $row.email;
            CREATE type::record('invitation', $row.key) CONTENT $row RETURN NONE;",
            audit,
        )
        .about(subject(invitation.id))
        .bind("row", InvitationRow::from(invitation));
        self.write(statement).await
    }

    pub(super) async fn find_invitation(
        &self,
        token_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<Invitation>, StoreFailure> {
        let statement = Statement::new(
            "SELECT * FROM invitation WHERE token_hash = $token_hash AND expires_at > $now LIMIT 1",
        )
        .bind("token_hash", to_bytes(token_hash))
        .bind("now", now);
        let rows: Vec<InvitationRow> = self.read(statement).await?;
        rows.into_iter()
            .next()
            .map(Invitation::try_from)
            .transpose()
    }

    pub(super) async fn list_invitations(
        &self,
        page: PageRequest,
    ) -> Result<Page<Invitation>, StoreFailure> {
        let place: Place<InvitationId> = Place::of(&page)?;
        let text = match place.before {
            None => "SELECT * FROM invitation ORDER BY key DESC LIMIT $rows",
            Some(_) => "SELECT * FROM invitation WHERE key < $before ORDER BY key DESC LIMIT $rows",
        };
        let statement = Statement::new(text)
            .bind("before", place.before.map(|id| id.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<InvitationRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |invitation: &Invitation| invitation.id))
    }

    pub(super) async fn delete_invitation(
        &self,
        id: InvitationId,
        audit: &AuditRecord,
    ) -> Result<(), StoreFailure> {
        let statement = audited(
            "IF (SELECT VALUE key FROM ONLY type::record('invitation', $key)) = NONE {
                THROW 'refused:not_found'
            };
            DELETE type::record('invitation', $key);",
            audit,
        )
        .about(subject(id))
        .bind("key", id.to_string());
        self.write(statement).await
    }

    pub(super) async fn turn_into_account(
        &self,
        id: InvitationId,
        account: Account,
        audit: &AuditRecord,
    ) -> Result<(), StoreFailure> {
        let parts = format!(
            "IF (SELECT VALUE key FROM ONLY type::record('invitation', $key)) = NONE {{
                THROW 'refused:not_found'
            }};
            {TAKE_ADDRESS}
            DELETE type::record('invitation', $key);
            CREATE type::record('user', $user.key) CONTENT $user RETURN NONE;"
        );
        let statement = audited(&parts, audit)
            .about("invitation, or an account for its address,")
            .bind("key", id.to_string())
            .bind("user", UserRow::from(account));
        self.write(statement).await
    }
}

fn subject(id: InvitationId) -> String {
    format!("invitation `{id}`")
}

impl From<&Invitation> for InvitationRow {
    fn from(invitation: &Invitation) -> Self {
        Self {
            key: invitation.id.to_string(),
            email: invitation.email.clone(),
            role: role_word(invitation.role).to_owned(),
            token_hash: to_bytes(invitation.token_hash),
            invited_by: invitation.invited_by.to_string(),
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

impl TryFrom<InvitationRow> for Invitation {
    type Error = StoreFailure;

    fn try_from(row: InvitationRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            email: row.email,
            role: role_of(&row.role)?,
            token_hash: to_hash(TABLE, &row.token_hash)?,
            invited_by: parse(TABLE, &row.invited_by)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}
