//! The suite of [`RolloutStore`].

use chrono::Duration;
use inkstone_domain::codes;
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::{JobId, ServedId};
use inkstone_domain::ports::RolloutStore;
use inkstone_domain::rollout::{RolloutChange, RolloutState, RolloutStatus, Served, ServedCause};

use super::assert_code;
use crate::sample;

pub async fn run(store: &dyn RolloutStore) {
    keeps_states(store).await;
    keeps_every_word(store).await;
    a_change_ends_what_served_before(store).await;
    a_change_is_written_once(store).await;
    pages_through_the_history(store).await;
}

pub async fn keeps_states(store: &dyn RolloutStore) {
    let (plugin, other) = (new_plugin(), new_plugin());
    assert_eq!(store.rollout(&plugin, "d1").await.unwrap(), None);
    let mut state = RolloutState::begun(&plugin, "1.2.0", "d1", sample::now());
    for (status, reason) in [
        (RolloutStatus::Running, None),
        (
            RolloutStatus::RolledBack,
            Some("too many errors: 潮".to_owned()),
        ),
        (RolloutStatus::Promoted, None),
    ] {
        state.status = status;
        state.reason = reason;
        state.step += 1;
        state.good_minutes += 7;
        record(store, Some(&state), Vec::new()).await;
        let kept = store.rollout(&plugin, "d1").await.unwrap();
        assert_eq!(kept.as_ref(), Some(&state));
    }
    // Apart by plugin and by digest.
    assert_eq!(store.rollout(&plugin, "d2").await.unwrap(), None);
    assert_eq!(store.rollout(&other, "d1").await.unwrap(), None);
    assert!(store.serving(&plugin).await.unwrap().is_empty());
}

pub async fn keeps_every_word(store: &dyn RolloutStore) {
    for cause in ServedCause::ALL {
        let plugin = new_plugin();
        let line = Served {
            cause,
            reason: Some(format!("because of {}", cause.as_str())),
            ..served(&plugin, "1.0.0", 0.25)
        };
        record(store, None, vec![line.clone()]).await;
        assert_eq!(store.serving(&plugin).await.unwrap(), [line]);
    }
}

pub async fn a_change_ends_what_served_before(store: &dyn RolloutStore) {
    let (plugin, other) = (new_plugin(), new_plugin());
    let first = served(&plugin, "1.0.0", 1.0);
    let foreign = served(&other, "1.0.0", 1.0);
    record(store, None, vec![first.clone()]).await;
    record(store, None, vec![foreign.clone()]).await;

    let stable = served(&plugin, "1.0.0", 0.95);
    let canary = served(&plugin, "1.2.0", 0.05);
    let at = first.from + Duration::minutes(3);
    let state = RolloutState::begun(&plugin, "1.2.0", "digest-1.2.0", at);
    let change = RolloutChange {
        plugin: plugin.clone(),
        at,
        state: Some(state.clone()),
        served: vec![stable.clone(), canary.clone()],
    };
    store.record_rollout(&change).await.unwrap();
    let open = store.serving(&plugin).await.unwrap();
    assert_eq!(open, [stable.clone(), canary.clone()]);
    assert_eq!(store.serving(&other).await.unwrap(), [foreign]);
    assert_eq!(
        store.rollout(&plugin, &state.digest).await.unwrap(),
        Some(state)
    );
    let ended = Served {
        to: Some(at),
        ..first
    };
    let page = sample::first_page(10);
    let history = store.list_served(&plugin, page).await.unwrap();
    assert_eq!(history.items, [canary, stable, ended]);
    assert_eq!(history.next_cursor, None);
}

pub async fn a_change_is_written_once(store: &dyn RolloutStore) {
    let plugin = new_plugin();
    let old = vec![served(&plugin, "1.0.0", 1.0)];
    let new = vec![served(&plugin, "2.0.0", 1.0)];
    record(store, None, old.clone()).await;
    record(store, None, old.clone()).await;
    assert_eq!(store.serving(&plugin).await.unwrap(), old);
    record(store, None, new.clone()).await;
    // An answer that was lost, and a change that followed meanwhile.
    record(store, None, old).await;
    assert_eq!(store.serving(&plugin).await.unwrap(), new);
    let history = store.list_served(&plugin, sample::first_page(10)).await;
    assert_eq!(history.unwrap().items.len(), 2);
}

pub async fn pages_through_the_history(store: &dyn RolloutStore) {
    let plugin = new_plugin();
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"] {
        record(store, None, vec![served(&plugin, version, 1.0)]).await;
    }
    let first = store
        .list_served(&plugin, sample::first_page(3))
        .await
        .unwrap();
    let page = PageRequest {
        limit: 3,
        cursor: first.next_cursor.clone(),
    };
    let second = store.list_served(&plugin, page).await.unwrap();
    let versions: Vec<String> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|line| line.version.clone())
        .collect();
    assert_eq!(versions, ["1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0"]);
    assert_eq!(first.items.len(), 3);
    assert_eq!(second.next_cursor, None);
    let page = PageRequest {
        limit: 3,
        cursor: Some("srv_".to_owned()),
    };
    let refused = store.list_served(&plugin, page).await;
    assert_code(refused, &codes::INVALID_INPUT);
}

async fn record(store: &dyn RolloutStore, state: Option<&RolloutState>, served: Vec<Served>) {
    let plugin = match (state, served.first()) {
        (Some(state), _) => state.plugin.clone(),
        (None, Some(line)) => line.plugin.clone(),
        (None, None) => panic!("a change of nothing"),
    };
    let change = RolloutChange {
        plugin,
        at: sample::now(),
        state: state.cloned(),
        served,
    };
    store.record_rollout(&change).await.unwrap();
}

fn served(plugin: &str, version: &str, share: f64) -> Served {
    Served {
        id: ServedId::new(),
        plugin: plugin.to_owned(),
        version: version.to_owned(),
        digest: format!("digest-{version}"),
        share,
        from: sample::now(),
        to: None,
        cause: ServedCause::Loaded,
        reason: None,
    }
}

fn new_plugin() -> String {
    format!("plugin-{}", JobId::new()).to_lowercase()
}
