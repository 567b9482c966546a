//! From the checked configuration to what each adapter is told: plain values, field by field.

use std::time::Duration;

use inkstone_config::{EngineConfig, Secret};
use inkstone_egress::{CredentialBinding, EgressConfig};
use inkstone_host::HostConfig;
use inkstone_inference::{EmbeddingModel, GgufModel, InferenceConfig};
use inkstone_search::SearchConfig;
use inkstone_services::{AuthConfig, JobsConfig, ModelsConfig};
use inkstone_store::StoreConfig;

pub(crate) fn store(config: &EngineConfig) -> StoreConfig {
    let store = &config.store;
    let text = |secret: &Secret| secret.expose().to_owned();
    StoreConfig {
        url: store.url.clone(),
        namespace: store.namespace.clone(),
        database: store.database.clone(),
        username: store.username.as_ref().map(text),
        password: store.password.as_ref().map(text),
    }
}

pub(crate) fn search(config: &EngineConfig) -> SearchConfig {
    SearchConfig {
        dir: Some(config.search.dir.clone()),
        writer_memory_bytes: config.search.writer_memory_mib as usize * MIB,
        poll_interval: Duration::from_millis(config.search.poll_interval_ms),
        ..SearchConfig::default()
    }
}

pub(crate) fn egress(config: &EngineConfig) -> EgressConfig {
    let egress = &config.egress;
    let credentials = config.credentials.iter().map(|(name, credential)| {
        let secret = inkstone_egress::Secret::new(credential.secret.expose());
        CredentialBinding {
            name: name.clone(),
            header: credential.header.clone(),
            prefix: credential.prefix.clone(),
            secret,
            hosts: credential.hosts.clone(),
        }
    });
    EgressConfig {
        credentials: credentials.collect(),
        connect_timeout: Duration::from_millis(egress.connect_timeout_ms),
        head_timeout: Duration::from_millis(egress.head_timeout_ms),
        idle_timeout: Duration::from_millis(egress.idle_timeout_ms),
        max_redirects: egress.max_redirects,
        max_response_bytes: u64::from(egress.max_response_mib) * MIB as u64,
        ..EgressConfig::default()
    }
}

pub(crate) fn inference(config: &EngineConfig) -> InferenceConfig {
    let local = &config.local_model;
    InferenceConfig {
        generation: Some(GgufModel {
            id: local.generation_id.clone(),
            path: local.generation_file(),
        }),
        embedding: Some(EmbeddingModel {
            id: local.embedding_id.clone(),
            dir: local.embedding_dir(),
        }),
        cache_dir: config.cache_dir.join("models"),
        max_waiting: 64,
    }
}

pub(crate) fn host(config: &EngineConfig) -> HostConfig {
    HostConfig {
        cache_dir: Some(config.cache_dir.join("compiled")),
        ceiling: config.plugins.ceiling,
        ..HostConfig::default()
    }
}

pub(crate) fn auth(config: &EngineConfig) -> AuthConfig {
    AuthConfig {
        access_ttl: Duration::from_secs(u64::from(config.auth.access_token_minutes) * 60),
        refresh_ttl: Duration::from_secs(u64::from(config.auth.refresh_token_days) * 86_400),
        ..AuthConfig::default()
    }
}

pub(crate) fn models(config: &EngineConfig) -> ModelsConfig {
    ModelsConfig {
        default: Some(config.models.default.clone()),
        default_embedding: Some(config.models.default_embedding.clone()),
        aliases: config.models.aliases.clone(),
        ..ModelsConfig::default()
    }
}

pub(crate) fn jobs(config: &EngineConfig) -> JobsConfig {
    JobsConfig {
        lease: Duration::from_millis(config.jobs.lease_ms),
        max_attempts: config.jobs.max_attempts,
        ..JobsConfig::default()
    }
}

const MIB: usize = 1024 * 1024;
