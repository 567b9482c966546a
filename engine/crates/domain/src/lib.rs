//! The pure words of the product. Nothing here does input or output, and nothing here depends on
//! another crate of ours: every other crate speaks in these types, and the ports in [`ports`] are
//! the roles that adapters fill.

pub mod allowance;
pub mod api_key;
pub mod audit;
pub mod capability;
pub mod chat;
pub mod chunks;
pub mod codes;
pub mod comment;
pub mod content;
pub mod conversation;
pub mod digest;
pub mod engine;
pub mod error;
pub mod event;
pub mod following;
pub mod gateway;
pub mod generation;
pub mod ids;
pub mod inference;
pub mod job;
pub mod kept_reply;
pub mod key;
pub mod media;
pub mod money;
pub mod note;
pub mod notification;
pub mod outbound;
pub mod people;
pub mod plugin;
pub mod ports;
pub mod principal;
pub mod project;
pub mod prompt;
pub mod provenance;
pub mod recording;
pub mod related;
pub mod report;
pub mod research;
pub mod rollout;
pub mod schedule;
pub mod search;
pub mod tag;
pub mod transfer;
pub mod usage;
pub mod webhook;

pub use error::{Error, ErrorKind, FieldError, Result};
