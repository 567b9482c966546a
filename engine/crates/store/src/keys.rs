//! The tables `virtual_key` and `allowance`: who may call models beside people, and the bounds of
//! everybody else.

mod row;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::allowance::{Allowance, Subject};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ids::{KeyId, UserId};
use inkstone_domain::key::{EndedKey, VirtualKey};
use inkstone_domain::ports::KeyStore;

use self::row::{AllowanceRow, KeyRow, bounds};
use crate::articles::read_all;
use crate::audit::audited;
use crate::connection::SurrealStore;
use crate::row::RowResult;
use crate::statement::Statement;

const UPDATE_KEY: &str = "
    LET $stored = SELECT VALUE revision FROM ONLY type::record('virtual_key', $row.key);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored != $row.revision - 1 { THROW 'refused:stale:' + <string>$stored };
    UPDATE type::record('virtual_key', $row.key) CONTENT $row RETURN NONE;
";
/// A row stays where its allowance is taken away: a revision is of one state only.
const SET_ALLOWANCE: &str = "
    LET $stored = (SELECT VALUE revision FROM ONLY type::record('allowance', $subject)) ?? 0;
    IF $expected != NONE AND $stored != $expected { THROW 'refused:stale:' + <string>$stored };
    UPSERT type::record('allowance', $subject) CONTENT {
        subject: $subject, bounds: $bounds, revision: $stored + 1
    } RETURN NONE;
";
/// A part of transactions after which `$holder` has no keys of `$holder_project`. It takes what
/// [`bind_ended`] gives.
macro_rules! end_keys {
    () => {
        "
    LET $live = SELECT VALUE key FROM virtual_key
        WHERE owner = $holder AND project = $holder_project AND revoked_at = NONE;
    IF !($live ALLINSIDE $ended_ids) { THROW 'refused:stale:0' };
    FOR $key IN $ended {
        LET $held = SELECT VALUE revision FROM ONLY type::record('virtual_key', $key.key);
        IF $held != $key.revision - 1 { THROW 'refused:stale:0' };
        UPDATE type::record('virtual_key', $key.key) CONTENT $key RETURN NONE;
    };
"
    };
}
pub(crate) use end_keys;

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
        let statement = audited(UPDATE_KEY, audit)
            .about(subject(key.id))
            .bind("row", KeyRow::of(key)?);
        Ok(self.write(statement).await?)
    }

    async fn key(&self, id: KeyId) -> Result<Option<VirtualKey>> {
        let row: Option<KeyRow> = self.record("virtual_key", id.to_string()).await?;
        Ok(row.map(VirtualKey::try_from).transpose()?)
    }

    async fn keys(&self) -> Result<Vec<VirtualKey>> {
        let statement = Statement::new("SELECT * FROM virtual_key ORDER BY key");
        let rows: Vec<KeyRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn allowances(&self) -> Result<Vec<(Subject, Allowance)>> {
        let statement = Statement::new("SELECT * FROM allowance ORDER BY subject");
        let rows: Vec<AllowanceRow> = self.read(statement).await?;
        let set = rows.into_iter().filter_map(|row| row.set().transpose());
        Ok(set.collect::<RowResult<_>>()?)
    }

    async fn allowance(&self, subject: &Subject) -> Result<(Option<Allowance>, u64)> {
        let row: Option<AllowanceRow> = self.record("allowance", subject.to_string()).await?;
        let allowance = row.map(AllowanceRow::allowance).transpose()?;
        Ok(allowance.unwrap_or((None, 0)))
    }

    async fn set_allowance(
        &self,
        subject: &Subject,
        allowance: Option<Allowance>,
        expected: Option<u64>,
        audit: &AuditRecord,
    ) -> Result<()> {
        let text = subject.to_string();
        let statement = audited(SET_ALLOWANCE, audit)
            .about(format!("allowance of `{text}`"))
            .bind("subject", text)
            .bind("bounds", bounds(allowance.as_ref())?)
            .bind("expected", expected);
        Ok(self.write(statement).await?)
    }
}

/// Keys that end with what somebody was in a project, for [`end_keys`].
pub(crate) fn bind_ended(
    statement: Statement,
    holder: UserId,
    project: &str,
    ended: &[EndedKey],
) -> RowResult<Statement> {
    let ids = ended.iter().map(|end| end.key.id.to_string());
    let rows: RowResult<Vec<KeyRow>> = ended.iter().map(|end| KeyRow::of(&end.key)).collect();
    Ok(statement
        .bind("holder", holder.to_string())
        .bind("holder_project", project)
        .bind("ended_ids", ids.collect::<Vec<_>>())
        .bind("ended", rows?))
}

fn subject(id: KeyId) -> String {
    format!("key `{id}`")
}
