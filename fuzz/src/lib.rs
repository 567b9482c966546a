//! What the targets share: one host with small limits, ports that lead nowhere, and a runtime.

pub mod mirror;
mod nowhere;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use inkstone_domain::plugin::Limits;
use inkstone_domain::ports::{GuestCall, SystemClock};
use inkstone_host::{Host, HostConfig, HostPorts};
use tokio::runtime::Runtime;

use crate::nowhere::Nowhere;

/// Runs to the end on the runtime that the host lives on.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("there is a runtime")
    });
    runtime.block_on(work)
}

/// The one host of this process: its limits are small, so that an input that only takes long ends soon.
pub fn host() -> &'static Arc<Host> {
    static HOST: OnceLock<Arc<Host>> = OnceLock::new();
    HOST.get_or_init(|| {
        let limits = Limits {
            memory_mib: Some(16),
            deadline_ms: Some(2_000),
            first_item_ms: Some(2_000),
            idle_ms: Some(2_000),
            stream_ms: Some(4_000),
            cpu_ms: Some(200),
            max_response_mib: Some(1),
            max_host_calls: Some(256),
            ..Limits::default()
        };
        let config = HostConfig {
            max_instances: 8,
            epoch_tick: Duration::from_millis(10),
            default_limits: limits,
            ceiling: limits,
            ..HostConfig::default()
        };
        let nowhere = Arc::new(Nowhere);
        let ports = HostPorts {
            egress: nowhere.clone(),
            models: nowhere.clone(),
            kv: nowhere,
            clock: Arc::new(SystemClock),
            recordings: None,
        };
        block_on(async { Host::new(config, ports) }).expect("the host can be made")
    })
}

/// A call with every power, all of which lead nowhere.
pub fn call() -> GuestCall {
    let nowhere = Arc::new(Nowhere);
    GuestCall {
        request_id: "fuzz".to_owned(),
        ai: Some(nowhere.clone()),
        tools: Some(nowhere.clone()),
        search: Some(nowhere),
    }
}
