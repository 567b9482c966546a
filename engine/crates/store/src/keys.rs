//! The tables `virtual_key` and `allowance`: who may call models beside people, and the bounds of
//! everybody else.

mod row;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::allowance::{Allowance, Subject};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ids::KeyId;
use inkstone_domain::key::VirtualKey;
use inkstone_domain::ports::KeyStore;

use self::row::{AllowanceRow, KeyRow};
use crate::articles::read_all;
use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::statement::Statement;

#[async_trait]
impl KeyStore for SurrealStore {
    async fn create_key(&self, key: &VirtualKey, audit: &AuditRecord) -> Result<()> {
        let statement = audited(
            "CREATE type::record('virtual_key', $row.key) CONTENT $row RETURN NONE;",
            audit,
        )
        .about(subject(key.id))
        .bind("row", KeyRow::of(key)?);
        Ok(self.write(statement).await?)
    }

    async fn update_key(&self, key: &VirtualKey, audit: &AuditRecord) -> Result<()> {
        let statement = audited(
            "LET $stored = SELECT VALUE key FROM ONLY type::record('virtual_key', $row.key);
            IF $stored = NONE { THROW 'refused:not_found' };
            UPDATE type::record('virtual_key', $row.key) CONTENT $row RETURN NONE;",
            audit,
        )
        .about(subject(key.id))
        .bind("row", KeyRow::of(key)?);
        Ok(self.write(statement).await?)
    }

    async fn keys(&self) -> Result<Vec<VirtualKey>> {
        let statement = Statement::new("SELECT * FROM virtual_key ORDER BY key");
        let rows: Vec<KeyRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn allowances(&self) -> Result<Vec<(Subject, Allowance)>> {
        let statement = Statement::new("SELECT * FROM allowance ORDER BY subject");
        let rows: Vec<AllowanceRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn set_allowance(
        &self,
        subject: &Subject,
        allowance: Option<Allowance>,
        audit: &AuditRecord,
    ) -> Result<()> {
        let text = subject.to_string();
        let statement = match allowance {
            Some(allowance) => audited(
                "UPSERT type::record('allowance', $row.subject) CONTENT $row RETURN NONE;",
                audit,
            )
            .bind("row", AllowanceRow::of(&text, &allowance)?),
            None => audited("DELETE type::record('allowance', $subject);", audit)
                .bind("subject", text.as_str()),
        };
        let statement = statement.about(format!("allowance of `{text}`"));
        Ok(self.write(statement).await?)
    }
}

fn subject(id: KeyId) -> String {
    format!("key `{id}`")
}
