//! The connection that all commands share. A command that fails or takes long is the last one for a second:
//! callers must not wait again and again for what is away. What is away is logged once, and once when it is back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use inkstone_domain::{Error, Result, codes};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, IntoConnectionInfo, RedisResult};
use tokio::time::Instant;

use crate::error::Fault;

/// Of one command. It must be shorter than it takes until a line of usage is in the ledger: what is counted
/// here later than that might count twice.
const PATIENCE: Duration = Duration::from_millis(250);
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// After a fault.
const REST: Duration = Duration::from_secs(1);

/// Where the Redis is.
#[derive(Clone)]
pub struct RedisConfig {
    /// `redis://host:port/database`, or `rediss://…`.
    pub url: String,
    /// What the names of keys and channels begin with.
    pub prefix: String,
    pub username: Option<String>,
    pub password: Option<String>,
}

impl fmt::Debug for RedisConfig {
    /// Without the sign-in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisConfig({}, {})", self.url, self.prefix)
    }
}

/// Shared by all adapters here.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    commands: ConnectionManager,
    prefix: Arc<str>,
    rest: Arc<Mutex<Rest>>,
}

#[derive(Default)]
struct Rest {
    is_away: bool,
    until: Option<Instant>,
}

impl Connection {
    /// Connects with the first command, so a Redis that is away now does not keep an engine from starting.
    /// Must be called within a tokio runtime. `invalid_config` where the address is none.
    pub fn open(config: &RedisConfig) -> Result<Self> {
        if config.url.starts_with("rediss://") {
            // Two providers are in the tree, so one must be named; where one is named already, that is it.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = client(config).map_err(|error| {
            Error::new(
                &codes::INVALID_CONFIG,
                "`url` in [redis] is no address of a Redis",
            )
            .with_source(error)
        })?;
        let managed = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let commands = client
            .get_connection_manager_lazy(managed)
            .map_err(Fault::from)?;
        Ok(Self {
            client,
            commands,
            prefix: config.prefix.as_str().into(),
            rest: Arc::default(),
        })
    }

    /// Whether it answers.
    pub async fn check(&self) -> Result<()> {
        let mut commands = self.commands();
        self.ask(async move { redis::cmd("PING").query_async::<()>(&mut commands).await })
            .await?;
        Ok(())
    }

    /// For subscriptions, which have a connection of their own.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn commands(&self) -> ConnectionManager {
        self.commands.clone()
    }

    /// The braces keep all names in one slot, for scripts over several keys.
    pub(crate) fn name(&self, rest: &str) -> String {
        format!("{{{}}}:{rest}", self.prefix)
    }

    /// Waits for an answer as long as anybody should.
    pub(crate) async fn ask<T>(
        &self,
        work: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Fault> {
        if self.is_resting() {
            return Err(Fault::Resting);
        }
        let answered = match tokio::time::timeout(PATIENCE, work).await {
            Ok(answered) => answered.map_err(Fault::from),
            Err(_) => Err(Fault::Silent(PATIENCE)),
        };
        self.note(answered.as_ref().err());
        answered
    }

    fn is_resting(&self) -> bool {
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.until.is_some_and(|until| Instant::now() < until)
    }

    fn note(&self, fault: Option<&Fault>) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let was_away = rest.is_away;
        rest.is_away = fault.is_some();
        rest.until = fault.map(|_| Instant::now() + REST);
        drop(rest);
        metrics::gauge!("inkstone_redis_up").set(if fault.is_some() { 0.0 } else { 1.0 });
        match fault {
            Some(fault) => {
                metrics::counter!("inkstone_redis_faults_total").increment(1);
                if !was_away {
                    tracing::warn!(
                        ?fault,
                        "the Redis that engines share is away; until it is back this engine counts for itself"
                    );
                }
            }
            None if was_away => tracing::info!("the Redis that engines share is back"),
            None => {}
        }
    }
}

fn client(config: &RedisConfig) -> RedisResult<Client> {
    let info = config.url.as_str().into_connection_info()?;
    let mut settings = info.redis_settings().clone();
    if let Some(username) = &config.username {
        settings = settings.set_username(username);
    }
    if let Some(password) = &config.password {
        settings = settings.set_password(password);
    }
    Client::open(info.set_redis_settings(settings))
}
