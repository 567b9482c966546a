//! The shapes on the wire and their conversion from and to domain words, by hand, a file per
//! resource. Nothing here calls a service.

pub(crate) mod account;
pub(crate) mod article;
pub(crate) mod health;
pub(crate) mod job;
pub(crate) mod offer;
pub(crate) mod openai;
pub(crate) mod page;
pub(crate) mod plugin;
pub(crate) mod plugin_admin;
pub(crate) mod plugin_version;
pub(crate) mod problem;
pub(crate) mod provenance;
pub(crate) mod recording;
pub(crate) mod report;
pub(crate) mod research;
pub(crate) mod search;
