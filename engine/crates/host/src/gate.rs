//! Who may run now. A plugin has so many calls at a time, and so many that wait; all plugins
//! together share the pool of instances, which is waited for and never overrun.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use inkstone_domain::plugin::{PluginKind, PluginStats};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::failure::Failure;
use crate::limits::CallLimits;
use crate::observe::Gauges;

/// The instances there are. Kinds that may call others draw from pools of their own, in the order
/// in which they call each other: generators, analytics and subscribers wait for research tools, those wait for
/// providers, and providers for nobody. So no circle of waiting calls can close.
#[derive(Clone)]
pub(crate) struct Pools {
    providers: Arc<Semaphore>,
    research: Arc<Semaphore>,
    callers: Arc<Semaphore>,
}

impl Pools {
    /// `max_instances` for providers, half as many for each of the others.
    pub fn new(max_instances: u32) -> Self {
        let [providers, others, _] = shares(max_instances);
        let pool = |instances: u32| Arc::new(Semaphore::new(instances as usize));
        Self {
            providers: pool(providers),
            research: pool(others),
            callers: pool(others),
        }
    }

    fn of(&self, kind: PluginKind) -> &Arc<Semaphore> {
        match kind {
            PluginKind::Provider => &self.providers,
            PluginKind::Research => &self.research,
            PluginKind::Generator | PluginKind::Analytics | PluginKind::Subscriber => &self.callers,
        }
    }
}

/// Instances for providers, for each of the other pools, and for all pools together.
pub(crate) fn shares(max_instances: u32) -> [u32; 3] {
    let providers = max_instances.max(1);
    let others = (providers / 2).max(1);
    [providers, others, providers.saturating_add(others * 2)]
}

/// The door of one plugin.
pub(crate) struct Gate {
    slots: Arc<Semaphore>,
    concurrent: u32,
    waiting: AtomicU32,
    max_waiting: u32,
    pool: Arc<Semaphore>,
    /// Places of the pool that one instance takes.
    weight: u32,
    stats: Arc<PluginStats>,
    gauges: Arc<Gauges>,
}

impl Gate {
    /// `weight` is how many places of the pool one instance takes.
    pub fn new(
        kind: PluginKind,
        limits: &CallLimits,
        pools: &Pools,
        weight: u32,
        stats: Arc<PluginStats>,
        gauges: Arc<Gauges>,
    ) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(limits.concurrent as usize)),
            concurrent: limits.concurrent,
            waiting: AtomicU32::new(0),
            max_waiting: limits.queued,
            pool: pools.of(kind).clone(),
            weight,
            stats,
            gauges,
        }
    }

    /// Waits for a place until the deadline. Where too many wait already, fails at once.
    pub async fn enter(&self, deadline: Instant) -> Result<Permit, Failure> {
        let slot = match self.slots.clone().try_acquire_owned() {
            Ok(slot) => slot,
            Err(_) => {
                let _place = self.queue()?;
                self.in_time(deadline, self.slots.clone().acquire_owned())
                    .await?
            }
        };
        let instance = match self.pool.clone().try_acquire_many_owned(self.weight) {
            Ok(instance) => instance,
            Err(_) => {
                let _place = self.queue()?;
                let room = self.pool.clone().acquire_many_owned(self.weight);
                self.in_time(deadline, room).await?
            }
        };
        self.stats.running(true);
        self.gauges.running.increment(1.0);
        Ok(Permit {
            _slot: slot,
            _instance: instance,
            stats: self.stats.clone(),
            gauges: self.gauges.clone(),
        })
    }

    fn queue(&self) -> Result<Place<'_>, Failure> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.max_waiting {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(self.busy());
        }
        self.stats.queued(true);
        self.gauges.queued.increment(1.0);
        Ok(Place(self))
    }

    async fn in_time(
        &self,
        deadline: Instant,
        room: impl Future<Output = Result<OwnedSemaphorePermit, tokio::sync::AcquireError>>,
    ) -> Result<OwnedSemaphorePermit, Failure> {
        match tokio::time::timeout_at(deadline, room).await {
            Ok(Ok(permit)) => Ok(permit),
            // Closed never; late is the same to the caller.
            Ok(Err(_)) | Err(_) => Err(self.busy()),
        }
    }

    fn busy(&self) -> Failure {
        Failure::Busy {
            concurrent: self.concurrent,
            waiting: self.max_waiting,
        }
    }
}

/// A call that waits.
struct Place<'gate>(&'gate Gate);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.stats.queued(false);
        self.0.gauges.queued.decrement(1.0);
    }
}

/// Leave to hold an instance, given back when it is dropped.
pub(crate) struct Permit {
    _slot: OwnedSemaphorePermit,
    _instance: OwnedSemaphorePermit,
    stats: Arc<PluginStats>,
    gauges: Arc<Gauges>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.stats.running(false);
        self.gauges.running.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkstone_domain::plugin::Limits;
    use std::time::Duration;

    fn gate(concurrent: u32, max_waiting: u32, instances: u32) -> (Arc<Gate>, Arc<PluginStats>) {
        let stats = Arc::new(PluginStats::default());
        let pools = Pools::new(instances);
        let limits = CallLimits {
            concurrent,
            queued: max_waiting,
            ..CallLimits::joined(
                &Limits::default(),
                &Limits::default(),
                &Limits::default(),
                &Limits::default(),
            )
        };
        let gauges = Arc::new(Gauges::new("p", "0.1.0"));
        let gate = Gate::new(
            PluginKind::Provider,
            &limits,
            &pools,
            1,
            stats.clone(),
            gauges,
        );
        (Arc::new(gate), stats)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    #[tokio::test]
    async fn one_more_than_may_wait_is_refused_and_a_place_that_is_given_back_is_taken() {
        let (gate, stats) = gate(1, 1, 8);
        let first = gate.enter(soon()).await.ok().unwrap();
        let second = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter(soon()).await.is_ok() }
        });
        while stats.snapshot().queued == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(
            gate.enter(soon()).await,
            Err(Failure::Busy { .. })
        ));
        drop(first);
        assert!(second.await.unwrap());
        let after = stats.snapshot();
        assert_eq!((after.running, after.queued), (0, 0));
    }

    #[tokio::test]
    async fn a_full_pool_is_waited_for_until_the_deadline() {
        let (gate, stats) = gate(8, 8, 2);
        let held = [
            gate.enter(soon()).await.ok().unwrap(),
            gate.enter(soon()).await.ok().unwrap(),
        ];
        let late = Instant::now() + Duration::from_millis(50);
        assert!(matches!(gate.enter(late).await, Err(Failure::Busy { .. })));
        assert_eq!(stats.snapshot().running, 2);
        drop(held);
        assert!(gate.enter(soon()).await.is_ok());
    }
}
