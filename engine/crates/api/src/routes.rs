//! One short file per resource: parameters, reply, documentation and handler together. A handler
//! converts, calls one service and converts back; it decides nothing.

pub(crate) mod analytics;
pub(crate) mod articles;
pub(crate) mod auth;
pub(crate) mod chat;
pub(crate) mod connections;
pub(crate) mod content_types;
pub(crate) mod docs;
pub(crate) mod embeddings;
pub(crate) mod generate;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod me;
pub(crate) mod messages;
pub(crate) mod models;
pub(crate) mod plugin_admin;
pub(crate) mod plugin_stats;
pub(crate) mod plugins;
pub(crate) mod ratings;
pub(crate) mod recordings;
pub(crate) mod reports;
pub(crate) mod rerank;
pub(crate) mod research;
pub(crate) mod responses;
pub(crate) mod revisions;
pub(crate) mod rollouts;
pub(crate) mod search;
pub(crate) mod templates;
pub(crate) mod tools;
pub(crate) mod unknown;
pub(crate) mod usage;
