//! Where attacks are mounted: one host with the real egress, upstreams that mean no good, and the
//! hostile guests loaded as an admin would load them.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use inkstone_domain::capability::{Grants, Permissions};
use inkstone_domain::chat::{Chunk, Request};
use inkstone_domain::plugin::{Limits, LoadedPlugin, PluginBody, PluginSpec};
use inkstone_domain::ports::{GuestCall, PluginLoader};
use inkstone_domain::{Error, Result};
use inkstone_egress::{
    CredentialBinding, EgressConfig, HttpEgress, NameResolver, Secret, SystemResolver,
};
use inkstone_host::{CacheKey, Host, HostConfig, HostPorts, TrustSource};
use inkstone_package::TrustPolicy;
use inkstone_testkit::{ManualClock, MemStore};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::attacks::{Attack, Damage, Mount, Reach, Tampering};
use super::damage::damaged;
use super::handmade;
use super::surroundings::{
    KnowsNoModel, NeverAnswers, ThreeTokens, call_with, guest, harm, on_another_machine,
};
use super::upstreams::Upstreams;

const ANALYTICS: &str = "analytics-hostile";
const PROVIDER: &str = "provider-hostile";
const HANDMADE: &str = "analytics-handmade";

/// The key that the hostile provider may use, and no guest may see.
pub const OWN_KEY: &str = "ik-7Vq2mZ0pR4tX9wLb6sNd";

/// Everything around the attacks.
pub struct Stage {
    pub host: Arc<Host>,
    pub upstreams: Upstreams,
    folder: TempDir,
    /// Counts mounts, so that damage is done at another place each time.
    mounts: AtomicUsize,
    /// Whether plugins must be signed by a trusted key, of which there is none.
    is_strict: Arc<AtomicBool>,
}

/// An attack that is ready to be mounted again and again.
pub struct Armed<'a> {
    stage: &'a Stage,
    mount: Mount,
    limits: Limits,
    /// `None` where loading is what is attacked.
    plugin: Option<Arc<LoadedPlugin>>,
}

impl Stage {
    pub fn new() -> Self {
        let upstreams = Upstreams::start();
        let first = upstreams.origin(0);
        let bearer = |name: &str, secret: &str, host: &str| {
            CredentialBinding::bearer(name, Secret::new(secret), vec![host.parse().unwrap()])
        };
        let egress = EgressConfig {
            credentials: vec![
                bearer("own", OWN_KEY, &first),
                bearer("of-another", "ik-another-plugins-key", &first),
                bearer("unbound", "ik-key-of-elsewhere", "https://api.example.org"),
            ],
            max_response_bytes: 4 << 20,
            resolver: Arc::new(LyingNames),
            ..EgressConfig::default()
        };
        let folder = TempDir::new().unwrap();
        let is_strict = Arc::new(AtomicBool::new(false));
        let asked = is_strict.clone();
        let config = HostConfig {
            trust: TrustSource::new(move || {
                Ok(TrustPolicy {
                    require_signature: asked.load(Ordering::Relaxed),
                    ..TrustPolicy::default()
                })
            }),
            cache_dir: Some(folder.path().join("compiled")),
            cache_key: Some(CacheKey::new([7; 32])),
            ..HostConfig::default()
        };
        let ports = HostPorts {
            egress: Arc::new(HttpEgress::new(egress).unwrap()),
            models: Arc::new(ThreeTokens),
            kv: Arc::new(MemStore::new()),
            clock: Arc::new(ManualClock::new()),
            recordings: None,
        };
        Self {
            host: Host::new(config, ports).unwrap(),
            upstreams,
            folder,
            mounts: AtomicUsize::new(0),
            is_strict,
        }
    }

    /// Loads what the attack needs.
    pub async fn arm(&self, attack: &Attack) -> Armed<'_> {
        let limits = attack.limits;
        let plugin = match attack.mount {
            Mount::Report(_) | Mount::ReportAtOnce(..) | Mount::ReportThatWaits(_) => {
                Some(self.load(ANALYTICS, Reach::OneHost, limits).await)
            }
            Mount::Stream(reach, _) | Mount::Leave(reach, ..) => {
                Some(self.load(PROVIDER, reach, limits).await)
            }
            Mount::Cache(_) => {
                let path = handmade::write(self.folder.path(), "honest", HANDMADE);
                let spec = spec(HANDMADE, path, limits);
                Some(self.host.prepare(&spec).await.unwrap())
            }
            // A guest that can be loaded is loaded once; one that cannot, each time.
            Mount::Handmade(name) => {
                let path = handmade::write(self.folder.path(), name, HANDMADE);
                let spec = spec(HANDMADE, path, limits);
                self.host.prepare(&spec).await.ok()
            }
            Mount::File(_) | Mount::List(_) => None,
        };
        Armed {
            stage: self,
            mount: attack.mount,
            limits,
            plugin,
        }
    }

    async fn load(&self, id: &str, reach: Reach, limits: Limits) -> Arc<LoadedPlugin> {
        let hosts = match reach {
            Reach::Upstreams => vec![self.upstreams.origin(0), self.upstreams.origin(1)],
            Reach::Anything => vec!["*://*:*".to_owned()],
            Reach::OneHost => vec!["https://api.example.org".to_owned()],
        };
        let mut spec = spec(id, guest(id), limits);
        spec.grants.permissions.outbound_hosts =
            hosts.iter().map(|host| host.parse().unwrap()).collect();
        self.host.prepare(&spec).await.unwrap()
    }

    /// The words with the addresses of this stage in them.
    pub fn addressed(&self, words: &str) -> String {
        words
            .replace("{1}", &self.upstreams.origin(0))
            .replace("{2}", &self.upstreams.origin(1))
            .replace("{port}", &self.upstreams.addresses[0].port().to_string())
    }

    /// The provider with its upstreams granted.
    pub async fn provider(&self, limits: Limits) -> Arc<LoadedPlugin> {
        self.load(PROVIDER, Reach::Upstreams, limits).await
    }
}

impl Armed<'_> {
    /// Mounts the attack once and says what its caller saw.
    pub async fn mount(&self) -> Result<()> {
        let stage = self.stage;
        match self.mount {
            Mount::Report(word) => report(self.plugin(), &call_with(KnowsNoModel), word).await,
            Mount::ReportAtOnce(times, word) => {
                self.at_once(times, &GuestCall::default(), word).await
            }
            Mount::ReportThatWaits(times) => {
                let call = call_with(NeverAnswers(Arc::new(Semaphore::new(0))));
                self.at_once(times, &call, "ask-ai").await
            }
            Mount::Stream(_, words) => {
                stream(self.plugin(), &stage.addressed(words), usize::MAX).await
            }
            Mount::Leave(_, words, items) => {
                stream(self.plugin(), &stage.addressed(words), items).await
            }
            Mount::Handmade(name) => {
                if let Some(plugin) = &self.plugin {
                    return report(plugin, &GuestCall::default(), "").await;
                }
                let path = stage.folder.path().join(format!("{HANDMADE}-{name}.wasm"));
                let spec = spec(HANDMADE, path, self.limits);
                stage.host.prepare(&spec).await.map(drop)
            }
            Mount::File(damage) => {
                let number = stage.mounts.fetch_add(1, Ordering::Relaxed);
                let path = stage.folder.path().join("damaged");
                on_another_machine({
                    let path = path.clone();
                    move || {
                        let honest = std::fs::read(guest(ANALYTICS)).unwrap();
                        std::fs::write(path, damaged(damage, &honest, number)).unwrap();
                    }
                })
                .await;
                let spec = spec(ANALYTICS, path, self.limits);
                let is_strict = matches!(damage, Damage::UnknownSigner | Damage::Unsigned);
                stage.is_strict.store(is_strict, Ordering::Relaxed);
                let outcome = stage.host.prepare(&spec).await.map(drop);
                stage.is_strict.store(false, Ordering::Relaxed);
                outcome
            }
            Mount::Cache(tampering) => self.tamper(tampering).await,
            Mount::List(plugins) => long_list(plugins),
        }
    }

    /// Whether the attack loads a file, each time it is mounted.
    pub fn loads(&self) -> bool {
        match self.mount {
            Mount::Handmade(_) => self.plugin.is_none(),
            Mount::File(_) | Mount::Cache(_) | Mount::List(_) => true,
            _ => false,
        }
    }

    /// Whether nothing of the attack still runs.
    pub async fn rests(&self) -> bool {
        let Some(plugin) = &self.plugin else {
            return true;
        };
        for _ in 0..500 {
            if plugin.stats.snapshot().running == 0 {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// An honest call of the plugin that was attacked through.
    pub async fn goes_on(&self) -> Result<()> {
        match (&self.plugin, self.mount) {
            (
                Some(plugin),
                Mount::Report(_) | Mount::ReportAtOnce(..) | Mount::ReportThatWaits(_),
            ) => report(plugin, &GuestCall::default(), "ok").await,
            (Some(plugin), Mount::Stream(..) | Mount::Leave(..)) => {
                stream(plugin, "ok", usize::MAX).await
            }
            _ => Ok(()),
        }
    }

    fn plugin(&self) -> &LoadedPlugin {
        self.plugin.as_ref().expect("it was loaded")
    }

    /// All must end badly; what is told first of those that never began, or else of those that did.
    async fn at_once(&self, times: usize, call: &GuestCall, word: &'static str) -> Result<()> {
        let calls: Vec<_> = (0..times)
            .map(|_| {
                let plugin = self.plugin.clone().expect("it was loaded");
                let call = call.clone();
                tokio::spawn(async move { report(&plugin, &call, word).await })
            })
            .collect();
        let mut told: Option<Error> = None;
        for call in calls {
            let error = call.await.unwrap().expect_err("it did harm");
            let is_first = told.as_ref().is_none_or(|told| told.code().blames_plugin());
            if is_first {
                told = Some(error);
            }
        }
        told.map_or(Ok(()), Err)
    }

    /// Puts foreign code into the cache, loads the plugin again, and calls it.
    async fn tamper(&self, tampering: Tampering) -> Result<()> {
        let stage = self.stage;
        let cache = stage.folder.path().join("compiled");
        let victim = entry(&cache, |name| name.starts_with(&self.plugin().digest));
        let honest = std::fs::read(&victim).unwrap();
        let foreign = match tampering {
            Tampering::BitFlipped => {
                let number = stage.mounts.fetch_add(1, Ordering::Relaxed);
                let mut bytes = honest.clone();
                let at = number.wrapping_mul(7_919) % bytes.len();
                bytes[at] ^= 1;
                bytes
            }
            Tampering::Swapped => {
                let hostile = stage.load(ANALYTICS, Reach::OneHost, self.limits).await;
                let other = entry(&cache, |name| name.starts_with(&hostile.digest));
                std::fs::read(other).unwrap()
            }
        };
        std::fs::write(&victim, &foreign).unwrap();
        let path = stage.folder.path().join(format!("{HANDMADE}-honest.wasm"));
        let spec = spec(HANDMADE, path, self.limits);
        let loaded = stage.host.prepare(&spec).await?;
        // It was compiled anew, and so the entry is the honest one again.
        let now = std::fs::read(&victim).unwrap();
        assert!(now != foreign, "the tampered entry is still there");
        report(&loaded, &GuestCall::default(), "").await
    }
}

fn entry(cache: &Path, is_it: impl Fn(&str) -> bool) -> PathBuf {
    let mut entries = std::fs::read_dir(cache).unwrap().map(|e| e.unwrap());
    let found = entries.find(|entry| is_it(&entry.file_name().to_string_lossy()));
    found.expect("the plugin was compiled").path()
}

/// Everything but the network is granted as the manifest asks for it.
fn spec(id: &str, path: PathBuf, limits: Limits) -> PluginSpec {
    PluginSpec {
        grants: Grants {
            permissions: Permissions {
                credentials: ["own".to_owned(), "unbound".to_owned()].into(),
                kv_quota_bytes: 1024,
                ai: true,
                search: true,
                ..Permissions::default()
            },
        },
        limits,
        ..PluginSpec::new(id, path)
    }
}

async fn report(plugin: &LoadedPlugin, call: &GuestCall, word: &str) -> Result<()> {
    let PluginBody::Analytics(analytics) = &plugin.body else {
        panic!("{plugin:?} is no analytics plugin");
    };
    let input = match word {
        "" => json!({}),
        word => harm(word),
    };
    analytics.run(call, "harm", input).await.map(drop)
}

async fn stream(plugin: &LoadedPlugin, model: &str, items: usize) -> Result<()> {
    chunks(plugin, model, items).await.map(drop)
}

/// What the provider streams, up to so many items, and then the reader leaves.
pub async fn chunks(plugin: &LoadedPlugin, model: &str, items: usize) -> Result<Vec<Chunk>> {
    let PluginBody::Provider(provider) = &plugin.body else {
        panic!("{plugin:?} is no provider");
    };
    let request = Request {
        model: model.to_owned(),
        ..Request::default()
    };
    let mut stream = provider.complete(&GuestCall::default(), request).await?;
    let mut chunks: Vec<Chunk> = Vec::new();
    while chunks.len() < items {
        match stream.next().await {
            // An endless stream is not collected, or it would be us who run out of memory.
            Some(Ok(chunk)) if items < usize::MAX || chunks.len() < 1024 => chunks.push(chunk),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error),
            None => break,
        }
    }
    Ok(chunks)
}

/// What an admin's list of so many plugins comes to, with the limits of a fresh engine.
fn long_list(plugins: usize) -> Result<()> {
    let entry = |number: usize| {
        format!(
            "[[plugin]]\nid = \"analytics-n{number}\"\nsource = {{ path = \"n{number}.wasm\" }}\n"
        )
    };
    let list: String = (0..plugins).map(entry).collect();
    let limits = inkstone_config::EngineConfig::default().plugins;
    let folder = Path::new("/nowhere");
    inkstone_config::plugins::parse(&list, "plugins.toml", folder, limits.max_plugins)?;
    Ok(())
}

/// A name server whose owner means no good; everything else is the system's.
#[derive(Debug)]
struct LyingNames;

#[async_trait]
impl NameResolver for LyingNames {
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        match name {
            "rebound.test" => Ok(vec![[127, 0, 0, 1].into()]),
            "metadata.test" => Ok(vec![[169, 254, 169, 254].into()]),
            name => SystemResolver.resolve(name).await,
        }
    }
}

/// Code and message of what happened, for comparison.
pub fn told(outcome: &Result<()>) -> (&'static str, &str) {
    match outcome {
        Ok(()) => ("", ""),
        Err(error) => (error.code().name, Error::message(error)),
    }
}
