//! The host itself: makes plugins ready to serve. Whatever can fail, fails here, before a plugin is
//! put to use: reading, checking, compiling, linking, settings, and the guest's own list of offers.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::capability::Effective;
use inkstone_domain::plugin::{
    LoadedPlugin, Manifest, PackageFormat, PackageInfo, PluginBody, PluginKind, PluginSpec,
    PluginStats, Signer, Standing,
};
use inkstone_domain::ports::{PluginLoader, Probe};
use inkstone_domain::recording::RecordWish;
use inkstone_domain::{Error, Result, codes};
use serde_json::{Map, Value};
use tokio_util::task::TaskTracker;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::CompiledCache;
use crate::call::Guest;
use crate::config::{HostConfig, HostPorts};
use crate::engine::{self, TABLES_PER_PLACE};
use crate::gate::Pools;
use crate::kinds::{WasmAnalytics, WasmGenerator, WasmProvider, WasmResearch, WasmSubscriber};
use crate::lane::Lane;
use crate::limits::CallLimits;
use crate::linkers::Linkers;
use crate::package::{self, rejected};
use crate::plugin::{Plugin, Surroundings};
use crate::schema::Schema;
use crate::ticker::Ticker;
use crate::versions::{
    AnalyticsWorld, GeneratorWorld, Linked, ProviderWorld, ResearchWorld, SubscriberWorld,
};
use crate::workshop::Workshop;

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
    workshop: Workshop,
    pools: Pools,
    lane: Lane,
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
        let workshop = Workshop::new().map_err(|error| {
            Error::new(
                &codes::INTERNAL,
                "the threads that compile plugins cannot start",
            )
            .with_source(error)
        })?;
        let shared = Shared {
            cache: CompiledCache::open(
                config.cache_dir.clone(),
                config.cache_key.clone(),
                config.cache_max_bytes,
            ),
            engine,
            linkers,
            workshop,
            pools: Pools::new(config.max_instances),
            lane: Lane::new(),
            config,
            ports,
        };
        Ok(Arc::new(Self {
            shared: Arc::new(shared),
            tasks: TaskTracker::new(),
            ticker: Arc::new(ticker),
        }))
    }

    /// Makes a plugin ready to serve. Whatever can fail, fails here.
    pub(crate) async fn load(&self, spec: &PluginSpec) -> Result<(Arc<Plugin>, Arc<LoadedPlugin>)> {
        let shared = self.shared.clone();
        let owned_spec = spec.clone();
        let workshop = &self.shared.workshop;
        let compiled = workshop
            .run(move || shared.compile(&owned_spec))
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
        let recording = Arc::new(RecordWish::new(spec.record_share));
        let plugin = Arc::new(Plugin::new(
            manifest,
            Surroundings {
                engine: shared.engine.clone(),
                effective: effective.clone(),
                limits,
                settings: compiled.settings,
                ports: shared.ports.clone(),
                stats: stats.clone(),
                recording: recording.clone(),
                digest: compiled.digest.clone(),
                pools: shared.pools.clone(),
                lane: shared.lane.clone(),
                weight: compiled.weight,
                max_http_body_bytes: config.max_http_body_bytes,
                tasks: self.tasks.clone(),
                ticker: self.ticker.clone(),
            },
        ));
        let (body, probe) = body(plugin.clone(), compiled.linked, &spec.path).await?;
        let loaded = LoadedPlugin {
            refused: effective.refused(&manifest.permissions),
            manifest: compiled.manifest,
            digest: compiled.digest,
            package_digest: compiled.package_digest,
            format: compiled.format,
            signed_by: compiled.signed_by,
            effective,
            stats,
            recording,
            body,
            probe,
        };
        Ok((plugin, Arc::new(loaded)))
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
        self.load(spec).await.map(|(_, loaded)| loaded)
    }

    async fn inspect(&self, package: Bytes) -> Result<PackageInfo> {
        let shared = self.shared.clone();
        let look = move || {
            let path = Path::new("the package");
            let package = package::of_bytes(path, package.into(), &shared.config.trust.policy()?)?;
            let inspection = package.inspection;
            package::check(&inspection, &inspection.manifest.id)
                .map_err(|reason| rejected(path, reason))?;
            Ok(PackageInfo {
                manifest: inspection.manifest,
                package_digest: inspection.package_digest,
                digest: inspection.digest,
                format: inspection.format,
                signed_by: inspection.signed_by,
            })
        };
        self.shared.workshop.run(look).await.map_err(|broken_off| {
            Error::new(&codes::INTERNAL, "inspecting broke off; the log says why")
                .with_source(broken_off)
        })?
    }

    async fn recheck(&self, plugin: &LoadedPlugin) -> Result<()> {
        let shared = self.shared.clone();
        let id = plugin.manifest.id.clone();
        let digest = plugin.package_digest.clone();
        let signers = match plugin.format {
            PackageFormat::Package => Some(plugin.signed_by.clone()),
            PackageFormat::Component => None,
        };
        let ask = move || {
            let policy = shared.config.trust.policy()?;
            policy
                .check_again(&id, &digest, signers)
                .map(drop)
                .map_err(|reason| Error::from(reason).context(format!("the plugin `{id}`")))
        };
        self.shared.workshop.run(ask).await.map_err(|broken_off| {
            Error::new(&codes::INTERNAL, "checking broke off; the log says why")
                .with_source(broken_off)
        })?
    }
}

/// A component that is compiled and linked, and everything known of it without running it.
struct Compiled {
    manifest: Manifest,
    digest: String,
    package_digest: String,
    format: PackageFormat,
    signed_by: Vec<Signer>,
    /// A JSON object.
    settings: String,
    linked: Linked,
    /// Places of the pool that one instance takes.
    weight: u32,
}

impl Shared {
    /// Blocks: reads and hashes the file, and compiles where the cache does not have it.
    fn compile(&self, spec: &PluginSpec) -> Result<Compiled> {
        let path = &spec.path;
        let package = package::read(path, &self.config.trust.policy()?)?;
        let inspection = package.inspection;
        let api = package::check(&inspection, &spec.id).map_err(|reason| rejected(path, reason))?;
        let settings = settings(&inspection.manifest, &spec.settings)?;
        for signer in &inspection.signed_by {
            if signer.standing == Standing::Revoked {
                tracing::warn!(
                    plugin = spec.id,
                    key_id = signer.key_id,
                    "the package is signed by a key that is revoked; that signature counts for nothing"
                );
            }
        }

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
            .link(api, inspection.manifest.kind, &component)
            .map_err(|error| rejected(path, format!("it cannot be linked: {error:#}")))?;
        Ok(Compiled {
            manifest: inspection.manifest,
            weight: weight(&component),
            digest: inspection.digest,
            package_digest: inspection.package_digest,
            format: inspection.format,
            signed_by: inspection.signed_by,
            settings,
            linked,
        })
    }
}

/// A place of the pool has one memory and four tables; a component with more takes more places.
fn weight(component: &Component) -> u32 {
    let Some(needed) = component.resources_required() else {
        return 1;
    };
    needed
        .num_memories
        .max(needed.num_tables.div_ceil(TABLES_PER_PLACE))
        .max(1)
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
    linked: Linked,
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
            let world = ProviderWorld::new(linked).map_err(unfit)?;
            let provider = Arc::new(WasmProvider::new(Guest::new(plugin, world)));
            (PluginBody::Provider(provider.clone()), provider)
        }
        PluginKind::Generator => {
            let world = GeneratorWorld::new(linked).map_err(unfit)?;
            let generator = WasmGenerator::prepare(Guest::new(plugin, world)).await;
            let generator = Arc::new(generator.map_err(speechless)?);
            (PluginBody::Generator(generator.clone()), generator)
        }
        PluginKind::Research => {
            let world = ResearchWorld::new(linked).map_err(unfit)?;
            let research = WasmResearch::prepare(Guest::new(plugin, world)).await;
            let research = Arc::new(research.map_err(speechless)?);
            (PluginBody::Research(research.clone()), research)
        }
        PluginKind::Analytics => {
            let world = AnalyticsWorld::new(linked).map_err(unfit)?;
            let analytics = WasmAnalytics::prepare(Guest::new(plugin, world)).await;
            let analytics = Arc::new(analytics.map_err(speechless)?);
            (PluginBody::Analytics(analytics.clone()), analytics)
        }
        PluginKind::Subscriber => {
            let world = SubscriberWorld::new(linked).map_err(unfit)?;
            let subscriber = Arc::new(WasmSubscriber::new(Guest::new(plugin, world)));
            (PluginBody::Subscriber(subscriber.clone()), subscriber)
        }
    })
}
