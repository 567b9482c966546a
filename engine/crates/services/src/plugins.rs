//! The loaded plugins: what serves now, and how a new configuration takes over. How a plugin is made
//! ready is the loader's business; which calls are made is that of the other services.

mod catalog;
mod choice;
mod consent;
mod guard;
mod journal;
mod live;
mod quarantine;
mod ratings;
mod recordings;
mod registry;
mod reload;
mod results;
mod rollout;
mod routing;
mod status;
mod versions;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use inkstone_domain::Result;
use inkstone_domain::plugin::PluginSpec;
use inkstone_domain::ports::{
    AuditLog, Clock, OutboundTally, PackageFetcher, PackageStore, PluginList, PluginLoader,
    RecordingStore, RolloutStore,
};
use inkstone_domain::principal::Principal;
use tokio::sync::{Mutex, Notify};

use crate::audit::Audit;
use crate::policy::{Act, check_open};

pub use self::catalog::{InstallGrants, InstallSource, Installation};
pub use self::choice::{Choice, Pins};
use self::journal::Journal;
use self::live::{Kept, Live};
pub use self::quarantine::{QuarantineConfig, Rest};
pub use self::ratings::Rated;
use self::ratings::Ratings;
pub use self::recordings::MAX_RECORDED_CALLS;
use self::registry::Registry;
pub use self::registry::{Answered, Callable, Snapshot};
pub(crate) use self::registry::{is_not_loaded, provider_name};
use self::reload::Installed;
pub use self::reload::{ReloadFailure, ReloadReport};
pub use self::results::{PluginResults, RolloutAct, RolloutView, VersionResults};
pub use self::status::{PluginFault, PluginState, PluginStatus, VersionRole, VersionStatus};

/// What the plugins of an engine stand on.
pub struct PluginPorts {
    pub loader: Arc<dyn PluginLoader>,
    pub list: Arc<dyn PluginList>,
    pub packages: Arc<dyn PackageStore>,
    pub fetcher: Arc<dyn PackageFetcher>,
    pub rollouts: Arc<dyn RolloutStore>,
    pub recordings: Arc<dyn RecordingStore>,
    pub outbound: Arc<dyn OutboundTally>,
    pub audit: Arc<dyn AuditLog>,
}

/// How plugins are watched while they serve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PluginsConfig {
    /// How often rollouts and faults are looked at.
    pub look_every: Duration,
    /// How long calls of a version may go on once another has taken over.
    pub grace: Duration,
    pub quarantine: QuarantineConfig,
}

impl Default for PluginsConfig {
    /// A look every second, and half a minute of grace.
    fn default() -> Self {
        Self {
            look_every: Duration::from_secs(1),
            grace: Duration::from_secs(30),
            quarantine: QuarantineConfig::default(),
        }
    }
}

/// The plugins of this engine.
pub struct Plugins {
    audit: Audit,
    ports: PluginPorts,
    clock: Arc<dyn Clock>,
    config: PluginsConfig,
    /// Held through a change of the list and the reload that follows.
    changes: Mutex<()>,
    /// Held through a reload, so reloads happen one after the other; rollouts go on meanwhile.
    reloading: Mutex<()>,
    /// Held for moments only, by whoever changes what serves.
    live: SyncMutex<Live>,
    registry: Registry,
    journal: Journal,
    /// Told where something waits to be written down.
    to_write: Notify,
    ratings: Ratings,
    /// Told whenever something else serves.
    swapped: tokio::sync::watch::Sender<()>,
}

impl Plugins {
    /// Nothing serves before the first [`Plugins::reload`].
    pub fn new(ports: PluginPorts, clock: Arc<dyn Clock>, config: PluginsConfig) -> Self {
        let live = Live::default();
        Self {
            registry: Registry::new(live.snapshot(Arc::clone(&clock))),
            journal: Journal::new(Arc::clone(&ports.rollouts)),
            live: SyncMutex::new(live),
            changes: Mutex::new(()),
            reloading: Mutex::new(()),
            to_write: Notify::new(),
            ratings: Ratings::new(),
            swapped: tokio::sync::watch::Sender::new(()),
            audit: Audit::new(Arc::clone(&ports.audit)),
            ports,
            clock,
            config,
        }
    }

    /// What serves at this instant. A call holds on to one snapshot to its end.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.registry.snapshot()
    }

    /// Makes `specs` the wanted state. What has changed, in its spec or its file, is prepared first,
    /// which may fail for each plugin on its own: then its version before goes on serving. The rest
    /// takes over in one step. Calls under way end with the version they began with.
    pub async fn apply(&self, specs: Vec<PluginSpec>) -> ReloadReport {
        self.apply_with(self.ports.loader.as_ref(), specs).await
    }

    /// The same with a loader of this reload's own.
    async fn apply_with(&self, loader: &dyn PluginLoader, specs: Vec<PluginSpec>) -> ReloadReport {
        let _one_at_a_time = self.reloading.lock().await;
        // What the store knows must be what was decided here.
        self.journal.flush().await;
        let before = self.live().installed().to_vec();
        let (mut next, mut report) = reload::prepare(loader, &before, specs).await;
        let kept = self.read_kept(&mut next, &mut report).await;
        {
            let mut live = self.live();
            let now = self.clock.now();
            let changes = live.install(next, kept, &self.config.quarantine, now);
            self.journal.push(changes);
            self.publish(&live);
        }
        reload::log(&report);
        self.journal.flush().await;
        report
    }

    /// What the store knows of plugins and canaries that are new here. A canary of which it cannot say
    /// whether it was rolled back does not serve.
    async fn read_kept(
        &self,
        next: &mut [Installed],
        report: &mut ReloadReport,
    ) -> HashMap<String, Kept> {
        // Futures and not closures over borrows, of which the compiler cannot tell that they are `Send`.
        let mut reads = Vec::new();
        for installed in next.iter_mut() {
            if installed.spec.enabled {
                reads.push(self.read_one(installed));
            }
        }
        let reads = stream::iter(reads).buffer_unordered(READ_AT_ONCE);
        let reads: Vec<_> = reads.collect().await;
        let mut all = HashMap::new();
        for (id, kept, failure) in reads {
            if let Some(failure) = failure {
                let known = [
                    &mut report.added,
                    &mut report.updated,
                    &mut report.unchanged,
                ];
                for ids in known {
                    ids.retain(|other| *other != id);
                }
                report.failed.push(failure);
            }
            all.insert(id, kept);
        }
        all
    }

    async fn read_one(&self, installed: &mut Installed) -> (String, Kept, Option<ReloadFailure>) {
        let id = installed.spec.id.clone();
        let digest = installed.canary.as_ref().and_then(|slot| {
            let loaded = slot.loaded.as_ref()?;
            Some(loaded.digest.clone())
        });
        let (is_watched, digest) = {
            let live = self.live();
            let digest = digest.filter(|digest| !live.watches_canary(&id, digest));
            (live.watches(&id), digest)
        };
        let store = self.journal.store();
        let mut kept = Kept::default();
        if !is_watched {
            // Where it cannot be read, a line too many is written.
            kept.serving = store.serving(&id).await.unwrap_or_default();
        }
        let Some(digest) = digest else {
            return (id, kept, None);
        };
        match store.rollout(&id, &digest).await {
            Ok(state) => {
                kept.rollout = state;
                (id, kept, None)
            }
            Err(error) => {
                installed.drop_canary(error.clone());
                let failure = ReloadFailure {
                    id: id.clone(),
                    error: installed.error().unwrap_or(error),
                    still_serving: installed.stable.loaded.is_some(),
                };
                (id, kept, Some(failure))
            }
        }
    }

    /// Never held across a wait.
    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the routing what `live` says, in one step.
    fn publish(&self, live: &Live) {
        let next = live.snapshot(Arc::clone(&self.clock));
        self.registry.swap(next, self.config.grace);
        self.swapped.send_replace(());
    }

    /// Changes with what serves.
    pub(crate) fn swaps(&self) -> tokio::sync::watch::Receiver<()> {
        self.swapped.subscribe()
    }

    /// All configured plugins, in the order of the configuration.
    pub fn list(&self) -> Vec<PluginStatus> {
        self.snapshot().statuses().to_vec()
    }

    /// One configured plugin; `unknown_plugin` names the known ones.
    pub fn get(&self, id: &str) -> Result<PluginStatus> {
        self.snapshot().status(id).cloned()
    }
}

/// How many plugins are looked up in the store at a time.
const READ_AT_ONCE: usize = 8;

/// Everything about versions is for admins.
fn check_admin(principal: &Principal) -> Result<()> {
    let why = "versions of plugins are the admins' business; this needs the role `admin`";
    check_open(principal, Act::ChangePlugins, why)
}
