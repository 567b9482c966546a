//! The suite of [`PluginList`]. The list must be empty, and is left empty.

use inkstone_domain::capability::{Grants, Permissions};
use inkstone_domain::codes;
use inkstone_domain::plugin::PluginSpec;
use inkstone_domain::ports::{NewEntry, PluginList};

use super::assert_code;

pub async fn run(list: &dyn PluginList) {
    keeps_the_order(list).await;
    disables_and_enables(list).await;
    replaces_the_file_and_leaves_the_grants(list).await;
    grants_anew(list).await;
    says_what_is_not_listed(list).await;
    removes(list).await;
}

async fn keeps_the_order(list: &dyn PluginList) {
    assert_eq!(list.read().await.unwrap(), []);
    for id in ["research-b", "research-a"] {
        list.put(entry(id, "1.0.0", None)).await.unwrap();
    }
    let specs = list.read().await.unwrap();
    let ids: Vec<&str> = specs.iter().map(|spec| spec.id.as_str()).collect();
    assert_eq!(ids, ["research-b", "research-a"]);
    for spec in &specs {
        assert!(spec.enabled);
        assert_eq!(spec.grants, Grants::default());
        assert!(
            spec.path.ends_with(format!("{}-1.0.0.inkplug", spec.id)),
            "{spec:?}"
        );
    }
}

async fn disables_and_enables(list: &dyn PluginList) {
    for enabled in [false, false, true] {
        list.set_enabled("research-a", enabled).await.unwrap();
        assert_eq!(spec(list, "research-a").await.enabled, enabled);
        assert!(spec(list, "research-b").await.enabled);
    }
}

async fn replaces_the_file_and_leaves_the_grants(list: &dyn PluginList) {
    let granted = some_grants();
    let first = entry("research-a", "1.1.0", Some(granted.clone()));
    list.put(first).await.unwrap();
    list.set_enabled("research-a", false).await.unwrap();
    list.put(entry("research-a", "1.2.0", None)).await.unwrap();
    let after = spec(list, "research-a").await;
    assert!(after.path.ends_with("research-a-1.2.0.inkplug"));
    assert_eq!(after.grants, granted);
    assert!(!after.enabled);
    assert_eq!(list.read().await.unwrap().len(), 2);
}

async fn grants_anew(list: &dyn PluginList) {
    let entry = NewEntry {
        file: None,
        ..entry("research-a", "", Some(Grants::default()))
    };
    list.put(entry).await.unwrap();
    let after = spec(list, "research-a").await;
    assert_eq!(after.grants, Grants::default());
    assert!(after.path.ends_with("research-a-1.2.0.inkplug"));
}

async fn says_what_is_not_listed(list: &dyn PluginList) {
    let before = list.read().await.unwrap();
    assert_code(
        list.set_enabled("research-c", true).await,
        &codes::UNKNOWN_PLUGIN,
    );
    assert_code(list.remove("research-c").await, &codes::UNKNOWN_PLUGIN);
    let without_file = NewEntry {
        file: None,
        ..entry("research-c", "", None)
    };
    assert_code(list.put(without_file).await, &codes::UNKNOWN_PLUGIN);
    assert_eq!(list.read().await.unwrap(), before);
}

async fn removes(list: &dyn PluginList) {
    list.remove("research-b").await.unwrap();
    assert_eq!(list.read().await.unwrap().len(), 1);
    list.remove("research-a").await.unwrap();
    assert_eq!(list.read().await.unwrap(), []);
}

fn entry(id: &str, version: &str, grants: Option<Grants>) -> NewEntry {
    NewEntry {
        id: id.to_owned(),
        file: Some(format!("{id}-{version}.inkplug")),
        grants,
    }
}

fn some_grants() -> Grants {
    Grants {
        permissions: Permissions {
            outbound_hosts: vec![
                "https://*.example.org".parse().unwrap(),
                "http://127.0.0.1:8080".parse().unwrap(),
            ],
            credentials: ["a".to_owned(), "b".to_owned()].into(),
            kv_quota_bytes: 1_024,
            ai: true,
            tools: false,
            search: true,
            inference: false,
            events: vec![
                "article.* in handbook".parse().unwrap(),
                "job.failed".parse().unwrap(),
            ],
        },
    }
}

async fn spec(list: &dyn PluginList, id: &str) -> PluginSpec {
    let specs = list.read().await.unwrap();
    specs.into_iter().find(|spec| spec.id == id).unwrap()
}
