//! The store ports on SurrealDB: embedded in memory or on disk, or a server over a websocket; the
//! connection string decides. A file per table; rows never leave this crate. Derived data (search
//! indexes) and policy (who may do what) live elsewhere.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod article_claims;
mod article_lists;
mod article_text;
mod articles;
mod audit;
mod chunks;
mod comments;
mod connection;
mod content_types;
mod conversations;
mod database;
mod documents;
mod event_handlers;
mod events;
mod failure;
mod file_lock;
mod flush;
mod jobs;
mod keys;
mod kv;
mod media;
mod migrations;
mod notes;
mod notifications;
mod pages;
mod people;
#[cfg(test)]
mod plans;
mod projects;
mod prompts;
mod provenance;
mod publications;
mod replies;
mod revisions;
mod rollouts;
mod row;
mod saved_searches;
mod schedules;
mod search_settings;
mod sessions;
mod statement;
mod times;
mod transfers;
mod usage;
mod users;
mod vectors;
mod watermark;
mod webhooks;

pub use connection::{StoreConfig, SurrealStore};
pub use migrations::{Losses, MigrationState, Migrations, WayBack};
