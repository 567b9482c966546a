//! An isolated plugin call (fresh instance, 1 KiB in, blocks out, instance dropped) through the host
//! with all its limits, beside raw wasmtime doing the same: instantiate, call, drop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use inkstone_bindings::v0_1_0::analytics::{AnalyticsPlugin, AnalyticsPluginPre};
use inkstone_domain::capability::Effective;
use inkstone_domain::inference::{GenerateRequest, LocalEmbeddings, LocalModelInfo, TokenStream};
use inkstone_domain::outbound::{OutboundRequest, OutboundResponse};
use inkstone_domain::plugin::{PluginBody, PluginSpec};
use inkstone_domain::ports::{
    Analytics, Egress, GuestCall, LocalModels, PluginLoader, SystemClock,
};
use inkstone_domain::{Error, codes};
use inkstone_host::{Host, HostConfig, HostPorts};
use inkstone_testkit::MemStore;
use serde_json::json;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};

use crate::Failure;
use crate::measure::{Series, micros, print_ratio};
use crate::process::root;

const CALLS: u32 = 2_000;
const ROUNDS: usize = 9;
const PLUGIN: &str = "analytics-hostile";
const REPORT: &str = "harm";

pub async fn run() -> Result<(), Failure> {
    let path = root()
        .join("tests/guests/dist")
        .join(format!("{PLUGIN}.wasm"));
    let input = json!({ "about": "x".repeat(1024), "do": "ok" });
    let host = Host::new(
        HostConfig::default(),
        HostPorts {
            egress: Arc::new(Closed),
            models: Arc::new(Closed),
            kv: Arc::new(MemStore::new()),
            clock: Arc::new(SystemClock),
        },
    )?;
    let ours = ours(&host, path.clone()).await?;
    let raw = Raw::load(&path)?;

    let mut times = (Series::new("inkstone"), Series::new("wasmtime"));
    let call = GuestCall::default();
    let text = input.to_string();
    for round in 0..=ROUNDS {
        let began = Instant::now();
        for _ in 0..CALLS {
            ours.run(&call, REPORT, input.clone()).await?;
        }
        let own = micros(began.elapsed()) / f64::from(CALLS);
        let began = Instant::now();
        for _ in 0..CALLS {
            raw.call(&text).await?;
        }
        let baseline = micros(began.elapsed()) / f64::from(CALLS);
        if round > 0 {
            times.0.values.push(own);
            times.1.values.push(baseline);
        }
    }
    println!(
        "plugin call: fresh instance, 1 KiB in, a block out, instance dropped; ours adds schema check, limits, conversion, metrics"
    );
    print_ratio("isolated call", "µs", &times.0, &times.1);
    Ok(())
}

async fn ours(host: &Arc<Host>, path: PathBuf) -> Result<Arc<dyn Analytics>, Failure> {
    let spec = PluginSpec::new(PLUGIN, path);
    match &host.prepare(&spec).await?.body {
        PluginBody::Analytics(plugin) => Ok(Arc::clone(plugin)),
        _ => Err("the guest is no analytics plugin".into()),
    }
}

/// wasmtime set up as fast as it goes: pooling, copy-on-write, pre-instantiated, no limits.
struct Raw {
    engine: Engine,
    plugin: AnalyticsPluginPre<()>,
    report: String,
}

impl Raw {
    fn load(path: &std::path::Path) -> Result<Self, Failure> {
        // What a slot keeps between calls is what the host keeps, so that the pools are alike.
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(256 << 10)
            .table_keep_resident(16 << 10)
            .async_stack_keep_resident(32 << 10)
            .pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        let component = Component::from_file(&engine, path)?;
        let mut linker = Linker::<()>::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let plugin = AnalyticsPluginPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self {
            engine,
            plugin,
            report: REPORT.to_owned(),
        })
    }

    async fn call(&self, input: &String) -> Result<(), Failure> {
        let mut store = Store::new(&self.engine, ());
        let instance: AnalyticsPlugin = self.plugin.instantiate_async(&mut store).await?;
        let analytics = instance.inkstone_plugin_analytics();
        let blocks = analytics.call_run(&mut store, &self.report, input).await?;
        match blocks {
            Ok(_) => Ok(()),
            Err(error) => Err(error.message.into()),
        }
    }
}

/// No network and no model: the measured call uses neither.
struct Closed;

fn closed() -> Error {
    Error::new(&codes::POWER_DENIED, "the benchmark grants nothing")
}

#[async_trait]
impl Egress for Closed {
    async fn send(
        &self,
        _plugin: &str,
        _powers: &Effective,
        _request: OutboundRequest,
    ) -> Result<OutboundResponse, Error> {
        Err(closed())
    }
}

#[async_trait]
impl LocalModels for Closed {
    async fn models(&self) -> Result<Vec<LocalModelInfo>, Error> {
        Ok(Vec::new())
    }

    async fn generate(&self, _request: GenerateRequest) -> Result<TokenStream, Error> {
        Err(closed())
    }

    async fn embed(&self, _model: &str, _inputs: Vec<String>) -> Result<LocalEmbeddings, Error> {
        Err(closed())
    }

    async fn count_tokens(&self, _model: &str, _text: &str) -> Result<u32, Error> {
        Err(closed())
    }
}
