//! The host itself: makes plugins ready to serve. Whatever can fail, fails here, before a plugin is
//! put to use: reading, checking, compiling, linking, settings, and the guest's own list of offers.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use inkstone_bindings::v0_1_0::analytics::AnalyticsPluginPre;
use inkstone_bindings::v0_1_0::generator::GeneratorPluginPre;
use inkstone_bindings::v0_1_0::provider::ProviderPluginPre;
use inkstone_bindings::v0_1_0::research::ResearchPluginPre;
use inkstone_domain::capability::Effective;
use inkstone_domain::plugin::{
    LoadedPlugin, Manifest, PluginBody, PluginKind, PluginSpec, PluginStats,
};
use inkstone_domain::ports::{PluginLoader, Probe};
use inkstone_domain::{Error, Result, codes};
use serde_json::{Map, Value};
use tokio_util::task::TaskTracker;
use wasmtime::Engine;
use wasmtime::component::InstancePre;

use crate::cache::CompiledCache;
use crate::call::Guest;
use crate::config::{HostConfig, HostPorts};
use crate::engine::{self, Ticker};
use crate::kinds::{WasmAnalytics, WasmGenerator, WasmProvider, WasmResearch};
use crate::limits::CallLimits;
use crate::linkers::Linkers;
use crate::package::{self, rejected};
use crate::plugin::{Plugin, Surroundings};
use crate::schema::Schema;
use crate::state::CallState;

/// Loads plugins and runs their calls. One per process: it reserves the address space of a pool.
pub struct Host {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    ticker: Arc<Ticker>,
}

/// What `prepare` takes along to a blocking thread.
struct Shared {
    engine: Engine,
    cache: CompiledCache,
    linkers: Linkers,
    config: HostConfig,
    ports: HostPorts,
}

impl Host {
    /// Makes the engine and its linkers. Takes some milliseconds; fails where the settings do not fit the machine.
    pub fn new(config: HostConfig, ports: HostPorts) -> Result<Arc<Self>> {
        let engine = engine::build(&config).map_err(|error| broken("the plugin engine", &error))?;
        let linkers = Linkers::new(&engine).map_err(|error| broken("the linkers", &error))?;
        let ticker = Ticker::start(&engine, config.epoch_tick).map_err(|error| {
            Error::new(&codes::INTERNAL, "the epoch ticker cannot start").with_source(error)
        })?;
        let shared = Shared {
            cache: CompiledCache::open(config.cache_dir.clone()),
            engine,
            linkers,
            config,
            ports,
        };
        Ok(Arc::new(Self {
            shared: Arc::new(shared),
            tasks: TaskTracker::new(),
            ticker: Arc::new(ticker),
        }))
    }

    /// Returns once every stream out of a guest has ended. Call it when nothing starts new ones.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn broken(what: &str, error: &wasmtime::Error) -> Error {
    Error::new(
        &codes::INTERNAL,
        format!("{what} cannot be made: {error:#}"),
    )
}

#[async_trait]
impl PluginLoader for Host {
    async fn prepare(&self, spec: &PluginSpec) -> Result<Arc<LoadedPlugin>> {
        let shared = self.shared.clone();
        let owned_spec = spec.clone();
        let compiled = tokio::task::spawn_blocking(move || shared.compile(&owned_spec))
            .await
            .map_err(|broken_off| {
                rejected(&spec.path, "loading broke off; the log says why").with_source(broken_off)
            })??;
        let manifest = &compiled.manifest;
        let shared = &self.shared;
        let config = &shared.config;
        let effective = Effective::of(&manifest.permissions, &spec.grants, &config.power_ceiling);
        let limits = CallLimits::joined(
            &manifest.limits,
            &spec.limits,
            &config.defaults(manifest.kind),
            &config.ceiling(),
        );
        let stats = Arc::new(PluginStats::default());
        let plugin = Arc::new(Plugin::new(
            manifest,
            Surroundings {
                engine: shared.engine.clone(),
                effective: effective.clone(),
                limits,
                settings: compiled.settings,
                ports: shared.ports.clone(),
                log: config.log,
                max_http_body_bytes: config.max_http_body_bytes,
                tasks: self.tasks.clone(),
                ticker: self.ticker.clone(),
            },
        ));
        let (body, probe) = body(plugin, compiled.linked, &spec.path).await?;
        Ok(Arc::new(LoadedPlugin {
            refused: effective.refused(&manifest.permissions),
            manifest: compiled.manifest,
            digest: compiled.digest,
            effective,
            stats,
            body,
            probe,
        }))
    }
}

/// A component that is compiled and linked, and everything known of it without running it.
struct Compiled {
    manifest: Manifest,
    digest: String,
    /// A JSON object.
    settings: String,
    linked: InstancePre<CallState>,
}

impl Shared {
    /// Blocks: reads and hashes the file, and compiles where the cache does not have it.
    fn compile(&self, spec: &PluginSpec) -> Result<Compiled> {
        let path = &spec.path;
        let package = package::read(path)?;
        let inspection = package.inspection;
        package::check(&inspection, &spec.id).map_err(|reason| rejected(path, reason))?;
        let settings = settings(&inspection.manifest, &spec.settings)?;

        let began = Instant::now();
        let (component, origin) = self
            .cache
            .load_or_compile(&self.engine, &package.wasm, &inspection.digest)
            .map_err(|error| rejected(path, format!("it cannot be compiled: {error:#}")))?;
        metrics::counter!("inkstone_plugin_compile_total", "source" => origin.as_str())
            .increment(1);
        tracing::debug!(
            plugin = inspection.manifest.id,
            source = origin.as_str(),
            duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "the component is compiled"
        );
        let linked = self
            .linkers
            .link(inspection.manifest.kind, &component)
            .map_err(|error| rejected(path, format!("it cannot be linked: {error:#}")))?;
        Ok(Compiled {
            manifest: inspection.manifest,
            digest: inspection.digest,
            settings,
            linked,
        })
    }
}

/// The settings as the guest will read them; `schema_mismatch` where they do not fit.
fn settings(manifest: &Manifest, given: &Value) -> Result<String> {
    let none = Value::Object(Map::new());
    let given = if given.is_null() { &none } else { given };
    let what = || format!("the settings of plugin `{}`", manifest.id);
    let Some(object) = given.as_object() else {
        let message = format!("{} are no JSON object", what());
        return Err(Error::new(&codes::SCHEMA_MISMATCH, message));
    };
    match &manifest.settings.schema {
        Some(schema) => Schema::compile(schema)
            .map_err(|why| {
                let message = format!("{} have a schema that cannot be used: {why}", what());
                Error::new(&codes::PLUGIN_REJECTED, message)
            })?
            .check(given, what)?,
        None if object.is_empty() => {}
        None => {
            let message = format!("{} are set, but it takes none", what());
            return Err(Error::new(&codes::SCHEMA_MISMATCH, message));
        }
    }
    Ok(given.to_string())
}

/// The plugin as a port. Asks the guest what it offers.
async fn body(
    plugin: Arc<Plugin>,
    linked: InstancePre<CallState>,
    path: &Path,
) -> Result<(PluginBody, Arc<dyn Probe>)> {
    let unfit = |error: wasmtime::Error| {
        rejected(
            path,
            format!("its exports do not fit the contract: {error:#}"),
        )
    };
    // A guest that cannot even say what it offers is refused as a whole.
    let speechless = |error: Error| {
        rejected(
            path,
            format!("it cannot say what it offers: {}", error.message()),
        )
        .with_source(error)
    };
    Ok(match plugin.kind {
        PluginKind::Provider => {
            let world = ProviderPluginPre::new(linked).map_err(unfit)?;
            let provider = Arc::new(WasmProvider::new(Guest::new(plugin, world)));
            (PluginBody::Provider(provider.clone()), provider)
        }
        PluginKind::Generator => {
            let world = GeneratorPluginPre::new(linked).map_err(unfit)?;
            let generator = WasmGenerator::prepare(Guest::new(plugin, world)).await;
            let generator = Arc::new(generator.map_err(speechless)?);
            (PluginBody::Generator(generator.clone()), generator)
        }
        PluginKind::Research => {
            let world = ResearchPluginPre::new(linked).map_err(unfit)?;
            let research = WasmResearch::prepare(Guest::new(plugin, world)).await;
            let research = Arc::new(research.map_err(speechless)?);
            (PluginBody::Research(research.clone()), research)
        }
        PluginKind::Analytics => {
            let world = AnalyticsPluginPre::new(linked).map_err(unfit)?;
            let analytics = WasmAnalytics::prepare(Guest::new(plugin, world)).await;
            let analytics = Arc::new(analytics.map_err(speechless)?);
            (PluginBody::Analytics(analytics.clone()), analytics)
        }
    })
}
