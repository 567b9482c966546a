//! The engines beside this one: what is shared with them, and what their operator should know at the start.

use std::sync::Arc;

use inkstone_config::EngineConfig;
use inkstone_redis::{Connection, RedisBus, RedisLimits, RedisTries};
use inkstone_services::EnginePorts;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::Failure;
use crate::settings;

/// What this engine has of the others.
pub(crate) struct Others {
    pub ports: EnginePorts,
    /// An embedded store belongs to one engine.
    pub are_possible: bool,
}

impl Others {
    /// Connects with the first command: a Redis that is away keeps nobody from starting.
    pub(crate) fn meet(
        config: &EngineConfig,
        background: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let url = &config.store.url;
        let is_shared = url.starts_with("ws://") || url.starts_with("wss://");
        let role = config.server.role;
        let does_everything = role.serves() && role.works();
        if !is_shared && !does_everything {
            tracing::warn!(
                %role,
                "the database is this engine's own, so nobody does the rest of the work; take `role = \"all\"`, or a SurrealDB server"
            );
        }
        let Some(redis) = settings::redis(config) else {
            if is_shared {
                tracing::warn!(
                    "several engines may share this database, and no `[redis] url` is set: rates hold for each engine, and budgets may be overspent by what the others spend in five seconds"
                );
            }
            return Ok(Self {
                ports: EnginePorts::alone(),
                are_possible: is_shared,
            });
        };
        let connection = Connection::open(&redis)?;
        let bus = Arc::new(RedisBus::new(connection.clone()));
        background.spawn(Arc::clone(&bus).run(stop.clone()));
        Ok(Self {
            ports: EnginePorts {
                bus,
                limits: Some(Arc::new(RedisLimits::new(connection.clone()))),
                tries: Some(Arc::new(RedisTries::new(connection))),
            },
            are_possible: true,
        })
    }
}
