//! Readiness: whether what the engine depends on can be used now. Each dependency is a named check;
//! who depends on what is decided where the engine is wired.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use inkstone_domain::Result;
use inkstone_domain::ports::{ArticleStore, SearchIndex};

use crate::chat::elapsed_ms;

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// A dependency, and how to see whether it can be used.
#[derive(Clone)]
pub struct HealthCheck {
    name: String,
    check: Check,
}

impl HealthCheck {
    /// `check` is called at every look at readiness; it is ended after two seconds.
    pub fn new<F, R>(name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        Self {
            name: name.into(),
            check: Arc::new(move || Box::pin(check())),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HealthCheck({})", self.name)
    }
}

/// How one dependency is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    pub name: String,
    pub ready: bool,
    /// What is wrong, where it is not ready.
    pub detail: Option<String>,
    pub duration_ms: u64,
}

/// How all dependencies are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// All checks passed, and no shutdown is under way.
    pub ready: bool,
    pub checks: Vec<CheckReport>,
}

/// Knows whether the engine can serve.
pub struct Health {
    checks: Vec<HealthCheck>,
    is_draining: AtomicBool,
}

const CHECK_DEADLINE: Duration = Duration::from_secs(2);

impl Health {
    /// Ready as long as all `checks` pass.
    pub fn new(checks: Vec<HealthCheck>) -> Self {
        Self {
            checks,
            is_draining: AtomicBool::new(false),
        }
    }

    /// Runs all checks at once.
    pub async fn readiness(&self) -> Readiness {
        let mut checks = join_all(self.checks.iter().map(run)).await;
        if self.is_draining.load(Ordering::Relaxed) {
            checks.push(CheckReport {
                name: "shutdown".to_owned(),
                ready: false,
                detail: Some("the engine is shutting down".to_owned()),
                duration_ms: 0,
            });
        }
        Readiness {
            ready: checks.iter().all(|check| check.ready),
            checks,
        }
    }

    /// From now on not ready: a shutdown has begun.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }
}

async fn run(check: &HealthCheck) -> CheckReport {
    let began = Instant::now();
    let detail = match tokio::time::timeout(CHECK_DEADLINE, (check.check)()).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.message().to_owned()),
        Err(_) => Some(format!("no answer within {} s", CHECK_DEADLINE.as_secs())),
    };
    CheckReport {
        name: check.name.clone(),
        ready: detail.is_none(),
        detail,
        duration_ms: elapsed_ms(began),
    }
}

/// Whether store and index answer, and what else is to be checked; of one name the one from outside stands.
pub(crate) fn checks(
    articles: &Arc<dyn ArticleStore>,
    index: &Arc<dyn SearchIndex>,
    more: Vec<HealthCheck>,
) -> Vec<HealthCheck> {
    let articles = Arc::clone(articles);
    let index = Arc::clone(index);
    let store = HealthCheck::new("store", move || {
        let articles = Arc::clone(&articles);
        async move { articles.now().await.map(drop) }
    });
    let search = HealthCheck::new("search", move || {
        let index = Arc::clone(&index);
        async move { index.stats().await.map(drop) }
    });
    let own = [store, search]
        .into_iter()
        .filter(|check| more.iter().all(|other| other.name() != check.name()));
    own.collect::<Vec<_>>().into_iter().chain(more).collect()
}
