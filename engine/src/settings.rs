//! From the checked configuration to what each adapter is told: plain values, field by field.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use inkstone_api::{CorsConfig, ServeConfig, Tls, TlsSettings};
use inkstone_blobs::{LocalBlobs, S3Blobs, S3Config};
use inkstone_config::engine::MediaStorage;
use inkstone_config::engine::WebOrigin;
use inkstone_config::packages::PackageFolders;
use inkstone_config::{EngineConfig, Secret};
use inkstone_domain::job::JobLimits;
use inkstone_domain::ports::BlobStore;
use inkstone_domain::principal::Role;
use inkstone_egress::packages::{PackagesConfig, RegistryAccess};
use inkstone_egress::{CredentialBinding, EgressConfig, EgressMode, Scrubber};
use inkstone_host::{HostConfig, TrustSource};
use inkstone_inference::{EmbeddingModel, GgufModel, InferenceConfig};
use inkstone_redis::RedisConfig;
use inkstone_search::SearchConfig;
use inkstone_services::auth::{HashingCost, PasswordPolicy, PasswordSignIn, ThrottleConfig};
use inkstone_services::media::is_known_type;
use inkstone_services::oidc::{IssuerConfig, LinkRule, OidcConfig, SecondFactorRule, Strangers};
use inkstone_services::plugins::QuarantineConfig;
use inkstone_services::signup::{Links, SignupMode};
use inkstone_services::transfer::TransferLimits;
use inkstone_services::{
    AuthConfig, ContentConfig, EmbeddingConfig, EventsConfig, JobsConfig, MediaConfig,
    ModelsConfig, NotificationsConfig, PluginsConfig, RerankConfig, SignupConfig, TransferConfig,
    WebhooksConfig,
};
use inkstone_store::StoreConfig;

use crate::cli::Failure;
use crate::plugin_trust;

pub(crate) fn store(config: &EngineConfig) -> StoreConfig {
    let store = &config.store;
    let text = |secret: &Secret| secret.expose().to_owned();
    StoreConfig {
        url: store.url.clone(),
        namespace: store.namespace.clone(),
        database: store.database.clone(),
        username: store.username.as_ref().map(text),
        password: store.password.as_ref().map(text),
        flush_mib: store.flush_mib,
        cache_mib: store.cache_mib,
    }
}

/// `None` where no engines share one.
pub(crate) fn redis(config: &EngineConfig) -> Option<RedisConfig> {
    let redis = &config.redis;
    let text = |secret: &Secret| secret.expose().to_owned();
    (!redis.url.is_empty()).then(|| RedisConfig {
        url: redis.url.clone(),
        prefix: redis.prefix.clone(),
        username: redis.username.as_ref().map(text),
        password: redis.password.as_ref().map(text),
    })
}

pub(crate) fn search(config: &EngineConfig) -> SearchConfig {
    SearchConfig {
        dir: Some(config.search.dir.clone()),
        writer_memory_bytes: config.search.writer_memory_mib as usize * MIB,
        disk_bytes: match config.search.disk_mib {
            0 => None,
            mib => Some(u64::from(mib) * MIB as u64),
        },
        poll_interval: Duration::from_millis(config.search.poll_interval_ms),
        ..SearchConfig::default()
    }
}

pub(crate) fn embedding(config: &EngineConfig) -> EmbeddingConfig {
    let embedding = &config.search.embedding;
    EmbeddingConfig {
        model: embedding.model.clone(),
        batch: embedding.batch as usize,
        texts_per_second: embedding.texts_per_second,
        query_timeout: Duration::from_millis(embedding.query_timeout_ms),
        ratio: embedding.ratio as f32,
        fusion: embedding.fusion,
        ..EmbeddingConfig::default()
    }
}

pub(crate) fn rerank(config: &EngineConfig) -> RerankConfig {
    let rerank = &config.search.rerank;
    RerankConfig {
        model: rerank.model.clone(),
        depth: rerank.depth as usize,
        timeout: Duration::from_millis(rerank.timeout_ms),
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
        mode: match egress.mode {
            inkstone_config::engine::EgressMode::Enforce => EgressMode::Enforce,
            inkstone_config::engine::EgressMode::Audit => EgressMode::Audit,
        },
        credentials: credentials.collect(),
        connect_timeout: Duration::from_millis(egress.connect_timeout_ms),
        head_timeout: Duration::from_millis(egress.head_timeout_ms),
        idle_timeout: Duration::from_millis(egress.idle_timeout_ms),
        total_timeout: Duration::from_millis(egress.total_timeout_ms),
        max_redirects: egress.max_redirects,
        max_request_header_bytes: egress.max_request_header_kib as usize * KIB,
        max_request_bytes: u64::from(egress.max_request_mib) * MIB as u64,
        max_response_headers: egress.max_response_headers as usize,
        max_response_header_bytes: egress.max_response_header_kib as usize * KIB,
        max_response_bytes: u64::from(egress.max_response_mib) * MIB as u64,
        max_decompression_ratio: u64::from(egress.max_decompression_ratio),
        ..EgressConfig::default()
    }
}

/// Knows every secret of the configuration, for logs, errors, panics and recordings.
pub(crate) fn scrubber(config: &EngineConfig) -> inkstone_domain::Result<Scrubber> {
    let credentials = config.credentials.iter();
    let credentials = credentials.map(|(name, credential)| (name.as_str(), &credential.secret));
    let registries = config.plugins.registries.iter();
    let registries = registries
        .filter_map(|(name, registry)| Some((name.as_str(), registry.password.as_ref()?)));
    let own = [
        ("store.password", &config.store.password),
        ("redis.password", &config.redis.password),
        ("auth.admin_password", &config.auth.admin_password),
        ("mail.smtp.password", &config.mail.smtp.password),
        (
            "media.s3.secret_access_key",
            &config.media.s3.secret_access_key,
        ),
    ];
    let own = own
        .into_iter()
        .filter_map(|(name, secret)| Some((name, secret.as_ref()?)));
    let issuers = config.accounts.oidc.iter();
    let issuers =
        issuers.filter_map(|(name, issuer)| Some((name.as_str(), issuer.client_secret.as_ref()?)));
    let secrets = credentials.chain(registries).chain(issuers).chain(own);
    Scrubber::new(secrets.map(|(name, secret)| (name, secret.expose())))
}

/// Where packages lie on this machine.
pub(crate) fn package_folders(config: &EngineConfig) -> PackageFolders {
    PackageFolders {
        plugins: config.plugins.dir.clone(),
        fetched: config.cache_dir.join("packages"),
    }
}

/// Of one package, however it comes.
pub(crate) fn max_package_bytes(config: &EngineConfig) -> usize {
    config.plugins.max_package_mib as usize * MIB
}

pub(crate) fn packages(config: &EngineConfig) -> PackagesConfig {
    let registries = config.plugins.registries.values();
    let registries = registries.map(|registry| {
        let secret = |secret: &Secret| inkstone_egress::Secret::new(secret.expose());
        let username = registry.username.as_ref().map(secret);
        RegistryAccess {
            host: registry.host.clone(),
            sign_in: username.zip(registry.password.as_ref().map(secret)),
            plain_http: registry.plain_http,
        }
    });
    PackagesConfig {
        max_bytes: max_package_bytes(config) as u64,
        registries: registries.collect(),
        ..PackagesConfig::default()
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
        default_limits: config.plugins.limits,
        ceiling: config.plugins.ceiling,
        power_ceiling: config.plugins.power_ceiling.clone(),
        trust: {
            let trust = config.plugins.trust.clone();
            TrustSource::new(move || plugin_trust::policy(&trust))
        },
        ..HostConfig::default()
    }
}

pub(crate) fn auth(config: &EngineConfig) -> AuthConfig {
    AuthConfig {
        access_ttl: Duration::from_secs(u64::from(config.auth.access_token_minutes) * 60),
        refresh_ttl: Duration::from_secs(u64::from(config.auth.refresh_token_days) * 86_400),
        passwords: PasswordPolicy {
            min_length: config.auth.password_min_length,
        },
        hashing: HashingCost {
            memory_kib: config.auth.argon2_memory_kib,
            iterations: config.auth.argon2_iterations,
            parallelism: config.auth.argon2_parallelism,
        },
        throttle: ThrottleConfig {
            account_tries: config.auth.tries_per_account,
            address_tries: config.auth.tries_per_address,
            first_wait: Duration::from_secs(u64::from(config.auth.first_wait_s)),
            longest_wait: Duration::from_secs(u64::from(config.auth.longest_wait_s)),
            ..ThrottleConfig::default()
        },
        password_sign_in: match config.auth.password_sign_in {
            true => PasswordSignIn::On,
            false => PasswordSignIn::Off,
        },
        ..AuthConfig::default()
    }
}

pub(crate) fn signup(config: &EngineConfig) -> SignupConfig {
    let accounts = &config.accounts;
    SignupConfig {
        mode: match accounts.signup {
            inkstone_config::engine::SignupConfig::Off => SignupMode::Off,
            inkstone_config::engine::SignupConfig::Invitation => SignupMode::Invitation,
            inkstone_config::engine::SignupConfig::Open => SignupMode::Open,
        },
        role: signup_role(config),
        invitation_ttl: Duration::from_secs(u64::from(accounts.invitation_days) * 86_400),
        verification_ttl: Duration::from_secs(u64::from(accounts.verification_hours) * 3_600),
        reset_ttl: Duration::from_secs(u64::from(accounts.reset_minutes) * 60),
        links: Links {
            invitation: accounts.invitation_link.clone(),
            verification: accounts.verification_link.clone(),
            reset: accounts.reset_link.clone(),
        },
    }
}

fn signup_role(config: &EngineConfig) -> Role {
    match config.accounts.signup_creates {
        true => Role::Creator,
        false => Role::Viewer,
    }
}

/// `public_url` is where browsers reach us.
pub(crate) fn oidc(config: &EngineConfig, public_url: &str) -> OidcConfig {
    let issuers = config
        .accounts
        .oidc
        .iter()
        .map(|(id, issuer)| IssuerConfig {
            id: id.clone(),
            name: issuer.title.clone(),
            issuer: issuer.issuer.clone(),
            client_id: issuer.client_id.clone(),
            client_secret: issuer
                .client_secret
                .as_ref()
                .map(|secret| secret.expose().to_owned()),
            scopes: issuer.scopes.clone(),
            email_domains: issuer.email_domains.clone(),
            strangers: match issuer.signup {
                true => Strangers::SignUp(signup_role(config)),
                false => Strangers::Refuse,
            },
            link: match issuer.link_by_email {
                true => LinkRule::VerifiedEmail,
                false => LinkRule::Explicit,
            },
            second_factor: match issuer.asks_second_factor {
                true => SecondFactorRule::Ask,
                false => SecondFactorRule::Trust,
            },
        });
    OidcConfig {
        issuers: issuers.collect(),
        public_url: public_url.to_owned(),
        return_origins: origins(&config.accounts.return_origins),
    }
}

pub(crate) fn cors(config: &EngineConfig) -> CorsConfig {
    let cors = &config.server.cors;
    CorsConfig {
        origins: origins(&cors.origins),
        allows_credentials: cors.credentials,
    }
}

fn origins(origins: &[WebOrigin]) -> Vec<String> {
    let texts = origins.iter().map(|origin| origin.as_str().to_owned());
    texts.collect()
}

/// How long browsers are told to come over TLS only; `None` tells them nothing.
pub(crate) fn hsts(config: &EngineConfig) -> Option<Duration> {
    let days = u64::from(config.server.tls.hsts_days);
    (days > 0).then(|| Duration::from_secs(days * 86_400))
}

/// `invalid_config` where certificate and key are no pair.
pub(crate) fn tls(config: &EngineConfig) -> inkstone_domain::Result<Option<Arc<Tls>>> {
    let tls = &config.server.tls;
    let Some((certificate, key)) = tls.pair() else {
        return Ok(None);
    };
    let settings = TlsSettings {
        certificate: certificate.clone(),
        key: key.clone(),
        allows_tls12: tls.allows_tls12,
    };
    Ok(Some(Arc::new(Tls::new(settings)?)))
}

pub(crate) fn serve(config: &EngineConfig, tls: Option<Arc<Tls>>) -> ServeConfig {
    let server = &config.server;
    ServeConfig {
        tls,
        max_connections: server.max_connections as usize,
        head_timeout: Duration::from_millis(server.head_timeout_ms),
        body_timeout: Duration::from_millis(server.body_timeout_ms),
        ..ServeConfig::default()
    }
}

pub(crate) fn plugins(config: &EngineConfig) -> PluginsConfig {
    let quarantine = &config.plugins.quarantine;
    let seconds = |count: u32| Duration::from_secs(u64::from(count));
    PluginsConfig {
        look_every: Duration::from_millis(config.plugins.look_every_ms),
        grace: Duration::from_millis(config.plugins.grace_ms),
        quarantine: QuarantineConfig {
            faults: u64::from(quarantine.faults),
            fault_share: quarantine.fault_share,
            window: seconds(quarantine.window_s),
            rest: seconds(quarantine.rest_s),
            max_rest: seconds(quarantine.max_rest_s),
        },
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

pub(crate) fn content(config: &EngineConfig) -> ContentConfig {
    let days = u64::from(config.content.trash_days);
    ContentConfig {
        trash: (days > 0).then(|| Duration::from_secs(days * 24 * 60 * 60)),
    }
}

pub(crate) fn transfer(config: &EngineConfig) -> TransferConfig {
    let mib = |mib: u32| u64::from(mib) << 20;
    TransferConfig {
        folder: config.data_dir.join("transfers"),
        limits: TransferLimits {
            file_bytes: mib(config.transfer.max_file_mib),
            unpacked_bytes: mib(config.transfer.max_unpacked_mib),
            entries: config.transfer.max_entries as usize,
        },
        role: config.server.role,
    }
}

/// Where the bytes of files lie.
pub(crate) fn blobs(config: &EngineConfig) -> Result<Arc<dyn BlobStore>, Failure> {
    let media = &config.media;
    match media.storage {
        MediaStorage::Local => {
            let folder = media.folder.clone();
            let folder = folder.unwrap_or_else(|| config.data_dir.join("media"));
            Ok(Arc::new(LocalBlobs::open(folder)?))
        }
        MediaStorage::S3 => {
            let secret = |secret: &Option<Secret>| {
                let secret = secret.as_ref().map(|secret| secret.expose().to_owned());
                secret.unwrap_or_default()
            };
            Ok(Arc::new(S3Blobs::open(S3Config {
                endpoint: media.s3.endpoint.clone(),
                region: media.s3.region.clone(),
                bucket: media.s3.bucket.clone(),
                prefix: media.s3.prefix.clone(),
                access_key_id: secret(&media.s3.access_key_id),
                secret_access_key: secret(&media.s3.secret_access_key),
            })?))
        }
    }
}

/// Fails where a content type is none that is known.
pub(crate) fn media(config: &EngineConfig) -> Result<MediaConfig, Failure> {
    let media = &config.media;
    let defaults = MediaConfig::default();
    let types = media.types.clone().unwrap_or(defaults.types);
    if let Some(unknown) = types.iter().find(|one| !is_known_type(one)) {
        return Err(Failure::Failed(format!(
            "`types` in [media] names `{unknown}`, which is no content type that is taken here"
        )));
    }
    let variants = match media.variants.is_empty() {
        true => defaults.variants,
        false => media.variants.values().cloned().collect(),
    };
    let days = i64::from(media.trash_days);
    Ok(MediaConfig {
        max_bytes: u64::from(media.max_mib) * MIB as u64,
        project_quota_bytes: u64::from(media.project_quota_mib) * MIB as u64,
        max_pixels: max_pixels(config),
        types,
        upload_time: TimeDelta::hours(i64::from(media.upload_hours)),
        trash: (days > 0).then(|| TimeDelta::days(days)),
        longest_link: TimeDelta::hours(i64::from(media.link_hours)),
        variants,
    })
}

/// Of one picture.
pub(crate) fn max_pixels(config: &EngineConfig) -> u64 {
    u64::from(config.media.max_megapixels) * 1_000_000
}

pub(crate) fn webhooks(config: &EngineConfig) -> WebhooksConfig {
    let webhooks = &config.webhooks;
    WebhooksConfig {
        allowed_origins: webhooks.allowed_origins.clone(),
        timeout: Duration::from_millis(webhooks.timeout_ms),
        senders: webhooks.senders as usize,
        disable_after: TimeDelta::hours(i64::from(webhooks.disable_after_hours)),
        kept: TimeDelta::days(i64::from(webhooks.kept_days)),
        ..WebhooksConfig::default()
    }
}

pub(crate) fn notifications(config: &EngineConfig) -> NotificationsConfig {
    NotificationsConfig {
        kept: TimeDelta::days(i64::from(config.notifications.kept_days)),
        ..NotificationsConfig::default()
    }
}

/// Nothing is kept where it is 0 days: then it is for ever.
pub(crate) fn events(config: &EngineConfig) -> EventsConfig {
    let kept = i64::from(config.events.kept_days);
    EventsConfig {
        kept: (kept > 0).then(|| TimeDelta::days(kept)),
        poll_interval: Duration::from_millis(config.events.poll_interval_ms),
        lease: Duration::from_millis(config.events.lease_ms),
    }
}

pub(crate) fn jobs(config: &EngineConfig) -> JobsConfig {
    let jobs = &config.jobs;
    JobsConfig {
        lease: Duration::from_millis(jobs.lease_ms),
        max_attempts: jobs.max_attempts,
        retry_delay: Duration::from_millis(jobs.retry_delay_ms),
        limits: JobLimits {
            kinds: jobs.kind_limits.clone(),
            project: (jobs.project_limit > 0).then_some(jobs.project_limit),
            projects: jobs.project_limits.clone(),
        },
        kept: (jobs.kept_days > 0).then(|| TimeDelta::days(i64::from(jobs.kept_days))),
        ..JobsConfig::default()
    }
}

const KIB: usize = 1024;
const MIB: usize = 1024 * 1024;
