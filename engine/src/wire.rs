//! The boot order, top to bottom: the only place where concrete types meet. Shutdown walks it backwards.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use inkstone_api::{ApiConfig, ApiState};
use inkstone_config::EngineConfig;
use inkstone_config::plugins::TomlPluginList;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{Clock, SystemClock, UserStore};
use inkstone_egress::HttpEgress;
use inkstone_egress::packages::HttpPackages;
use inkstone_host::{Host, HostConfig, HostPorts};
use inkstone_imaging::PictureMaker;
use inkstone_inference::CandleModels;
use inkstone_search::TantivyIndex;
use inkstone_services::auth::AdminSetup;
use inkstone_services::{
    EventPorts, HealthCheck, MediaPorts, PluginPorts, Ports, Services, ServicesConfig,
};
use inkstone_store::SurrealStore;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::certificate_watch::CertificateWatch;
use crate::cli::Failure;
use crate::others::Others;
use crate::plugin_watch::PluginWatch;
use crate::recordings::FileRecordings;
use crate::state::{self, EngineState};
use crate::usage_journal::FileUsageJournal;
use crate::{mail, settings};

/// Lines of the ledger are a second old at most when they can be read.
const USAGE_LINGER: Duration = Duration::from_millis(500);

/// Decoded at once: each may take hundreds of megabytes.
const PICTURES_AT_ONCE: usize = 1;

/// What stands before the engine does.
pub(crate) struct Boot {
    pub config: EngineConfig,
    pub metrics: PrometheusHandle,
}

/// An engine that serves.
pub(crate) struct Running {
    base_url: String,
    admin: AdminSetup,
    admin_id: UserId,
    config: EngineConfig,
    services: Arc<Services>,
    host: Arc<Host>,
    store: SurrealStore,
    /// Ends the listener, the follower and the watcher.
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    background: TaskTracker,
    state_file: state::StateFile,
}

/// Boots everything. `stop` ends it from outside; [`Running::stop`] waits for the end.
pub(crate) async fn start(boot: Boot, stop: CancellationToken) -> Result<Running, Failure> {
    let Boot { config, metrics } = boot;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let background = TaskTracker::new();
    create_folder(&config.data_dir)?;
    let sealing_key = state::sealing_key(&config.data_dir)?;
    let signing_keys = Arc::new(state::FileSigningKeys::new(&config.data_dir));
    let mailer = mail::mailer(&config)?;

    // The address is taken first, so that a taken one changes nothing; nobody is answered before the end.
    let listener = TcpListener::bind(&config.server.listen)
        .await
        .map_err(|error| {
            Failure::Failed(format!(
                "cannot listen at {}: {error}; is another engine running? `[server] listen` changes the address",
                config.server.listen
            ))
        })?;

    let address = listener.local_addr()?;
    let tls = settings::tls(&config)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let listening_url = format!("{scheme}://{address}");
    let public_url = config.server.public_url.clone();
    let public_url = public_url.unwrap_or_else(|| listening_url.clone());
    // A certificate is for names, seldom for addresses of a machine.
    let base_url = match &tls {
        Some(_) => public_url.clone(),
        None => listening_url,
    };

    // Ground truth, then what is derived from it.
    let store = SurrealStore::connect(settings::store(&config)).await?;
    let ports_of_store = Arc::new(store.clone());
    let index = match config.search.embedding.model.is_empty() {
        true => TantivyIndex::open(settings::search(&config), ports_of_store.clone())?,
        false => TantivyIndex::open_with_vectors(
            settings::search(&config),
            ports_of_store.clone(),
            ports_of_store.clone(),
        )?,
    };
    let follower = Arc::clone(&index);
    let stopped = stop.clone();
    background.spawn(async move { follower.follow(stopped.cancelled_owned()).await });
    let follower = Arc::clone(&index);
    let stopped = stop.clone();
    background.spawn(async move { follower.follow_vectors(stopped.cancelled_owned()).await });

    // What plugins reach the world through, then the plugins' host.
    let egress = Arc::new(HttpEgress::new(settings::egress(&config))?);
    let models = CandleModels::new(settings::inference(&config))?;
    let recordings = Arc::new(FileRecordings::new(
        config.data_dir.join("recordings"),
        settings::scrubber(&config)?,
    ));
    let host = Host::new(
        HostConfig {
            cache_key: Some(state::cache_key(&config.data_dir)?),
            ..settings::host(&config)
        },
        HostPorts {
            egress: egress.clone(),
            models: Arc::new(models),
            kv: ports_of_store.clone(),
            clock: Arc::clone(&clock),
            recordings: Some(recordings.clone()),
        },
    )?;

    // Where plugins come from.
    let plugins = PluginPorts {
        loader: host.clone(),
        list: Arc::new(TomlPluginList::new(config.plugins.clone())),
        packages: Arc::new(settings::package_folders(&config)),
        fetcher: Arc::new(HttpPackages::new(settings::packages(&config))?),
        rollouts: ports_of_store.clone(),
        audit: ports_of_store.clone(),
        recordings,
        outbound: egress.clone(),
    };

    // The other engines, where there may be some.
    let others = Others::meet(&config, &background, &stop)?;

    // The verbs, and what an engine before has left for them.
    let journal = Arc::new(FileUsageJournal::open(&config.data_dir)?);
    let checked = store.clone();
    let services = Services::new(
        Ports {
            users: ports_of_store.clone(),
            people: ports_of_store.clone(),
            identities: ports_of_store.clone(),
            mailer,
            signing_keys,
            articles: ports_of_store.clone(),
            documents: ports_of_store.clone(),
            chunks: ports_of_store.clone(),
            jobs: ports_of_store.clone(),
            usage: ports_of_store.clone(),
            journal: journal.clone(),
            keys: ports_of_store.clone(),
            replies: ports_of_store.clone(),
            projects: ports_of_store.clone(),
            prompts: ports_of_store.clone(),
            notes: ports_of_store.clone(),
            conversations: ports_of_store.clone(),
            audit: ports_of_store.clone(),
            content_types: ports_of_store.clone(),
            tags: ports_of_store.clone(),
            comments: ports_of_store.clone(),
            transfers: ports_of_store.clone(),
            media: MediaPorts {
                store: ports_of_store.clone(),
                blobs: settings::blobs(&config)?,
                images: Arc::new(PictureMaker::new(
                    settings::max_pixels(&config),
                    PICTURES_AT_ONCE,
                )),
            },
            events: EventPorts {
                log: ports_of_store.clone(),
                handlers: ports_of_store.clone(),
            },
            webhooks: ports_of_store.clone(),
            notifications: ports_of_store.clone(),
            publications: ports_of_store.clone(),
            search_settings: ports_of_store.clone(),
            schedules: ports_of_store.clone(),
            saved_searches: ports_of_store.clone(),
            egress: egress.clone(),
            index,
            plugins,
            engines: others.ports,
            clock,
        },
        ServicesConfig {
            auth: settings::auth(&config),
            sealing_key,
            signup: settings::signup(&config),
            oidc: settings::oidc(&config, &public_url),
            models: settings::models(&config),
            gateway: config.gateway.clone(),
            usage_linger: USAGE_LINGER,
            engine: state::engine_id(&config.data_dir)?,
            has_others: others.are_possible,
            jobs: settings::jobs(&config),
            content: settings::content(&config),
            transfer: settings::transfer(&config),
            media: settings::media(&config)?,
            events: settings::events(&config),
            embedding: settings::embedding(&config),
            rerank: settings::rerank(&config),
            webhooks: settings::webhooks(&config),
            notifications: settings::notifications(&config),
            plugins: settings::plugins(&config),
            health_checks: vec![HealthCheck::new("store", move || {
                let store = checked.clone();
                async move { store.health().await }
            })],
        },
    )?;
    services.load().await?;
    journal.forget_left_over();
    // Plugins: first boot takes the same path as every reload.
    let watch = match config.plugins.watch {
        true => Some(PluginWatch::start(config.plugins.clone())?),
        false => None,
    };
    services.plugins.reload().await?;
    if let Some(watch) = watch {
        background.spawn(watch.run(Arc::clone(&services), stop.clone()));
    }
    let role = config.server.role;
    services.start(role, config.jobs.workers as usize);

    // Last what cannot be repeated: a password that is made up here is shown once, by our caller.
    let password = config.auth.admin_password.as_ref();
    let password = password.map(|secret| secret.expose().to_owned());
    let admin = services
        .auth
        .ensure_admin(&config.auth.admin_email, password)
        .await?;
    let admin_id = operator(&store, &config).await?;

    // The door opens.
    if let Some(tls) = &tls {
        let watch = CertificateWatch::start(Arc::clone(tls))?;
        background.spawn(watch.run(stop.clone()));
    }
    let api = ApiState {
        services: Arc::clone(&services),
        config: ApiConfig {
            max_body_bytes: usize::try_from(config.server.max_body_bytes).unwrap_or(usize::MAX),
            max_package_bytes: settings::max_package_bytes(&config),
            public_url,
            trusted_proxies: config.server.trusted_proxies.clone(),
            cors: settings::cors(&config),
            hsts: settings::hsts(&config),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        metrics: Arc::new(move || metrics.render()),
    };
    let router = match role.serves() {
        true => inkstone_api::router(api),
        false => inkstone_api::worker_router(api),
    };
    let server = tokio::spawn(inkstone_api::serve(
        listener,
        router,
        settings::serve(&config, tls),
        stop.clone().cancelled_owned(),
    ));
    let state_file = state::StateFile::write(
        &config.data_dir,
        &EngineState {
            url: base_url.clone(),
            process: std::process::id(),
            admin: admin_id,
        },
    )?;
    Ok(Running {
        base_url,
        admin,
        admin_id,
        config,
        services,
        host,
        store,
        stop,
        server,
        background,
        state_file,
    })
}

impl Running {
    pub(crate) fn base_url(&self) -> String {
        self.base_url.clone()
    }

    pub(crate) fn admin(&self) -> &AdminSetup {
        &self.admin
    }

    /// A short token of the admin, for the engine's own command line.
    pub(crate) fn access_token(&self) -> Result<String, Failure> {
        let key = state::signing_key(&self.config.data_dir)?;
        let auth = settings::auth(&self.config);
        Ok(auth.operator_token(&key, self.admin_id, SystemClock.now())?)
    }

    pub(crate) fn serving_plugins(&self) -> usize {
        self.services.plugins.snapshot().len()
    }

    /// Backwards through the boot order: no new work, running calls within the grace period, then the store.
    pub(crate) async fn stop(self) {
        let grace = Duration::from_millis(self.config.server.grace_period_ms);
        self.stop.cancel();
        drop(self.state_file);
        let all_ended = self.services.shutdown(grace).await;
        if !all_ended {
            tracing::warn!(
                ?grace,
                "some calls did not end within the grace period and were cut off"
            );
        }
        let mut server = self.server;
        if tokio::time::timeout(grace, &mut server).await.is_err() {
            server.abort();
            tracing::warn!("some connections did not end within the grace period and were cut off");
        }
        if tokio::time::timeout(grace, self.host.drained())
            .await
            .is_err()
        {
            tracing::warn!(
                "some plugin calls did not end within the grace period and were cut off"
            );
        }
        self.background.close();
        if tokio::time::timeout(grace, self.background.wait())
            .await
            .is_err()
        {
            tracing::warn!("a background task did not end within the grace period");
        }
        if let Err(error) = self.store.close().await {
            tracing::error!(
                ?error,
                "the store did not close in order; what was acknowledged is safe"
            );
        }
        tracing::info!("stopped");
    }
}

/// Who the command line of this machine acts as.
async fn operator(store: &SurrealStore, config: &EngineConfig) -> Result<UserId, Failure> {
    let email = &config.auth.admin_email;
    let account = store.account_by_email(email).await?;
    account.map(|account| account.user.id).ok_or_else(|| {
        Failure::Failed(format!(
            "there are users, but none with the e-mail `{email}` of `[auth] admin_email`; name the admin of the first start there"
        ))
    })
}

fn create_folder(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|error| {
        Failure::Failed(format!(
            "the folder `{}` cannot be made: {error}; set `data_dir` to one you may write to",
            path.display()
        ))
    })
}
