//! Fakes of plugins and of their loader: scripted, recorded, and stopped at gates instead of by time.
//! They say nothing about wasm; the host's own tests do.

mod generator;
mod loader;
mod provider;
mod readers;
mod subscriber;

use std::sync::Arc;

use inkstone_domain::Error;
use tokio::sync::watch;

pub use self::generator::{FakeGenerator, Step};
pub use self::loader::{FakeLoader, fake_manifest, fake_package, loaded_plugin, plugin_spec};
pub use self::provider::{FakeProvider, Say};
pub use self::readers::{FakeAnalytics, FakeResearch};
pub use self::subscriber::{FakeSubscriber, Heard};

/// A place where a fake stops until the test lets it go on.
#[derive(Clone)]
pub struct Gate(Arc<GateState>);

struct GateState {
    is_open: watch::Sender<bool>,
    arrivals: watch::Sender<usize>,
}

impl Gate {
    /// Whoever comes waits.
    pub fn closed() -> Self {
        Self(Arc::new(GateState {
            is_open: watch::Sender::new(false),
            arrivals: watch::Sender::new(0),
        }))
    }

    /// Lets everybody pass, from now on.
    pub fn open(&self) {
        self.0.is_open.send_replace(true);
    }

    /// Returns once somebody has come to the gate.
    pub async fn reached(&self) {
        self.reached_times(1).await;
    }

    /// Returns once so many have come to the gate, since the beginning.
    pub async fn reached_times(&self, times: usize) {
        let mut arrivals = self.0.arrivals.subscribe();
        // The sender lives in `self`, so it cannot be gone.
        let _ = arrivals.wait_for(|seen| *seen >= times).await;
    }

    /// Comes to the gate, and waits there while it is closed.
    pub async fn pass(&self) {
        self.0.arrivals.send_modify(|seen| *seen += 1);
        let mut is_open = self.0.is_open.subscribe();
        let _ = is_open.wait_for(|open| *open).await;
    }
}

fn unknown(code: &'static inkstone_domain::codes::Code, what: &str, name: &str) -> Error {
    Error::new(code, format!("the fake has no {what} `{name}`"))
}
