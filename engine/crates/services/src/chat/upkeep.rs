//! What is done beside calls: looking at deployments that rest, so that they serve again before a caller
//! has to try them, and removing kept answers whose time is over.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use inkstone_domain::ports::GuestCall;
use tokio_util::sync::CancellationToken;

use super::Chat;
use crate::plugins::Choice;
use crate::rounds::Rounds;

/// A look that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two removals.
const REMOVE_EVERY: Duration = Duration::from_secs(600);

impl Chat {
    /// Looks every so often until it is stopped; not at all where none is configured.
    pub(crate) async fn probe(self: Arc<Self>, stop: CancellationToken) {
        let Some(every) = self.tries.attempts.config.probe else {
            return;
        };
        let mut rounds = Rounds::every(every, stop);
        while rounds.next().await {
            let resting = self.tries.attempts.deployments.resting();
            join_all(resting.iter().map(|one| self.probe_one(&one.name))).await;
        }
    }

    /// The cheapest call of the provider. That it works says the upstream is there and takes the
    /// credential; that it fails lets the deployment rest on as it is.
    async fn probe_one(&self, name: &str) {
        let Ok(route) = self.models.route(name, &Choice::stable()) else {
            return;
        };
        let call = GuestCall {
            request_id: format!("probe-{name}"),
            ..GuestCall::default()
        };
        let look = route.provider.validate_connection(&call);
        if let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, look).await {
            let deployments = &self.tries.attempts.deployments;
            let deployment = deployments.of(&route);
            deployments.recovered(&deployment);
        }
    }

    /// Removes what has expired, now and then until it is stopped.
    pub(crate) async fn forget(self: Arc<Self>, stop: CancellationToken) {
        let mut rounds = Rounds::every(REMOVE_EVERY, stop);
        while rounds.next().await {
            match self.replies.prune_replies(self.clock.now()).await {
                Ok(removed) => tracing::debug!(removed, "expired answers are gone"),
                Err(error) => tracing::warn!(?error, "expired answers could not be removed"),
            }
        }
    }
}
