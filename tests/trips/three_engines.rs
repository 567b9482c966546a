//! Three engines on one SurrealDB server and one Redis. They are started anew for each trip, each with a data
//! folder of its own and the keys of the first.

mod limits; // what all of them count together
mod load; // writers, jobs, schedules, webhooks and feeds, while one dies and one hangs
mod planned; // schedules of that load, and their times
mod roles; // one answers, one works
mod told; // what one changes the others know at once

use std::time::{Duration, Instant};

use inkstone_testkit::RedisServer;
use serde_json::Value;

use crate::engine::{Engine, PATIENCE, Setup};
use crate::surreal;

/// What the engines share.
struct Place {
    store: surreal::Server,
    redis: RedisServer,
    /// Of the first engine: what all of them sign and seal with.
    keys: Vec<(&'static str, Vec<u8>)>,
}

/// All engines of an installation have the same.
const KEY_FILES: [&str; 2] = ["signing.key", "sealing.key"];

impl Place {
    async fn open() -> Self {
        Self {
            store: surreal::Server::start().await,
            redis: RedisServer::start().await,
            keys: Vec::new(),
        }
    }

    /// An engine of this place.
    fn setup(&self, setup: Setup) -> Setup {
        for (name, key) in &self.keys {
            let path = setup.data.path().join(name);
            std::fs::write(path, key).expect("the key can be written");
        }
        let store = surreal::config(&self.store, "for-tests");
        let environment = [
            ("INKSTONE__STORE__URL", store.url),
            ("INKSTONE__STORE__USERNAME", store.username.unwrap()),
            ("INKSTONE__STORE__PASSWORD", store.password.unwrap()),
            ("INKSTONE__REDIS__URL", self.redis.url()),
        ];
        environment
            .into_iter()
            .fold(setup, |setup, (name, value)| setup.set(name, value))
    }

    /// The first engine makes the keys.
    async fn first(&mut self, setup: Setup) -> Engine {
        let engine = self.setup(setup).start().await;
        let data = engine.setup().data.path();
        self.keys = KEY_FILES
            .map(|name| (name, std::fs::read(data.join(name)).expect("a key")))
            .into();
        engine
    }

    async fn next(&self, setup: Setup) -> Engine {
        self.setup(setup).start().await
    }

    /// Three, each of them after this pattern.
    async fn three(&mut self, pattern: impl Fn() -> Setup) -> [Engine; 3] {
        let first = self.first(pattern()).await;
        [
            first,
            self.next(pattern()).await,
            self.next(pattern()).await,
        ]
    }
}

/// Asks until it is so. What is asked lies in other processes, so there is nothing to wait for but time.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// All pages of a list.
async fn all(engine: &Engine, path: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = engine.get(&format!("{path}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        found.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}
