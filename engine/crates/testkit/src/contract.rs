//! One suite per port: what every adapter of it must do. Each suite has a `run` that takes the
//! port alone, may be run on a store that holds other data (the queue excepted: it must hold no
//! open job), and panics where a promise is broken.

pub mod articles;
pub mod audit;
pub mod blobs;
pub mod bus;
pub mod chunks;
pub mod comments;
pub mod content_types;
pub mod conversations;
pub mod documents;
pub mod events;
pub mod handlers;
pub mod hybrid;
pub mod identities;
pub mod jobs;
pub mod journal;
pub mod keys;
pub mod kv;
pub mod limits;
pub mod media;
pub mod notes;
pub mod notifications;
pub mod packages;
pub mod people;
pub mod plugin_list;
pub mod projects;
pub mod prompts;
pub mod publications;
pub mod recordings;
mod related;
pub mod replies;
pub mod rollouts;
pub mod saved_searches;
pub mod schedules;
pub mod search;
pub mod search_settings;
pub mod transfers;
pub mod tries;
pub mod usage;
pub mod users;
pub mod webhooks;

use inkstone_domain::ports::{
    ArticleStore, AuditLog, ChunkStore, CommentStore, ContentTypeStore, ConversationStore,
    DocumentStore, EventLog, HandlerStore, IdentityStore, JobStore, KeyStore, MediaStore,
    NoteStore, NotificationStore, PeopleStore, PluginKv, ProjectStore, PromptStore,
    PublicationStore, ReplyStore, RolloutStore, SavedSearchStore, ScheduleStore,
    SearchSettingsStore, TagStore, TransferStore, UsageLedger, UserStore, WebhookStore,
};
use inkstone_domain::{Result, codes::Code};

/// Every suite of the stores, on one store that fills all those ports.
pub async fn run_stores<S>(store: &S)
where
    S: UserStore + ArticleStore + TagStore + JobStore + EventLog + PluginKv + RolloutStore,
    S: UsageLedger
        + KeyStore
        + ReplyStore
        + PeopleStore
        + IdentityStore
        + AuditLog
        + ProjectStore
        + PromptStore
        + NoteStore
        + ConversationStore
        + CommentStore
        + ContentTypeStore
        + HandlerStore
        + WebhookStore
        + NotificationStore
        + PublicationStore
        + ChunkStore
        + SavedSearchStore
        + ScheduleStore
        + SearchSettingsStore
        + DocumentStore
        + MediaStore
        + TransferStore,
{
    users::run(store, store).await;
    people::run(store, store, store).await;
    identities::run(store, store, store).await;
    articles::run(store, store, store).await;
    comments::run(store, store, store).await;
    content_types::run(store).await;
    transfers::run(store, store, store, store, store, store).await;
    jobs::run(store, store, store).await;
    events::run(store, store).await;
    events::tells::run(store).await;
    handlers::run(store).await;
    webhooks::run(store, store, store).await;
    notifications::run(store).await;
    publications::run(store).await;
    chunks::run(store).await;
    search_settings::run(store, store).await;
    documents::run(store).await;
    saved_searches::run(store).await;
    kv::run(store).await;
    rollouts::run(store).await;
    usage::run(store).await;
    keys::run(store, store).await;
    audit::run(store).await;
    projects::run(store, store, store).await;
    prompts::run(store, store).await;
    notes::run(store, store).await;
    conversations::run(store, store).await;
    media::run(store, store).await;
    replies::run(store).await;
    schedules::run(store, store, store, store).await;
}

/// How many callers meet in the checks of concurrency.
const CROWD: usize = 8;

#[track_caller]
fn assert_code<T: std::fmt::Debug>(result: Result<T>, code: &Code) {
    match result {
        Ok(value) => panic!("expected `{}`, got {value:?}", code.name),
        Err(error) => assert_eq!(error.code().name, code.name, "{error:?}"),
    }
}
