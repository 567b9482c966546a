//! Services that speak OpenAI's API with an accent. A provider for one is a [`Service`], written down after the
//! service's reference, and [`hosted_provider!`](crate::hosted_provider).

#[cfg(feature = "testing")]
pub mod testing;

use inkstone_plugin::provider::{
    Chunk, EmbedReply, EmbedRequest, Error, Model, ModelKind, Request, ResponseFormat, Result,
};
use serde::Deserialize;

use super::{Dialect, KeyCheck, LocalSampling, Options, Server, Thoughts};
use crate::upstream::Upstream;

/// One service, as its reference has it.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Where it is, unless the admin says otherwise.
    pub base_url: &'static str,
    /// Name of its credential, unless the admin says otherwise; empty is none.
    pub credential: &'static str,
    pub dialect: Dialect,
    /// Whether it wants to be asked for token counts in streams (`stream_options`).
    pub include_usage: bool,
    /// What the contract can say, and the service cannot.
    pub lacks: &'static [Field],
    pub thoughts: Thoughts,
    pub key_check: KeyCheck,
    /// Further fields of a request that are refused unless the admin allows them; mostly
    /// [`ROUTING`](crate::fields::ROUTING).
    pub routing: &'static [&'static str],
}

/// A field of a request that some services lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    TopK,
    RepeatPenalty,
    FrequencyPenalty,
    PresencePenalty,
    Seed,
    Logprobs,
    /// `response_format` of type `json_schema`. Left out, any JSON object is asked for.
    JsonSchema,
}

/// What the admin can set for any such service; `plugin.toml` declares the same, but `allow_routing` only where the
/// service has such fields.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    base_url: Option<String>,
    credential: Option<String>,
    models: Vec<String>,
    embedding_models: Vec<String>,
    drop_unsupported: bool,
    allow_routing: bool,
    embedding_batch_size: usize,
    timeout_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: None,
            credential: None,
            models: Vec::new(),
            embedding_models: Vec::new(),
            drop_unsupported: false,
            allow_routing: false,
            embedding_batch_size: 64,
            timeout_ms: 120_000,
        }
    }
}

/// A service as the admin configured it.
pub struct Hosted {
    server: Server,
    lacks: &'static [Field],
    drops: bool,
}

impl Service {
    /// The service under the settings that the host holds.
    pub fn open(&self) -> Result<Hosted> {
        let settings: Settings = inkstone_plugin::settings::get()?;
        let base_url = settings.base_url.as_deref().unwrap_or(self.base_url);
        let credential = settings.credential.as_deref().unwrap_or(self.credential);
        let server = Server {
            upstream: Upstream::new(base_url, credential, settings.timeout_ms)?,
            options: Options {
                dialect: self.dialect,
                // What the service lacks is gone before it could be sent.
                local_sampling: LocalSampling::Send,
                thoughts: self.thoughts,
                key_check: self.key_check,
                routing: match settings.allow_routing {
                    true => &[],
                    false => self.routing,
                },
                include_usage: self.include_usage,
                models: settings.models,
                embedding_models: settings.embedding_models,
                rerank_models: Vec::new(),
                embedding_batch_size: settings.embedding_batch_size,
            },
        };
        Ok(Hosted {
            server,
            lacks: self.lacks,
            drops: settings.drop_unsupported,
        })
    }
}

impl Hosted {
    /// See [`Server::complete`]; a field that the service lacks is `unsupported`, or left out where the admin or the
    /// request says so.
    pub fn complete(
        &self,
        mut request: Request,
    ) -> Result<impl Iterator<Item = Result<Chunk>> + use<>> {
        let drops = self.drops || request.drop_unsupported;
        for field in self.lacks {
            if field.take(&mut request) && !drops {
                return Err(Error::unsupported(format!(
                    "`{}`: {} has no such field; leave it out, or set `drop_unsupported` of this plugin",
                    field.name(),
                    self.server.upstream.base_url,
                )));
            }
        }
        self.server.complete(&request)
    }

    /// See [`Server::embed`].
    pub fn embed(&self, request: &EmbedRequest) -> Result<EmbedReply> {
        self.server.embed(request)
    }

    /// See [`Server::models`]; models that rerank are left out, because no such service is asked to.
    pub fn models(&self) -> Result<Vec<Model>> {
        let mut models = self.server.models()?;
        models.retain(|model| model.kind != ModelKind::Rerank);
        Ok(models)
    }

    /// See [`Server::validate`].
    pub fn validate(&self) -> Result<String> {
        self.server.validate()
    }
}

impl Field {
    /// Takes the field out; whether it asked for something that the service does not do anyway.
    fn take(self, request: &mut Request) -> bool {
        let sampling = &mut request.sampling;
        let is_some = |number: Option<f32>, none: f32| number.is_some_and(|number| number != none);
        match self {
            Self::TopK => sampling.top_k.take().is_some(),
            Self::RepeatPenalty => is_some(sampling.repeat_penalty.take(), 1.0),
            Self::FrequencyPenalty => is_some(sampling.frequency_penalty.take(), 0.0),
            Self::PresencePenalty => is_some(sampling.presence_penalty.take(), 0.0),
            Self::Seed => sampling.seed.take().is_some(),
            Self::Logprobs => request.logprobs.take().is_some(),
            Self::JsonSchema => {
                let is_schema = matches!(request.response_format, ResponseFormat::JsonSchema(_));
                if is_schema {
                    request.response_format = ResponseFormat::JsonObject;
                }
                is_schema
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::TopK => "top_k",
            Self::RepeatPenalty => "repeat_penalty",
            Self::FrequencyPenalty => "frequency_penalty",
            Self::PresencePenalty => "presence_penalty",
            Self::Seed => "seed",
            Self::Logprobs => "logprobs",
            Self::JsonSchema => "response_format.json_schema",
        }
    }
}

/// Makes `$name` the plugin for a [`Service`].
#[macro_export]
macro_rules! hosted_provider {
    ($name:ident, $service:expr) => {
        /// The plugin.
        pub struct $name;

        impl ::inkstone_plugin::provider::Provider for $name {
            fn models(&self) -> ::inkstone_plugin::Result<Vec<::inkstone_plugin::provider::Model>> {
                $service.open()?.models()
            }

            fn complete(
                &self,
                request: ::inkstone_plugin::provider::Request,
            ) -> ::inkstone_plugin::Result<
                impl Iterator<Item = ::inkstone_plugin::Result<::inkstone_plugin::provider::Chunk>>
                + 'static,
            > {
                $service.open()?.complete(request)
            }

            fn embed(
                &self,
                request: ::inkstone_plugin::provider::EmbedRequest,
            ) -> ::inkstone_plugin::Result<::inkstone_plugin::provider::EmbedReply> {
                $service.open()?.embed(&request)
            }

            fn validate_connection(&self) -> ::inkstone_plugin::Result<String> {
                $service.open()?.validate()
            }
        }

        ::inkstone_plugin::export_provider!($name);
    };
}

#[cfg(test)]
mod tests;
