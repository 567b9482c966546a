//! Ports: the roles that adapters fill. Named by what they do; adapters are named by how
//! (`SurrealJobStore`, `WasmProvider`). Each port has a contract suite in `testkit`.

mod audit;
mod chunks;
mod comments;
mod content_types;
mod conversations;
mod engines;
mod events;
mod guests;
mod identities;
mod jobs;
mod local;
mod media;
mod notes;
mod notifications;
mod outside;
mod people;
mod projects;
mod prompts;
mod publications;
mod schedules;
mod search;
mod stores;
mod tags;
mod transfers;
mod users;
mod webhooks;

pub use audit::AuditLog;
pub use chunks::ChunkStore;
pub use comments::CommentStore;
pub use content_types::ContentTypeStore;
pub use conversations::ConversationStore;
pub use engines::{
    Admittance, Bound, EngineBus, Heard, LimitCounter, News, NewsFeed, NoOthers, Refusal,
    Reservation, Reserved, Shortage, Trier, TryCounter, TryKey, Waits,
};
pub use events::{
    ClaimedHandler, EventLog, HandlerFault, HandlerState, HandlerStore, PASSED_OVER_KEPT,
};
pub use guests::{
    Ai, AiStream, Analytics, DocumentSearch, Generator, GuestCall, NewEntry, PackageFetcher,
    PackageStore, PluginList, PluginLoader, Probe, Provider, Research, Subscriber, Toolbox,
};
pub use identities::IdentityStore;
pub use jobs::{DraftCommit, JobStore, NewBatch, NewJob};
pub use local::LocalModels;
pub use media::{Blob, BlobEntry, BlobStore, ByteStream, ImageEngine, MadePicture, MediaStore};
pub use notes::NoteStore;
pub use notifications::NotificationStore;
pub use outside::{
    Clock, Egress, OutboundTally, RecordingSink, RecordingStore, SystemClock, UsageJournal,
};
pub use people::{Mailer, PeopleStore, SigningKeyStore};
pub use projects::ProjectStore;
pub use prompts::PromptStore;
pub use publications::PublicationStore;
pub use schedules::ScheduleStore;
pub use search::{DocumentStore, SavedSearchStore, SearchIndex, SearchSettingsStore};
pub use stores::{
    ArticleStore, ArticleWrite, ChangeSignal, KeyStore, PluginKv, ReplyStore, RolloutStore,
    UsageLedger,
};
pub use tags::TagStore;
pub use transfers::{
    Arrival, CommentArrival, ImportChange, ImportStep, MediaArrival, TransferStore,
};
pub use users::{Ending, NewPassword, Rotation, ShownToken, Successor, TellReuse, UserStore};
pub use webhooks::{KEPT_TRIES, WebhookStore};
