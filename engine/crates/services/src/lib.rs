//! The verbs of the product: sign in, load plugins, chat, generate, write, search. Everything here
//! speaks in domain words and reaches the world through ports, so it knows no web framework, no
//! database and no wasm. Wire shapes live in `api`, concrete adapters meet in the engine binary.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod accounts;
pub mod ai;
pub mod analytics;
pub mod answers;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod calendar;
pub mod chat;
mod citing;
mod config;
pub mod content;
pub mod conversations;
pub mod embedding;
pub mod engines;
pub mod events;
pub mod gateway;
pub mod health;
pub mod jobs;
pub mod keys;
pub mod media;
pub mod models;
pub mod notes;
pub mod notifications;
pub mod oidc;
pub mod once;
mod owed;
mod owners;
pub mod plugins;
pub mod policy;
mod ports;
pub mod projects;
pub mod prompts;
pub mod research;
mod rounds;
mod running;
pub mod schedules;
pub mod search;
mod signatures;
pub mod signup;
pub mod subscribers;
mod sweep;
pub mod toolbox;
pub mod transfer;
pub mod usage;
pub mod webhooks;

use std::sync::Arc;

use inkstone_domain::Result;
use inkstone_domain::ports::{EngineBus, KeyStore, UsageJournal, UsageLedger};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use crate::access::Access;
pub use crate::accounts::Accounts;
pub use crate::analytics::Reports;
pub use crate::answers::Answers;
pub use crate::api_keys::ApiKeys;
pub use crate::audit::Audit;
use crate::auth::AuthPorts;
pub use crate::auth::{Auth, AuthConfig, SealingKey, SigningKey};
pub use crate::calendar::Calendar;
use crate::chat::ChatParts;
pub use crate::chat::{Chat, RequestContext};
pub use crate::config::ServicesConfig;
pub use crate::content::{
    Articles, Comments, ContentConfig, ContentTypes, Publications, RelatedArticles, Tags,
};
use crate::conversations::ConversationParts;
pub use crate::conversations::Conversations;
use crate::embedding::{Asking, EmbeddingParts};
pub use crate::embedding::{EmbeddingConfig, Embeddings};
pub use crate::engines::EnginePorts;
pub use crate::events::{EventPorts, Events, EventsConfig};
use crate::gateway::UsageRecorder;
pub use crate::gateway::{GatewayConfig, Limits};
pub use crate::health::{Health, HealthCheck};
pub use crate::jobs::{Jobs, JobsConfig};
use crate::jobs::{Queue, WorkKind, WorkKinds, Worker, WorkerPowers};
pub use crate::keys::{KeyWish, Keys};
use crate::media::MediaVariants;
pub use crate::media::{MediaConfig, MediaLibrary, MediaPorts};
pub use crate::models::{Models, ModelsConfig};
pub use crate::notes::Notes;
use crate::notifications::NotificationParts;
pub use crate::notifications::{Notifications, NotificationsConfig};
use crate::oidc::OidcPorts;
pub use crate::oidc::{Oidc, OidcConfig};
pub use crate::once::Once;
pub use crate::plugins::{PluginPorts, Plugins, PluginsConfig};
pub use crate::ports::Ports;
pub use crate::projects::{NewProject, ProjectPatch, Projects};
pub use crate::prompts::Prompts;
pub use crate::research::ResearchTools;
pub use crate::schedules::Schedules;
pub use crate::search::{RerankConfig, Search};
use crate::search::{Reranking, SearchParts};
use crate::signup::SignupPorts;
pub use crate::signup::{Signup, SignupConfig};
use crate::subscribers::Subscribers;
use crate::transfer::{ExportPowers, ImportPowers, TransferParts};
pub use crate::transfer::{TransferConfig, Transfers};
pub use crate::usage::{Standing, Usage};
use crate::webhooks::WebhookParts;
pub use crate::webhooks::{Webhooks, WebhooksConfig};

/// Every service, wired to each other once.
pub struct Services {
    pub auth: Arc<Auth>,
    pub accounts: Arc<Accounts>,
    pub api_keys: Arc<ApiKeys>,
    pub signup: Arc<Signup>,
    pub oidc: Arc<Oidc>,
    pub plugins: Arc<Plugins>,
    pub models: Arc<Models>,
    pub chat: Arc<Chat>,
    pub keys: Arc<Keys>,
    pub usage: Arc<Usage>,
    pub access: Arc<Access>,
    pub projects: Arc<Projects>,
    pub prompts: Arc<Prompts>,
    pub notes: Arc<Notes>,
    pub conversations: Arc<Conversations>,
    pub audit: Audit,
    limits: Arc<Limits>,
    ledger: Arc<dyn UsageLedger>,
    journal: Arc<dyn UsageJournal>,
    key_store: Arc<dyn KeyStore>,
    pub articles: Arc<Articles>,
    pub content_types: Arc<ContentTypes>,
    /// Changes that are made once however often they are asked for.
    pub once: Arc<Once>,
    pub tags: Arc<Tags>,
    pub comments: Arc<Comments>,
    pub media: Arc<MediaLibrary>,
    pub events: Arc<Events>,
    pub webhooks: Arc<Webhooks>,
    pub notifications: Arc<Notifications>,
    pub publications: Arc<Publications>,
    pub schedules: Arc<Schedules>,
    pub calendar: Arc<Calendar>,
    pub jobs: Arc<Jobs>,
    pub research: Arc<ResearchTools>,
    pub analytics: Arc<Reports>,
    pub search: Arc<Search>,
    /// Questions answered from what is found.
    pub answers: Arc<Answers>,
    pub embeddings: Arc<Embeddings>,
    pub related: Arc<RelatedArticles>,
    pub transfers: Arc<Transfers>,
    pub health: Arc<Health>,
    worker: Arc<Worker>,
    subscribers: Arc<Subscribers>,
    recorder: UsageRecorder,
    /// Job workers, and what looks at plugins.
    workers: TaskTracker,
    /// Calls of models under way.
    calls: TaskTracker,
    bus: Arc<dyn EngineBus>,
    has_others: bool,
    stop: CancellationToken,
}

impl Services {
    /// Wires all services. Must be called within a tokio runtime: it starts the usage recorder.
    /// What goes on beside calls starts with [`Services::start`]. Fails where the gateway's configuration has a
    /// pattern that is none.
    pub fn new(ports: Ports, config: ServicesConfig) -> Result<Arc<Self>> {
        let Ports {
            users,
            people,
            identities,
            mailer,
            signing_keys,
            articles,
            documents,
            chunks,
            jobs,
            usage,
            journal,
            keys,
            replies,
            projects,
            prompts,
            notes,
            conversations,
            audit,
            content_types,
            comments,
            tags,
            transfers,
            media,
            events,
            webhooks,
            notifications,
            publications,
            schedules,
            search_settings,
            saved_searches,
            egress,
            index,
            plugins,
            engines,
            clock,
        } = ports;
        let EnginePorts {
            bus,
            limits: shared_limits,
            tries,
        } = engines;
        let calls = TaskTracker::new();
        let kept_replies = Arc::clone(&replies);
        let stop = CancellationToken::new();
        let recorder = UsageRecorder::start(
            Arc::clone(&usage),
            Arc::clone(&journal),
            Arc::clone(&clock),
            calls.clone(),
            config.usage_linger,
        );
        let health = Health::new(health::checks(&articles, &index, config.health_checks));
        let plugins = Arc::new(Plugins::new(plugins, Arc::clone(&clock), config.plugins));
        let gateway = config.gateway;
        let groups = gateway.models.iter();
        let models = Arc::new(Models::new(
            Arc::clone(&plugins),
            Arc::clone(&clock),
            ModelsConfig {
                groups: groups
                    .map(|(name, group)| (name.clone(), Arc::new(group.clone())))
                    .collect(),
                prices: gateway.prices.clone(),
                ..config.models
            },
        ));
        let limits = Arc::new(Limits::new(
            gateway.limits.clone(),
            Arc::clone(&clock),
            shared_limits,
        ));
        let parts = ChatParts {
            models: Arc::clone(&models),
            limits: Arc::clone(&limits),
            recorder: recorder.clone(),
            replies,
            egress: Arc::clone(&egress),
            clock: Arc::clone(&clock),
            writes: calls.clone(),
            engine: config.engine.clone(),
        };
        let chat = Arc::new(Chat::new(parts, &gateway)?);
        let once = Arc::new(Once::new(
            kept_replies,
            Arc::clone(&clock),
            config.engine.clone(),
            calls.clone(),
        ));
        let key_store = Arc::clone(&keys);
        let audit = Audit::new(audit);
        let access = Arc::new(Access::new(
            Arc::clone(&projects),
            audit.clone(),
            Arc::clone(&bus),
            Arc::clone(&clock),
        ));
        let embeddings = Arc::new(Embeddings::new(EmbeddingParts {
            models: Arc::clone(&models),
            chat: Arc::clone(&chat),
            articles: Arc::clone(&articles),
            chunks,
            events: events.clone(),
            clock: Arc::clone(&clock),
            config: config.embedding.clone(),
            stop: stop.clone(),
        }));
        let asking = Asking::new(Arc::clone(&chat), config.embedding);
        let events = Arc::new(Events::new(
            events,
            Arc::clone(&access),
            audit.clone(),
            Arc::clone(&bus),
            Arc::clone(&clock),
            config.events,
            stop.clone(),
        ));
        let webhooks = Arc::new(Webhooks::new(WebhookParts {
            store: webhooks,
            users: Arc::clone(&users),
            mailer: Arc::clone(&mailer),
            egress: Arc::clone(&egress),
            access: Arc::clone(&access),
            clock: Arc::clone(&clock),
            sealing: config.sealing_key.clone(),
            config: config.webhooks,
        })?);
        let notifications = Arc::new(Notifications::new(NotificationParts {
            store: notifications,
            articles: Arc::clone(&articles),
            comments: Arc::clone(&comments),
            jobs: Arc::clone(&jobs),
            projects: Arc::clone(&projects),
            users: Arc::clone(&users),
            mailer: Arc::clone(&mailer),
            access: Arc::clone(&access),
            clock: Arc::clone(&clock),
            config: config.notifications,
        }));
        let keys = Arc::new(Keys::new(
            keys,
            Arc::clone(&users),
            Arc::clone(&access),
            Arc::clone(&bus),
            Arc::clone(&clock),
        ));
        let sealing_key = config.sealing_key.clone();
        let auth = Auth::new(
            AuthPorts {
                users: Arc::clone(&users),
                people: Arc::clone(&people),
                signing_keys,
                audit: audit.clone(),
                bus: Arc::clone(&bus),
                tries,
                clock: Arc::clone(&clock),
            },
            config.auth,
            config.sealing_key,
        )?;
        let auth = Arc::new(auth);
        let api_keys = Arc::new(ApiKeys::new(
            Arc::clone(&people),
            Arc::clone(&users),
            Arc::clone(&bus),
            Arc::clone(&clock),
            Arc::clone(auth.owed()),
        ));
        let accounts = Accounts::new(
            Arc::clone(&auth),
            Arc::clone(&users),
            Arc::clone(&keys),
            Arc::clone(&api_keys),
            Arc::clone(&clock),
        );
        let oidc = Oidc::new(
            Arc::clone(&auth),
            OidcPorts {
                identities,
                users: Arc::clone(&users),
                people: Arc::clone(&people),
                egress,
                clock: Arc::clone(&clock),
            },
            config.oidc,
        )?;
        let signup = Signup::new(
            Arc::clone(&auth),
            SignupPorts {
                users: Arc::clone(&users),
                people,
                mailer,
                clock: Arc::clone(&clock),
            },
            config.signup,
            &calls,
            stop.clone(),
        );
        let export = ExportPowers {
            articles: Arc::clone(&articles),
            comments: Arc::clone(&comments),
            transfers: Arc::clone(&transfers),
            projects: Arc::clone(&projects),
            prompts: Arc::clone(&prompts),
            notes: Arc::clone(&notes),
            search_settings: Arc::clone(&search_settings),
            content_types: Arc::clone(&content_types),
            users: Arc::clone(&users),
            media: Arc::clone(&media.store),
            blobs: Arc::clone(&media.blobs),
        };
        let prompts = Arc::new(Prompts::new(
            prompts,
            Arc::clone(&access),
            Arc::clone(&chat),
            Arc::clone(&clock),
        ));
        let notes = Arc::new(Notes::new(notes, Arc::clone(&access), Arc::clone(&clock)));
        let projects = Arc::new(Projects::new(
            projects,
            Arc::clone(&users),
            Arc::clone(&access),
            Arc::clone(&keys),
            Arc::clone(&clock),
        ));
        let job_store = Arc::clone(&jobs);
        let queue = Queue::new(jobs, Arc::clone(&bus), Arc::clone(&clock));
        let imports_kept = config.jobs.kept;
        let jobs = Arc::new(Jobs::new(
            queue,
            Arc::clone(&plugins),
            Arc::clone(&models),
            Arc::clone(&access),
            Arc::clone(&clock),
            config.jobs,
            stop.clone(),
        ));
        let schedules = Arc::new(Schedules::new(schedules, &jobs, &users, &clock));
        let media = Arc::new(MediaLibrary::new(
            media,
            Arc::clone(&access),
            jobs.queue(),
            Arc::clone(&clock),
            &sealing_key,
            config.media,
        ));
        let articles = Arc::new(Articles::new(
            articles,
            Arc::clone(&content_types),
            Arc::clone(&access),
            Arc::clone(&media),
            Arc::clone(&clock),
            config.content,
        ));
        let publications = Arc::new(Publications::new(publications, Arc::clone(&articles)));
        let calendar = Calendar::new(&articles, &jobs, &schedules, &users, &access, &clock);
        let conversations = Arc::new(Conversations::new(ConversationParts {
            store: conversations,
            access: Arc::clone(&access),
            audit: audit.clone(),
            prompts: Arc::clone(&prompts),
            models: Arc::clone(&models),
            chat: Arc::clone(&chat),
            media: Arc::clone(&media),
            articles: Arc::clone(&articles),
            clock: Arc::clone(&clock),
            writes: calls.clone(),
        }));
        let content_types = Arc::new(ContentTypes::new(content_types, Arc::clone(&clock)));
        let comments = Arc::new(Comments::new(comments, &articles, &clock));
        let search = Arc::new(Search::new(SearchParts {
            index: Arc::clone(&index),
            documents,
            access: Arc::clone(&access),
            settings: search_settings,
            saved: saved_searches,
            bus: Arc::clone(&bus),
            clock: Arc::clone(&clock),
            asking,
            reranking: Reranking::new(Arc::clone(&chat), config.rerank),
        }));
        let importing = ImportPowers {
            store: transfers,
            article_store: Arc::clone(&export.articles),
            prompt_store: Arc::clone(&export.prompts),
            comment_store: Arc::clone(&export.comments),
            note_store: Arc::clone(&export.notes),
            users: Arc::clone(&users),
            articles: Arc::clone(&articles),
            content_types: Arc::clone(&content_types),
            projects: Arc::clone(&projects),
            prompts: Arc::clone(&prompts),
            comments: Arc::clone(&comments),
            notes: Arc::clone(&notes),
            search: Arc::clone(&search),
            media: Arc::clone(&media),
            clock: Arc::clone(&clock),
        };
        let parts = TransferParts {
            store: Arc::clone(&importing.store),
            jobs: job_store,
            queue: jobs.queue(),
            access: Arc::clone(&access),
            export,
            clock: Arc::clone(&clock),
            engine: config.engine,
            kept: imports_kept,
            config: config.transfer,
        };
        let transfers = Arc::new(Transfers::new(parts, &sealing_key));
        let imports: Arc<dyn WorkKind> = Arc::new(transfers.work(importing));
        let exports: Arc<dyn WorkKind> = Arc::new(transfers.export_work());
        let answers = Answers::new(
            Arc::clone(&search),
            Arc::clone(&chat),
            Arc::clone(&models),
            Arc::clone(&access),
        );
        let related = RelatedArticles::new(&index, &articles, &access);
        let worker = jobs.worker(WorkerPowers {
            users: Arc::clone(&users),
            chat: Arc::clone(&chat),
            search: Arc::clone(&search),
            // One line for each kind of work of the engine itself.
            kinds: WorkKinds::new([
                imports,
                exports,
                Arc::new(MediaVariants(Arc::clone(&media))),
            ]),
        });
        Ok(Arc::new(Self {
            once,
            usage: Arc::new(Usage::new(
                Arc::clone(&usage),
                Arc::clone(&key_store),
                Arc::clone(&keys),
                Arc::clone(&limits),
                Arc::clone(&bus),
                Arc::clone(&clock),
            )),
            auth,
            accounts: Arc::new(accounts),
            api_keys,
            signup: Arc::new(signup),
            oidc: Arc::new(oidc),
            comments,
            tags: Arc::new(Tags::new(tags, &articles, &access, &clock)),
            content_types,
            articles,
            transfers,
            research: Arc::new(ResearchTools::new(&plugins, &chat, &notes)),
            analytics: Arc::new(Reports::new(
                Arc::clone(&plugins),
                Arc::clone(&chat),
                Arc::clone(&search),
            )),
            related: Arc::new(related),
            search: Arc::clone(&search),
            answers: Arc::new(answers),
            embeddings,
            health: Arc::new(health),
            worker: Arc::new(worker),
            subscribers: Arc::new(Subscribers::new(&plugins, &events, &chat, &search, &users)),
            workers: TaskTracker::new(),
            bus,
            has_others: config.has_others,
            stop,
            plugins,
            access,
            projects,
            prompts,
            notes,
            conversations,
            audit,
            models,
            chat,
            jobs,
            recorder,
            calls,
            keys,
            media,
            events,
            webhooks,
            notifications,
            publications,
            schedules,
            calendar: Arc::new(calendar),
            limits,
            ledger: usage,
            journal,
            key_store,
        }))
    }
}
