//! Readiness.

use inkstone_domain::{Error, codes};
use inkstone_services::{Health, HealthCheck};

#[tokio::test]
async fn one_failing_dependency_is_named() {
    let fine = HealthCheck::new("store", || async { Ok(()) });
    let broken = HealthCheck::new("model", || async {
        Err(Error::new(
            &codes::MODEL_UNAVAILABLE,
            "the model file is missing",
        ))
    });
    let health = Health::new(vec![fine.clone(), broken]);
    let readiness = health.readiness().await;
    assert!(!readiness.ready);
    let model = &readiness.checks[1];
    assert_eq!((model.name.as_str(), model.ready), ("model", false));
    assert_eq!(model.detail.as_deref(), Some("the model file is missing"));

    let health = Health::new(vec![fine]);
    assert!(health.readiness().await.ready);
    health.drain();
    assert!(!health.readiness().await.ready, "a shutdown has begun");
}
