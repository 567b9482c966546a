//! Two versions of a plugin at once: who gets which, steps, guards, admins, and what is kept of it.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::codes::{self, Code};
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::UserId;
use inkstone_domain::plugin::{
    CallEnd, LoadedPlugin, PluginBody, PluginSpec, Rollout, RolloutGuard, RolloutStep, Sticky,
};
use inkstone_domain::ports::RolloutStore;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::rollout::{Pin, RolloutStatus, ServedCause};
use inkstone_domain::{Error, capability::Permissions};
use inkstone_services::plugins::{Choice, PluginState, RolloutAct, VersionRole};
use inkstone_services::{PluginPorts, Plugins, PluginsConfig, RequestContext};
use inkstone_testkit::{FakeLoader, FakeResearch, ManualClock, MemStore, loaded_plugin};

use crate::world::plugin_ports;

pub const ID: &str = "research-web";

/// A plugin at 1.0.0, and a canary 1.2.0 at five percent.
pub struct Trial {
    pub plugins: Plugins,
    pub loader: Arc<FakeLoader>,
    pub store: Arc<MemStore>,
    pub clock: Arc<ManualClock>,
    pub stable: Arc<LoadedPlugin>,
    pub canary: Arc<LoadedPlugin>,
    pub admin: Principal,
}

impl Trial {
    pub async fn new() -> Self {
        let trial = Self::unapplied();
        let report = trial.plugins.apply(vec![spec()]).await;
        assert!(report.failed.is_empty(), "{report:?}");
        assert_eq!(report.added, [ID]);
        trial
    }

    pub fn unapplied() -> Self {
        let loader = Arc::new(FakeLoader::new());
        let (stable, canary) = (research("1.0.0"), research("1.2.0"));
        loader.put_at("stable.wasm", stable.clone());
        loader.put_at("canary.wasm", canary.clone());
        let store = Arc::new(MemStore::new());
        let clock = Arc::new(ManualClock::new());
        Self {
            plugins: engine(&loader, &store, &clock),
            loader,
            store,
            clock,
            stable,
            canary,
            admin: somebody(Role::Admin),
        }
    }

    pub fn picks(&self, principal: &Principal, context: &RequestContext) -> String {
        let choice = Choice::of(principal, context);
        let found = self.plugins.snapshot().research(ID, &choice).unwrap();
        found.plugin.manifest.version.clone()
    }

    /// Which part of many users gets the canary.
    pub fn canary_part(&self) -> f64 {
        let context = RequestContext::default();
        let hits = (0..1_000).filter(|_| {
            let user = somebody(Role::Creator);
            self.picks(&user, &context) == "1.2.0"
        });
        hits.count() as f64 / 1_000.0
    }

    /// A minute with so many calls of each version, of which so many fail.
    pub async fn minute(&self, canary: (u64, u64), stable: (u64, u64)) {
        calls(&self.canary, canary, &codes::UPSTREAM_ERROR);
        calls(&self.stable, stable, &codes::UPSTREAM_ERROR);
        self.clock.advance(Duration::from_secs(60));
        self.plugins.tick().await;
    }

    pub fn status(&self) -> (RolloutStatus, u32) {
        let view = self.plugins.rollout(&self.admin, ID).unwrap();
        let state = view.state.unwrap();
        (state.status, state.step)
    }

    pub async fn history(&self) -> Vec<(String, f64, ServedCause, bool)> {
        let page = self.plugins.history(&self.admin, ID, first_page()).await;
        let mut lines: Vec<_> = page
            .unwrap()
            .items
            .into_iter()
            .map(|line| (line.version, line.share, line.cause, line.to.is_none()))
            .collect();
        lines.reverse();
        lines
    }
}

pub fn engine(
    loader: &Arc<FakeLoader>,
    store: &Arc<MemStore>,
    clock: &Arc<ManualClock>,
) -> Plugins {
    let ports = PluginPorts {
        rollouts: store.clone(),
        ..plugin_ports(loader.clone())
    };
    Plugins::new(ports, clock.clone(), PluginsConfig::default())
}

pub fn research(version: &str) -> Arc<LoadedPlugin> {
    loaded_plugin(
        ID,
        version,
        PluginBody::Research(Arc::new(FakeResearch::new())),
    )
}

pub fn spec() -> PluginSpec {
    let step = |share, good_minutes| RolloutStep {
        share,
        good_minutes,
    };
    PluginSpec {
        rollout: Some(Rollout {
            canary: "1.2.0".to_owned(),
            path: "canary.wasm".into(),
            share: 0.05,
            sticky: Sticky::User,
            steps: vec![step(0.25, 2), step(1.0, 2)],
            guard: RolloutGuard::default(),
        }),
        ..PluginSpec::new(ID, "stable.wasm")
    }
}

pub fn calls(plugin: &LoadedPlugin, (all, failures): (u64, u64), error: &'static Code) {
    for call in 0..all {
        plugin.stats.ended(&CallEnd {
            error: (call < failures).then_some(error),
            latency: Duration::from_millis(20),
            cpu: Duration::from_millis(1),
            memory_bytes: 1 << 20,
            sent_bytes: 10,
            received_bytes: 100,
            host_calls: 3,
        });
    }
}

fn somebody(role: Role) -> Principal {
    Principal::of(UserId::new(), role)
}

fn first_page() -> PageRequest {
    PageRequest {
        limit: 50,
        cursor: None,
    }
}

fn pinned(version: &str) -> RequestContext {
    let pin: Pin = format!("{ID}@{version}").parse().unwrap();
    RequestContext {
        pins: [pin].into_iter().collect(),
        ..RequestContext::default()
    }
}

#[tokio::test]
async fn a_share_of_the_users_gets_the_canary_and_keeps_it() {
    let trial = Trial::new().await;
    let part = trial.canary_part();
    assert!((0.02..0.09).contains(&part), "{part}");
    let context = RequestContext::default();
    for _ in 0..200 {
        let user = somebody(Role::Creator);
        let first = trial.picks(&user, &context);
        assert_eq!(trial.picks(&user, &context), first);
    }
    // Testers name their version, canary or not.
    for version in ["1.2.0", "1.0.0"] {
        assert_eq!(trial.picks(&trial.admin, &pinned(version)), version);
    }
    let choice = Choice::of(&trial.admin, &pinned("9.9.9"));
    let error = trial
        .plugins
        .snapshot()
        .research(ID, &choice)
        .err()
        .unwrap();
    assert_eq!(error.code().name, "unknown_version");
    assert!(error.message().contains("`1.0.0` and `1.2.0`"), "{error}");
}

#[tokio::test]
async fn good_minutes_lead_to_promotion_and_the_history_tells_of_it() {
    let trial = Trial::new().await;
    for _ in 0..2 {
        trial.minute((100, 0), (1_900, 5)).await;
    }
    assert_eq!(trial.status(), (RolloutStatus::Running, 1));
    let part = trial.canary_part();
    assert!((0.2..0.3).contains(&part), "{part}");
    for _ in 0..2 {
        trial.minute((100, 0), (300, 1)).await;
    }
    assert_eq!(trial.status(), (RolloutStatus::Promoted, 2));
    assert_eq!(trial.canary_part(), 1.0);
    let version =
        |version: &str, share, cause, is_open| (version.to_owned(), share, cause, is_open);
    assert_eq!(
        trial.history().await,
        [
            version("1.0.0", 0.95, ServedCause::Loaded, false),
            version("1.2.0", 0.05, ServedCause::Loaded, false),
            version("1.0.0", 0.75, ServedCause::RolloutStep, false),
            version("1.2.0", 0.25, ServedCause::RolloutStep, false),
            version("1.0.0", 0.0, ServedCause::Promoted, true),
            version("1.2.0", 1.0, ServedCause::Promoted, true),
        ]
    );
}

#[tokio::test]
async fn a_bad_canary_is_rolled_back_by_itself_and_stays_so_after_a_restart() {
    let trial = Trial::new().await;
    // Who began with it ends with it.
    let before = trial.plugins.snapshot();
    trial.minute((100, 40), (1_900, 5)).await;
    assert_eq!(trial.status().0, RolloutStatus::RolledBack);
    assert_eq!(trial.canary_part(), 0.0);
    let old = before.research(ID, &Choice::of(&trial.admin, &pinned("1.2.0")));
    assert!(Arc::ptr_eq(&old.unwrap().plugin, &trial.canary));
    let view = trial.plugins.rollout(&trial.admin, ID).unwrap();
    let reason = view.state.unwrap().reason.unwrap();
    assert!(reason.contains("40 of 100 calls failed"), "{reason}");
    assert_eq!(view.finding.as_deref(), Some(reason.as_str()));

    let again = engine(&trial.loader, &trial.store, &trial.clock);
    again.apply(vec![spec()]).await;
    let view = again.rollout(&trial.admin, ID).unwrap();
    assert_eq!(view.state.unwrap().status, RolloutStatus::RolledBack);
    assert_eq!(view.share, 0.0);
    // The same serves as before, so there is nothing to tell.
    assert_eq!(trial.history().await.len(), 4);

    // Another component under the same number begins anew.
    let mut other = Arc::into_inner(research("1.2.0")).unwrap();
    other.digest = "another".to_owned();
    trial.loader.put_at("canary.wasm", Arc::new(other));
    let again = engine(&trial.loader, &trial.store, &trial.clock);
    again.apply(vec![spec()]).await;
    let state = again.rollout(&trial.admin, ID).unwrap().state.unwrap();
    assert_eq!(state.status, RolloutStatus::Running);
}

#[tokio::test]
async fn a_step_outlives_a_restart_and_a_new_plan() {
    let trial = Trial::new().await;
    for _ in 0..2 {
        trial.minute((100, 0), (1_900, 5)).await;
    }
    trial.minute((100, 0), (300, 0)).await;
    let again = engine(&trial.loader, &trial.store, &trial.clock);
    let mut changed = spec();
    changed.rollout.as_mut().unwrap().steps[0].share = 0.5;
    again.apply(vec![changed]).await;
    let view = again.rollout(&trial.admin, ID).unwrap();
    let state = view.state.unwrap();
    assert_eq!((state.step, state.good_minutes), (1, 1));
    assert_eq!(view.share, 0.5);
}

#[tokio::test]
async fn admins_promote_roll_back_and_restart() {
    let trial = Trial::new().await;
    let steer = async |act| {
        let view = trial.plugins.steer_rollout(&trial.admin, ID, act).await;
        let view = view.unwrap();
        (view.state.unwrap(), view.share)
    };
    let (state, share) = steer(RolloutAct::Promote { reason: None }).await;
    assert_eq!((state.status, share), (RolloutStatus::Promoted, 1.0));
    assert!(state.reason.unwrap().contains("set by the admin usr_"));
    let reason = Some("it writes nonsense".to_owned());
    let (state, share) = steer(RolloutAct::RollBack {
        reason: reason.clone(),
    })
    .await;
    assert_eq!((state.status, share), (RolloutStatus::RolledBack, 0.0));
    assert_eq!(state.reason, reason);
    let kept = trial.store.rollout(ID, &trial.canary.digest).await.unwrap();
    assert_eq!(kept, Some(state));
    let (state, share) = steer(RolloutAct::Restart { reason: None }).await;
    assert_eq!(
        (state.status, state.step, share),
        (RolloutStatus::Running, 0, 0.05)
    );
    let causes: Vec<ServedCause> = trial.history().await.iter().map(|line| line.2).collect();
    assert_eq!(
        causes[2..],
        [
            ServedCause::Promoted,
            ServedCause::Promoted,
            ServedCause::RolledBack,
            ServedCause::RolledBack,
            ServedCause::Restarted,
            ServedCause::Restarted,
        ]
    );

    let creator = somebody(Role::Creator);
    let refused = trial
        .plugins
        .steer_rollout(&creator, ID, RolloutAct::Promote { reason: None });
    assert_eq!(refused.await.unwrap_err().code().name, "forbidden");
    assert!(trial.plugins.results(&creator, ID).is_err());
    assert!(
        trial
            .plugins
            .history(&creator, ID, first_page())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_canary_that_cannot_be_loaded_leaves_the_stable_version_alone() {
    let trial = Trial::unapplied();
    let rejected = Error::new(&codes::PLUGIN_REJECTED, "no manifest");
    trial.loader.fail_at("canary.wasm", rejected);
    let report = trial.plugins.apply(vec![spec()]).await;
    assert!(report.failed[0].still_serving);
    assert_eq!(
        report.failed[0].error.message(),
        "the canary 1.2.0: no manifest"
    );
    assert_eq!(trial.canary_part(), 0.0);
    let status = trial.plugins.get(ID).unwrap();
    assert_eq!(status.state, PluginState::Serving);
    assert_eq!(
        status.error.unwrap().message,
        "the canary 1.2.0: no manifest"
    );
    let view = trial.plugins.rollout(&trial.admin, ID).unwrap();
    assert_eq!(
        (view.state, view.error.unwrap().code),
        (None, "plugin_rejected")
    );
    let act = RolloutAct::Promote { reason: None };
    let error = trial.plugins.steer_rollout(&trial.admin, ID, act).await;
    assert_eq!(error.unwrap_err().code().name, "conflict");

    // A file of another version than the plan says, and then the right one.
    trial.loader.put_at("canary.wasm", research("1.3.0"));
    let report = trial.plugins.apply(vec![spec()]).await;
    assert!(
        report.failed[0]
            .error
            .message()
            .contains("the rollout names 1.2.0")
    );
    trial.loader.put_at("canary.wasm", trial.canary.clone());
    assert_eq!(trial.plugins.apply(vec![spec()]).await.updated, [ID]);
    assert!(trial.canary_part() > 0.0);
    assert_eq!(trial.plugins.apply(vec![spec()]).await.unchanged, [ID]);

    // A failure of the stable version's file touches neither.
    trial.loader.fail_at(
        "stable.wasm",
        Error::new(&codes::PLUGIN_REJECTED, "damaged"),
    );
    let mut other = spec();
    other.settings = serde_json::json!({ "depth": 2 });
    let report = trial.plugins.apply(vec![other]).await;
    assert!(report.failed[0].still_serving);
    assert!(trial.canary_part() > 0.0 && trial.canary_part() < 0.2);
}

#[tokio::test]
async fn a_plan_that_is_taken_away_leaves_the_stable_version() {
    let trial = Trial::new().await;
    let act = RolloutAct::Promote { reason: None };
    trial
        .plugins
        .steer_rollout(&trial.admin, ID, act)
        .await
        .unwrap();
    let without = PluginSpec::new(ID, "stable.wasm");
    assert_eq!(
        trial.plugins.apply(vec![without.clone()]).await.updated,
        [ID]
    );
    assert_eq!(trial.canary_part(), 0.0);
    let error = trial.plugins.rollout(&trial.admin, ID).unwrap_err();
    assert_eq!(error.code().name, "not_found");
    assert!(error.message().contains("rollout = {"), "{error}");

    let disabled = PluginSpec {
        enabled: false,
        ..without
    };
    trial.plugins.apply(vec![disabled]).await;
    trial.plugins.apply(Vec::new()).await;
    let last = trial.history().await.pop().unwrap();
    assert_eq!(last, ("1.0.0".to_owned(), 0.0, ServedCause::Disabled, true));
}

#[tokio::test]
async fn a_canary_in_quarantine_is_rolled_back() {
    let trial = Trial::new().await;
    calls(&trial.canary, (5, 5), &codes::PLUGIN_TRAPPED);
    trial.clock.advance(Duration::from_secs(1));
    trial.plugins.tick().await;
    assert_eq!(trial.status().0, RolloutStatus::RolledBack);
    assert_eq!(trial.canary_part(), 0.0);
    let view = trial.plugins.rollout(&trial.admin, ID).unwrap();
    let reason = view.state.unwrap().reason.unwrap();
    assert!(
        reason.starts_with("it was quarantined: 5 of 5 calls"),
        "{reason}"
    );
    // The stable version serves as ever.
    assert_eq!(trial.plugins.get(ID).unwrap().state, PluginState::Serving);
    let choice = Choice::of(&trial.admin, &pinned("1.2.0"));
    let error = trial
        .plugins
        .snapshot()
        .research(ID, &choice)
        .err()
        .unwrap();
    assert_eq!(error.code().name, "plugin_quarantined");
}

#[tokio::test]
async fn every_version_has_its_own_results() {
    let trial = Trial::new().await;
    calls(&trial.stable, (100, 1), &codes::UPSTREAM_ERROR);
    calls(&trial.canary, (10, 2), &codes::INVALID_INPUT);
    trial.canary.stats.tokens(7, 9);
    let results = trial.plugins.results(&trial.admin, ID).unwrap().versions;
    let short: Vec<_> = results
        .iter()
        .map(|one| {
            (
                one.role,
                one.version.as_str(),
                one.stats.calls,
                one.stats.failures,
            )
        })
        .collect();
    assert_eq!(
        short,
        [
            (VersionRole::Stable, "1.0.0", 100, 1),
            (VersionRole::Canary, "1.2.0", 10, 0)
        ]
    );
    assert_eq!(results[1].stats.output_tokens, 9);
    assert_eq!(results[1].share, 0.05);
    let error = trial.plugins.results(&trial.admin, "nothing").unwrap_err();
    assert_eq!(error.code().name, "unknown_plugin");
}

#[tokio::test]
async fn an_upgrade_that_asks_for_more_waits_for_consent() {
    let trial = Trial::unapplied();
    let plain = PluginSpec::new(ID, "stable.wasm");
    trial.plugins.apply(vec![plain.clone()]).await;
    let mut greedy = Arc::into_inner(research("2.0.0")).unwrap();
    greedy.manifest.permissions = Permissions {
        ai: true,
        ..Permissions::default()
    };
    greedy.refused = vec!["ai".to_owned()];
    trial.loader.put_at("newer.wasm", Arc::new(greedy));
    let mut newer = PluginSpec::new(ID, "newer.wasm");
    let report = trial.plugins.apply(vec![newer.clone()]).await;
    let failure = &report.failed[0];
    assert_eq!(failure.error.code().name, "consent_needed");
    assert!(failure.still_serving);
    assert!(
        failure.error.message().contains("`ai = true`"),
        "{}",
        failure.error
    );
    let context = RequestContext::default();
    assert_eq!(trial.picks(&trial.admin, &context), "1.0.0");
    let status = trial.plugins.get(ID).unwrap();
    let versions: Vec<_> = status
        .versions
        .iter()
        .map(|one| (one.role, one.version.as_str(), one.refused.len()))
        .collect();
    assert_eq!(
        versions,
        [
            (VersionRole::Stable, "1.0.0", 0),
            (VersionRole::Waiting, "2.0.0", 1)
        ]
    );
    newer.consent = Some("2.0.0".to_owned());
    assert_eq!(trial.plugins.apply(vec![newer]).await.updated, [ID]);
    assert_eq!(trial.picks(&trial.admin, &context), "2.0.0");

    // The first version of a plugin asks nobody: there is nothing to keep serving.
    let first = engine(&trial.loader, &trial.store, &trial.clock);
    let report = first.apply(vec![PluginSpec::new(ID, "newer.wasm")]).await;
    assert_eq!(report.added, [ID]);
}
