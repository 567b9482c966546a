//! An isolated plugin call (fresh instance, 1 KiB in, blocks out, instance dropped) through the host
//! with all its limits, beside raw wasmtime doing the same: instantiate, call, drop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use inkstone_bindings::latest::analytics::{AnalyticsPlugin, AnalyticsPluginPre};
use inkstone_domain::plugin::{PluginBody, PluginSpec};
use inkstone_domain::ports::{Analytics, GuestCall, PluginLoader};
use inkstone_host::{Host, HostConfig};
use serde_json::json;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};

use crate::Failure;
use crate::measure::{Series, micros, print_ratio};
use crate::peer::Peer;
use crate::process::root;

const CALLS: u32 = 2_000;
/// It is slower, so fewer make a round.
const PEER_CALLS: u32 = 400;
const ROUNDS: usize = 9;
const PLUGIN: &str = "analytics-latest";
const REPORT: &str = "harm";

pub async fn run() -> Result<(), Failure> {
    let path = root()
        .join("tests/guests/dist")
        .join(format!("{PLUGIN}.wasm"));
    let input = json!({ "about": "x".repeat(1024), "do": "ok" });
    let host = inkstone_host::offline(HostConfig::default())?;
    let ours = ours(&host, path.clone()).await?;
    let raw = Raw::load(&path)?;

    let mut extism = Peer::start("INKSTONE_PEER_EXTISM")?;
    let mut peer_times = Series::new("extism");
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
        if let Some(extism) = &mut extism {
            let peer = extism.round(PEER_CALLS)?;
            if round > 0 {
                peer_times.values.push(peer);
            }
        }
    }
    println!(
        "plugin call: fresh instance, 1 KiB in, a block out, instance dropped; ours adds schema check, limits, conversion, metrics"
    );
    print_ratio("isolated call", "µs", &times.0, &times.1);
    match extism {
        Some(_) => print_ratio(
            "isolated call, fresh Extism plugin",
            "µs",
            &times.0,
            &peer_times,
        ),
        None => println!("extism was not built, so it is not measured"),
    }
    Ok(())
}

async fn ours(host: &Arc<Host>, path: PathBuf) -> Result<Arc<dyn Analytics>, Failure> {
    let spec = PluginSpec::new(PLUGIN, path);
    match &host.prepare(&spec).await?.body {
        PluginBody::Analytics(plugin) => Ok(Arc::clone(plugin)),
        _ => Err("the guest is no analytics plugin".into()),
    }
}

/// An engine with a pool like the host's: what a slot keeps between calls is the same.
pub fn raw_engine() -> Result<Engine, Failure> {
    let mut pool = PoolingAllocationConfig::new();
    pool.linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(32 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(Engine::new(&config)?)
}

/// wasmtime set up as fast as it goes: pooling, copy-on-write, pre-instantiated, no limits.
struct Raw {
    engine: Engine,
    plugin: AnalyticsPluginPre<()>,
    report: String,
}

impl Raw {
    fn load(path: &std::path::Path) -> Result<Self, Failure> {
        let engine = raw_engine()?;
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
