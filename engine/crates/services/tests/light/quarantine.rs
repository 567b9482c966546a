//! A plugin that keeps failing is taken out of routing, probed, and let back in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use inkstone_domain::codes::{self, Code};
use inkstone_domain::plugin::{CallEnd, LoadedPlugin, PluginBody, PluginSpec};
use inkstone_domain::ports::Probe;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::rollout::ServedCause;
use inkstone_domain::{Error, Result, ids::UserId};
use inkstone_services::plugins::{Choice, PluginState};
use inkstone_services::{Plugins, PluginsConfig};
use inkstone_testkit::{FakeLoader, FakeProvider, ManualClock, loaded_plugin};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::world::{PATIENCE, page, plugin_ports};

const ID: &str = "provider-fake";

#[derive(Default)]
struct FakeProbe {
    is_broken: AtomicBool,
    checks: AtomicUsize,
}

#[async_trait]
impl Probe for FakeProbe {
    async fn check(&self) -> Result<()> {
        self.checks.fetch_add(1, Ordering::Relaxed);
        match self.is_broken.load(Ordering::Relaxed) {
            true => Err(Error::new(&codes::PLUGIN_TRAPPED, "it traps")),
            false => Ok(()),
        }
    }

    fn retire(&self, _grace: Duration) {}
}

struct Trial {
    plugins: Plugins,
    plugin: Arc<LoadedPlugin>,
    probe: Arc<FakeProbe>,
    clock: Arc<ManualClock>,
}

impl Trial {
    async fn new() -> Self {
        let body = PluginBody::Provider(Arc::new(FakeProvider::new(&["tiny"])));
        let mut plugin = Arc::into_inner(loaded_plugin(ID, "1.0.0", body)).unwrap();
        let probe = Arc::new(FakeProbe::default());
        plugin.probe = probe.clone();
        let plugin = Arc::new(plugin);
        let loader = Arc::new(FakeLoader::new());
        loader.put(plugin.clone());
        let clock = Arc::new(ManualClock::new());
        let plugins = Plugins::new(
            plugin_ports(loader),
            clock.clone(),
            PluginsConfig::default(),
        );
        plugins.apply(vec![PluginSpec::new(ID, "x.wasm")]).await;
        Self {
            plugins,
            plugin,
            probe,
            clock,
        }
    }

    async fn calls(&self, count: u64, error: Option<&'static Code>) {
        for _ in 0..count {
            // As the host does; these are calls of nobody.
            if error.is_some_and(Code::depends_on_input) {
                self.plugin.stats.overtaxed(None);
            }
            self.plugin.stats.ended(&CallEnd {
                error,
                latency: Duration::from_millis(1),
                cpu: Duration::ZERO,
                memory_bytes: 0,
                sent_bytes: 0,
                received_bytes: 0,
                host_calls: 0,
            });
        }
        self.after(1).await;
    }

    async fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.plugins.tick().await;
    }

    fn refusal(&self) -> Option<Error> {
        let snapshot = self.plugins.snapshot();
        snapshot.provider("fake", &Choice::stable()).err()
    }
}

#[tokio::test]
async fn traps_lead_to_a_rest_and_a_probe_leads_back() {
    let trial = Trial::new().await;
    trial.calls(4, Some(&codes::PLUGIN_TRAPPED)).await;
    assert!(trial.refusal().is_none());
    trial.calls(1, Some(&codes::PLUGIN_DEADLINE)).await;

    let error = trial.refusal().unwrap();
    assert_eq!(error.code().name, "plugin_quarantined");
    assert!(error.message().contains("plugin_trapped 4"), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert_eq!(trial.plugins.snapshot().providers().len(), 0);
    let status = trial.plugins.get(ID).unwrap();
    assert_eq!(status.state, PluginState::Quarantined);
    let rest = status.versions[0].quarantine.clone().unwrap();
    assert!(rest.reason.contains("5 of 5 calls"), "{}", rest.reason);
    assert_eq!((rest.until - rest.since).num_seconds(), 30);
    assert_eq!(status.versions[0].share, 0.0);

    // Not probed before its time; then back on trial.
    trial.after(29).await;
    assert_eq!(trial.probe.checks.load(Ordering::Relaxed), 0);
    trial.after(1).await;
    assert_eq!(trial.probe.checks.load(Ordering::Relaxed), 1);
    assert!(trial.refusal().is_none());
    assert_eq!(trial.plugins.get(ID).unwrap().state, PluginState::Serving);

    // One fault on trial, a longer rest, a probe that fails, a longer one still.
    trial.calls(1, Some(&codes::PLUGIN_OUT_OF_MEMORY)).await;
    let wait = trial.refusal().unwrap().retry_after();
    assert_eq!(wait, Some(Duration::from_secs(60)));
    trial.probe.is_broken.store(true, Ordering::Relaxed);
    trial.after(60).await;
    let error = trial.refusal().unwrap();
    assert!(
        error.message().contains("its probe failed: it traps"),
        "{error}"
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    trial.probe.is_broken.store(false, Ordering::Relaxed);
    trial.after(120).await;
    assert!(trial.refusal().is_none());

    let admin = Principal::of(UserId::new(), Role::Admin);
    let history = trial.plugins.history(&admin, ID, page(20)).await.unwrap();
    let lines: Vec<_> = history
        .items
        .iter()
        .rev()
        .map(|line| (line.cause, line.share))
        .collect();
    assert_eq!(
        lines,
        [
            (ServedCause::Loaded, 1.0),
            (ServedCause::Quarantined, 0.0),
            (ServedCause::Freed, 1.0),
            (ServedCause::Quarantined, 0.0),
            (ServedCause::Freed, 1.0),
        ]
    );
    assert!(
        history.items[1]
            .reason
            .clone()
            .unwrap()
            .contains("it failed again")
    );
}

#[tokio::test]
async fn faults_of_others_change_nothing() {
    let trial = Trial::new().await;
    trial.calls(50, Some(&codes::UPSTREAM_ERROR)).await;
    trial.calls(50, Some(&codes::INVALID_INPUT)).await;
    trial.calls(50, Some(&codes::CANCELLED)).await;
    assert!(trial.refusal().is_none());
}

#[tokio::test]
async fn a_reload_of_another_file_ends_the_rest() {
    let trial = Trial::new().await;
    trial.calls(5, Some(&codes::PLUGIN_TRAPPED)).await;
    assert!(trial.refusal().is_some());
    // The same plugin again changes nothing.
    trial
        .plugins
        .apply(vec![PluginSpec::new(ID, "x.wasm")])
        .await;
    assert!(trial.refusal().is_some());
    let mut spec = PluginSpec::new(ID, "x.wasm");
    spec.enabled = false;
    trial.plugins.apply(vec![spec.clone()]).await;
    spec.enabled = true;
    trial.plugins.apply(vec![spec]).await;
    assert!(trial.refusal().is_none());
}

#[tokio::test]
async fn the_watch_looks_by_itself_until_it_is_stopped() {
    let trial = Trial::new().await;
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let plugins = Arc::new(trial.plugins);
    tasks.spawn(Arc::clone(&plugins).watch(tasks.clone(), stop.clone()));
    for _ in 0..5 {
        trial.plugin.stats.ended(&CallEnd {
            error: Some(&codes::PLUGIN_TRAPPED),
            latency: Duration::from_millis(1),
            cpu: Duration::ZERO,
            memory_bytes: 0,
            sent_bytes: 0,
            received_bytes: 0,
            host_calls: 0,
        });
    }
    let state = || plugins.get(ID).unwrap().state;
    let wait_for = async |wanted| {
        while state() != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let rests = wait_for(PluginState::Quarantined);
    tokio::time::timeout(PATIENCE, rests).await.unwrap();
    trial.clock.advance(Duration::from_secs(31));
    let is_back = wait_for(PluginState::Serving);
    tokio::time::timeout(PATIENCE, is_back).await.unwrap();
    stop.cancel();
    tasks.close();
    tokio::time::timeout(PATIENCE, tasks.wait()).await.unwrap();
}
