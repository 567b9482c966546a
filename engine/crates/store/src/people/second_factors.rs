//! The table `second_factor`: one row for each user who has one.

use chrono::{DateTime, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ids::UserId;
use inkstone_domain::people::SecondFactor;
use surrealdb::types::{Bytes, SurrealValue};

use crate::audit::transaction;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, to_bytes, to_hash};
use crate::statement::Statement;

const TABLE: &str = "second_factor";

#[derive(SurrealValue)]
struct SecondFactorRow {
    user: String,
    sealed_secret: Bytes,
    confirmed_at: Option<DateTime<Utc>>,
    last_step: u64,
    recovery_hashes: Vec<Bytes>,
}

impl SurrealStore {
    pub(super) async fn find_second_factor(
        &self,
        user: UserId,
    ) -> Result<Option<SecondFactor>, StoreFailure> {
        let statement = Statement::new("SELECT * FROM ONLY type::record('second_factor', $user)")
            .bind("user", user.to_string());
        let row: Option<SecondFactorRow> = self.read(statement).await?;
        row.map(SecondFactor::try_from).transpose()
    }

    pub(super) async fn replace_second_factor(
        &self,
        factor: &SecondFactor,
        audit: Option<&AuditRecord>,
    ) -> Result<(), StoreFailure> {
        let row = SecondFactorRow {
            user: factor.user.to_string(),
            sealed_secret: Bytes::from(factor.sealed_secret.clone()),
            confirmed_at: factor.confirmed_at,
            last_step: factor.last_step,
            recovery_hashes: factor
                .recovery_hashes
                .iter()
                .copied()
                .map(to_bytes)
                .collect(),
        };
        let statement = transaction(
            "UPSERT type::record('second_factor', $row.user) CONTENT $row RETURN NONE;",
            audit,
        )
        .bind("row", row);
        self.write(statement).await
    }

    pub(super) async fn delete_second_factor(
        &self,
        user: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<(), StoreFailure> {
        let statement = transaction("DELETE type::record('second_factor', $user);", audit)
            .bind("user", user.to_string());
        self.write(statement).await
    }

    pub(super) async fn take_step(&self, user: UserId, step: u64) -> Result<bool, StoreFailure> {
        let statement = Statement::new(
            "{
                LET $last = SELECT VALUE last_step FROM ONLY type::record('second_factor', $user);
                IF $last = NONE OR $last >= $step { RETURN false; };
                UPDATE type::record('second_factor', $user) SET last_step = $step RETURN NONE;
                RETURN true;
            }",
        )
        .bind("user", user.to_string())
        .bind("step", step);
        self.write(statement).await
    }

    pub(super) async fn take_recovery_code(
        &self,
        user: UserId,
        code_hash: [u8; 32],
    ) -> Result<bool, StoreFailure> {
        let statement = Statement::new(
            "{
                LET $left = SELECT VALUE recovery_hashes
                    FROM ONLY type::record('second_factor', $user);
                IF $left = NONE OR $left CONTAINSNOT $code { RETURN false; };
                UPDATE type::record('second_factor', $user)
                    SET recovery_hashes = array::complement($left, [$code]) RETURN NONE;
                RETURN true;
            }",
        )
        .bind("user", user.to_string())
        .bind("code", to_bytes(code_hash));
        self.write(statement).await
    }
}

impl TryFrom<SecondFactorRow> for SecondFactor {
    type Error = StoreFailure;

    fn try_from(row: SecondFactorRow) -> RowResult<Self> {
        let hashes = row.recovery_hashes.iter();
        let hashes: RowResult<Vec<_>> = hashes.map(|hash| to_hash(TABLE, hash)).collect();
        Ok(Self {
            user: parse(TABLE, &row.user)?,
            sealed_secret: row.sealed_secret.to_vec(),
            confirmed_at: row.confirmed_at,
            last_step: row.last_step,
            recovery_hashes: hashes?,
        })
    }
}
