//! Connections belong to one plugin: each has clients of its own, made when it first calls, so that
//! no plugin ever writes into a connection that another one opened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use inkstone_domain::{Error, Result, codes};
use reqwest::Client;
use tokio::sync::OnceCell;

use crate::config::EgressConfig;
use crate::policy::Door;
use crate::resolve::GuardedResolver;
use crate::transport;

/// Clients of a plugin that made no call for this long are dropped.
const UNUSED_AFTER: Duration = Duration::from_secs(600);
/// Plugins that have clients at the same time; beyond, the one that rested longest loses its own.
const MOST_PLUGINS: usize = 256;

/// The clients of all plugins.
pub(crate) struct Pools {
    config: Arc<EgressConfig>,
    by_plugin: Mutex<HashMap<String, Pool>>,
}

struct Pool {
    clients: Arc<Clients>,
    used: Instant,
}

/// One for each door, so that a private address that a grant opened is never reached by the other.
#[derive(Default)]
struct Clients {
    public: OnceCell<Client>,
    named: OnceCell<Client>,
}

impl Pools {
    pub fn new(config: Arc<EgressConfig>) -> Self {
        Self {
            config,
            by_plugin: Mutex::default(),
        }
    }

    /// The client with which this plugin reaches what lies behind the door.
    pub async fn client(&self, plugin: &str, door: Door) -> Result<Client> {
        let clients = self.clients_of(plugin, Instant::now());
        let cell = match door {
            Door::Public => &clients.public,
            Door::Named => &clients.named,
        };
        let config = Arc::clone(&self.config);
        let client = cell.get_or_try_init(|| async move {
            // Reading the system's certificates takes milliseconds.
            let made = tokio::task::spawn_blocking(move || {
                let resolver = GuardedResolver::new(door, Arc::clone(&config.resolver));
                transport::guarded_client(&config, resolver)
            });
            made.await.unwrap_or_else(|fault| {
                let error = Error::new(&codes::INTERNAL, "the HTTP client cannot be made");
                Err(error.with_source(fault))
            })
        });
        client.await.cloned()
    }

    fn clients_of(&self, plugin: &str, now: Instant) -> Arc<Clients> {
        let mut pools = self
            .by_plugin
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get_mut(plugin) {
            pool.used = now;
            return Arc::clone(&pool.clients);
        }
        pools.retain(|_, pool| now.duration_since(pool.used) < UNUSED_AFTER);
        if pools.len() >= MOST_PLUGINS {
            let longest_at_rest = pools.iter().min_by_key(|(_, pool)| pool.used);
            if let Some(id) = longest_at_rest.map(|(id, _)| id.clone()) {
                pools.remove(&id);
            }
        }
        let clients = Arc::<Clients>::default();
        pools.insert(
            plugin.to_owned(),
            Pool {
                clients: Arc::clone(&clients),
                used: now,
            },
        );
        clients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_share_no_clients_and_lose_them_at_rest() {
        let pools = Pools::new(Arc::new(EgressConfig::default()));
        let start = Instant::now();
        let first = pools.clients_of("a", start);
        assert!(Arc::ptr_eq(&first, &pools.clients_of("a", start)));
        assert!(!Arc::ptr_eq(&first, &pools.clients_of("b", start)));
        let later = start + UNUSED_AFTER;
        pools.clients_of("c", later);
        assert!(!Arc::ptr_eq(&first, &pools.clients_of("a", later)));
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        let pools = Pools::new(Arc::new(EgressConfig::default()));
        let start = Instant::now();
        let first = pools.clients_of("first", start);
        let mut now = start;
        for index in 0..MOST_PLUGINS {
            now += Duration::from_millis(1);
            pools.clients_of(&format!("p{index}"), now);
        }
        let kept = pools.by_plugin.lock().expect("no panic").len();
        assert_eq!(kept, MOST_PLUGINS);
        assert!(!Arc::ptr_eq(&first, &pools.clients_of("first", now)));
    }
}
