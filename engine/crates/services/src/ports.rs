//! Everything that has to be given for the services to run.

use std::sync::Arc;

use inkstone_domain::ports::{
    ArticleStore, AuditLog, ChunkStore, Clock, CommentStore, ContentTypeStore, ConversationStore,
    DocumentStore, Egress, IdentityStore, JobStore, KeyStore, Mailer, NoteStore, NotificationStore,
    PeopleStore, ProjectStore, PromptStore, PublicationStore, ReplyStore, SavedSearchStore,
    ScheduleStore, SearchIndex, SearchSettingsStore, SigningKeyStore, TagStore, TransferStore,
    UsageJournal, UsageLedger, UserStore, WebhookStore,
};

use crate::engines::EnginePorts;
use crate::events::EventPorts;
use crate::media::MediaPorts;
use crate::plugins::PluginPorts;

/// The adapters everything here runs on.
pub struct Ports {
    pub users: Arc<dyn UserStore>,
    pub people: Arc<dyn PeopleStore>,
    pub identities: Arc<dyn IdentityStore>,
    pub mailer: Arc<dyn Mailer>,
    pub signing_keys: Arc<dyn SigningKeyStore>,
    pub articles: Arc<dyn ArticleStore>,
    /// The same, and what else is searched.
    pub documents: Arc<dyn DocumentStore>,
    pub chunks: Arc<dyn ChunkStore>,
    pub jobs: Arc<dyn JobStore>,
    pub usage: Arc<dyn UsageLedger>,
    pub journal: Arc<dyn UsageJournal>,
    pub keys: Arc<dyn KeyStore>,
    pub replies: Arc<dyn ReplyStore>,
    pub projects: Arc<dyn ProjectStore>,
    pub prompts: Arc<dyn PromptStore>,
    pub notes: Arc<dyn NoteStore>,
    pub conversations: Arc<dyn ConversationStore>,
    pub audit: Arc<dyn AuditLog>,
    pub content_types: Arc<dyn ContentTypeStore>,
    pub tags: Arc<dyn TagStore>,
    pub comments: Arc<dyn CommentStore>,
    pub transfers: Arc<dyn TransferStore>,
    pub media: MediaPorts,
    pub events: EventPorts,
    pub webhooks: Arc<dyn WebhookStore>,
    pub notifications: Arc<dyn NotificationStore>,
    pub publications: Arc<dyn PublicationStore>,
    pub schedules: Arc<dyn ScheduleStore>,
    pub search_settings: Arc<dyn SearchSettingsStore>,
    pub saved_searches: Arc<dyn SavedSearchStore>,
    pub egress: Arc<dyn Egress>,
    pub index: Arc<dyn SearchIndex>,
    pub plugins: PluginPorts,
    pub engines: EnginePorts,
    pub clock: Arc<dyn Clock>,
}
