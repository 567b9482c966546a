//! Guests that try to do harm, and a host that withstands them: every way to end badly has its own
//! code and names the plugin, and the next call works as if nothing had been.

mod attacks; // the list of all attacks
mod crowd; // a thousand plugins in one host
mod damage; // files that are no plugins any more
mod handmade; // guests of hand-written text
mod neighbour; // a plugin beside the attacked one
mod resident; // the memory of this process
mod secrets; // no key in a guest's memory
mod stage; // where attacks are mounted
mod streams;
pub mod surroundings;
mod table; // mounts all attacks; docs/security/hostile-guests.md
mod upstreams; // servers that mean no good

use std::sync::Arc;

use inkstone_domain::plugin::{LoadedPlugin, PluginBody};
use inkstone_domain::ports::{Analytics, GuestCall, PluginLoader};
use inkstone_domain::report::Block;
use inkstone_domain::{Error, Result};
use inkstone_host::{CacheKey, HostConfig};
use serde_json::json;
use tokio::sync::Semaphore;

use surroundings::{KnowsNoModel, NeverAnswers, Surroundings, call_with, harm, spec};

const HOSTILE: &str = "analytics-hostile";

fn analytics(plugin: &LoadedPlugin) -> Arc<dyn Analytics> {
    match &plugin.body {
        PluginBody::Analytics(analytics) => analytics.clone(),
        _ => panic!("{plugin:?} is no analytics plugin"),
    }
}

async fn run(plugin: &LoadedPlugin, word: &str) -> Result<Vec<Block>> {
    let call = call_with(KnowsNoModel);
    analytics(plugin).run(&call, "harm", harm(word)).await
}

/// The value of the one metric of a report.
fn number(blocks: &[Block]) -> f64 {
    match blocks {
        [Block::Metric(metric)] => metric.value,
        other => panic!("no single metric: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_harm_has_its_code_and_the_next_call_works() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(HOSTILE)).await;
    for (word, code, words) in [
        ("trap", "plugin_trapped", "unreachable"),
        ("panic", "plugin_trapped", "the guest's own words"),
        ("deep-recursion", "plugin_trapped", "call stack exhausted"),
        // The guest's own stack lies at the bottom of its memory.
        (
            "deep-frames",
            "plugin_trapped",
            "out of bounds memory access",
        ),
        ("huge-random", "plugin_trapped", "65537 random bytes"),
        ("open-streams", "plugin_trapped", "resource table"),
        ("spin", "plugin_cpu_exceeded", "200 ms of computing time"),
        (
            "loop-forever-alloc",
            "plugin_cpu_exceeded",
            "200 ms of computing time",
        ),
        ("eat-memory", "plugin_out_of_memory", "16 MiB of memory"),
        ("big-output", "plugin_output_exceeded", "1 MiB at once"),
        ("many-outputs", "plugin_output_exceeded", "1 MiB at once"),
        ("big-import", "plugin_output_exceeded", "1 MiB at once"),
        ("bad-json", "plugin_failed", "not valid JSON"),
        ("internal-error", "plugin_failed", "I could not do it"),
    ] {
        let error = run(&plugin, word).await.expect_err(word);
        assert_eq!(error.code().name, code, "{word}: {error:?}");
        let message = error.message();
        assert!(message.contains(words), "{word}: {message}");
        assert!(
            message.contains("analytics-hostile 0.1.0"),
            "{word}: {message}"
        );
        let blocks = run(&plugin, "ok").await.unwrap();
        assert_eq!(number(&blocks), 1.0, "after {word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_imports_pass_through_a_guest_with_their_own_code() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(HOSTILE)).await;
    for (word, code, words) in [
        ("ask-ai", "unknown_model", "there is no model `no/such`"),
        ("keep-too-much", "quota_exceeded", ""),
        ("empty-key", "invalid_input", "1 to 256 bytes"),
        // Granted, but nobody searches in this call's name.
        ("search", "power_denied", "not in this call"),
        ("nonsense", "unsupported", "no such harm: nonsense"),
    ] {
        let error = run(&plugin, word).await.expect_err(word);
        assert_eq!(error.code().name, code, "{word}: {error:?}");
        assert!(error.message().contains(words), "{word}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_that_was_not_granted_is_denied_and_listed() {
    let around = Surroundings::new();
    let mut spec = spec(HOSTILE);
    spec.grants = Default::default();
    let plugin = around.load(&spec).await;
    assert_eq!(
        plugin.refused,
        ["kv_quota_bytes: 1024 asked, 0 granted", "ai", "search"]
    );
    for (word, grant) in [
        ("ask-ai", "`ai = true`"),
        ("search", "`search = true`"),
        ("keep", "`kv_quota_bytes"),
    ] {
        let error = run(&plugin, word).await.expect_err(word);
        assert_eq!(error.code().name, "power_denied", "{word}: {error:?}");
        assert!(error.message().contains(grant), "{word}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_keeps_what_it_is_given() {
    let around = Surroundings::new();
    let mut spec = spec(HOSTILE);
    spec.settings = json!({ "mood": "calm" });
    let plugin = around.load(&spec).await;
    assert_eq!(number(&run(&plugin, "keep").await.unwrap()), 5.0);
    assert_eq!(
        number(&run(&plugin, "clock").await.unwrap()),
        1_767_225_600_000.0
    );
    // Beyond the cap lines are dropped; the call itself is not harmed.
    assert_eq!(number(&run(&plugin, "log-flood").await.unwrap()), 1.0);
    let settings = run(&plugin, "settings").await.unwrap();
    match &settings[..] {
        [Block::Chart(chart)] => assert_eq!(chart.spec, json!({ "mood": "calm" })),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_too_long_ends_at_its_deadline() {
    let around = Surroundings::new();
    let mut spec = spec(HOSTILE);
    spec.limits.deadline_ms = Some(50);
    let plugin = around.load(&spec).await;
    let call = call_with(NeverAnswers(Arc::new(Semaphore::new(0))));
    let waiting = analytics(&plugin).run(&call, "harm", harm("ask-ai")).await;
    let error = waiting.unwrap_err();
    assert_eq!(error.code().name, "plugin_deadline", "{error:?}");
    assert!(error.message().contains("within 50 ms"), "{error}");
}

/// A call that holds its instance until it is aborted.
async fn holder(plugin: &LoadedPlugin) -> tokio::task::JoinHandle<Result<Vec<Block>>> {
    let arrived = Arc::new(Semaphore::new(0));
    let analytics = analytics(plugin);
    let call = call_with(NeverAnswers(arrived.clone()));
    let held = tokio::spawn(async move { analytics.run(&call, "harm", harm("ask-ai")).await });
    arrived.acquire().await.unwrap().forget();
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_a_plugin_may_have_wait_and_one_more_is_told_so() {
    let around = Surroundings::new();
    let mut spec = spec(HOSTILE);
    spec.limits.max_concurrent = Some(1);
    spec.limits.max_queued = Some(1);
    let plugin = around.load(&spec).await;
    let held = holder(&plugin).await;
    let waiting = tokio::spawn({
        let analytics = analytics(&plugin);
        async move {
            analytics
                .run(&call_with(KnowsNoModel), "harm", harm("ok"))
                .await
        }
    });
    while plugin.stats.snapshot().queued == 0 {
        tokio::task::yield_now().await;
    }
    let error = run(&plugin, "ok").await.unwrap_err();
    assert_eq!(error.code().name, "plugin_busy", "{error:?}");
    assert!(error.message().contains("1 calls at a time"), "{error}");
    assert!(error.retry_after().is_some());
    // A caller that leaves gives its place back.
    held.abort();
    assert!(held.await.unwrap_err().is_cancelled());
    assert_eq!(number(&waiting.await.unwrap().unwrap()), 1.0);
    let after = plugin.stats.snapshot();
    assert_eq!((after.running, after.queued), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_pool_is_waited_for() {
    let around = Surroundings::with(HostConfig {
        max_instances: 2,
        ..HostConfig::default()
    });
    let plugin = around.load(&spec(HOSTILE)).await;
    // Half of the instances are there for plugins that call others: one.
    let held = holder(&plugin).await;
    let waiting = tokio::spawn({
        let analytics = analytics(&plugin);
        async move {
            analytics
                .run(&call_with(KnowsNoModel), "harm", harm("ok"))
                .await
        }
    });
    while plugin.stats.snapshot().queued == 0 {
        tokio::task::yield_now().await;
    }
    held.abort();
    assert_eq!(number(&waiting.await.unwrap().unwrap()), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_after_the_grace_period_of_a_replaced_plugin_is_ended() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(HOSTILE)).await;
    let held = holder(&plugin).await;
    plugin.probe.retire(std::time::Duration::from_millis(10));
    let error = held.await.unwrap().unwrap_err();
    assert_eq!(error.code().name, "plugin_replaced", "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hog_leaves_room_for_others() {
    let around = Surroundings::new();
    let mut greedy = spec(HOSTILE);
    greedy.limits.cpu_ms = Some(100);
    let plugin = around.load(&greedy).await;
    // More hogs than there are workers: they step aside at every tick.
    let hogs: Vec<_> = (0..8)
        .map(|_| {
            let analytics = analytics(&plugin);
            tokio::spawn(async move {
                let call = GuestCall::default();
                analytics.run(&call, "harm", harm("spin")).await
            })
        })
        .collect();
    assert_eq!(number(&run(&plugin, "ok").await.unwrap()), 1.0);
    for hog in hogs {
        let error = hog.await.unwrap().unwrap_err();
        assert_eq!(error.code().name, "plugin_cpu_exceeded", "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_are_checked_before_the_guest_is_asked() {
    let around = Surroundings::new();
    let plugin = around.load(&spec(HOSTILE)).await;
    let analytics = analytics(&plugin);
    let call = GuestCall::default();
    let wrong = analytics.run(&call, "harm", json!({ "do": 1, "x": 2 }));
    let error = wrong.await.unwrap_err();
    assert_eq!(error.code().name, "schema_mismatch");
    let pointers: Vec<&str> = error.fields().iter().map(|f| f.pointer.as_str()).collect();
    assert!(pointers.contains(&"/do"), "{pointers:?}");
    let missing = analytics.run(&call, "harm", json!({})).await.unwrap_err();
    assert_eq!(missing.fields()[0].pointer, "/do");
    let unknown = analytics.run(&call, "good", json!({})).await.unwrap_err();
    assert_eq!(unknown.code().name, "unknown_report");
    assert!(unknown.message().contains("`harm`"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_when_it_is_prepared() {
    let around = Surroundings::new();
    let refuse = async |change: &dyn Fn(&mut inkstone_domain::plugin::PluginSpec)| -> Error {
        let mut spec = spec(HOSTILE);
        change(&mut spec);
        around.host.prepare(&spec).await.unwrap_err()
    };
    let settings = refuse(&|spec| spec.settings = json!({ "mood": "odd" })).await;
    assert_eq!(settings.code().name, "schema_mismatch", "{settings:?}");
    assert_eq!(settings.fields()[0].pointer, "/mood");
    let identity = refuse(&|spec| spec.id = "analytics-other".to_owned()).await;
    assert_eq!(identity.code().name, "plugin_rejected");
    assert!(
        identity.message().contains("analytics-hostile.wasm"),
        "{identity}"
    );
    let file = refuse(&|spec| spec.path = "no/such.wasm".into()).await;
    assert_eq!(file.code().name, "plugin_rejected");
    assert!(file.message().starts_with("no/such.wasm: "), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_host_takes_the_compiled_component_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let config = HostConfig {
        cache_dir: Some(folder.path().join("compiled")),
        cache_key: Some(CacheKey::new([7; 32])),
        ..HostConfig::default()
    };
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(folder.path().join("compiled"))
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let written = entry.metadata().unwrap().modified().unwrap();
                (entry.file_name(), written)
            })
            .collect();
        files.sort();
        files
    };
    let load_and_run = async || {
        let around = Surroundings::with(config.clone());
        let plugin = around.load(&spec(HOSTILE)).await;
        run(&plugin, "ok").await.unwrap();
    };
    load_and_run().await;
    let compiled = files();
    assert_eq!(compiled.len(), 1, "{compiled:?}");
    // What is compiled again is written again.
    load_and_run().await;
    assert_eq!(files(), compiled);
}
