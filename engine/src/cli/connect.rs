//! A session with an engine: the one that runs, or an embedded one for this command. Either is
//! reached over HTTP, so there is one way through the code.

use std::pin::Pin;

use futures::{Stream, StreamExt};
use inkstone_domain::engine::EngineRole;
use inkstone_domain::ports::{Clock, SystemClock};
use inkstone_egress::Secret;
use inkstone_egress::client::{ApiClient, ApiClientConfig, ApiError, EventStream};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Common, Failure, output};
use crate::{settings, state, wire};

pub(crate) struct Session {
    client: ApiClient,
    /// Runs for this command alone.
    embedded: Option<wire::Running>,
}

/// One event of a stream; data that is no JSON is a text.
pub(crate) struct Event {
    pub name: String,
    pub data: Value,
}

pub(crate) type Lines = Pin<Box<dyn Stream<Item = Result<String, Failure>> + Send>>;

pub(crate) type Pieces = Pin<Box<dyn Stream<Item = Result<Vec<u8>, Failure>> + Send>>;

pub(crate) type Events = Pin<Box<dyn Stream<Item = Result<Event, Failure>> + Send>>;

impl Session {
    /// With the engine that runs on this data folder, else with an embedded one.
    pub(crate) async fn open(common: &Common) -> Result<Self, Failure> {
        let config = common.load_config()?;
        if let Some(running) = state::read(&config.data_dir) {
            let client = client(&running.url, None)?;
            if client.get_bytes("/livez").await.is_ok() {
                let key = state::signing_key(&config.data_dir)?;
                let now = SystemClock.now();
                let token = settings::auth(&config).operator_token(&key, running.admin, now)?;
                return Ok(Self {
                    client: client.with_token(Secret::new(token)),
                    embedded: None,
                });
            }
        }
        output::say("No engine runs on this data folder; starting one for this command.");
        let mut config = config;
        config.server.listen.set_port(0);
        config.server.role = EngineRole::All;
        let boot = super::serve::boot(config, "warn,surrealkv=error")?;
        let engine = wire::start(boot, CancellationToken::new()).await?;
        let client = client(&engine.base_url(), Some(engine.access_token()?))?;
        Ok(Self {
            client,
            embedded: Some(engine),
        })
    }

    /// With an engine of this process, which the session does not stop.
    pub(crate) fn to(engine: &wire::Running) -> Result<Self, Failure> {
        Ok(Self {
            client: client(&engine.base_url(), Some(engine.access_token()?))?,
            embedded: None,
        })
    }

    /// Ends the embedded engine, if there is one.
    pub(crate) async fn close(self) {
        if let Some(engine) = self.embedded {
            engine.stop().await;
        }
    }

    pub(crate) fn base_url(&self) -> &str {
        self.client.base_url()
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.client.get(path).await.map_err(failure)
    }

    pub(crate) async fn get_with(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        self.get(&inkstone_egress::client::with_query(path, query))
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.client.post(path, body).await.map_err(failure)
    }

    /// A body that is no JSON.
    pub(crate) async fn post_bytes(&self, path: &str, body: Vec<u8>) -> Result<Value, Failure> {
        let reply = self.client.post_bytes(path, body).await;
        reply.map_err(failure)
    }

    /// A file, as it is read.
    pub(crate) async fn post_file(
        &self,
        path: &str,
        file: tokio::fs::File,
        size_bytes: u64,
    ) -> Result<Value, Failure> {
        let body = tokio_util::io::ReaderStream::with_capacity(file, 64 << 10);
        let reply = self.client.post_stream(path, body, size_bytes).await;
        reply.map_err(failure)
    }

    /// A reply that is a file, as it comes.
    pub(crate) async fn pieces(&self, path: &str) -> Result<Pieces, Failure> {
        let pieces = self.client.pieces(path).await.map_err(failure)?;
        Ok(Box::pin(pieces.map(|piece| {
            let piece = piece.map_err(failure)?;
            Ok(piece.to_vec())
        })))
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.client.put(path, body).await.map_err(failure)
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.client.patch(path, body).await.map_err(failure)
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.client.delete(path).await.map_err(failure)
    }

    /// A reply of many lines, one by one.
    pub(crate) async fn lines(&self, path: &str) -> Result<Lines, Failure> {
        let lines = self.client.lines(path).await.map_err(failure)?;
        Ok(Box::pin(lines.map(|line| line.map_err(failure))))
    }

    pub(crate) async fn events(&self, path: &str) -> Result<Events, Failure> {
        Ok(parsed(self.client.events(path).await.map_err(failure)?))
    }

    pub(crate) async fn post_events(&self, path: &str, body: &Value) -> Result<Events, Failure> {
        let events = self.client.post_events(path, body).await;
        Ok(parsed(events.map_err(failure)?))
    }
}

fn client(url: &str, token: Option<String>) -> Result<ApiClient, Failure> {
    let mut config = ApiClientConfig::new(url);
    config.token = token.map(Secret::new);
    // A small model on one core may think for long over a whole answer.
    config.timeout = std::time::Duration::from_secs(600);
    Ok(ApiClient::new(config)?)
}

fn parsed(events: EventStream) -> Events {
    Box::pin(events.map(|event| {
        let event = event.map_err(failure)?;
        let data = serde_json::from_str(&event.data).unwrap_or(Value::String(event.data));
        Ok(Event {
            name: event.event,
            data,
        })
    }))
}

fn failure(error: ApiError) -> Failure {
    match &error {
        ApiError::Unreachable { .. } | ApiError::Timeout { .. } => {
            Failure::Unreachable(error.to_string())
        }
        ApiError::Refused(problem) => Failure::Failed(match &problem.code {
            Some(code) => format!("{error} [{code}]"),
            None => error.to_string(),
        }),
        _ => Failure::Failed(error.to_string()),
    }
}
