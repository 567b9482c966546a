//! A plugin that has nothing to do with the attack and is called all the while, as a client would
//! call it: from a thread outside the runtime, one call after the other, timed from the wish to the
//! last chunk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use inkstone_domain::plugin::{LoadedPlugin, PluginSpec};
use inkstone_domain::ports::PluginLoader;
use inkstone_host::Host;
use tokio::runtime::Handle;

use super::stage::chunks;
use super::surroundings::guest;

const ID: &str = "provider-probe";
/// Answers with five chunks, and stands on nothing.
const MODEL: &str = "count";
/// Between two calls.
const PAUSE: Duration = Duration::from_millis(1);

pub struct Neighbour {
    plugin: Arc<LoadedPlugin>,
}

/// A measurement that goes on until it is asked for.
pub struct Watching {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<Duration>>,
}

impl Neighbour {
    pub async fn load(host: &Host) -> Self {
        let spec = PluginSpec::new(ID, guest(ID));
        let plugin = host.prepare(&spec).await.unwrap();
        Self { plugin }
    }

    /// Begins to call.
    pub fn watch(&self) -> Watching {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let plugin = self.plugin.clone();
        let runtime = Handle::current();
        let thread = std::thread::spawn(move || {
            let mut times = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let plugin = plugin.clone();
                let (tell, told) = std::sync::mpsc::sync_channel(1);
                let began = Instant::now();
                runtime.spawn(async move {
                    let answer = chunks(&plugin, MODEL, usize::MAX).await;
                    let _ = tell.send((answer, began.elapsed()));
                });
                let (answer, took) = told.recv().expect("the call comes back");
                times.push(took);
                assert_eq!(answer.expect("the neighbour is not harmed").len(), 5);
                std::thread::sleep(PAUSE);
            }
            times
        });
        Watching { stop, thread }
    }

    /// Calls for so long.
    pub async fn watch_for(&self, time: Duration) -> Latencies {
        let watching = self.watch();
        tokio::time::sleep(time).await;
        watching.end().await
    }
}

impl Watching {
    pub async fn end(self) -> Latencies {
        self.stop.store(true, Ordering::Relaxed);
        let times = tokio::task::spawn_blocking(|| self.thread.join());
        let mut times = times.await.unwrap().expect("the neighbour went on");
        times.sort_unstable();
        Latencies(times)
    }
}

/// In rising order.
#[derive(Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// The latency that 99 of 100 calls did not exceed.
    pub fn p99(&self) -> Duration {
        let rank = (self.0.len() * 99).div_ceil(100).max(1);
        self.0[rank - 1]
    }

    /// Adds the calls of another window.
    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_unstable();
    }
}
