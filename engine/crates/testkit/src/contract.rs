//! One suite per port: what every adapter of it must do. Each suite has a `run` that takes the
//! port alone, may be run on a store that holds other data (the queue excepted: it must hold no
//! open job), and panics where a promise is broken.

pub mod articles;
pub mod audit;
pub mod blobs;
pub mod content_types;
pub mod conversations;
pub mod events;
pub mod jobs;
pub mod journal;
pub mod keys;
pub mod kv;
pub mod media;
pub mod packages;
pub mod people;
pub mod plugin_list;
pub mod projects;
pub mod prompts;
pub mod recordings;
pub mod replies;
pub mod rollouts;
pub mod search;
pub mod usage;
pub mod users;

use inkstone_domain::ports::{
    ArticleStore, AuditLog, ContentTypeStore, ConversationStore, EventLog, JobStore, KeyStore,
    MediaStore, PeopleStore, PluginKv, ProjectStore, PromptStore, ReplyStore, RolloutStore,
    UsageLedger, UserStore,
};
use inkstone_domain::{Result, codes::Code};

/// Every suite of the stores, on one store that fills all those ports.
pub async fn run_stores<S>(store: &S)
where
    S: UserStore + ArticleStore + JobStore + EventLog + PluginKv + RolloutStore,
    S: UsageLedger
        + KeyStore
        + ReplyStore
        + PeopleStore
        + AuditLog
        + ProjectStore
        + PromptStore
        + ConversationStore
        + ContentTypeStore
        + MediaStore,
{
    users::run(store, store).await;
    people::run(store, store, store).await;
    articles::run(store, store, store).await;
    content_types::run(store).await;
    jobs::run(store, store, store).await;
    events::run(store, store).await;
    kv::run(store).await;
    rollouts::run(store).await;
    usage::run(store).await;
    keys::run(store, store).await;
    audit::run(store).await;
    projects::run(store, store).await;
    prompts::run(store, store).await;
    conversations::run(store, store).await;
    media::run(store, store).await;
    replies::run(store).await;
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
