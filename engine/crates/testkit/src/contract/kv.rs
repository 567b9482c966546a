//! The suite of [`PluginKv`].

use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::ids::JobId;
use inkstone_domain::ports::PluginKv;

use super::{CROWD, assert_code};

const PLENTY: u64 = 1_000_000;

pub async fn run(store: &dyn PluginKv) {
    keeps_values(store).await;
    keeps_plugins_apart(store).await;
    lists_keys_in_order(store).await;
    lists_no_more_than_a_thousand_keys(store).await;
    holds_the_quota(store).await;
    holds_the_quota_in_a_crowd(store).await;
}

pub async fn keeps_values(store: &dyn PluginKv) {
    let plugin = new_plugin();
    let every_byte: Vec<u8> = (0..=255).collect();
    let keys = [
        "plain",
        "",
        "with `ticks` \"and\" ⟨more⟩ \\",
        "潮汐/1",
        "a:b",
    ];
    for key in keys {
        assert_eq!(store.get(&plugin, key).await.unwrap(), None);
        let value = every_byte.clone();
        store.put(&plugin, key, value, PLENTY).await.unwrap();
    }
    store.put(&plugin, "plain", vec![], PLENTY).await.unwrap();
    assert_eq!(store.get(&plugin, "plain").await.unwrap(), Some(vec![]));
    for key in &keys[1..] {
        let value = store.get(&plugin, key).await.unwrap();
        assert_eq!(value.as_ref(), Some(&every_byte), "{key}");
    }
    for key in keys {
        store.delete(&plugin, key).await.unwrap();
        assert_eq!(store.get(&plugin, key).await.unwrap(), None);
        store.delete(&plugin, key).await.unwrap();
    }
}

pub async fn keeps_plugins_apart(store: &dyn PluginKv) {
    let (one, other) = (new_plugin(), new_plugin());
    store.put(&one, "key", vec![1], 4).await.unwrap();
    store.put(&other, "key", vec![2], 4).await.unwrap();
    store.delete(&one, "key").await.unwrap();
    assert_eq!(store.get(&other, "key").await.unwrap(), Some(vec![2]));
    assert!(store.list_keys(&one, "").await.unwrap().is_empty());
}

pub async fn lists_keys_in_order(store: &dyn PluginKv) {
    let plugin = new_plugin();
    for key in ["b/2", "a", "b/10", "b", "ba", "é", "B"] {
        store.put(&plugin, key, vec![0], PLENTY).await.unwrap();
    }
    let all = store.list_keys(&plugin, "").await.unwrap();
    assert_eq!(all, ["B", "a", "b", "b/10", "b/2", "ba", "é"]);
    let under = store.list_keys(&plugin, "b/").await.unwrap();
    assert_eq!(under, ["b/10", "b/2"]);
    assert!(store.list_keys(&plugin, "c").await.unwrap().is_empty());
    assert!(store.list_keys(&new_plugin(), "").await.unwrap().is_empty());
}

pub async fn lists_no_more_than_a_thousand_keys(store: &dyn PluginKv) {
    let plugin = new_plugin();
    for number in (0..1003).rev() {
        let key = format!("{number:04}");
        store.put(&plugin, &key, vec![0], PLENTY).await.unwrap();
    }
    let keys = store.list_keys(&plugin, "").await.unwrap();
    assert_eq!(keys.len(), 1000);
    assert_eq!(keys.last().map(String::as_str), Some("0999"));
}

pub async fn holds_the_quota(store: &dyn PluginKv) {
    let plugin = new_plugin();
    // Two bytes of key and eight of value: ten in all.
    store.put(&plugin, "k1", vec![0; 8], 20).await.unwrap();
    store.put(&plugin, "k2", vec![0; 8], 20).await.unwrap();
    let refused = store.put(&plugin, "k3", vec![], 20).await;
    assert_code(refused, &codes::QUOTA_EXCEEDED);
    assert_eq!(store.get(&plugin, "k3").await.unwrap(), None);
    let refused = store.put(&plugin, "k1", vec![1; 9], 20).await;
    assert_code(refused, &codes::QUOTA_EXCEEDED);
    assert_eq!(store.get(&plugin, "k1").await.unwrap(), Some(vec![0; 8]));

    // A value that takes the place of another frees what that one took; so does a deletion.
    store.put(&plugin, "k1", vec![1; 4], 20).await.unwrap();
    store.put(&plugin, "k3", vec![3; 2], 20).await.unwrap();
    store.delete(&plugin, "k2").await.unwrap();
    store.delete(&plugin, "k2").await.unwrap();
    store.put(&plugin, "k4", vec![4; 8], 20).await.unwrap();
    let refused = store.put(&plugin, "k5", vec![], 20).await;
    assert_code(refused, &codes::QUOTA_EXCEEDED);
}

pub async fn holds_the_quota_in_a_crowd(store: &dyn PluginKv) {
    let plugin = new_plugin();
    let keys: Vec<String> = (0..CROWD).map(|number| format!("k{number}")).collect();
    let attempts = keys
        .iter()
        .map(|key| store.put(&plugin, key, vec![0; 98], 300));
    let (kept, refused): (Vec<_>, Vec<_>) = join_all(attempts)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!(kept.len(), 3);
    for result in refused {
        assert_code(result, &codes::QUOTA_EXCEEDED);
    }
    assert_eq!(store.list_keys(&plugin, "").await.unwrap().len(), 3);
}

fn new_plugin() -> String {
    format!("plugin-{}", JobId::new()).to_lowercase()
}
