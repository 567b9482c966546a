//! The tables `audit` and `audit_head`: one chain of entries, whoever appends. The database computes the
//! hash within the transaction of the change, so that a change and its entry are there both or neither.

use async_trait::async_trait;
use chrono::{DateTime, NaiveTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::{AuditEntry, AuditFilter, AuditHead, AuditRecord, Origin, Stage};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ports::AuditLog;
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::{RowResult, parse_option, unknown_word};
use crate::statement::Statement;

const TABLE: &str = "audit";

/// A part of every transaction that is audited. It takes what [`bind_audit`] gives; what is hashed is
/// that of `inkstone_domain::audit::hash_of`.
pub(crate) const APPEND_AUDIT: &str = r"
    LET $audit_head = SELECT seq, hash FROM ONLY audit_head:chain;
    LET $audit_seq = $audit_head.seq + 1;
    LET $audit_hash = crypto::sha256(
        $audit_head.hash + '\n' + <string>$audit_seq + '\n' + $audit_text
    );
    CREATE type::record('audit', $audit_seq) CONTENT object::extend($audit, {
        seq: $audit_seq,
        previous: $audit_head.hash,
        hash: $audit_hash
    }) RETURN NONE;
    UPDATE audit_head:chain SET seq = $audit_seq, hash = $audit_hash RETURN NONE;
";

#[derive(SurrealValue)]
struct AuditRow {
    at: DateTime<Utc>,
    actor: Option<String>,
    on_behalf_of: Option<String>,
    action: String,
    subject: String,
    stage: String,
    detail: Option<String>,
    before: Option<String>,
    after: Option<String>,
    address: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
}

/// A row with what is hashed of it.
#[derive(SurrealValue)]
struct ToldRow {
    record: AuditRow,
    text: String,
}

/// A row as it is read.
#[derive(SurrealValue)]
struct EntryRow {
    seq: u64,
    at: DateTime<Utc>,
    actor: Option<String>,
    on_behalf_of: Option<String>,
    action: String,
    subject: String,
    stage: String,
    detail: Option<String>,
    before: Option<String>,
    after: Option<String>,
    address: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    previous: String,
    hash: String,
}

#[derive(SurrealValue)]
struct HeadRow {
    seq: u64,
    hash: String,
}

/// A transaction of these parts and of as many entries in the log, in their order.
pub(crate) fn audited_all(parts: &str, audit: &[AuditRecord]) -> Statement {
    audited_giving(parts, "NONE", audit)
}

/// The same, with the value of this expression as its result.
pub(crate) fn audited_giving(parts: &str, result: &str, audit: &[AuditRecord]) -> Statement {
    let text = format!(
        "{{
            {parts}
            FOR $told IN $trail {{
                LET $audit = $told.record;
                LET $audit_text = $told.text;
                {APPEND_AUDIT}
            }};
            RETURN {result};
        }}"
    );
    let trail = audit.iter().map(|record| ToldRow {
        record: AuditRow::from(record),
        text: record.canonical(),
    });
    Statement::new(text).bind("trail", trail.collect::<Vec<_>>())
}

/// A transaction of these parts and of its entry in the log.
pub(crate) fn audited(parts: &str, audit: &AuditRecord) -> Statement {
    let statement = Statement::new(format!("{{ {parts} {APPEND_AUDIT} RETURN NONE; }}"));
    bind_audit(statement, audit)
}

/// The same, for what is written down sometimes.
pub(crate) fn transaction(parts: &str, audit: Option<&AuditRecord>) -> Statement {
    match audit {
        Some(audit) => audited(parts, audit),
        None => Statement::new(format!("{{ {parts} RETURN NONE; }}")),
    }
}

pub(crate) fn bind_audit(statement: Statement, audit: &AuditRecord) -> Statement {
    statement
        .bind("audit", AuditRow::from(audit))
        .bind("audit_text", audit.canonical())
}

#[async_trait]
impl AuditLog for SurrealStore {
    async fn append_audit(&self, record: &AuditRecord) -> Result<()> {
        let statement = audited("", record).about("audit log");
        Ok(self.write(statement).await?)
    }

    async fn list_audit(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>> {
        let place: Place<u64> = Place::of(&page)?;
        let Some(mut span) = self.span(filter).await? else {
            return Ok(place.page(Vec::new(), |entry: &AuditEntry| entry.seq));
        };
        span.before = place.before.into_iter().chain(span.before).min();
        let statement = filtered(filter, span, "DESC").bind("rows", place.rows);
        let rows: Vec<EntryRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |entry: &AuditEntry| entry.seq))
    }

    async fn audit_after(
        &self,
        filter: &AuditFilter,
        after: u64,
        limit: usize,
    ) -> Result<Vec<AuditEntry>> {
        let Some(mut span) = self.span(filter).await? else {
            return Ok(Vec::new());
        };
        span.after = span.after.max(after);
        let statement = filtered(filter, span, "ASC").bind("rows", limit as u64);
        let rows: Vec<EntryRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn audit_head(&self) -> Result<AuditHead> {
        let statement = Statement::new("SELECT seq, hash FROM ONLY audit_head:chain");
        let head: HeadRow = self.read(statement).await?;
        Ok(AuditHead {
            seq: head.seq,
            hash: head.hash,
        })
    }
}

/// A piece of the log, without its ends.
#[derive(Clone, Copy, Default)]
struct Span {
    after: u64,
    before: Option<u64>,
}

impl SurrealStore {
    /// Where the entries are that are of the days of `from` and `to`, and of those between; `None` where there are
    /// none. Clocks of engines differ, so entries of other days may lie in between.
    async fn span(&self, filter: &AuditFilter) -> RowResult<Option<Span>> {
        let mut span = Span::default();
        if let Some(from) = filter.from {
            let first_day = from.date_naive().and_time(NaiveTime::MIN).and_utc();
            let statement = "SELECT VALUE first_seq FROM audit_day WHERE day >= $at";
            match self.days(statement, first_day).await?.into_iter().min() {
                Some(first) => span.after = first - 1,
                None => return Ok(None),
            }
        }
        if let Some(to) = filter.to {
            let statement = "SELECT VALUE last_seq FROM audit_day WHERE day < $at";
            match self.days(statement, to).await?.into_iter().max() {
                Some(last) => span.before = Some(last + 1),
                None => return Ok(None),
            }
        }
        Ok(Some(span))
    }

    async fn days(&self, statement: &'static str, at: DateTime<Utc>) -> RowResult<Vec<u64>> {
        self.read(Statement::new(statement).bind("at", at)).await
    }
}

/// Whatever is asked for, one index has it in its order. The times within the first and the last day are looked at entry
/// by entry, and so is the farther bound of two where the index begins with words: the database takes one.
fn filtered(filter: &AuditFilter, span: Span, order: &str) -> Statement {
    let AuditFilter {
        actor,
        action,
        subject,
        from,
        to,
    } = filter;
    let index = match (subject, actor, action) {
        (Some(_), _, Some(_)) => "audit_subject_action",
        (Some(_), _, None) => "audit_subject",
        (None, Some(_), Some(_)) => "audit_actor_action",
        (None, Some(_), None) => "audit_actor",
        (None, None, Some(_)) => "audit_action",
        (None, None, None) => "audit_order",
    };
    let conditions = [
        (actor.is_some(), "actor = $actor AND "),
        (subject.is_some(), "subject = $subject AND "),
        (action.is_some(), "action = $action AND "),
        (from.is_some(), "at >= $from AND "),
        (to.is_some(), "at < $to AND "),
        (span.before.is_some(), "seq < $before AND "),
        // Beside another bound it would be one to look at entry by entry.
        (span.after > 0 || span.before.is_none(), "seq > $after AND "),
    ];
    let conditions = conditions.into_iter().filter(|(is_asked, _)| *is_asked);
    let conditions: String = conditions.map(|(_, condition)| condition).collect();
    let text = format!(
        "SELECT * FROM audit WITH INDEX {index} WHERE {} ORDER BY seq {order} LIMIT $rows",
        conditions.trim_end_matches(" AND ")
    );
    Statement::new(text)
        .bind("actor", actor.map(|actor| actor.to_string()))
        .bind("action", action.clone())
        .bind("subject", subject.clone())
        .bind("from", *from)
        .bind("to", *to)
        .bind("after", span.after)
        .bind("before", span.before)
}

impl From<&AuditRecord> for AuditRow {
    fn from(record: &AuditRecord) -> Self {
        Self {
            at: record.at,
            actor: record.actor.map(|actor| actor.to_string()),
            on_behalf_of: record.on_behalf_of.map(|owner| owner.to_string()),
            action: record.action.clone(),
            subject: record.subject.clone(),
            stage: record.stage.as_str().to_owned(),
            detail: record.detail.clone(),
            before: record.before.clone(),
            after: record.after.clone(),
            address: record.origin.address.clone(),
            user_agent: record.origin.user_agent.clone(),
            request_id: record.origin.request_id.clone(),
        }
    }
}

impl TryFrom<EntryRow> for AuditEntry {
    type Error = StoreFailure;

    fn try_from(row: EntryRow) -> RowResult<Self> {
        let stage = match row.stage.as_str() {
            "done" => Stage::Done,
            "intended" => Stage::Intended,
            "failed" => Stage::Failed,
            other => return Err(unknown_word(TABLE, "stage", other)),
        };
        Ok(Self {
            seq: row.seq,
            record: AuditRecord {
                at: row.at,
                actor: parse_option(TABLE, row.actor)?,
                on_behalf_of: parse_option(TABLE, row.on_behalf_of)?,
                action: row.action,
                subject: row.subject,
                stage,
                detail: row.detail,
                before: row.before,
                after: row.after,
                origin: Origin {
                    address: row.address,
                    user_agent: row.user_agent,
                    request_id: row.request_id,
                },
            },
            previous: row.previous,
            hash: row.hash,
        })
    }
}

#[cfg(test)]
mod tests;
