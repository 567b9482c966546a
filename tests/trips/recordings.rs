//! Calls that are recorded and run again: the real research plugin against a real upstream, a stream,
//! and a crash. Offline, with another build, and with a recording that was tampered with.

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use futures::StreamExt;
use inkstone_domain::capability::{Grants, Permissions};
use inkstone_domain::chat::Request;
use inkstone_domain::plugin::{PluginBody, PluginSpec};
use inkstone_domain::ports::{GuestCall, PluginLoader, RecordingStore, SystemClock};
use inkstone_domain::recording::{Outcome, Recording};
use inkstone_egress::{CredentialBinding, EgressConfig, HttpEgress, Secret};
use inkstone_host::{CacheKey, Host, HostConfig, HostPorts};
use inkstone_testkit::{MemRecordings, MemStore};
use serde_json::json;
use tempfile::TempDir;

use crate::engine::root;
use crate::hostile::surroundings::ThreeTokens;
use crate::upstream;

const PAGE: &str = "<!doctype html><html><head><title>Bees in winter</title></head><body><article>\
<h1>Bees in winter</h1><p>A colony does not sleep in winter. It forms a cluster around its queen and keeps warm by moving its muscles.</p>\
<p>The bees take turns on the outside, and eat the honey that they stored in summer, so a heavy hive is a safe one.</p></article></body></html>";

struct World {
    host: Arc<Host>,
    recordings: Arc<MemRecordings>,
    cache: TempDir,
}

/// What one host compiled, the next ones need not.
fn cached(folder: &TempDir) -> HostConfig {
    HostConfig {
        cache_dir: Some(folder.path().join("compiled")),
        cache_key: Some(CacheKey::new([7; 32])),
        ..HostConfig::default()
    }
}

impl World {
    fn new(egress: EgressConfig) -> Self {
        let recordings = Arc::new(MemRecordings::default());
        let ports = HostPorts {
            egress: Arc::new(HttpEgress::new(egress).unwrap()),
            models: Arc::new(ThreeTokens),
            kv: Arc::new(MemStore::new()),
            clock: Arc::new(SystemClock),
            recordings: Some(recordings.clone()),
        };
        let cache = tempfile::tempdir().unwrap();
        Self {
            host: Host::new(cached(&cache), ports).unwrap(),
            recordings,
            cache,
        }
    }

    fn offline(&self) -> Arc<Host> {
        inkstone_host::offline(cached(&self.cache)).unwrap()
    }

    async fn newest(&self, plugin: &str) -> Recording {
        let list = self.recordings.list(plugin).await.unwrap();
        self.recordings.read(plugin, &list[0].id).await.unwrap()
    }
}

fn recorded(id: &str, file: &str, hosts: &[&str]) -> PluginSpec {
    let permissions = Permissions {
        outbound_hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        credentials: ["own".to_owned()].into(),
        kv_quota_bytes: 1024,
        ..Permissions::default()
    };
    PluginSpec {
        grants: Grants { permissions },
        record_share: 1.0,
        ..PluginSpec::new(id, root().join(file))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_read_is_read_again_without_a_network() {
    let url = upstream::serve(Router::new().route("/bees", get(|| async { Html(PAGE) }))).await;
    let world = World::new(EgressConfig::default());
    let spec = recorded("research-web", "plugins/dist/research-web.wasm", &[&url]);
    let plugin = world.host.prepare(&spec).await.unwrap();
    let PluginBody::Research(research) = &plugin.body else {
        panic!("{plugin:?}");
    };
    let call = GuestCall {
        request_id: "req-7".to_owned(),
        ..GuestCall::default()
    };
    let input = json!({ "url": format!("{url}/bees") });
    let answer = research.call(&call, "fetch", input).await.unwrap();
    assert!(
        answer.text.contains("cluster around its queen"),
        "{}",
        answer.text
    );

    let recording = world.newest("research-web").await;
    assert_eq!(
        (recording.function.as_str(), recording.request_id.as_str()),
        ("call", "req-7")
    );
    let imports: Vec<&str> = recording
        .imports
        .iter()
        .map(|made| made.import.as_str())
        .collect();
    assert!(
        imports.contains(&"http.send") && imports.contains(&"http.body.read"),
        "{imports:?}"
    );

    let again = world
        .offline()
        .replay(&recording, &spec.path)
        .await
        .unwrap();
    assert_eq!(again.difference, None);
    assert!(again.is_same_component);
    assert_eq!(again.answers, recording.answers);
    assert_eq!(again.imports.len(), recording.imports.len());

    // The upstream said something else: the guest's answer is another, and that is told.
    let mut changed = recording.clone();
    for made in &mut changed.imports {
        if made.import == "http.body.read"
            && let Outcome::Value(piece) = &mut made.outcome
            && !piece.is_null()
        {
            *piece = json!("PGgxPkJlYXJzPC9oMT4=");
        }
    }
    let other = world.offline().replay(&changed, &spec.path).await.unwrap();
    let difference = other.difference.unwrap();
    assert!(difference.starts_with("answer 1: "), "{difference}");

    // The guest asks for something else than was recorded.
    let mut changed = recording.clone();
    changed.arguments = json!(["fetch", { "url": format!("{url}/wasps") }]);
    let other = world.offline().replay(&changed, &spec.path).await.unwrap();
    let difference = other.difference.unwrap();
    assert!(
        difference.contains("`http.send` was recorded with"),
        "{difference}"
    );
    assert!(difference.contains("/bees\" at /url, and"), "{difference}");
    assert!(difference.ends_with("/wasps\""), "{difference}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_crashes_are_replayed_and_a_stream_that_was_left_ends_where_it_was_left() {
    let world = World::new(EgressConfig::default());
    let spec = recorded(
        "provider-probe",
        "tests/guests/dist/provider-probe.wasm",
        &[],
    );
    let plugin = world.host.prepare(&spec).await.unwrap();
    let PluginBody::Provider(provider) = &plugin.body else {
        panic!("{plugin:?}");
    };
    let ask = async |model: &str, items: usize| {
        let request = Request {
            model: model.to_owned(),
            ..Request::default()
        };
        let chunks = provider
            .complete(&GuestCall::default(), request)
            .await
            .unwrap();
        let taken: Vec<_> = chunks.take(items).collect().await;
        world.host.drained().await;
        (taken, world.newest("provider-probe").await)
    };
    for (model, items, answers, is_cut_off) in [
        // Five chunks and the end.
        ("count", usize::MAX, 6, false),
        // Two chunks and the crash.
        ("trap-after-two", usize::MAX, 3, false),
    ] {
        let (_, recording) = ask(model, items).await;
        assert_eq!(recording.answers.len(), answers, "{model}");
        assert_eq!(recording.is_cut_off, is_cut_off, "{model}");
        let again = world
            .offline()
            .replay(&recording, &spec.path)
            .await
            .unwrap();
        assert_eq!(again.difference, None, "{model}");
    }
    let (taken, recording) = ask("count", 1).await;
    assert_eq!(taken.len(), 1);
    assert!(recording.is_cut_off);
    let again = world
        .offline()
        .replay(&recording, &spec.path)
        .await
        .unwrap();
    assert_eq!(again.difference, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_a_call_with_a_credential_does_not_hold_it() {
    const SECRET: &str = "sk-recorded-never-4711";
    let echo = |headers: axum::http::HeaderMap| async move {
        let sent = headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned());
        sent.unwrap_or_default()
    };
    let url = upstream::serve(Router::new().route("/echo", get(echo))).await;
    let hosts = vec![url.parse().unwrap()];
    let world = World::new(EgressConfig {
        credentials: vec![CredentialBinding::bearer("own", Secret::new(SECRET), hosts)],
        ..EgressConfig::default()
    });
    let spec = recorded(
        "provider-hostile",
        "tests/guests/dist/provider-hostile.wasm",
        &[&url],
    );
    let plugin = world.host.prepare(&spec).await.unwrap();
    let PluginBody::Provider(provider) = &plugin.body else {
        panic!("{plugin:?}");
    };
    let request = Request {
        model: format!("own-credential {url}/echo"),
        ..Request::default()
    };
    let chunks = provider
        .complete(&GuestCall::default(), request)
        .await
        .unwrap();
    let chunks: Vec<_> = chunks.collect().await;
    assert!(format!("{chunks:?}").contains("redacted"), "{chunks:?}");
    let recording = world.newest("provider-hostile").await;
    let text = serde_json::to_string(&recording).unwrap();
    assert!(text.contains("http.send"), "{text}");
    assert!(!text.contains("recorded-never"), "{text}");
}
