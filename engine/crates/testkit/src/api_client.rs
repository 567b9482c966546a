//! [`TestApi`]: the whole HTTP face over fakes, called in process, by clients that each act as one
//! person. What the routes answer is tested in `api`; this only speaks HTTP.

mod reply;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use axum::http::{Method, Request, Response};
use inkstone_api::{ApiConfig, ApiState, CorsConfig};
use inkstone_domain::engine::EngineRole;
use inkstone_domain::ids::UserId;
use inkstone_domain::plugin::PluginBody;
use inkstone_domain::ports::{Egress, UserStore};
use inkstone_domain::principal::{Account, Role, User};
use inkstone_services::auth::{HashingCost, SignIn};
use inkstone_services::oidc::{IssuerConfig, OidcConfig};
use inkstone_services::signup::SignupMode;
use inkstone_services::{
    EnginePorts, EventPorts, HealthCheck, MediaPorts, PluginPorts, Ports, SealingKey, Services,
    ServicesConfig, SigningKey,
};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{
    FakeAnalytics, FakeGenerator, FakeLoader, FakePackageFetcher, FakeProvider, FakeResearch,
    FakeSearchIndex, ManualClock, MemMailer, MemOutboundTally, MemPackageStore, MemPluginList,
    MemSigningKeys, MemStore, Step, loaded_plugin, plugin_spec, sample,
};

pub use self::reply::{EventReader, ServerEvent, TestReply};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse";

/// [`PASSWORD`], hashed with the least work Argon2id allows: tests sign in often.
const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$aW5rc3RvbmUtdGVzdHM$7g1nkRxwNEKFgSZg2RrEI2prc7ZGhP8XMTXz75ufjlI";

/// The cost of [`PASSWORD_HASH`].
const LITTLE_WORK: HashingCost = HashingCost {
    memory_kib: 8,
    iterations: 1,
    parallelism: 1,
};

/// Longer bodies are refused.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Where browsers are told that it is.
pub const PUBLIC_URL: &str = "http://localhost:7878";
/// Larger files are refused.
pub const MAX_MEDIA_BYTES: u64 = 128 * 1024;

/// What the files of a project may have together.
pub const MEDIA_QUOTA_BYTES: u64 = 300 * 1024;

/// Larger packages are refused.
pub const MAX_PACKAGE_BYTES: usize = 256 * 1024;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// Sends no token.
    Anonymous,
    Admin,
    /// Owns things in most tests.
    Creator,
    Viewer,
    /// A creator who owns none of the others' things.
    Stranger,
}

/// The HTTP face over fakes. It has four plugins (`provider-fake`, `generator-fake`,
/// `research-fake`, `analytics-fake`) and a configured one that cannot be loaded (`research-broken`);
/// the models are `fake/chat`, which is the default, and `fake/embed`, with the alias `quick` for the first.
pub struct TestApi {
    pub store: MemStore,
    pub clock: ManualClock,
    pub mailer: MemMailer,
    pub provider: Arc<FakeProvider>,
    pub loader: Arc<FakeLoader>,
    /// The list of plugins.
    pub list: Arc<MemPluginList>,
    pub fetcher: Arc<FakePackageFetcher>,
    pub outbound: Arc<MemOutboundTally>,
    pub services: Arc<Services>,
    router: Router,
    tokens: Tokens,
    /// Of transfers; gone with the rest.
    _folder: TempDir,
}

struct Tokens {
    admin: Token,
    creator: Token,
    viewer: Token,
    stranger: Token,
}

struct Token {
    user: UserId,
    access: String,
}

/// What a test wants otherwise than usual.
#[derive(Default)]
pub struct Setup {
    /// What the generator does; two sections and a draft where it is `None`.
    pub script: Option<Vec<Step>>,
    /// Checked by `/readyz` beside store and search.
    pub health_checks: Vec<HealthCheck>,
    /// What `/metrics` renders.
    pub metrics: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    /// Who may sign up; nobody where nothing is said.
    pub signup: SignupMode,
    /// Where people sign in elsewhere, and what answers there.
    pub issuers: Vec<IssuerConfig>,
    pub egress: Option<Arc<dyn Egress>>,
    /// What tests of the door want otherwise.
    pub door: Option<fn(&mut ApiConfig)>,
    /// What is the time, where others must know it too.
    pub clock: Option<ManualClock>,
    pub role: EngineRole,
}

impl TestApi {
    /// The usual one. Jobs wait until [`Services::start_workers`].
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// One of one's own making.
    pub async fn with(setup: Setup) -> Self {
        let clock = setup
            .clock
            .unwrap_or_else(|| ManualClock::at(sample::now()));
        let store = MemStore::with_clock(Arc::new(clock.clone()));
        let provider = Arc::new(FakeProvider::new(&["chat"]));
        let script = setup
            .script
            .unwrap_or_else(|| vec![Step::Section("intro"), Step::Section("end"), Step::Draft]);
        let loader = Arc::new(FakeLoader::new());
        for (id, body) in [
            ("provider-fake", PluginBody::Provider(provider.clone())),
            (
                "generator-fake",
                PluginBody::Generator(Arc::new(FakeGenerator::new(script))),
            ),
            (
                "research-fake",
                PluginBody::Research(Arc::new(FakeResearch::new())),
            ),
            (
                "analytics-fake",
                PluginBody::Analytics(Arc::new(FakeAnalytics::new())),
            ),
        ] {
            loader.put(loaded_plugin(id, "1.0.0", body));
        }
        let list = Arc::new(MemPluginList::new(
            PLUGINS.iter().map(|id| plugin_spec(id)).collect(),
        ));
        let fetcher = Arc::new(FakePackageFetcher::default());
        let outbound = Arc::new(MemOutboundTally::default());
        let plugins = PluginPorts {
            loader: loader.clone(),
            list: list.clone(),
            packages: Arc::new(MemPackageStore::default()),
            fetcher: fetcher.clone(),
            recordings: Arc::new(crate::MemRecordings::default()),
            outbound: outbound.clone(),
            rollouts: Arc::new(store.clone()),
            audit: Arc::new(store.clone()),
        };
        let mailer = MemMailer::default();
        let mut ports = ports(&store, &clock, &mailer, plugins);
        if let Some(egress) = setup.egress {
            ports.egress = egress;
        }
        let folder = TempDir::new().unwrap();
        let mut config = config(setup.health_checks, setup.signup);
        config.transfer.folder = folder.path().to_owned();
        config.oidc = OidcConfig {
            issuers: setup.issuers,
            public_url: PUBLIC_URL.to_owned(),
            return_origins: vec!["https://app.example.org".to_owned()],
        };
        let services = Services::new(ports, config).unwrap();
        services.load().await.unwrap();
        services.plugins.reload().await.unwrap();
        let tokens = Tokens {
            admin: sign_up(&store, &services, Role::Admin, "admin").await,
            creator: sign_up(&store, &services, Role::Creator, "creator").await,
            viewer: sign_up(&store, &services, Role::Viewer, "viewer").await,
            stranger: sign_up(&store, &services, Role::Creator, "stranger").await,
        };
        let mut config = ApiConfig {
            max_body_bytes: MAX_BODY_BYTES,
            max_package_bytes: MAX_PACKAGE_BYTES,
            public_url: PUBLIC_URL.to_owned(),
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            cors: CorsConfig::default(),
            hsts: Some(Duration::from_secs(86_400)),
            version: "0.0.0-test".to_owned(),
        };
        if let Some(change) = setup.door {
            change(&mut config);
        }
        let state = ApiState {
            services: Arc::clone(&services),
            config,
            metrics: setup
                .metrics
                .unwrap_or_else(|| Arc::new(|| "inkstone_up 1\n".to_owned())),
        };
        let router = match setup.role.serves() {
            true => inkstone_api::router(state),
            false => inkstone_api::worker_router(state),
        };
        Self {
            store,
            clock,
            mailer,
            provider,
            loader,
            list,
            fetcher,
            outbound,
            services,
            router,
            tokens,
            _folder: folder,
        }
    }

    /// A client that acts as this person.
    pub fn client(&self, identity: Identity) -> ApiClient {
        ApiClient {
            router: self.router.clone(),
            token: self.token(identity).map(|token| token.access.clone()),
            headers: HeaderMap::new(),
            peer: None,
        }
    }

    /// The router itself, to be served on a socket.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    pub fn anonymous(&self) -> ApiClient {
        self.client(Identity::Anonymous)
    }

    pub fn admin(&self) -> ApiClient {
        self.client(Identity::Admin)
    }

    pub fn creator(&self) -> ApiClient {
        self.client(Identity::Creator)
    }

    pub fn viewer(&self) -> ApiClient {
        self.client(Identity::Viewer)
    }

    pub fn stranger(&self) -> ApiClient {
        self.client(Identity::Stranger)
    }

    /// Their user. Panics for the anonymous one, who has none.
    pub fn user(&self, identity: Identity) -> UserId {
        self.token(identity).unwrap().user
    }

    fn token(&self, identity: Identity) -> Option<&Token> {
        match identity {
            Identity::Anonymous => None,
            Identity::Admin => Some(&self.tokens.admin),
            Identity::Creator => Some(&self.tokens.creator),
            Identity::Viewer => Some(&self.tokens.viewer),
            Identity::Stranger => Some(&self.tokens.stranger),
        }
    }
}

/// Sends requests as one person.
#[derive(Clone)]
pub struct ApiClient {
    router: Router,
    token: Option<String>,
    headers: HeaderMap,
    peer: Option<SocketAddr>,
}

impl ApiClient {
    /// The same person, who sends one more header.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// The same person, over a connection from this address.
    pub fn from_address(mut self, address: &str) -> Self {
        self.peer = Some(SocketAddr::new(address.parse().unwrap(), 40_000));
        self
    }

    /// The same client with another token.
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// What it shows, for clients of another kind; empty for the anonymous one.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    pub async fn get(&self, path: &str) -> TestReply {
        self.send(Method::GET, path, None).await
    }

    pub async fn delete(&self, path: &str) -> TestReply {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> TestReply {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> TestReply {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// Any method, with or without a JSON body.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> TestReply {
        TestReply::read(self.open(method, path, body).await).await
    }

    /// A body that need not be JSON.
    pub async fn post_raw(&self, path: &str, media_type: &str, body: impl Into<Body>) -> TestReply {
        self.send_raw(Method::POST, path, media_type, body).await
    }

    /// The same with any method.
    pub async fn send_raw(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: impl Into<Body>,
    ) -> TestReply {
        let mut request = self.request(method, path, body.into());
        request
            .headers_mut()
            .insert(CONTENT_TYPE, media_type.parse().unwrap());
        TestReply::read(self.call(request).await).await
    }

    /// The reply with its body unread, for streams.
    pub async fn open(&self, method: Method, path: &str, body: Option<Value>) -> Response<Body> {
        let Some(body) = body else {
            return self.call(self.request(method, path, Body::empty())).await;
        };
        let mut request = self.request(method, path, Body::from(body.to_string()));
        let media_type = "application/json".parse().unwrap();
        request.headers_mut().insert(CONTENT_TYPE, media_type);
        self.call(request).await
    }

    fn request(&self, method: Method, path: &str, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        if let Some(token) = &self.token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        request
    }

    async fn call(&self, request: Request<Body>) -> Response<Body> {
        // The router cannot fail: its error type has no values.
        self.router.clone().oneshot(request).await.unwrap()
    }
}

const PLUGINS: [&str; 5] = [
    "analytics-fake",
    "generator-fake",
    "provider-fake",
    "research-broken",
    "research-fake",
];

fn ports(store: &MemStore, clock: &ManualClock, mailer: &MemMailer, plugins: PluginPorts) -> Ports {
    let store = Arc::new(store.clone());
    Ports {
        users: store.clone(),
        people: store.clone(),
        identities: store.clone(),
        mailer: Arc::new(mailer.clone()),
        signing_keys: Arc::new(MemSigningKeys::of(SigningKey::generate())),
        articles: store.clone(),
        documents: store.clone(),
        chunks: store.clone(),
        jobs: store.clone(),
        usage: store.clone(),
        journal: Arc::new(crate::MemUsageJournal::default()),
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
            blobs: Arc::new(crate::MemBlobs::default()),
            images: Arc::new(crate::FakeImages),
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
        egress: Arc::new(crate::FakeEgress::default()),
        index: Arc::new(FakeSearchIndex::with_chunks(store.clone(), store)),
        plugins,
        engines: EnginePorts::alone(),
        clock: Arc::new(clock.clone()),
    }
}

fn config(health_checks: Vec<HealthCheck>, signup: SignupMode) -> ServicesConfig {
    let mut config = ServicesConfig::new(SealingKey::new([7; 32]));
    config.signup.mode = signup;
    config.auth.hashing = LITTLE_WORK;
    config.models.default = Some("fake/chat".to_owned());
    config.models.aliases = [("quick".to_owned(), "fake/chat".to_owned())].into();
    config.health_checks = health_checks;
    config.embedding.model = "fake/meaning".to_owned();
    config.embedding.texts_per_second = 1e9;
    config.embedding.query_timeout = Duration::from_secs(5);
    config.media.max_bytes = MAX_MEDIA_BYTES;
    config.media.project_quota_bytes = MEDIA_QUOTA_BYTES;
    config.media.max_pixels = 1_000_000;
    config
}

/// A user `name@example.org` with [`PASSWORD`], signed in.
async fn sign_up(store: &MemStore, services: &Services, role: Role, name: &str) -> Token {
    let email = format!("{name}@example.org");
    let user = User::new(email, name.to_owned(), role, sample::now());
    let id = user.id;
    let account = Account {
        user,
        password_hash: PASSWORD_HASH.to_owned(),
    };
    store
        .create_user(account, sample::some_audit())
        .await
        .unwrap();
    let email = format!("{name}@example.org");
    let shown = SignIn {
        email,
        password: PASSWORD.to_owned(),
        ..SignIn::default()
    };
    let pair = services.auth.login(shown).await.unwrap();
    Token {
        user: id,
        access: pair.access_token,
    }
}
