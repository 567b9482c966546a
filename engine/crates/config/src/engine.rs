//! `config/engine.toml` as checked values. Every field's default stands in its section's `Default`;
//! how the text is read stands in `engine_reading`. Relative paths count from the folder in which
//! the engine is started.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use inkstone_domain::capability::OutboundHost;
use inkstone_domain::plugin::Limits;

use crate::layers::{self, Override};
use crate::problem::{ConfigError, Problems};
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
    pub search: SearchConfig,
    pub local_model: LocalModelConfig,
    pub auth: AuthConfig,
    pub models: ModelsConfig,
    pub plugins: PluginsConfig,
    pub jobs: JobsConfig,
    pub egress: EgressConfig,
    /// By name; a plugin asks for a credential by this name and never sees its value.
    pub credentials: BTreeMap<String, CredentialConfig>,
    pub log: LogConfig,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// Address and port of the HTTP API.
    pub listen: SocketAddr,
    /// Where people reach it, without a slash at the end; `None` is `http://` and the listening address.
    pub public_url: Option<String>,
    /// A longer request body is refused with 413.
    pub max_body_bytes: u64,
    /// How long running calls may go on once the engine is told to stop.
    pub grace_period_ms: u64,
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
}

/// `[search]`
#[derive(Debug, Clone, PartialEq)]
pub struct SearchConfig {
    /// The index; it may be deleted and is rebuilt from the store.
    pub dir: PathBuf,
    /// Memory for documents that are not written yet.
    pub writer_memory_mib: u32,
    /// How often the store is asked for changes when nothing signals one.
    pub poll_interval_ms: u64,
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

/// `[auth]`
#[derive(Debug, Clone, PartialEq)]
pub struct AuthConfig {
    /// How long an access token is valid.
    pub access_token_minutes: u32,
    /// How long a session lasts without being used.
    pub refresh_token_days: u32,
    /// The admin that the first start creates.
    pub admin_email: String,
    /// `None`: the first start makes one up and prints it once.
    pub admin_password: Option<Secret>,
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
    /// Whether a change of `file` is taken up while the engine runs.
    pub watch: bool,
    /// No plugin gets more than this, whatever its manifest asks and the list grants.
    pub ceiling: Limits,
}

/// `[jobs]`
#[derive(Debug, Clone, PartialEq)]
pub struct JobsConfig {
    /// Jobs that run at the same time.
    pub workers: u32,
    /// A worker that is silent for this long has lost its job to another.
    pub lease_ms: u64,
    /// How often a job is begun before a fault that may pass ends it.
    pub max_attempts: u32,
}

/// `[egress]`
#[derive(Debug, Clone, PartialEq)]
pub struct EgressConfig {
    /// For name resolution, TCP and TLS together.
    pub connect_timeout_ms: u64,
    /// For the head of a response, redirects included.
    pub head_timeout_ms: u64,
    /// Between two pieces of a body.
    pub idle_timeout_ms: u64,
    /// Hops that are followed before the call fails.
    pub max_redirects: u32,
    /// Of one body, after decompression.
    pub max_response_mib: u32,
}

/// `[credentials.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialConfig {
    /// The header that carries it.
    pub header: String,
    /// Stands before the secret in the header, such as `Bearer `.
    pub prefix: String,
    pub secret: Secret,
    /// The only addresses that it is ever sent to.
    pub hosts: Vec<OutboundHost>,
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
            search: SearchConfig::default(),
            local_model: LocalModelConfig::default(),
            auth: AuthConfig::default(),
            models: ModelsConfig::default(),
            plugins: PluginsConfig::default(),
            jobs: JobsConfig::default(),
            egress: EgressConfig::default(),
            credentials: BTreeMap::new(),
            log: LogConfig::default(),
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7700)),
            public_url: None,
            max_body_bytes: 8 << 20,
            grace_period_ms: 10_000,
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
        }
    }
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            dir: "data/search".into(),
            writer_memory_mib: 32,
            poll_interval_ms: 1_000,
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

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            access_token_minutes: 10,
            refresh_token_days: 30,
            admin_email: "admin@localhost".to_owned(),
            admin_password: None,
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

impl Default for JobsConfig {
    fn default() -> Self {
        Self {
            workers: 2,
            lease_ms: 30_000,
            max_attempts: 3,
        }
    }
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 10_000,
            head_timeout_ms: 120_000,
            idle_timeout_ms: 120_000,
            max_redirects: 5,
            max_response_mib: 64,
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
