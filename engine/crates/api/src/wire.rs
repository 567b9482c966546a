//! The shapes on the wire and their conversion from and to domain words, by hand, a file per
//! resource. Nothing here calls a service.

pub(crate) mod account;
pub(crate) mod allowance;
pub(crate) mod anthropic;
pub(crate) mod article;
pub(crate) mod content_type;
pub(crate) mod health;
pub(crate) mod image;
pub(crate) mod inkstone;
pub(crate) mod job;
pub(crate) mod key;
pub(crate) mod logprobs;
pub(crate) mod markdown;
pub(crate) mod offer;
pub(crate) mod openai;
pub(crate) mod page;
pub(crate) mod plugin;
pub(crate) mod plugin_admin;
pub(crate) mod plugin_version;
pub(crate) mod problem;
pub(crate) mod provenance;
pub(crate) mod recording;
pub(crate) mod refusals;
pub(crate) mod report;
pub(crate) mod rerank;
pub(crate) mod research;
pub(crate) mod responses;
pub(crate) mod revision;
mod schema;
pub(crate) mod search;
pub(crate) mod text_or_list;
pub(crate) mod tool_choice;
pub(crate) mod usage;
