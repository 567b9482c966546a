//! `config/engine.toml` as checked values. Every field's default stands in its section's `Default`;
//! how the text is read stands in `engine_reading`. Relative paths count from the folder in which
//! the engine is started.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use inkstone_domain::capability::{OutboundHost, PowerCeiling};
use inkstone_domain::engine::EngineRole;
use inkstone_domain::gateway::GatewayConfig;
use inkstone_domain::plugin::Limits;
use ipnet::IpNet;

use crate::credentials::CredentialConfig;
pub use crate::doors::{CorsConfig, OidcIssuerConfig, TlsConfig, WebOrigin};
use crate::layers::{self, Override};
pub use crate::media::{MediaConfig, MediaStorage, S3Config};
pub use crate::people::{
    AccountsConfig, AuthConfig, MailConfig, MailTransport, SignupConfig, SmtpConfig, SmtpTls,
};
use crate::problem::{ConfigError, Problems};
pub use crate::redis::RedisConfig;
pub use crate::search::{EmbeddingConfig, RerankConfig, SearchConfig};
use crate::secret::Secret;
use crate::{engine_reading, paths, tree};

/// Everything that `config/engine.toml` says.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineConfig {
    pub server: ServerConfig,
    /// What the engine must keep and no database holds, such as its signing key.
    pub data_dir: PathBuf,
    /// What the engine can make again, such as compiled plugins.
    pub cache_dir: PathBuf,
    pub store: StoreConfig,
    pub redis: RedisConfig,
    pub search: SearchConfig,
    pub local_model: LocalModelConfig,
    pub auth: AuthConfig,
    pub accounts: AccountsConfig,
    pub mail: MailConfig,
    pub models: ModelsConfig,
    /// `[gateway]`
    pub gateway: GatewayConfig,
    pub plugins: PluginsConfig,
    pub jobs: JobsConfig,
    pub events: EventsConfig,
    pub webhooks: WebhooksConfig,
    pub notifications: NotificationsConfig,
    pub content: ContentConfig,
    pub transfer: TransferConfig,
    /// `[media]`
    pub media: MediaConfig,
    pub egress: EgressConfig,
    /// By name; a plugin asks for a credential by this name and never sees its value.
    pub credentials: BTreeMap<String, CredentialConfig>,
    pub log: LogConfig,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// What this engine does of the work of all engines on the store.
    pub role: EngineRole,
    /// Address and port of the HTTP API.
    pub listen: SocketAddr,
    /// Where people reach it, without a slash at the end; `None` is `http://` and the listening address.
    pub public_url: Option<String>,
    /// Proxies whose `x-forwarded-for` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// A longer request body is refused with 413.
    pub max_body_bytes: u64,
    /// How long running calls may go on once the engine is told to stop.
    pub grace_period_ms: u64,
    /// At the same time; more wait.
    pub max_connections: u32,
    /// For a handshake, a connection's first request, and the head of each one.
    pub head_timeout_ms: u64,
    /// For the next 8 KiB of a body, or its end, while we wait for it.
    pub body_timeout_ms: u64,
    pub tls: TlsConfig,
    pub cors: CorsConfig,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq)]
pub struct StoreConfig {
    /// `surrealkv://folder` (embedded), `mem://`, `ws://host:port` or `wss://host:port`.
    pub url: String,
    pub namespace: String,
    pub database: String,
    /// Sign-in of a database server; the embedded ones need none.
    pub username: Option<Secret>,
    pub password: Option<Secret>,
    /// Of the embedded one: so much is written before it is flushed, and so much of its files is kept in memory.
    pub flush_mib: u32,
    pub cache_mib: u32,
}

/// `[local_model]`
#[derive(Debug, Clone, PartialEq)]
pub struct LocalModelConfig {
    /// Folder of the model files; relative names below it.
    pub dir: PathBuf,
    /// A GGUF file: a name below `dir`, or a path of its own.
    pub generation_path: PathBuf,
    /// What the model is called in requests.
    pub generation_id: String,
    /// A folder with `model.safetensors`, `tokenizer.json` and `config.json`.
    pub embedding_path: PathBuf,
    pub embedding_id: String,
}

/// `[models]`
#[derive(Debug, Clone, PartialEq)]
pub struct ModelsConfig {
    /// For requests that name no model: `provider/model` or an alias.
    pub default: String,
    /// The same for embeddings.
    pub default_embedding: String,
    /// Short names for `provider/model`.
    pub aliases: BTreeMap<String, String>,
}

/// `[plugins]`
#[derive(Debug, Clone, PartialEq)]
pub struct PluginsConfig {
    /// The list of plugins and their grants.
    pub file: PathBuf,
    /// Where `source = { path = … }` counts from.
    pub dir: PathBuf,
    /// Whether changes of `file` and of packages are taken up while the engine runs.
    pub watch: bool,
    /// A longer list is refused.
    pub max_plugins: u32,
    /// A larger package is neither installed nor fetched.
    pub max_package_mib: u32,
    /// How long a call may go on with a version that was replaced.
    pub grace_ms: u64,
    /// Bounds of calls where neither manifest nor list says anything.
    pub limits: Limits,
    /// No plugin gets more than this, whatever its manifest asks and the list grants.
    pub ceiling: Limits,
    /// The same for powers.
    pub power_ceiling: PowerCeiling,
    /// Whose plugins are loaded.
    pub trust: TrustConfig,
    /// Registries that need more than their name, by a name of one's own.
    pub registries: BTreeMap<String, RegistryConfig>,
    /// How often rollouts and faults are looked at.
    pub look_every_ms: u64,
    /// When a version that keeps failing rests.
    pub quarantine: QuarantineConfig,
}

/// `[plugins.quarantine]`
#[derive(Debug, Clone, PartialEq)]
pub struct QuarantineConfig {
    /// So many faults of the plugin itself within the window.
    pub faults: u32,
    /// And so much of the calls that ended in the window, 0 to 1.
    pub fault_share: f64,
    pub window_s: u32,
    /// The first rest; it doubles with every fault soon after.
    pub rest_s: u32,
    pub max_rest_s: u32,
}

/// `[plugins.trust]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustConfig {
    /// Whether a plugin must be signed by a trusted key.
    pub require_signature: bool,
    /// Trusted and revoked keys; see [`crate::plugin_keys`].
    pub keys_file: PathBuf,
    /// By plugin id: the SHA-256 that its file must have, hex.
    pub pins: BTreeMap<String, String>,
}

/// `[plugins.registries.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub struct RegistryConfig {
    /// Host, with a port where it has one, as it stands in references.
    pub host: String,
    /// Sign-in; both or none.
    pub username: Option<Secret>,
    pub password: Option<Secret>,
    /// Whether it is spoken to without TLS. Registries of this machine are in any case.
    pub plain_http: bool,
}

/// `[jobs]`
#[derive(Debug, Clone, PartialEq)]
pub struct JobsConfig {
    /// Jobs that run at the same time.
    pub workers: u32,
    /// A worker that is silent for this long has lost its job to another.
    pub lease_ms: u64,
    /// How often a job is tried before a fault that may pass makes it a dead letter. Ten times is some ten minutes.
    pub max_attempts: u32,
    /// The first wait after such a fault; it doubles with every one.
    pub retry_delay_ms: u64,
    /// Jobs of a kind that run at the same time, over all engines on the store.
    pub kind_limits: BTreeMap<String, u32>,
    /// The same of every project that `project_limits` does not name; 0 is no limit.
    pub project_limit: u32,
    /// By slug.
    pub project_limits: BTreeMap<String, u32>,
    /// How long what has ended is kept; 0 is for ever.
    pub kept_days: u32,
}

/// `[events]`
#[derive(Debug, Clone, PartialEq)]
pub struct EventsConfig {
    /// How long events are kept; 0 is for ever.
    pub kept_days: u32,
    /// How often to look for events of other engines on the same store.
    pub poll_interval_ms: u64,
    /// An engine that is silent for this long has lost its handlers of events to others.
    pub lease_ms: u64,
}

/// `[webhooks]`
#[derive(Debug, Clone, PartialEq)]
pub struct WebhooksConfig {
    /// Origins that may lie in private networks, or be without TLS.
    pub allowed_origins: Vec<OutboundHost>,
    /// For an answer.
    pub timeout_ms: u64,
    /// Messages that are sent at the same time.
    pub senders: u32,
    /// A webhook that nothing reaches for so long is told nothing more.
    pub disable_after_hours: u32,
    /// How long what was sent can be read.
    pub kept_days: u32,
}

/// `[notifications]`
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationsConfig {
    /// How long what people were told can be read.
    pub kept_days: u32,
}

/// `[content]`
#[derive(Debug, Clone, PartialEq)]
pub struct ContentConfig {
    /// How long a deleted article can be brought back; 0 is for ever.
    pub trash_days: u32,
}

/// `[transfer]`
#[derive(Debug, Clone, PartialEq)]
pub struct TransferConfig {
    /// Of a file that is imported, as it is sent.
    pub max_file_mib: u32,
    /// Of all entries of a ZIP file, unpacked.
    pub max_unpacked_mib: u32,
    /// Entries of a file, in any format.
    pub max_entries: u32,
}

/// `[egress]`
#[derive(Debug, Clone, PartialEq)]
pub struct EgressConfig {
    pub mode: EgressMode,
    /// For name resolution, TCP and TLS together.
    pub connect_timeout_ms: u64,
    /// For the head of a response, redirects included.
    pub head_timeout_ms: u64,
    /// Between two pieces of a body.
    pub idle_timeout_ms: u64,
    /// For a whole call, to the end of the response's body.
    pub total_timeout_ms: u64,
    /// Hops that are followed before the call fails.
    pub max_redirects: u32,
    /// Of the URL and all headers that a plugin sends.
    pub max_request_header_kib: u32,
    /// Of the body that a plugin sends.
    pub max_request_mib: u32,
    /// How many headers an answer may have.
    pub max_response_headers: u32,
    /// Of all headers of an answer.
    pub max_response_header_kib: u32,
    /// Of one body, after decompression.
    pub max_response_mib: u32,
    /// How many times its compressed size a body may grow to, beyond its first MiB.
    pub max_decompression_ratio: u32,
}

/// What becomes of a call that no grant covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EgressMode {
    /// It is refused.
    Enforce,
    /// It is counted and let through.
    Audit,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq)]
pub struct LogConfig {
    pub format: LogFormat,
    /// As `tracing` writes it, such as `info,inkstone_host=debug`.
    pub filter: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    Pretty,
    Json,
}

impl EngineConfig {
    /// Reads `path` and lays the environment over it. Absent keys keep their defaults; an absent
    /// file is a fault.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_with(path, &[])
    }

    /// The same, with overrides over the environment.
    pub fn load_with(path: &Path, overrides: &[Override]) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
        // Variables that are no UTF-8 cannot be ours.
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::parse(&text, &path.display().to_string(), variables, overrides)
    }

    /// Checks `text`, which faults call `file`, under the given environment.
    pub fn parse(
        text: &str,
        file: &str,
        variables: impl Iterator<Item = (String, String)>,
        overrides: &[Override],
    ) -> Result<Self, ConfigError> {
        let problems = Problems::default();
        let mut tree = tree::parse(text, file, &problems);
        layers::environment(&mut tree, variables, &problems);
        layers::overrides(&mut tree, overrides, &problems);
        let config = engine_reading::read(tree, &problems);
        problems.finish(config)
    }

    /// Where people reach the engine, without a slash at the end.
    pub fn public_url(&self) -> String {
        match &self.server.public_url {
            Some(url) => url.clone(),
            None => format!("http://{}", self.server.listen),
        }
    }
}

impl LocalModelConfig {
    /// The generation model's file.
    pub fn generation_file(&self) -> PathBuf {
        self.dir.join(&self.generation_path)
    }

    /// The embedding model's folder.
    pub fn embedding_dir(&self) -> PathBuf {
        self.dir.join(&self.embedding_path)
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            server: ServerConfig::default(),
            data_dir: "data".into(),
            cache_dir: paths::cache_dir(),
            store: StoreConfig::default(),
            redis: RedisConfig::default(),
            search: SearchConfig::default(),
            local_model: LocalModelConfig::default(),
            auth: AuthConfig::default(),
            accounts: AccountsConfig::default(),
            mail: MailConfig::default(),
            models: ModelsConfig::default(),
            gateway: GatewayConfig::default(),
            plugins: PluginsConfig::default(),
            jobs: JobsConfig::default(),
            events: EventsConfig::default(),
            webhooks: WebhooksConfig::default(),
            notifications: NotificationsConfig::default(),
            content: ContentConfig::default(),
            transfer: TransferConfig::default(),
            media: MediaConfig::default(),
            egress: EgressConfig::default(),
            credentials: BTreeMap::new(),
            log: LogConfig::default(),
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            role: EngineRole::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 7700)),
            public_url: None,
            trusted_proxies: Vec::new(),
            max_body_bytes: 8 << 20,
            grace_period_ms: 10_000,
            max_connections: 10_000,
            head_timeout_ms: 30_000,
            body_timeout_ms: 30_000,
            tls: TlsConfig::default(),
            cors: CorsConfig::default(),
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: "surrealkv://data/store".to_owned(),
            namespace: "inkstone".to_owned(),
            database: "main".to_owned(),
            username: None,
            password: None,
            flush_mib: 32,
            cache_mib: 256,
        }
    }
}

impl Default for LocalModelConfig {
    fn default() -> Self {
        Self {
            dir: paths::models_dir(),
            generation_path: "smollm2-135m-instruct-q4_1.gguf".into(),
            generation_id: "smollm2-135m-instruct".to_owned(),
            embedding_path: "all-minilm-l6-v2".into(),
            embedding_id: "all-minilm-l6-v2".to_owned(),
        }
    }
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self {
            default: "local/smollm2-135m-instruct".to_owned(),
            default_embedding: "local/all-minilm-l6-v2".to_owned(),
            aliases: BTreeMap::new(),
        }
    }
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            file: "config/plugins.toml".into(),
            dir: "plugins/dist".into(),
            watch: true,
            max_plugins: 1_000,
            max_package_mib: 64,
            grace_ms: 30_000,
            limits: Limits::default(),
            power_ceiling: PowerCeiling::default(),
            trust: TrustConfig::default(),
            registries: BTreeMap::new(),
            look_every_ms: 1_000,
            quarantine: QuarantineConfig::default(),
            ceiling: Limits {
                memory_mib: Some(512),
                deadline_ms: Some(600_000),
                cpu_ms: Some(10_000),
                max_response_mib: Some(64),
                ..Limits::default()
            },
        }
    }
}

impl Default for QuarantineConfig {
    fn default() -> Self {
        Self {
            faults: 5,
            fault_share: 0.5,
            window_s: 60,
            rest_s: 30,
            max_rest_s: 600,
        }
    }
}

impl Default for TrustConfig {
    fn default() -> Self {
        Self {
            require_signature: false,
            keys_file: "config/plugin-keys.toml".into(),
            pins: BTreeMap::new(),
        }
    }
}

impl Default for ContentConfig {
    fn default() -> Self {
        Self { trash_days: 30 }
    }
}

impl Default for TransferConfig {
    fn default() -> Self {
        Self {
            max_file_mib: 512,
            max_unpacked_mib: 4_096,
            max_entries: 200_000,
        }
    }
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self {
            workers: 2,
            lease_ms: 30_000,
            max_attempts: 10,
            retry_delay_ms: 1_000,
            kind_limits: BTreeMap::new(),
            project_limit: 0,
            project_limits: BTreeMap::new(),
            kept_days: 30,
        }
    }
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self {
            kept_days: 30,
            poll_interval_ms: 500,
            lease_ms: 30_000,
        }
    }
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            timeout_ms: 15_000,
            senders: 4,
            disable_after_hours: 120,
            kept_days: 30,
        }
    }
}

impl Default for NotificationsConfig {
    fn default() -> Self {
        Self { kept_days: 90 }
    }
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            mode: EgressMode::Enforce,
            connect_timeout_ms: 10_000,
            head_timeout_ms: 120_000,
            idle_timeout_ms: 120_000,
            total_timeout_ms: 1_800_000,
            max_redirects: 5,
            max_request_header_kib: 64,
            max_request_mib: 64,
            max_response_headers: 100,
            max_response_header_kib: 64,
            max_response_mib: 64,
            max_decompression_ratio: 100,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            filter: "info,surrealdb=warn,surrealkv=error,tantivy=warn".to_owned(),
        }
    }
}
