//! Plugins from both sides: what the services call in a plugin, and what a plugin may call through the host.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use crate::Result;
use crate::capability::Grants;
use crate::chat::{
    ChunkStream, EmbedReply, EmbedRequest, Model, Reply, Request, RerankReply, RerankRequest,
};
use crate::event::Told;
use crate::generation::{GenerationStream, Template};
use crate::ids::UserId;
use crate::outbound::Handed;
use crate::plugin::{LoadedPlugin, PackageInfo, PluginSpec, RemoteSource};
use crate::report::{Block, ReportInfo};
use crate::research::{Answer, Tool};
use crate::search::{DocumentQuery, Hit, Passage};

/// What goes with one call of a guest. The powers are bound to the caller: a plugin acts in their name.
/// A power that is `None`, or that the plugin was not granted, answers `forbidden`.
#[derive(Clone, Default)]
pub struct GuestCall {
    pub request_id: String,
    /// In whose name; nobody's where the engine itself asks.
    pub caller: Option<UserId>,
    /// Where it is noted what of the call went to an upstream.
    pub handed: Option<Arc<Handed>>,
    pub ai: Option<Arc<dyn Ai>>,
    pub tools: Option<Arc<dyn Toolbox>>,
    pub search: Option<Arc<dyn DocumentSearch>>,
}

#[async_trait]
pub trait Provider: Send + Sync {
    async fn models(&self, call: &GuestCall) -> Result<Vec<Model>>;
    async fn validate_connection(&self, call: &GuestCall) -> Result<String>;
    /// `request.model` is the provider's own name.
    async fn complete(&self, call: &GuestCall, request: Request) -> Result<ChunkStream>;
    async fn embed(&self, call: &GuestCall, request: EmbedRequest) -> Result<EmbedReply>;
    async fn rerank(&self, call: &GuestCall, request: RerankRequest) -> Result<RerankReply>;
}

#[async_trait]
pub trait Generator: Send + Sync {
    /// Known since the plugin was prepared.
    fn templates(&self) -> &[Template];
    /// Checks `input` against the template's schema, then starts.
    async fn start(
        &self,
        call: &GuestCall,
        template: &str,
        input: Value,
        resume: Option<Bytes>,
    ) -> Result<GenerationStream>;
    /// The schema check of `start` alone, for a refusal before a job is queued.
    fn check_input(&self, template: &str, input: &Value) -> Result<()>;
}

#[async_trait]
pub trait Research: Send + Sync {
    fn tools(&self) -> &[Tool];
    async fn call(&self, call: &GuestCall, tool: &str, input: Value) -> Result<Answer>;
}

#[async_trait]
pub trait Analytics: Send + Sync {
    fn reports(&self) -> &[ReportInfo];
    async fn run(&self, call: &GuestCall, report: &str, input: Value) -> Result<Vec<Block>>;
}

#[async_trait]
pub trait Subscriber: Send + Sync {
    /// Whether it may hear of this is asked before.
    async fn handle(&self, call: &GuestCall, told: &Told) -> Result<()>;
}

/// Looks whether a plugin still works, without a caller.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Makes a fresh instance and asks what it offers.
    async fn check(&self) -> Result<()>;
    /// Another version has taken over: calls still under way after `grace` end with `plugin_replaced`.
    fn retire(&self, grace: Duration);
}

/// Makes a plugin ready to serve: read, hash, compile or load from cache, validate, pre-instantiate.
/// May fail, and then changes nothing.
#[async_trait]
pub trait PluginLoader: Send + Sync {
    async fn prepare(&self, spec: &PluginSpec) -> Result<Arc<LoadedPlugin>>;
    /// Looks at a package that lies nowhere yet, without running it. `plugin_rejected` where it is
    /// none or not for this engine, `plugin_untrusted` where its signature does not do.
    async fn inspect(&self, package: Bytes) -> Result<PackageInfo>;
    /// Whether a loaded plugin may go on serving, since keys are trusted and revoked meanwhile;
    /// `plugin_untrusted` where it may not.
    async fn recheck(&self, plugin: &LoadedPlugin) -> Result<()>;
}

/// Where the list of plugins stands. Every reload reads it anew.
#[async_trait]
pub trait PluginList: Send + Sync {
    /// The whole list, checked; `invalid_config` names file, line and reason.
    async fn read(&self) -> Result<Vec<PluginSpec>>;
    /// Changes `enabled` of one plugin in the list, and nothing else.
    async fn set_enabled(&self, id: &str, enabled: bool) -> Result<()>;
    /// Adds a plugin, or points the entry with this id at another file. What else stands in an entry
    /// stays as it is; an entry with a rollout keeps it.
    async fn put(&self, entry: NewEntry) -> Result<()>;
    /// Takes a plugin off the list; its file stays.
    async fn remove(&self, id: &str) -> Result<()>;
}

/// An entry that is added to the list of plugins.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    pub id: String,
    /// File name below the folder of plugins; `None` leaves the source of an entry as it is.
    pub file: Option<String>,
    /// What it is granted from now on; `None` leaves what stands there, which is nothing for a new one.
    pub grants: Option<Grants>,
}

/// Where packages lie on this machine: the folder of plugins, and what was fetched from elsewhere.
#[async_trait]
pub trait PackageStore: Send + Sync {
    /// Puts a package into the folder of plugins under this file name, whole or not at all. Returns
    /// whether there was none of this name. `conflict` where the folder cannot be written.
    async fn put(&self, file: &str, package: Bytes) -> Result<bool>;
    /// Takes a package out of the folder of plugins; one that is not there is no fault.
    async fn discard(&self, file: &str) -> Result<()>;
    /// Where the package of this source lies; `None` where it was not fetched yet.
    async fn find(&self, source: &RemoteSource) -> Result<Option<PathBuf>>;
    /// Keeps what was fetched from this source, and tells where. From now on [`PackageStore::find`]
    /// finds it, for a tag too: it stays at the package it led to.
    async fn keep(&self, source: &RemoteSource, package: Bytes) -> Result<PathBuf>;
}

/// Brings packages from elsewhere to this machine.
#[async_trait]
pub trait PackageFetcher: Send + Sync {
    /// The package's bytes, checked against the digest where the source names one.
    async fn fetch(&self, source: &RemoteSource) -> Result<Bytes>;
}

/// An answer under way, and who gives it.
pub struct AiStream {
    /// `provider/model`.
    pub model: String,
    pub chunks: ChunkStream,
}

/// Language models as a guest reaches them: the gateway, in the caller's name.
#[async_trait]
pub trait Ai: Send + Sync {
    async fn stream(&self, request: Request) -> Result<AiStream>;
    async fn complete(&self, request: Request) -> Result<Reply>;
    async fn embed(&self, request: EmbedRequest) -> Result<EmbedReply>;
}

/// Research tools as a guest reaches them. `tool` is `plugin/tool`.
#[async_trait]
pub trait Toolbox: Send + Sync {
    async fn call(&self, tool: &str, input: Value) -> Result<Answer>;
}

/// The caller's documents as a guest reaches them.
#[async_trait]
pub trait DocumentSearch: Send + Sync {
    /// The best documents.
    async fn find(&self, query: DocumentQuery) -> Result<Vec<Hit>>;
    /// The best passages of documents.
    async fn passages(&self, query: DocumentQuery) -> Result<Vec<Passage>>;
}
