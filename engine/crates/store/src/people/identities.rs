//! The table `identity`, and the port over it: who people are at other issuers.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ids::UserId;
use inkstone_domain::people::Identity;
use inkstone_domain::ports::IdentityStore;
use inkstone_domain::principal::Account;
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse};
use crate::statement::Statement;
use crate::users::{TAKE_ADDRESS, UserRow};

const TABLE: &str = "identity";

#[derive(SurrealValue)]
struct IdentityRow {
    issuer: String,
    subject: String,
    user: String,
    linked_at: DateTime<Utc>,
}

#[async_trait]
impl IdentityStore for SurrealStore {
    async fn link_identity(&self, identity: &Identity, audit: &AuditRecord) -> Result<()> {
        let statement = audited(
            "CREATE type::record('identity', [$row.issuer, $row.subject]) CONTENT $row RETURN NONE;",
            audit,
        )
        .about("identity")
        .bind("row", IdentityRow::from(identity));
        Ok(self.write(statement).await?)
    }

    async fn create_linked_user(
        &self,
        account: Account,
        identity: &Identity,
        audit: &AuditRecord,
    ) -> Result<()> {
        let parts = format!(
            "{TAKE_ADDRESS}
            CREATE type::record('identity', [$row.issuer, $row.subject]) CONTENT $row RETURN NONE;
            CREATE type::record('user', $user.key) CONTENT $user RETURN NONE;"
        );
        let statement = audited(&parts, audit)
            .about("identity, or an account for its address,")
            .bind("row", IdentityRow::from(identity))
            .bind("user", UserRow::from(account));
        Ok(self.write(statement).await?)
    }

    async fn identity(&self, issuer: &str, subject: &str) -> Result<Option<Identity>> {
        let statement =
            Statement::new("SELECT * FROM ONLY type::record('identity', [$issuer, $subject])")
                .bind("issuer", issuer)
                .bind("subject", subject);
        let row: Option<IdentityRow> = self.read(statement).await?;
        Ok(row.map(Identity::try_from).transpose()?)
    }

    async fn identities(&self, user: UserId) -> Result<Vec<Identity>> {
        let statement =
            Statement::new("SELECT * FROM identity WHERE user = $user ORDER BY issuer, subject")
                .bind("user", user.to_string());
        let rows: Vec<IdentityRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn unlink_identity(&self, user: UserId, issuer: &str, audit: &AuditRecord) -> Result<()> {
        let statement = audited(
            "LET $own = SELECT VALUE id FROM identity WHERE user = $user AND issuer = $issuer;
            IF array::len($own) = 0 { THROW 'refused:not_found' };
            DELETE $own;",
            audit,
        )
        .about(format!("identity at `{issuer}`"))
        .bind("user", user.to_string())
        .bind("issuer", issuer);
        Ok(self.write(statement).await?)
    }
}

impl From<&Identity> for IdentityRow {
    fn from(identity: &Identity) -> Self {
        Self {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            user: identity.user.to_string(),
            linked_at: identity.linked_at,
        }
    }
}

impl TryFrom<IdentityRow> for Identity {
    type Error = StoreFailure;

    fn try_from(row: IdentityRow) -> RowResult<Self> {
        Ok(Self {
            issuer: row.issuer,
            subject: row.subject,
            user: parse(TABLE, &row.user)?,
            linked_at: row.linked_at,
        })
    }
}
