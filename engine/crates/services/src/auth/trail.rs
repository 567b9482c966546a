//! What accounts write to the audit log: from where somebody asks who is not signed in, whom an entry is
//! about, and how often sign-ins that fail are written down.

use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::audit::{AuditRecord, Origin, actions};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::principal::SeenFrom;
use moka::ops::compute::{CompResult, Op};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

/// Beyond this the longest unused are forgotten.
const REMEMBERED: u64 = 100_000;
/// Between two entries about failed sign-ins of one account.
const BETWEEN: Duration = Duration::from_secs(60);

/// From where somebody asks who may not be signed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visit {
    pub seen: SeenFrom,
    pub request_id: Option<String>,
}

impl Visit {
    /// As the audit log keeps it.
    pub fn origin(&self) -> Origin {
        Origin {
            address: self.seen.address.map(|address| address.to_string()),
            user_agent: self.seen.user_agent.clone(),
            request_id: self.request_id.clone(),
        }
    }

    /// What `actor` did, `None` where nobody knows who it was.
    pub(crate) fn record(
        &self,
        actor: Option<UserId>,
        at: DateTime<Utc>,
        action: &str,
        subject: String,
    ) -> AuditRecord {
        AuditRecord {
            actor,
            origin: self.origin(),
            ..AuditRecord::of_engine(at, action, subject)
        }
    }

    /// Somebody tried to sign in to an account. What they showed as an address is not kept where it is
    /// none of ours: it may be a password in the wrong field.
    pub(super) fn failed_sign_in(
        &self,
        account: Option<UserId>,
        at: DateTime<Utc>,
        code: &str,
    ) -> AuditRecord {
        let subject = account.map_or_else(|| "user:unknown".to_owned(), subject_of);
        self.record(None, at, actions::SESSION_REFUSED, subject)
            .with_detail(code)
    }
}

/// Which failed sign-ins are written down: one for each address that is shown and minute, whether or not
/// it has an account, so that the time it takes does not tell.
pub(super) struct Failures(Cache<[u8; 32], DateTime<Utc>>);

impl Failures {
    pub(super) fn new() -> Self {
        let cache = Cache::builder().max_capacity(REMEMBERED);
        Self(cache.build())
    }

    /// Exactly one of several concurrent callers gets `true`.
    pub(super) fn is_first(&self, email: &str, now: DateTime<Utc>) -> bool {
        let entry = self.0.entry(Sha256::digest(email).into());
        let outcome = entry.and_compute_with(|last| match last {
            Some(last) if now < *last.value() + BETWEEN => Op::Nop,
            _ => Op::Put(now),
        });
        matches!(
            outcome,
            CompResult::Inserted(_) | CompResult::ReplacedWith(_)
        )
    }
}

/// A user as the subject of an entry.
pub(crate) fn subject_of(user: UserId) -> String {
    format!("user:{user}")
}

/// A sign-in as the subject of an entry.
pub(crate) fn subject_of_session(family: SessionId) -> String {
    format!("session:{family}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_for_each_address_and_minute() {
        let failures = Failures::new();
        let at = |seconds: i64| DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap();
        let tries = [
            ("ada@example.org", 0, true),
            ("ada@example.org", 59, false),
            ("eve@example.org", 59, true),
            ("ada@example.org", 60, true),
            ("ada@example.org", 119, false),
            ("ada@example.org", 500, true),
        ];
        for (email, seconds, expected) in tries {
            let is_first = failures.is_first(email, at(seconds));
            assert_eq!(is_first, expected, "{email} after {seconds} s");
        }
    }
}
