//! What every store of recordings does.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use inkstone_domain::ports::RecordingStore;
use inkstone_domain::recording::{ImportRecord, Outcome, RECORDING_FORMAT, Recording};
use serde_json::json;

/// A recording with one import, made `minutes` after another.
pub fn sample(plugin: &str, minutes: i64) -> Recording {
    Recording {
        format: RECORDING_FORMAT,
        plugin: plugin.to_owned(),
        version: "1.2.0".to_owned(),
        digest: "d".to_owned(),
        request_id: "req-1".to_owned(),
        recorded_at: Utc::now() + TimeDelta::minutes(minutes),
        settings: json!({}),
        function: "run".to_owned(),
        arguments: json!(["report", { "minutes": minutes }]),
        imports: vec![ImportRecord {
            import: "kv.get".to_owned(),
            arguments: json!(["a"]),
            outcome: Outcome::Value(json!(null)),
            at_us: 1,
            took_us: 2,
        }],
        answers: vec![Outcome::Trap("unreachable".to_owned())],
        is_cut_off: false,
        took_us: 7,
    }
}

/// Runs the whole suite. What was given is there for who asks next.
pub async fn run(store: Arc<dyn RecordingStore>) {
    let (early, late) = (sample("analytics-a", 0), sample("analytics-a", 1));
    store.keep(early.clone());
    store.keep(late.clone());
    store.keep(sample("analytics-b", 2));

    let list = store.list("analytics-a").await.expect("a list");
    assert_eq!(list.len(), 2);
    assert_eq!(
        (list[0].version.as_str(), list[0].function.as_str()),
        ("1.2.0", "run")
    );
    let newest = store
        .read("analytics-a", &list[0].id)
        .await
        .expect("the newest");
    assert_eq!(newest.arguments, late.arguments);
    let oldest = store
        .read("analytics-a", &list[1].id)
        .await
        .expect("the oldest");
    assert_eq!(oldest, early);

    // Neither a stranger's nor one that leads elsewhere.
    for (plugin, id) in [
        ("analytics-b", list[0].id.as_str()),
        ("analytics-a", "no-such"),
        ("analytics-a", "../analytics-b"),
        ("..", "x"),
    ] {
        let error = store.read(plugin, id).await.expect_err("nothing there");
        assert_eq!(error.code().name, "not_found", "{plugin} {id}");
    }
    assert!(store.list("nobody").await.expect("a list").is_empty());
    assert!(store.list("..").await.expect("a list").is_empty());
}
