//! Who may change the tables: one engine at a time. Its lease is renewed while it works; who finds it not
//! renewed takes over, and the number that rises with each taking (the fence) keeps the one before from
//! doing anything more: every migration checks and writes it in its own transaction.

use std::time::Duration;

use surrealdb::types::SurrealValue;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::statement::Statement;

const RENEWAL: Duration = Duration::from_secs(2);
/// A holder that has not renewed it for so long is gone.
const PATIENCE: &str = "15s";
/// How often one who waits looks again.
const LOOK: Duration = Duration::from_millis(200);
/// Longer than the longest migration.
const WAIT: Duration = Duration::from_secs(900);

/// The renewals stand apart: they would be conflicts for the long transaction of a migration.
pub(super) const DEFINE: &str = "
    DEFINE TABLE IF NOT EXISTS migration_lease SCHEMAFULL;
    DEFINE FIELD IF NOT EXISTS fence ON migration_lease TYPE int;
    DEFINE FIELD IF NOT EXISTS connection ON migration_lease TYPE string;
    DEFINE FIELD IF NOT EXISTS is_held ON migration_lease TYPE bool;
    DEFINE FIELD IF NOT EXISTS steps ON migration_lease TYPE int;
    DEFINE TABLE IF NOT EXISTS migration_renewal SCHEMAFULL;
    DEFINE FIELD IF NOT EXISTS fence ON migration_renewal TYPE int;
    DEFINE FIELD IF NOT EXISTS at ON migration_renewal TYPE datetime;
";

/// The first statement of each transaction that changes tables. Takes `$fence`.
pub(super) const CHECK: &str = "
    IF (SELECT VALUE fence FROM ONLY migration_lease:one) != $fence { THROW 'refused:lease_lost' };
    UPDATE migration_lease:one SET steps += 1 RETURN NONE;
";

/// Whether somebody works on the tables. Takes `$connection` and `$is_alone`: no other process has the files
/// of an embedded database open, so a lease of another connection is of one that is gone.
macro_rules! is_held {
    () => {
        "
    LET $lease = SELECT * FROM ONLY migration_lease:one;
    LET $renewed = SELECT VALUE at FROM ONLY migration_renewal:one;
    LET $is_held = $lease != NONE AND $lease.is_held
        AND !($is_alone AND $lease.connection != $connection)
        AND $renewed != NONE AND $renewed > time::now() - <duration>$patience;
"
    };
}

const TAKE: &str = concat!(
    "{",
    is_held!(),
    "
    IF $is_held { RETURN NONE };
    LET $fence = ($lease.fence ?? 0) + 1;
    UPSERT migration_lease:one
        CONTENT { fence: $fence, connection: $connection, is_held: true, steps: 0 } RETURN NONE;
    UPSERT migration_renewal:one CONTENT { fence: $fence, at: time::now() } RETURN NONE;
    RETURN $fence;
}"
);
const LOOK_AT: &str = concat!("{", is_held!(), "RETURN $is_held; }");
const RENEW: &str =
    "UPDATE migration_renewal SET at = time::now() WHERE fence = $fence RETURN NONE";
const GIVE_BACK: &str =
    "UPDATE migration_lease SET is_held = false WHERE fence = $fence RETURN NONE";

/// The right to change the tables. Where it is dropped without being given back, it runs out.
pub(super) struct Lease {
    store: SurrealStore,
    pub(super) fence: u64,
    renewals: JoinHandle<()>,
}

impl Lease {
    /// Waits until nobody else has it.
    pub(super) async fn take(store: &SurrealStore) -> Result<Self, StoreFailure> {
        let end = Instant::now() + WAIT;
        let fence = loop {
            let taken: Option<u64> = store.write(asked(TAKE, store)).await?;
            if let Some(fence) = taken {
                break fence;
            }
            if Instant::now() > end {
                return Err(StoreFailure::Deadline);
            }
            sleep(LOOK).await;
        };
        Ok(Self {
            store: store.clone(),
            fence,
            renewals: tokio::spawn(renew(store.clone(), fence)),
        })
    }

    pub(super) async fn give_back(self) -> Result<(), StoreFailure> {
        let statement = Statement::new(GIVE_BACK).bind("fence", self.fence);
        self.store.write::<Vec<GivenBack>>(statement).await?;
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn stop_renewing(&self) {
        self.renewals.abort();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewals.abort();
    }
}

/// Of `RETURN NONE`: never one.
#[derive(SurrealValue)]
struct GivenBack {}

/// Whether somebody has it now.
pub(super) async fn is_held(store: &SurrealStore) -> Result<bool, StoreFailure> {
    store.read(asked(LOOK_AT, store)).await
}

async fn renew(store: SurrealStore, fence: u64) {
    loop {
        sleep(RENEWAL).await;
        let statement = Statement::new(RENEW).bind("fence", fence);
        if let Err(failure) = store.write::<Vec<GivenBack>>(statement).await {
            tracing::warn!(error = %failure, "the lease on the tables could not be renewed");
        }
    }
}

fn asked(text: &'static str, store: &SurrealStore) -> Statement {
    Statement::new(text)
        .about("lease on the tables")
        .bind("connection", store.connection_id())
        .bind("is_alone", store.is_embedded())
        .bind("patience", PATIENCE)
}

/// Whether a migration ended because another engine had taken over.
#[cfg(test)]
pub(super) fn is_lost(failure: &StoreFailure) -> bool {
    matches!(
        failure,
        StoreFailure::Refused {
            refusal: crate::failure::Refusal::LeaseLost,
            ..
        }
    )
}
