//! Accounts that were made by a sign-up and that nobody has verified: what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::Result;
use inkstone_domain::audit::{AuditRecord, actions};
use tokio_util::sync::CancellationToken;

use super::Signup;
use crate::auth::subject_of;
use crate::rounds::Rounds;

/// Between two looks.
const TIDY_EVERY: Duration = Duration::from_secs(10 * 60);
/// Read at a time.
const AT_A_TIME: usize = 100;

impl Signup {
    /// Removes those whose mail is too old, now and then until it is stopped.
    pub(crate) async fn keep_tidy(self: Arc<Self>, stop: CancellationToken) {
        let mut rounds = Rounds::every(TIDY_EVERY, stop);
        while rounds.next().await {
            match self.remove_pending().await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "accounts that nobody verified are gone"),
                Err(error) => tracing::warn!(
                    ?error,
                    "accounts that nobody verified could not be removed; it is tried again"
                ),
            }
        }
    }

    /// Removes those whose mail is too old. How many.
    pub async fn remove_pending(&self) -> Result<u64> {
        let mut removed = 0;
        loop {
            let now = self.clock.now();
            let before = now - self.config.verification_ttl;
            let pending = self.users.unverified_before(before, AT_A_TIME).await?;
            for user in &pending {
                let audit = AuditRecord::of_engine(now, actions::USER_REMOVED, subject_of(user.id))
                    .with_detail("nobody verified the address");
                removed += u64::from(self.users.remove_unverified(user.id, &audit).await?);
            }
            if pending.len() < AT_A_TIME {
                return Ok(removed);
            }
        }
    }
}
