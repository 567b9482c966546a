//! The handle to the database: one that is opened in this process, or a server. The client opens embedded ones with settings
//! that follow the machine's memory, and hands none of ours down: so an embedded one is opened here. Whatever SurrealKV
//! reads backwards it looks for from the end of its memtable on, and what was deleted stays in that until it is flushed:
//! what is in it is bounded (`flush`), and so is the cache of blocks.

use std::fmt::Display;
use std::sync::Arc;

use surrealdb::engine::any::{self, Any};
use surrealdb::engine::local::Db;
use surrealdb::opt::auth;
use surrealdb::types::{SurrealValue, Variables};
use surrealdb::{IndexedResults, Surreal};
use surrealdb_cnf::ConfigMap;
use surrealdb_core::kvs::Datastore;

use crate::connection::StoreConfig;
use crate::failure::is_conflict;
use crate::flush;
use crate::statement::again_while;

/// Never cloned: a clone of the handle is a session of its own.
pub(crate) enum Database {
    Embedded(Surreal<Db>),
    Server(Surreal<Any>),
}

impl Database {
    /// Within the configured namespace and database.
    pub(crate) async fn open(config: &StoreConfig) -> Result<Self, surrealdb::Error> {
        if config.is_server() {
            let handle = any::connect(config.url.as_str()).await?;
            if let (Some(username), Some(password)) = (&config.username, &config.password) {
                sign_in(&handle, config, username, password).await?;
            }
            let database = Self::Server(handle);
            database.enter(config).await?;
            return Ok(database);
        }
        if flush::is_log_left(config) {
            flush::forget_repair(config).map_err(failed)?;
            // Closed at once, so that all that is in the log is in tables.
            let datastore = embedded(config).await?;
            datastore.shutdown().await.map_err(failed)?;
            if flush::is_log_left(config) {
                let advice = "what an engine that was killed left cannot be written to tables; is the disk full?";
                return Err(failed(advice));
            }
        }
        let datastore = embedded(config).await?;
        datastore.start_maintenance_tasks();
        let handle = Surreal::unstable_from_datastore(datastore, None).await?;
        let database = Self::Embedded(handle);
        database.enter(config).await?;
        Ok(database)
    }

    async fn enter(&self, config: &StoreConfig) -> Result<(), surrealdb::Error> {
        let (namespace, database) = (config.namespace.as_str(), config.database.as_str());
        // Whoever is first makes them: engines that start at once meet here.
        again_while(is_conflict, || async {
            let entered = match self {
                Self::Embedded(handle) => handle.use_ns(namespace).use_db(database).await,
                Self::Server(handle) => handle.use_ns(namespace).use_db(database).await,
            };
            entered.map(drop)
        })
        .await
    }

    pub(crate) async fn query(
        &self,
        text: &str,
        variables: Variables,
    ) -> Result<IndexedResults, surrealdb::Error> {
        match self {
            Self::Embedded(handle) => handle.query(text).bind(variables).await,
            Self::Server(handle) => handle.query(text).bind(variables).await,
        }
    }

    /// One record by its key.
    pub(crate) async fn select<T: SurrealValue>(
        &self,
        table: &'static str,
        key: String,
    ) -> Result<Option<T>, surrealdb::Error> {
        match self {
            Self::Embedded(handle) => handle.select((table, key)).await,
            Self::Server(handle) => handle.select((table, key)).await,
        }
    }
}

/// In the order in which the client does it: what the database's own tasks write must not come before its version.
async fn embedded(config: &StoreConfig) -> Result<Arc<Datastore>, surrealdb::Error> {
    let settings = ConfigMap::empty()
        .with_key_value(
            "surrealkv_max_memtable_size",
            flush::memtable_bytes(config).to_string(),
        )
        .with_key_value(
            "surrealkv_block_cache_capacity",
            (u64::from(config.cache_mib) * flush::MIB).to_string(),
        );
    let opening = Datastore::builder()
        .with_config(settings)
        .without_maintenance_tasks()
        .build_with_path(&config.url);
    let datastore = opening.await.map_err(failed)?;
    datastore.check_version().await.map_err(failed)?;
    datastore.bootstrap().await.map_err(failed)?;
    Ok(datastore)
}

/// As root, or else as a user of this database alone: production needs no more.
async fn sign_in(
    handle: &Surreal<Any>,
    config: &StoreConfig,
    username: &str,
    password: &str,
) -> Result<(), surrealdb::Error> {
    let root = auth::Root {
        username: username.to_owned(),
        password: password.to_owned(),
    };
    let Err(refused) = handle.signin(root).await else {
        return Ok(());
    };
    if !refused.is_not_allowed() {
        return Err(refused);
    }
    let own = auth::Database {
        namespace: config.namespace.clone(),
        database: config.database.clone(),
        username: username.to_owned(),
        password: password.to_owned(),
    };
    handle.signin(own).await.map(|_token| ())
}

fn failed(error: impl Display) -> surrealdb::Error {
    surrealdb::Error::internal(error.to_string())
}
