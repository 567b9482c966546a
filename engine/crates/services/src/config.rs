//! What the services are told at their making: each has settings of its own.

use std::time::Duration;

use crate::{
    AuthConfig, ContentConfig, EmbeddingConfig, EventsConfig, GatewayConfig, HealthCheck,
    JobsConfig, MediaConfig, ModelsConfig, NotificationsConfig, OidcConfig, PluginsConfig,
    RerankConfig, SealingKey, SignupConfig, TransferConfig, WebhooksConfig,
};

/// Settings of all services, checked before they come here.
pub struct ServicesConfig {
    pub auth: AuthConfig,
    pub sealing_key: SealingKey,
    pub signup: SignupConfig,
    pub oidc: OidcConfig,
    pub models: ModelsConfig,
    pub gateway: GatewayConfig,
    pub jobs: JobsConfig,
    pub plugins: PluginsConfig,
    pub content: ContentConfig,
    pub transfer: TransferConfig,
    pub media: MediaConfig,
    pub events: EventsConfig,
    pub embedding: EmbeddingConfig,
    pub rerank: RerankConfig,
    pub webhooks: WebhooksConfig,
    pub notifications: NotificationsConfig,
    /// How long a line of the ledger may wait for others before it is written. The journal has it at once.
    pub usage_linger: Duration,
    /// This engine, the same after a restart and unlike all others on its store.
    pub engine: String,
    /// Whether other engines may be on its store.
    pub has_others: bool,
    /// Beside the checks of `store` and `search`, which stand unless one here has their name.
    pub health_checks: Vec<HealthCheck>,
}

impl ServicesConfig {
    /// Defaults for everything but the key.
    pub fn new(sealing_key: SealingKey) -> Self {
        Self {
            auth: AuthConfig::default(),
            sealing_key,
            signup: SignupConfig::default(),
            oidc: OidcConfig::default(),
            models: ModelsConfig::default(),
            gateway: GatewayConfig::default(),
            jobs: JobsConfig::default(),
            plugins: PluginsConfig::default(),
            content: ContentConfig::default(),
            transfer: TransferConfig::default(),
            media: MediaConfig::default(),
            events: EventsConfig::default(),
            embedding: EmbeddingConfig::default(),
            rerank: RerankConfig::default(),
            webhooks: WebhooksConfig::default(),
            notifications: NotificationsConfig::default(),
            usage_linger: Duration::ZERO,
            engine: "engine".to_owned(),
            has_others: false,
            health_checks: Vec::new(),
        }
    }
}
