//! [`MemStore`]: every store port in memory, behind one lock, so that each method is as atomic as
//! the real store's transactions. One file per port; what a state change means stands here once.

mod articles;
mod audit;
mod chunks;
mod comments;
mod content_types;
mod conversations;
mod documents;
mod events;
mod identities;
mod jobs;
mod keys;
mod kv;
mod media;
mod notes;
mod notifications;
mod people;
mod projects;
mod prompts;
mod publications;
mod replies;
mod rollouts;
mod saved_searches;
mod schedules;
mod search_settings;
mod transfers;
mod usage;
mod users;
mod webhooks;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;
use inkstone_domain::allowance::{Spend, Subject};
use inkstone_domain::api_key::ApiKey;
use inkstone_domain::audit::AuditEntry;
use inkstone_domain::comment::Comment;
use inkstone_domain::content::{ContentType, Page, PageRequest};
use inkstone_domain::conversation::{Conversation, ConversationMessage};
use inkstone_domain::ids::{
    ApiKeyId, ArticleId, BatchId, CommentId, ConversationId, EventId, ImportId, InvitationId,
    JobId, KeyId, MediaId, MessageId, NoteId, PromptId, SavedSearchId, ScheduleId, ScheduleRunId,
    ServedId, SessionId, UploadId, UsageId, UserId, WebhookId,
};
use inkstone_domain::kept_reply::CachedReply;
use inkstone_domain::key::VirtualKey;
use inkstone_domain::media::{Media, MediaVersion, Upload};
use inkstone_domain::note::Note;
use inkstone_domain::notification::Notification;
use inkstone_domain::people::{Identity, Invitation, MailToken, SecondFactor};
use inkstone_domain::ports::{Clock, SystemClock};
use inkstone_domain::principal::Account;
use inkstone_domain::project::{Member, Project};
use inkstone_domain::prompt::{Prompt, PromptVersion};
use inkstone_domain::provenance::Provenance;
use inkstone_domain::rollout::{RolloutState, Served};
use inkstone_domain::schedule::{Schedule, ScheduleRun};
use inkstone_domain::search::{DocumentId, DocumentStamp, SavedSearch, SearchSettings};
use inkstone_domain::usage::UsageRecord;
use inkstone_domain::webhook::Webhook;
use inkstone_domain::{Error, Result, codes};
use tokio::sync::watch;

/// Clones share one store.
#[derive(Clone)]
pub struct MemStore {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    nudge: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// Ids of what cannot be removed.
    jammed: Vec<String>,
    /// So many answers to writes of media are lost.
    lost_answers: usize,
    users: BTreeMap<UserId, Account>,
    sessions: HashMap<SessionId, users::SessionEntry>,
    invitations: BTreeMap<InvitationId, Invitation>,
    mail_tokens: Vec<MailToken>,
    second_factors: HashMap<UserId, SecondFactor>,
    api_keys: BTreeMap<ApiKeyId, ApiKey>,
    /// By issuer and subject.
    identities: BTreeMap<(String, String), Identity>,
    articles: BTreeMap<ArticleId, articles::ArticleEntry>,
    /// By project, language in lower case, and slug; old ones too.
    slugs: BTreeMap<(String, String, String), ArticleId>,
    content_types: BTreeMap<String, ContentType>,
    /// By model and article.
    embedded: BTreeMap<(String, ArticleId), chunks::EmbeddedEntry>,
    serving_model: Option<String>,
    comments: BTreeMap<CommentId, Comment>,
    provenance: HashMap<ArticleId, Provenance>,
    jobs: BTreeMap<JobId, jobs::JobEntry>,
    batches: BTreeMap<BatchId, jobs::BatchEntry>,
    events: events::Events,
    kv: HashMap<String, BTreeMap<String, Vec<u8>>>,
    usage: BTreeMap<UsageId, UsageRecord>,
    spend: BTreeMap<(NaiveDate, Subject), Spend>,
    keys: BTreeMap<KeyId, VirtualKey>,
    /// By subject as text.
    allowances: BTreeMap<String, keys::AllowanceEntry>,
    /// By scope and key, as the claims are.
    cached: BTreeMap<(String, String), CachedReply>,
    claims: BTreeMap<(String, String), replies::ClaimEntry>,
    /// By plugin and digest.
    rollouts: HashMap<(String, String), RolloutState>,
    served: BTreeMap<ServedId, Served>,
    audit: Vec<AuditEntry>,
    /// By slug.
    projects: BTreeMap<String, Project>,
    /// By slug and user.
    members: BTreeMap<(String, UserId), Member>,
    /// By project and name.
    prompts: BTreeMap<(String, String), Prompt>,
    conversations: BTreeMap<ConversationId, Conversation>,
    messages: BTreeMap<MessageId, ConversationMessage>,
    prompt_versions: BTreeMap<(PromptId, u32), PromptVersion>,
    notes: BTreeMap<NoteId, Note>,
    imports: BTreeMap<ImportId, transfers::ImportEntry>,
    media: BTreeMap<MediaId, Media>,
    media_versions: BTreeMap<(MediaId, u32), MediaVersion>,
    uploads: BTreeMap<UploadId, Upload>,
    publications: HashMap<ArticleId, publications::PublicationEntry>,
    webhooks: BTreeMap<WebhookId, Webhook>,
    /// What was noticed of what can be found beside articles.
    document_stamps: BTreeMap<DocumentId, DocumentStamp>,
    saved_searches: BTreeMap<SavedSearchId, SavedSearch>,
    schedules: BTreeMap<ScheduleId, Schedule>,
    schedule_runs: BTreeMap<ScheduleRunId, ScheduleRun>,
    /// By project.
    search_settings: HashMap<String, SearchSettings>,
    notifications: Vec<Notification>,
    notification_settings: HashMap<UserId, notifications::SettingsEntry>,
    deliveries: BTreeMap<(WebhookId, EventId), webhooks::DeliveryEntry>,
    lanes: BTreeMap<WebhookId, webhooks::Lane>,
}

impl MemStore {
    /// An empty store on the machine's clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// Removing this article or medium for good fails from now on, as with a record that is damaged.
    pub fn jam(&self, id: impl std::fmt::Display) {
        self.state().jammed.push(id.to_string());
    }

    /// So many of the next writes of media are done, and their answers lost on the way.
    pub fn lose_answers(&self, count: usize) {
        self.state().lost_answers = count;
    }

    /// `clock` is what the store takes for the database's clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let mut state = State::default();
        let project = Project::always_there(clock.now());
        state.projects.insert(project.slug.clone(), project);
        Self {
            shared: Arc::new(Shared {
                clock,
                state: Mutex::new(state),
                nudge: watch::Sender::new(()),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn nudge(&self) {
        self.shared.nudge.send_replace(());
    }
}

impl State {
    /// What comes back of something that was written.
    fn answered<T>(&mut self, written: T) -> Result<T> {
        match self.lost_answers.checked_sub(1) {
            None => Ok(written),
            Some(left) => {
                self.lost_answers = left;
                let message = "the connection to the database is broken";
                Err(Error::new(&codes::STORE_UNAVAILABLE, message))
            }
        }
    }

    fn check_not_jammed(&self, id: impl std::fmt::Display) -> Result<()> {
        match self.jammed.contains(&id.to_string()) {
            true => Err(Error::new(&codes::INTERNAL, "the record is damaged")),
            false => Ok(()),
        }
    }
}

impl Default for MemStore {
    fn default() -> Self {
        Self::new()
    }
}

/// Cuts one page out of what comes newest first. The cursor is the key of the last item shown, so
/// writes before or after it do not move it.
fn page_of<T, K>(
    newest_first: impl Iterator<Item = (K, T)>,
    request: &PageRequest,
    parse: impl Fn(&str) -> Option<K>,
) -> Result<Page<T>>
where
    K: Ord + std::fmt::Display,
{
    let before = match request.cursor.as_deref() {
        None => None,
        Some(cursor) => Some(parse(cursor).ok_or_else(|| bad_cursor(cursor))?),
    };
    let limit = request.limit.clamp(1, 100);
    let mut rest = newest_first.filter(|(key, _)| before.as_ref().is_none_or(|last| key < last));
    let shown: Vec<(K, T)> = rest.by_ref().take(limit).collect();
    let next_cursor = match rest.next() {
        Some(_) => shown.last().map(|(key, _)| key.to_string()),
        None => None,
    };
    Ok(Page {
        items: shown.into_iter().map(|(_, item)| item).collect(),
        next_cursor,
    })
}

fn bad_cursor(cursor: &str) -> Error {
    Error::new(
        &codes::INVALID_INPUT,
        format!(
            "`{cursor}` is no cursor of this list; take `next_cursor` of its last page, or none"
        ),
    )
}

fn not_found(what: &str, id: impl std::fmt::Display) -> Error {
    Error::new(&codes::NOT_FOUND, format!("there is no {what} `{id}`"))
}

fn already_exists(what: &str, id: impl std::fmt::Display) -> Error {
    Error::new(
        &codes::ALREADY_EXISTS,
        format!("the {what} `{id}` exists already"),
    )
}
