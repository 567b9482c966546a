//! Who of several deployments is asked.

use std::collections::HashMap;
use std::time::Duration;

use inkstone_domain::gateway::ReliabilityConfig;
use inkstone_domain::plugin::PluginBody;
use inkstone_testkit::{FakeProvider, loaded_plugin};

use super::*;
use crate::gateway::breaker::Pass;
use crate::gateway::deployments::{Deployments, UnderWay};

fn stage(balance: Balance, weights: &[u32]) -> (Stage, Deployments) {
    let deployments = Deployments::new(&ReliabilityConfig {
        cooldown_failures: 1,
        ..ReliabilityConfig::default()
    });
    let provider = Arc::new(FakeProvider::new(&[]));
    let plugin = loaded_plugin("p", "1.0.0", PluginBody::Provider(provider.clone()));
    let candidates = (0..).zip(weights).map(|(number, weight)| {
        let name = format!("p/{number}");
        let route = Route {
            plugin: Arc::clone(&plugin),
            provider: provider.clone(),
            model: number.to_string(),
            name,
            is_canary: false,
        };
        Candidate {
            deployment: deployments.of(&route),
            route: Arc::new(route),
            weight: *weight,
            price: None,
        }
    });
    let stage = Stage {
        name: "all".to_owned(),
        candidates: candidates.collect(),
        config: Some(Arc::new(ModelConfig {
            balance,
            ..ModelConfig::default()
        })),
        missing: None,
    };
    (stage, deployments)
}

fn picked(stage: &Stage, dice: f64) -> Option<&str> {
    stage
        .pick(&[], dice)
        .map(|one| one.deployment.name.as_str())
}

#[test]
fn calls_are_shared_by_weight() {
    let (stage, _) = stage(Balance::Weighted, &[3, 1, 0]);
    let mut shares: HashMap<&str, u32> = HashMap::new();
    for step in 0..1_000 {
        let name = picked(&stage, f64::from(step) / 1_000.0).unwrap();
        *shares.entry(name).or_default() += 1;
    }
    assert_eq!(shares, [("p/0", 750), ("p/1", 250)].into());
}

#[test]
fn the_least_busy_is_asked_by_its_weight() {
    let (stage, _) = stage(Balance::LeastBusy, &[2, 1]);
    let mut under_way = Vec::new();
    let mut order = Vec::new();
    for _ in 0..6 {
        let one = stage.pick(&[], 0.5).unwrap();
        order.push(one.deployment.name.clone());
        under_way.push(UnderWay::of(&one.deployment));
    }
    let first = order.iter().filter(|name| *name == "p/0").count();
    assert_eq!(first, 4, "{order:?}");
}

#[test]
fn the_fastest_is_asked_once_all_are_known() {
    let (stage, _) = stage(Balance::Fastest, &[1, 1]);
    stage.candidates[0]
        .deployment
        .first_chunk(Duration::from_millis(5));
    assert_eq!(picked(&stage, 0.0), Some("p/1"), "it was never called");
    stage.candidates[1]
        .deployment
        .first_chunk(Duration::from_millis(9));
    assert_eq!(picked(&stage, 0.9), Some("p/0"));
}

#[test]
fn who_rests_or_was_tried_is_passed_over() {
    let (stage, deployments) = stage(Balance::Weighted, &[1, 1]);
    let tried = ["p/0".to_owned()];
    let next = stage.pick(&tried, 0.0).unwrap();
    assert_eq!(next.deployment.name, "p/1");
    let fault = Error::new(&codes::UPSTREAM_ERROR, "no");
    deployments.ended(&stage.candidates[1].deployment, Pass::Usual, Err(&fault));
    assert!(!stage.has_fresh(&tried));
    // Rather the one that was tried than nobody.
    assert_eq!(stage.pick(&tried, 0.9).unwrap().deployment.name, "p/0");
    deployments.ended(&stage.candidates[0].deployment, Pass::Usual, Err(&fault));
    assert!(stage.pick(&[], 0.0).is_none());
    assert!(stage.rest().unwrap() <= Duration::from_secs(30));
    assert_eq!(deployments.resting().len(), 2);
}
