//! Rollouts while something is broken: the store, or a component after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::plugin::PluginSpec;
use inkstone_domain::ports::RolloutStore;
use inkstone_domain::rollout::{RolloutChange, RolloutState, RolloutStatus, Served, ServedCause};
use inkstone_domain::{Error, Result, codes};
use inkstone_services::{PluginPorts, Plugins, PluginsConfig};
use inkstone_testkit::MemStore;

use crate::rollouts::{ID, Trial, engine, spec};
use crate::world::plugin_ports;

/// A store that cannot be used for a while.
struct FlakyStore {
    inner: Arc<MemStore>,
    is_down: AtomicBool,
}

impl FlakyStore {
    fn check(&self) -> Result<()> {
        match self.is_down.load(Ordering::Relaxed) {
            true => Err(Error::new(&codes::STORE_UNAVAILABLE, "the store is down")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl RolloutStore for FlakyStore {
    async fn rollout(&self, plugin: &str, digest: &str) -> Result<Option<RolloutState>> {
        self.check()?;
        self.inner.rollout(plugin, digest).await
    }

    async fn record_rollout(&self, change: &RolloutChange) -> Result<()> {
        self.check()?;
        self.inner.record_rollout(change).await
    }

    async fn serving(&self, plugin: &str) -> Result<Vec<Served>> {
        self.check()?;
        self.inner.serving(plugin).await
    }

    async fn list_served(&self, plugin: &str, page: PageRequest) -> Result<Page<Served>> {
        self.check()?;
        self.inner.list_served(plugin, page).await
    }
}

#[tokio::test]
async fn a_roll_back_does_not_wait_for_the_store_and_is_kept_later() {
    let mut trial = Trial::unapplied();
    let store = Arc::new(FlakyStore {
        inner: trial.store.clone(),
        is_down: AtomicBool::new(false),
    });
    let ports = || PluginPorts {
        rollouts: store.clone(),
        ..plugin_ports(trial.loader.clone())
    };
    let clock = trial.clock.clone();
    trial.plugins = Plugins::new(ports(), clock.clone(), PluginsConfig::default());
    trial.plugins.apply(vec![spec()]).await;
    store.is_down.store(true, Ordering::Relaxed);
    trial.minute((100, 40), (1_900, 5)).await;
    assert_eq!(trial.canary_part(), 0.0);
    let digest = &trial.canary.digest;
    let kept = trial.store.rollout(ID, digest).await.unwrap().unwrap();
    assert_eq!(kept.status, RolloutStatus::Running);

    // An engine that starts meanwhile cannot know whether the canary was rolled back: it does not serve.
    let other = Plugins::new(ports(), clock, PluginsConfig::default());
    let report = other.apply(vec![spec()]).await;
    assert_eq!(report.added, [] as [&str; 0]);
    assert!(report.failed[0].still_serving);
    let why = report.failed[0].error.message();
    assert!(why.contains("how far its rollout had come"), "{why}");
    let view = other.rollout(&trial.admin, ID).unwrap();
    assert_eq!((view.share, view.state), (0.0, None));

    store.is_down.store(false, Ordering::Relaxed);
    trial.plugins.tick().await;
    let kept = trial.store.rollout(ID, digest).await.unwrap().unwrap();
    assert_eq!(kept.status, RolloutStatus::RolledBack);
    assert_eq!(
        trial.history().await.last().unwrap().2,
        ServedCause::RolledBack
    );
}

#[tokio::test]
async fn a_plugin_that_cannot_be_loaded_after_a_restart_is_told_to_serve_nothing() {
    let trial = Trial::unapplied();
    let plain = PluginSpec::new(ID, "stable.wasm");
    trial.plugins.apply(vec![plain.clone()]).await;
    let damaged = Error::new(&codes::PLUGIN_REJECTED, "damaged");
    trial.loader.fail_at("stable.wasm", damaged);
    let again = engine(&trial.loader, &trial.store, &trial.clock);
    for _ in 0..2 {
        again.apply(vec![plain.clone()]).await;
    }
    let last = trial.history().await;
    let failed = ("1.0.0".to_owned(), 0.0, ServedCause::Failed, true);
    assert_eq!((last.len(), last.last()), (2, Some(&failed)));
}
