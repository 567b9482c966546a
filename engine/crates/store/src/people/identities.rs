//! The table `identity`: who somebody is at other issuers.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::UserId;
use inkstone_domain::people::Identity;
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse};
use crate::statement::Statement;

const TABLE: &str = "identity";

#[derive(SurrealValue)]
struct IdentityRow {
    issuer: String,
    subject: String,
    user: String,
    linked_at: DateTime<Utc>,
}

impl SurrealStore {
    pub(super) async fn insert_identity(&self, identity: &Identity) -> Result<(), StoreFailure> {
        let row = IdentityRow {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            user: identity.user.to_string(),
            linked_at: identity.linked_at,
        };
        let statement = Statement::new(
            "{
                CREATE type::record('identity', [$row.issuer, $row.subject])
                    CONTENT $row RETURN NONE;
                RETURN NONE;
            }",
        )
        .about("identity")
        .bind("row", row);
        self.write(statement).await
    }

    pub(super) async fn find_identity(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<Identity>, StoreFailure> {
        let statement =
            Statement::new("SELECT * FROM ONLY type::record('identity', [$issuer, $subject])")
                .bind("issuer", issuer)
                .bind("subject", subject);
        let row: Option<IdentityRow> = self.read(statement).await?;
        row.map(Identity::try_from).transpose()
    }

    pub(super) async fn identities_of(&self, user: UserId) -> Result<Vec<Identity>, StoreFailure> {
        let statement =
            Statement::new("SELECT * FROM identity WHERE user = $user ORDER BY issuer, subject")
                .bind("user", user.to_string());
        let rows: Vec<IdentityRow> = self.read(statement).await?;
        read_all(rows)
    }

    pub(super) async fn delete_identity(
        &self,
        user: UserId,
        issuer: &str,
    ) -> Result<(), StoreFailure> {
        let statement = Statement::new(
            "{
                LET $own = SELECT VALUE id FROM identity WHERE user = $user AND issuer = $issuer;
                IF array::len($own) = 0 { THROW 'refused:not_found' };
                DELETE $own;
                RETURN NONE;
            }",
        )
        .about(format!("identity at `{issuer}`"))
        .bind("user", user.to_string())
        .bind("issuer", issuer);
        self.write(statement).await
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
