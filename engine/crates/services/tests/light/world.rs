//! A whole engine of fakes, and the people in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::chat::{Message, Request, Role as Speaker};
use inkstone_domain::content::PageRequest;
use inkstone_domain::engine::EngineRole;
use inkstone_domain::ids::UserId;
use inkstone_domain::plugin::PluginBody;
use inkstone_domain::ports::{ArticleStore, JobStore, UsageLedger, UserStore};
use inkstone_domain::principal::{Account, Principal, Role, User};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::usage::{UsageFilter, UsageRecord};
use inkstone_services::signup::SignupMode;
use inkstone_services::transfer::TransferLimits;
use inkstone_services::{
    EmbeddingConfig, EnginePorts, EventPorts, GatewayConfig, JobsConfig, MediaConfig, MediaPorts,
    ModelsConfig, NewProject, PluginPorts, Ports, RequestContext, RerankConfig, SealingKey,
    Services, ServicesConfig, SigningKey, SignupConfig, TransferConfig,
};
use inkstone_testkit::{
    FakeAnalytics, FakeEgress, FakeGenerator, FakeImages, FakeLoader, FakePackageFetcher,
    FakeProvider, FakeResearch, FakeSearchIndex, ManualClock, MemBlobs, MemMailer,
    MemOutboundTally, MemPackageStore, MemPluginList, MemRecordings, MemSigningKeys, MemStore,
    MemUsageJournal, Step, loaded_plugin, plugin_spec, sample,
};
use tempfile::TempDir;

/// Everything a test may look at or turn.
pub struct World {
    pub services: Arc<Services>,
    pub store: Arc<MemStore>,
    pub clock: Arc<ManualClock>,
    pub loader: Arc<FakeLoader>,
    pub provider: Arc<FakeProvider>,
    pub generator: Arc<FakeGenerator>,
    pub research: Arc<FakeResearch>,
    pub egress: Arc<FakeEgress>,
    pub mailer: MemMailer,
    /// Of the first engine.
    pub journal: MemUsageJournal,
    /// Of transfers.
    pub folder: TempDir,
    pub blobs: MemBlobs,
}

/// Long enough for any machine; only a broken test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Of a file that is imported.
pub const MOST_ENTRIES: usize = 2_000;

impl World {
    pub async fn new() -> Self {
        Self::generating([Step::Section("one"), Step::Draft]).await
    }

    /// With a generator that follows this script.
    pub async fn generating(script: impl IntoIterator<Item = Step>) -> Self {
        Self::with(script, test_jobs()).await
    }

    pub async fn with(script: impl IntoIterator<Item = Step>, jobs: JobsConfig) -> Self {
        Self::with_all(script, jobs, GatewayConfig::default()).await
    }

    /// With these settings of the gateway.
    pub async fn gateway(gateway: GatewayConfig) -> Self {
        Self::with_all([Step::Section("one"), Step::Draft], test_jobs(), gateway).await
    }

    async fn with_all(
        script: impl IntoIterator<Item = Step>,
        jobs: JobsConfig,
        gateway: GatewayConfig,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemStore::with_clock(clock.clone()));
        let loader = Arc::new(FakeLoader::new());
        let provider = Arc::new(FakeProvider::new(&["tiny", "large"]));
        let generator = Arc::new(FakeGenerator::new(script));
        let research = Arc::new(FakeResearch::new());
        let bodies = [
            ("provider-fake", PluginBody::Provider(provider.clone())),
            ("generator-fake", PluginBody::Generator(generator.clone())),
            ("research-fake", PluginBody::Research(research.clone())),
            (
                "analytics-fake",
                PluginBody::Analytics(Arc::new(FakeAnalytics::new())),
            ),
        ];
        let mut specs = Vec::new();
        for (id, body) in bodies {
            loader.put(loaded_plugin(id, "1.0.0", body));
            specs.push(plugin_spec(id));
        }
        let egress = Arc::new(FakeEgress::default());
        let mailer = MemMailer::default();
        let journal = MemUsageJournal::default();
        let folder = tempfile::tempdir().unwrap();
        let blobs = MemBlobs::default();
        let services = engine(
            &store,
            &clock,
            &loader,
            &egress,
            &mailer,
            &journal,
            &blobs,
            (jobs, gateway, EnginePorts::alone()),
            Home::of(folder.path()),
        );
        services.load().await.unwrap();
        let report = services.plugins.apply(specs).await;
        assert!(report.failed.is_empty(), "{report:?}");
        Self {
            services,
            store,
            clock,
            loader,
            provider,
            generator,
            research,
            egress,
            mailer,
            journal,
            folder,
            blobs,
        }
    }

    /// A second engine on the same store: what stands after a crash of the first.
    pub async fn another_engine(&self) -> Arc<Services> {
        let jobs = test_jobs();
        self.engine_beside(EnginePorts::alone(), jobs, GatewayConfig::default())
            .await
    }

    /// The same, and what it shares with others.
    pub async fn engine_beside(
        &self,
        others: EnginePorts,
        jobs: JobsConfig,
        gateway: GatewayConfig,
    ) -> Arc<Services> {
        let what = (jobs, gateway, others);
        self.engine_at(Home::of(self.folder.path()), what).await
    }

    /// An engine of this name and role, with a folder of its own.
    pub async fn engine_elsewhere(
        &self,
        name: &str,
        role: EngineRole,
        folder: &Path,
    ) -> Arc<Services> {
        let home = Home {
            name,
            role,
            ..Home::of(folder)
        };
        let what = (test_jobs(), GatewayConfig::default(), EnginePorts::alone());
        self.engine_at(home, what).await
    }

    /// An engine with some other ports.
    pub async fn engine_with(&self, change: impl Fn(&mut Ports)) -> Arc<Services> {
        let home = Home {
            change: &change,
            ..Home::of(self.folder.path())
        };
        let what = (test_jobs(), GatewayConfig::default(), EnginePorts::alone());
        self.engine_at(home, what).await
    }

    async fn engine_at(
        &self,
        home: Home<'_>,
        what: (JobsConfig, GatewayConfig, EnginePorts),
    ) -> Arc<Services> {
        let services = engine(
            &self.store,
            &self.clock,
            &self.loader,
            &self.egress,
            &self.mailer,
            &MemUsageJournal::default(),
            &self.blobs,
            what,
            home,
        );
        services.load().await.unwrap();
        let ids = ["provider-fake", "generator-fake", "research-fake"];
        services.plugins.apply(ids.map(plugin_spec).into()).await;
        services
    }

    /// Somebody who has never signed in, but could.
    pub async fn somebody(&self, role: Role) -> Principal {
        let email = format!("{}@example.org", UserId::new()).to_lowercase();
        let user = User::new(email, "Somebody".to_owned(), role, chrono::Utc::now());
        let principal = Principal::of(user.id, role);
        let account = Account {
            user,
            password_hash: String::new(),
        };
        self.store
            .create_user(account, sample::some_audit())
            .await
            .unwrap();
        principal
    }

    /// The ledger, oldest first, once it has so many lines.
    pub async fn usage(&self, lines: usize) -> Vec<UsageRecord> {
        let read = async {
            loop {
                let page = self
                    .store
                    .list_usage(&UsageFilter::default(), page(100))
                    .await
                    .unwrap();
                if page.items.len() >= lines {
                    return page.items;
                }
                tokio::task::yield_now().await;
            }
        };
        let mut items = tokio::time::timeout(PATIENCE, read).await.unwrap();
        assert_eq!(items.len(), lines);
        items.reverse();
        items
    }
}

/// Which engine it is, and where its files of imports lie.
struct Home<'a> {
    name: &'a str,
    role: EngineRole,
    folder: &'a Path,
    /// What its ports are in place of the usual ones.
    change: &'a dyn Fn(&mut Ports),
}

impl<'a> Home<'a> {
    fn of(folder: &'a Path) -> Self {
        Self {
            name: "engine",
            role: EngineRole::All,
            folder,
            change: &|_| {},
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn engine(
    store: &Arc<MemStore>,
    clock: &Arc<ManualClock>,
    loader: &Arc<FakeLoader>,
    egress: &Arc<FakeEgress>,
    mailer: &MemMailer,
    journal: &MemUsageJournal,
    blobs: &MemBlobs,
    (jobs, gateway, others): (JobsConfig, GatewayConfig, EnginePorts),
    home: Home<'_>,
) -> Arc<Services> {
    let articles: Arc<dyn ArticleStore> = store.clone();
    let mut ports = Ports {
        users: store.clone(),
        people: store.clone(),
        identities: store.clone(),
        mailer: Arc::new(mailer.clone()),
        signing_keys: Arc::new(MemSigningKeys::of(SigningKey::generate())),
        articles: articles.clone(),
        documents: store.clone(),
        chunks: store.clone(),
        jobs: store.clone(),
        usage: store.clone(),
        journal: Arc::new(journal.clone()),
        keys: store.clone(),
        replies: store.clone(),
        projects: store.clone(),
        prompts: store.clone(),
        notes: store.clone(),
        conversations: store.clone(),
        audit: store.clone(),
        content_types: store.clone(),
        tags: store.clone(),
        comments: store.clone(),
        transfers: store.clone(),
        media: MediaPorts {
            store: store.clone(),
            blobs: Arc::new(blobs.clone()),
            images: Arc::new(FakeImages),
        },
        events: EventPorts {
            log: store.clone(),
            handlers: store.clone(),
        },
        webhooks: store.clone(),
        notifications: store.clone(),
        publications: store.clone(),
        search_settings: store.clone(),
        schedules: store.clone(),
        saved_searches: store.clone(),
        egress: egress.clone(),
        index: Arc::new(FakeSearchIndex::with_chunks(store.clone(), store.clone())),
        plugins: PluginPorts {
            rollouts: store.clone(),
            audit: store.clone(),
            recordings: Arc::new(MemRecordings::default()),
            ..plugin_ports(loader.clone())
        },
        engines: others,
        clock: clock.clone(),
    };
    (home.change)(&mut ports);
    Services::new(
        ports,
        ServicesConfig {
            models: ModelsConfig {
                default: Some("fake/tiny".to_owned()),
                default_embedding: Some("fake/embed".to_owned()),
                aliases: [("fast".to_owned(), "fake/tiny".to_owned())].into(),
                ..ModelsConfig::default()
            },
            jobs,
            embedding: EmbeddingConfig {
                model: "fake/meaning".to_owned(),
                batch: 3,
                texts_per_second: 1e9,
                poll_interval: Duration::from_millis(20),
                first_wait: Duration::from_millis(1),
                query_timeout: Duration::from_secs(1),
                ..EmbeddingConfig::default()
            },
            rerank: RerankConfig {
                model: "fake/rerank".to_owned(),
                timeout: Duration::from_millis(200),
                ..RerankConfig::default()
            },
            media: MediaConfig {
                max_bytes: 20_000,
                project_quota_bytes: 50_000,
                max_pixels: 1_000_000,
                ..MediaConfig::default()
            },
            gateway,
            signup: SignupConfig {
                mode: SignupMode::Open,
                ..SignupConfig::default()
            },
            transfer: TransferConfig {
                folder: home.folder.to_owned(),
                role: home.role,
                limits: TransferLimits {
                    entries: MOST_ENTRIES,
                    ..TransferLimits::default()
                },
            },
            engine: home.name.to_owned(),
            ..ServicesConfig::new(SealingKey::new([7; 32]))
        },
    )
    .unwrap()
}

/// Around this loader: an empty list, and nothing to fetch.
pub fn plugin_ports(loader: Arc<FakeLoader>) -> PluginPorts {
    PluginPorts {
        loader,
        list: Arc::new(MemPluginList::default()),
        packages: Arc::new(MemPackageStore::default()),
        fetcher: Arc::new(FakePackageFetcher::default()),
        rollouts: Arc::new(MemStore::new()),
        audit: Arc::new(MemStore::new()),
        recordings: Arc::new(MemRecordings::default()),
        outbound: Arc::new(MemOutboundTally::default()),
    }
}

/// Leases too long to run out by themselves, and no waits between attempts.
pub fn test_jobs() -> JobsConfig {
    JobsConfig {
        lease: Duration::from_secs(600),
        poll_interval: Duration::from_millis(20),
        max_attempts: 3,
        // The clock of tests stands still.
        retry_delay: Duration::ZERO,
        ..JobsConfig::default()
    }
}

pub fn page(limit: usize) -> PageRequest {
    PageRequest {
        limit,
        cursor: None,
    }
}

pub fn ask(model: &str, text: &str) -> Request {
    Request {
        model: model.to_owned(),
        messages: vec![Message::text(Speaker::User, text)],
        ..Request::default()
    }
}

pub fn context() -> RequestContext {
    RequestContext {
        request_id: "req-1".to_owned(),
        ..RequestContext::default()
    }
}

/// Waits for a condition of the job store.
pub async fn job_when(
    store: &MemStore,
    id: inkstone_domain::ids::JobId,
    is_there: impl Fn(&inkstone_domain::job::Job) -> bool,
) -> inkstone_domain::job::Job {
    let look = async {
        loop {
            let job = store.job(id).await.unwrap().unwrap();
            if is_there(&job) {
                return job;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, look)
        .await
        .expect("the job never came to that")
}

/// Makes the project `handbook`; its slug.
pub async fn handbook(world: &World, owner: &Principal) -> String {
    let slug = "handbook".to_owned();
    let new = NewProject {
        slug: slug.clone(),
        ..NewProject::default()
    };
    let projects = &world.services.projects;
    projects.create(owner, new).await.unwrap();
    slug
}

/// Gives somebody a role in `handbook`.
pub async fn join(world: &World, owner: &Principal, who: &Principal, role: ProjectRole) {
    let projects = &world.services.projects;
    let set = projects.set_member(owner, "handbook", who.user, role, None);
    set.await.unwrap();
}
