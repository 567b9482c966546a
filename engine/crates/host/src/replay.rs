//! Runs a recorded call again, offline: the same component, with every import answered from the
//! recording, and the answers held against the recorded ones.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use inkstone_domain::capability::{Effective, Grants};
use inkstone_domain::inference::{GenerateRequest, LocalEmbeddings, LocalModelInfo, TokenStream};
use inkstone_domain::outbound::{OutboundRequest, OutboundResponse};
use inkstone_domain::plugin::{LoadedPlugin, PluginBody, PluginSpec};
use inkstone_domain::ports::{Egress, GuestCall, LocalModels, PluginKv, SystemClock};
use inkstone_domain::recording::{Blob, ImportRecord, Outcome, RECORDING_FORMAT, Recording};
use inkstone_domain::{Error, Result, codes};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::{HostConfig, HostPorts};
use crate::host::Host;
use crate::tape::Tape;

/// What came of running a recording again.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// Where it first went another way; `None` where everything was as recorded.
    pub difference: Option<String>,
    /// Whether the component is the very one that was recorded.
    pub is_same_component: bool,
    /// The imports that were made, with the times of the recording.
    pub imports: Vec<ImportRecord>,
    pub answers: Vec<Outcome>,
    pub took_us: u64,
}

impl Host {
    /// Runs the recorded call on the component or package at `path`. Fails where the file cannot be
    /// loaded, or is another plugin; that the call goes another way is no failure but the result.
    pub async fn replay(&self, recording: &Recording, path: &Path) -> Result<Replay> {
        if recording.format > RECORDING_FORMAT {
            return Err(unreadable(format!(
                "it has format {}, and this engine reads up to {RECORDING_FORMAT}; use a newer one",
                recording.format
            )));
        }
        let spec = PluginSpec {
            // Grants are checked before an import reaches a port, and no import does.
            grants: Grants::default(),
            settings: recording.settings.clone(),
            ..PluginSpec::new(&recording.plugin, path)
        };
        let tape = Arc::new(Tape::replaying(recording));
        let (plugin, loaded) = self.load(&spec).await?;
        plugin.replay(tape.clone());
        run(&loaded, recording).await?;
        let taped = tape.end();
        // What the imports took when they were real is what one looks for.
        let imports = taped.imports.into_iter().zip(&recording.imports);
        Ok(Replay {
            difference: taped.difference,
            is_same_component: loaded.digest == recording.digest,
            imports: imports
                .map(|(made, recorded)| ImportRecord {
                    at_us: recorded.at_us,
                    took_us: recorded.took_us,
                    ..made
                })
                .collect(),
            answers: taped.answers,
            took_us: taped.took_us,
        })
    }
}

/// A host with no world around it, for running recordings again.
pub fn offline(config: HostConfig) -> Result<Arc<Host>> {
    let nowhere = Arc::new(Nowhere);
    let ports = HostPorts {
        egress: nowhere.clone(),
        models: nowhere.clone(),
        kv: nowhere,
        clock: Arc::new(SystemClock),
        recordings: None,
    };
    Host::new(config, ports)
}

/// Every port of a host that runs offline. Imports are answered before they come here.
struct Nowhere;

fn nothing_here<T>() -> Result<T> {
    Err(Error::new(
        &codes::UNSUPPORTED,
        "a recording is run again without network, models and storage",
    ))
}

#[async_trait]
impl Egress for Nowhere {
    async fn send(&self, _: &str, _: &Effective, _: OutboundRequest) -> Result<OutboundResponse> {
        nothing_here()
    }
}

#[async_trait]
impl LocalModels for Nowhere {
    async fn models(&self) -> Result<Vec<LocalModelInfo>> {
        nothing_here()
    }

    async fn generate(&self, _: GenerateRequest) -> Result<TokenStream> {
        nothing_here()
    }

    async fn embed(&self, _: &str, _: Vec<String>) -> Result<LocalEmbeddings> {
        nothing_here()
    }

    async fn count_tokens(&self, _: &str, _: &str) -> Result<u32> {
        nothing_here()
    }
}

#[async_trait]
impl PluginKv for Nowhere {
    async fn get(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>> {
        nothing_here()
    }

    async fn put(&self, _: &str, _: &str, _: Vec<u8>, _: u64) -> Result<()> {
        nothing_here()
    }

    async fn delete(&self, _: &str, _: &str) -> Result<()> {
        nothing_here()
    }

    async fn list_keys(&self, _: &str, _: &str) -> Result<Vec<String>> {
        nothing_here()
    }
}

/// The tape has seen every answer; here they are only drawn out of the guest.
async fn run(loaded: &LoadedPlugin, recording: &Recording) -> Result<()> {
    let call = GuestCall {
        request_id: recording.request_id.clone(),
        ..GuestCall::default()
    };
    let arguments = &recording.arguments;
    match (&loaded.body, recording.function.as_str()) {
        (PluginBody::Provider(provider), "models") => drop(provider.models(&call).await),
        (PluginBody::Provider(provider), "validate-connection") => {
            drop(provider.validate_connection(&call).await);
        }
        (PluginBody::Provider(provider), "complete") => {
            if let Ok(mut chunks) = provider.complete(&call, parsed(arguments)?).await {
                while let Some(Ok(_)) = chunks.next().await {}
            }
        }
        (PluginBody::Provider(provider), "embed") => {
            drop(provider.embed(&call, parsed(arguments)?).await);
        }
        (PluginBody::Generator(generator), "start") => {
            let (template, input, resume): (String, Value, Option<Blob>) = parsed(arguments)?;
            let resume = resume.map(|checkpoint| checkpoint.0.into());
            if let Ok(mut events) = generator.start(&call, &template, input, resume).await {
                while let Some(Ok(_)) = events.next().await {}
            }
        }
        (PluginBody::Research(research), "call") => {
            let (tool, input): (String, Value) = parsed(arguments)?;
            drop(research.call(&call, &tool, input).await);
        }
        (PluginBody::Analytics(analytics), "run") => {
            let (report, input): (String, Value) = parsed(arguments)?;
            drop(analytics.run(&call, &report, input).await);
        }
        (PluginBody::Subscriber(subscriber), "handle") => {
            drop(subscriber.handle(&call, &parsed(arguments)?).await);
        }
        (_, function) => {
            return Err(unreadable(format!(
                "a {} plugin has no function `{function}`",
                loaded.manifest.kind.as_str()
            )));
        }
    }
    Ok(())
}

fn parsed<T: DeserializeOwned>(arguments: &Value) -> Result<T> {
    serde_json::from_value(arguments.clone())
        .map_err(|error| unreadable(format!("its arguments are damaged: {error}")))
}

fn unreadable(why: String) -> Error {
    Error::new(
        &codes::INVALID_INPUT,
        format!("the recording cannot be run again: {why}"),
    )
}
