//! Ready-made words of the domain, so that a test says only what it is about. Every call makes new ids.

mod conversation;
mod embedded;
mod event;
mod media;
mod note;
mod notification;
mod schedule;
mod search_settings;
mod webhook;

use std::sync::LazyLock;

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, Utc};
use inkstone_domain::allowance::{Allowance, Budget, Period};
use inkstone_domain::api_key::{ApiKey, Scope};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::chat::{Sampling, Usage};
use inkstone_domain::comment::Comment;
use inkstone_domain::content::{
    Article, ArticleText, Cause, ContentType, Extras, PageRequest, Status,
};
use inkstone_domain::event::EventBody;
use inkstone_domain::ids::{
    ApiKeyId, ArticleId, CommentId, ImportId, InvitationId, JobId, KeyId, ProjectId, SessionId,
    UsageId, UserId,
};
use inkstone_domain::job::{Checkpoint, GenerateTask, JobStatus, Priority, Task, WorkTask};
use inkstone_domain::kept_reply::{CachedReply, Claim, Meaning};
use inkstone_domain::key::{PreviousToken, VirtualKey};
use inkstone_domain::money::Money;
use inkstone_domain::people::{Invitation, MailPurpose, MailToken, SecondFactor};
use inkstone_domain::ports::{ArticleWrite, DraftCommit, NewJob};
use inkstone_domain::principal::{Account, Role, SeenFrom, Session, User};
use inkstone_domain::project::{Member, Project, ProjectRole, ProjectSettings, Review};
use inkstone_domain::provenance::{AiCall, Provenance};
use inkstone_domain::research::Source;
use inkstone_domain::transfer::{Counts, Format, Import, OnConflict};
use inkstone_domain::usage::{CacheUse, Outcome, UsageRecord};
use serde_json::json;

pub use self::conversation::{conversation, message, prompt};
pub use self::embedded::{embedded, meaning};
pub use self::event::{event, handler_fault};
pub use self::media::{media, media_content, media_version, png, upload};
pub use self::note::note;
pub use self::notification::notification;
pub use self::schedule::{firing, schedule};
pub use self::search_settings::{saved_search, search_settings};
pub use self::webhook::{delivery, webhook};

/// The present, without the fractions that a store need not keep.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

pub fn account(role: Role) -> Account {
    let email = format!("{}@example.org", UserId::new()).to_lowercase();
    Account {
        user: User::new(email, "Ada".to_owned(), role, now()),
        password_hash: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned(),
    }
}

/// The first session of a new family, good for an hour.
pub fn session(user: UserId, token_hash: [u8; 32]) -> Session {
    let id = SessionId::new();
    Session {
        id,
        family: id,
        user,
        token_hash,
        family_hash: Some(unique_hash(id.0)),
        signed_in_at: now(),
        created_at: now(),
        expires_at: now() + chrono::Duration::hours(1),
        seen: seen(),
    }
}

pub fn seen() -> SeenFrom {
    SeenFrom {
        address: "2001:db8::7".parse().ok(),
        user_agent: Some("Mozilla/5.0 (“潮”)".to_owned()),
    }
}

/// An invitation to an address of its own, good for an hour.
pub fn invitation(role: Role) -> Invitation {
    let id = InvitationId::new();
    Invitation {
        id,
        email: format!("{id}@example.org").to_lowercase(),
        role,
        token_hash: unique_hash(id.0),
        invited_by: UserId::new(),
        created_at: now(),
        expires_at: now() + chrono::Duration::hours(1),
    }
}

/// Good for an hour.
pub fn mail_token(user: UserId, purpose: MailPurpose) -> MailToken {
    MailToken {
        token_hash: unique_hash(UserId::new().0),
        purpose,
        user,
        expires_at: now() + chrono::Duration::hours(1),
    }
}

/// A confirmed one with three recovery codes.
pub fn second_factor(user: UserId) -> SecondFactor {
    SecondFactor {
        user,
        sealed_secret: vec![0, 255, 7],
        confirmed_at: Some(now()),
        last_step: 1_000,
        recovery_hashes: vec![[1; 32], [2; 32], [3; 32]],
    }
}

/// With two scopes, good for a month.
pub fn api_key(owner: UserId) -> ApiKey {
    let id = ApiKeyId::new();
    ApiKey {
        id,
        owner,
        name: "The “tides” robot".to_owned(),
        scopes: [Scope::ArticlesRead, Scope::ModelsCall].into(),
        token_hash: unique_hash(id.0),
        hint: "x7Qz".to_owned(),
        created_at: now(),
        expires_at: Some(now() + chrono::Duration::days(30)),
    }
}

fn unique_hash(id: ulid::Ulid) -> [u8; 32] {
    let mut hash = [0x5A; 32];
    hash[..16].copy_from_slice(&id.to_bytes());
    hash
}

/// A draft in the project `default`.
/// A draft in the project `default`, with a slug of its own.
pub fn article(owner: UserId) -> Article {
    let at = now();
    let id = ArticleId::new();
    Article {
        id,
        project: "default".to_owned(),
        owner,
        slug: format!("the-tides-{}", id.0).to_ascii_lowercase(),
        text: ArticleText {
            title: "The tides".to_owned(),
            summary: "Why the sea comes and goes.".to_owned(),
            body: "# The tides\n\nThe moon pulls; “the sea” follows. 潮汐".to_owned(),
            tags: vec!["sea".to_owned(), "moon".to_owned()],
            meta_description: "Tides, explained.".to_owned(),
            language: "en".to_owned(),
            status: Status::Draft,
            publish_at: None,
            extras: Extras::default(),
        },
        revision: 1,
        job: None,
        translation_of: None,
        created_at: at,
        updated_at: at,
        trashed_at: None,
    }
}

/// Everything that an article may have beside its text.
pub fn extras() -> Extras {
    Extras {
        categories: vec!["Nature".to_owned()],
        authors: vec!["Ada Lovelace".to_owned(), UserId::new().to_string()],
        cover: "https://example.org/tides.png".to_owned(),
        meta_title: "Tides, explained".to_owned(),
        canonical_url: "https://example.org/tides".to_owned(),
        no_index: true,
        content_type: "recipe".to_owned(),
        fields:
            json!({"minutes": 3, "parts": [{"name": "水", "big": 9007199254740993_i64}], "x": null})
                .as_object()
                .cloned()
                .unwrap_or_default(),
    }
}

/// A content type with a name of its own.
pub fn content_type() -> ContentType {
    ContentType {
        name: format!("type-{}", ArticleId::new().0).to_ascii_lowercase(),
        title: "Recipe".to_owned(),
        schema: json!({"type": "object", "properties": {"minutes": {"type": "integer"}}}),
        revision: 1,
        created_at: now(),
        updated_at: now(),
    }
}

/// The write that creates `article`, by its owner.
pub fn creation(article: &Article) -> ArticleWrite {
    let body = EventBody::article_created(article);
    by_owner(article.clone(), body)
}

/// The write that gives `article` a new title and the next revision.
pub fn retitling(article: &Article, title: &str) -> ArticleWrite {
    let mut next = article.clone();
    next.revision += 1;
    next.updated_at = now();
    next.text.title = title.to_owned();
    let body = EventBody::article_updated(&next, article.text.status);
    by_owner(next, body)
}

/// The write that deletes `article`.
pub fn deletion(article: &Article) -> ArticleWrite {
    let mut next = article.clone();
    next.revision += 1;
    next.updated_at = now();
    let body = EventBody::ArticleDeleted {
        article: next.id,
        revision: next.revision,
    };
    by_owner(next, body)
}

/// The write that takes `article`, as it is in the trash, out of it.
pub fn restoration(article: &Article) -> ArticleWrite {
    let mut next = article.clone();
    next.revision += 1;
    next.updated_at = now();
    next.trashed_at = None;
    let body = EventBody::article_restored(&next);
    by_owner(next, body)
}

/// The write that removes `article`, as it is in the trash, for good.
pub fn removal(article: &Article) -> ArticleWrite {
    let mut next = article.clone();
    next.revision += 1;
    next.updated_at = now();
    let body = EventBody::ArticleRemoved {
        article: next.id,
        revision: next.revision,
    };
    by_owner(next, body)
}

fn by_owner(article: Article, body: EventBody) -> ArticleWrite {
    ArticleWrite {
        author: article.owner,
        cause: Cause::Person,
        comment: None,
        audit: None,
        event: event(article.owner, body),
        article,
    }
}

/// A comment on an article.
pub fn comment(article: ArticleId, author: UserId) -> Comment {
    Comment {
        id: CommentId::new(),
        article,
        author,
        body: "Is that so? “水”".to_owned(),
        mentions: vec![UserId::new()],
        reply_to: None,
        anchor: None,
        suggestion: None,
        resolved: None,
        revision: 1,
        created_at: now(),
        updated_at: now(),
    }
}

pub fn job(owner: UserId) -> NewJob {
    NewJob {
        id: JobId::new(),
        owner,
        task: Task::Generate(GenerateTask {
            plugin: "generator-article".to_owned(),
            template: "article".to_owned(),
            input: json!({ "topic": "tides", "sections": 3, "deep": { "list": [1, 2.5, null, true] } }),
            model: Some("local/small".to_owned()),
            project: "default".to_owned(),
            pins: ["generator-article@1.2.0", "provider-local@0.1.0"]
                .map(|pin| pin.parse().unwrap())
                .into(),
            publish_at: Some(now()),
        }),
        priority: Priority::Normal,
        run_at: now(),
        after: Vec::new(),
        enqueued_at: now(),
    }
}

/// The engine's own work.
pub fn work(owner: UserId) -> NewJob {
    NewJob {
        task: Task::Work(WorkTask {
            kind: "media_variants".to_owned(),
            project: "handbook".to_owned(),
            input: json!({ "media": "med_1", "deep": { "list": [1, 2.5, null, true] } }),
        }),
        ..job(owner)
    }
}

pub fn ai_call() -> AiCall {
    AiCall {
        model: "local/small".to_owned(),
        provider: "provider-local".to_owned(),
        provider_version: "0.1.0".to_owned(),
        provider_digest: "ab".repeat(32),
        prompt_sha256: "cd".repeat(32),
        sampling: Sampling {
            temperature: Some(0.5),
            // Above what fits into a signed number: seeds may be any 64 bits.
            seed: Some(u64::MAX - 6),
            max_tokens: Some(64),
            stop: vec!["\n\n".to_owned()],
            ..Sampling::default()
        },
        usage: usage(),
        duration_ms: 321,
    }
}

pub fn checkpoint(state: &'static [u8]) -> Checkpoint {
    Checkpoint {
        state: Bytes::from_static(state),
        calls: vec![ai_call(), ai_call()],
        elapsed_ms: 1234,
    }
}

/// What the job `job` of `owner` writes when it ends in a new article.
pub fn draft_commit(job: JobId, owner: UserId) -> DraftCommit {
    let mut draft = article(owner);
    draft.job = Some(job);
    let mut write = creation(&draft);
    write.cause = Cause::Job {
        job,
        plugin: "generator-article".to_owned(),
    };
    DraftCommit {
        provenance: Provenance {
            article: draft.id,
            revision: 1,
            job,
            plugin: "generator-article".to_owned(),
            plugin_version: "0.1.0".to_owned(),
            plugin_digest: "ef".repeat(32),
            template: "article".to_owned(),
            input: json!({ "topic": "tides" }),
            model: "local/small".to_owned(),
            calls: vec![ai_call()],
            sources: vec![Source {
                url: Some("https://example.org/tides".to_owned()),
                title: Some("Tides".to_owned()),
                ..Source::default()
            }],
            usage: usage(),
            duration_ms: 4321,
            created_at: now(),
        },
        event: event(
            owner,
            EventBody::JobSucceeded {
                job,
                article: Some(draft.id),
            },
        ),
        write,
    }
}

pub fn usage() -> Usage {
    Usage {
        input_tokens: 12,
        output_tokens: 34,
        cached_input_tokens: 5,
        reasoning_tokens: 0,
    }
}

pub fn usage_record(user: UserId) -> UsageRecord {
    UsageRecord {
        id: UsageId::new(),
        at: now(),
        request_id: format!("req_{}", UsageId::new().0),
        attempt: 2,
        user,
        key: Some(KeyId::new()),
        project: Some("default".to_owned()),
        job: Some(JobId::new()),
        plugin: "provider-local".to_owned(),
        plugin_version: "0.1.0".to_owned(),
        model: "local/small".to_owned(),
        usage: usage(),
        cost: Money(1_250_001),
        cache: CacheUse::None,
        outcome: Outcome::Succeeded,
        error_code: None,
        latency_ms: 250,
        first_chunk_ms: Some(40),
    }
}

/// A key of `owner` with all that a key can have, but that it is not revoked.
pub fn virtual_key(owner: UserId) -> VirtualKey {
    let id = KeyId::new();
    let mut token_hash = [0x5A; 32];
    token_hash[..16].copy_from_slice(&id.0.to_bytes());
    let metadata = json!({ "team": "潮", "nested": { "list": [1, 2.5, null, true] } });
    VirtualKey {
        id,
        name: "The “tides” robot".to_owned(),
        owner,
        project: Some("default".to_owned()),
        models: vec!["local/*".to_owned(), "fast".to_owned()],
        allowance: allowance(),
        metadata: metadata.as_object().unwrap().clone(),
        token_hash,
        hint: "x7Qz".to_owned(),
        previous: Some(PreviousToken {
            hash: [0xC3; 32],
            holds_until: now() + chrono::Duration::hours(1),
        }),
        revision: 1,
        created_at: now(),
        expires_at: Some(now() + chrono::Duration::days(30)),
        revoked_at: None,
    }
}

/// Every bound at once.
pub fn allowance() -> Allowance {
    Allowance {
        requests_per_minute: Some(60),
        tokens_per_minute: Some(100_000),
        max_parallel: Some(4),
        budget: Some(Budget {
            period: Period::Month,
            money: Some(Money::from_usd(12.5)),
            // Above what fits into a signed number.
            tokens: Some(u64::MAX - 6),
        }),
    }
}

/// An answer with a meaning, good for an hour.
pub fn cached_reply(scope: &str, key: &str) -> CachedReply {
    CachedReply {
        scope: scope.to_owned(),
        key: key.to_owned(),
        body: Bytes::from_static(b"{\"answer\":\"\x00\xff\"}"),
        meaning: Some(Meaning {
            frame: "ab".repeat(32),
            vector: vec![0.6, -0.8, f32::MIN_POSITIVE, -0.0],
        }),
        stored_at: now(),
        expires_at: now() + chrono::Duration::hours(1),
    }
}

/// A claim of `holder`, with a lease of 30 seconds, good for a day.
pub fn claim(scope: &str, key: &str, holder: &str) -> Claim {
    Claim {
        scope: scope.to_owned(),
        key: key.to_owned(),
        digest: "cd".repeat(32),
        holder: holder.to_owned(),
        lease_until: now() + chrono::Duration::seconds(30),
        expires_at: now() + chrono::Duration::days(1),
    }
}

/// A record of its own by somebody, without anything that may be absent.
pub fn audit(actor: UserId) -> AuditRecord {
    let subject = format!("key:{}", KeyId::new());
    let mut record = AuditRecord::of_engine(now(), actions::KEY_CREATED, subject);
    record.actor = Some(actor);
    record
}

/// One that goes with changes whose entries nobody looks at.
pub fn some_audit() -> &'static AuditRecord {
    static SOME: LazyLock<AuditRecord> = LazyLock::new(|| AuditRecord {
        action: actions::USER_CREATED.to_owned(),
        ..audit(UserId::new())
    });
    &SOME
}

/// A project with a slug of its own and all that a project can have, but that it is not archived.
pub fn project() -> Project {
    let id = ProjectId::new();
    Project {
        id,
        slug: format!("p-{}", id.0).to_lowercase(),
        name: "The “handbook” 潮".to_owned(),
        description: "What everybody\nshould know.".to_owned(),
        settings: ProjectSettings {
            model: Some("local/small".to_owned()),
            chat_prompt: Some("house-style".to_owned()),
            review: Review::Required,
        },
        revision: 1,
        created_at: now(),
        updated_at: now(),
        archived_at: None,
    }
}

/// Somebody's first role in a project.
pub fn member(project: &Project, user: UserId, role: ProjectRole) -> Member {
    Member {
        project: project.slug.clone(),
        user,
        role,
        revision: 1,
        added_at: now(),
        updated_at: now(),
    }
}

/// The first page of `limit` items.
pub fn first_page(limit: usize) -> PageRequest {
    PageRequest {
        limit,
        cursor: None,
    }
}

/// Of a file of JSON Lines, queued.
pub fn import(project: &str, owner: UserId) -> Import {
    Import {
        id: ImportId::new(),
        project: project.to_owned(),
        owner,
        format: Format::Jsonl,
        on_conflict: OnConflict::Update,
        dry_run: false,
        job: JobId::new(),
        engine: "engine".to_owned(),
        size_bytes: 4_096,
        sha256: inkstone_domain::digest::sha256(b"lines"),
        status: JobStatus::Queued,
        position: 0,
        counts: Counts::default(),
        error: None,
        created_at: now(),
        finished_at: None,
    }
}
