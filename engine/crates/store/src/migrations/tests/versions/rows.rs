//! Rows of each version, as engines of its time wrote them.

mod claims;
mod keys;
mod sign_ins;
mod webhooks;

use inkstone_domain::content::listing::created_place;
use inkstone_domain::content::{Article, Publication};
use inkstone_domain::event::{EventBody, Scope};
use inkstone_domain::ids::ServedId;
use inkstone_domain::job::{JobLimits, Task};
use inkstone_domain::notification::NotificationSettings;
use inkstone_domain::people::MailPurpose;
use inkstone_domain::ports::{
    HandlerStore, MediaStore, NewJob, NoteStore, SavedSearchStore, ScheduleStore,
};
use inkstone_domain::principal::{Account, Role};
use inkstone_domain::rollout::{RolloutChange, RolloutState, RolloutStatus, Served, ServedCause};

use super::*;
use crate::article_lists::keys_of;
use crate::articles::{ArticleRow, bind_write};
use crate::events::EventRow;
use crate::provenance::ProvenanceRow;
use crate::users::UserRow;

/// An event before there were others than of articles and ends of jobs.
const OLD_EVENT: &str = "
    CREATE type::record('event', $event.key) CONTENT {
        key: $event.key, at: $event.at, actor: $event.actor, kind: $event.kind,
        article: $event.article, revision: $event.revision
    } RETURN NONE;
";

/// Rows as engines wrote them whose newest migration this was. What later migrations changed is written in
/// the words of the time, the rest by today's engine.
pub(super) async fn fill(store: &SurrealStore, cast: &Cast, name: &str) {
    let audit = sample::audit(cast.user);
    match name {
        "0001_accounts" => insert_old_user(store, cast.user).await,
        "0002_articles" => {
            insert_old_article_with(store, cast).await;
            let mut provenance = sample::draft_commit(cast.job, cast.user).provenance;
            provenance.article = cast.article;
            let create = format!(
                "{{ {} RETURN NONE; }}",
                crate::provenance::CREATE_PROVENANCE
            );
            let row = ProvenanceRow::of(&provenance).unwrap();
            write(store, Statement::new(create).bind("provenance", row)).await;
        }
        "0003_jobs" => insert_old_job(store, cast).await,
        "0004_events" => {
            let body = EventBody::ArticleCreated {
                article: cast.article,
                revision: 1,
                status: None,
            };
            let row = EventRow::from(sample::event(cast.user, body));
            let create = format!("{{ {OLD_EVENT} RETURN NONE; }}");
            write(store, Statement::new(create).bind("event", row)).await;
        }
        "0005_plugin_kv" => store.put("plugin", "key", vec![7; 9], 100).await.unwrap(),
        "0006_usage" => insert_old_usage(store, cast.user, "2026-03-01T00:00:00Z").await,
        "0007_rollouts" => {
            let change = rollout();
            store.record_rollout(&change).await.unwrap();
        }
        "0008_gateway" => {
            insert_priced_usage(store, cast.user).await;
            keys::insert_without_revision(store, cast.user).await;
            let reply = sample::cached_reply("scope", "key");
            store.put_cached(&reply).await.unwrap();
            let claim = sample::claim("scope", "key", "engine/1");
            ReplyStore::claim(store, &claim, sample::now())
                .await
                .unwrap();
        }
        "0009_usage_blocks" => {
            // An engine of this time packs what it finds when it starts.
            store.move_old_usage().await.unwrap();
            store
                .append(&[sample::usage_record(cast.user)])
                .await
                .unwrap();
        }
        "0010_people" => {
            let mut account = sample::account(Role::Viewer);
            account.user.email = EMAIL.to_owned();
            insert_user(store, account).await;
            let token = sample::mail_token(cast.user, MailPurpose::VerifyEmail);
            store.put_mail_token(&token).await.unwrap();
        }
        "0011_projects" => {
            listen_to_nothing(store).await;
            let project = sample::project();
            let owner = sample::member(&project, cast.user, ProjectRole::Owner);
            store
                .create_project(&project, &owner, &audit)
                .await
                .unwrap();
            let (prompt, version) = sample::prompt(&project.slug, cast.user);
            store
                .create_prompt(&prompt, &version, &audit)
                .await
                .unwrap();
            let conversation = sample::conversation(&project.slug, cast.user);
            store.create_conversation(&conversation).await.unwrap();
            let message = sample::message(conversation.id, None);
            store.append_message(&message).await.unwrap();
            let factor = sample::second_factor(cast.user);
            store.put_second_factor(&factor, None).await.unwrap();
            let key = sample::api_key(cast.user);
            store.create_api_key(&key, &audit).await.unwrap();
            let invitation = sample::invitation(Role::Creator);
            store.put_invitation(&invitation, &audit).await.unwrap();
            tell_nothing(store).await;
        }
        "0012_articles" => {
            let mut article = sample::article(cast.user);
            article.text.extras = sample::extras();
            insert_article_without_lists(store, article).await;
            store
                .create_content_type(&sample::content_type(), &audit)
                .await
                .unwrap();
        }
        "0017_job_kinds" => {
            let job = sample::job(cast.user);
            let create = "CREATE type::record('job', $key) CONTENT {
                key: $key,
                owner: $owner,
                kind: 'work',
                input: '{}',
                project: 'default',
                status: 'succeeded',
                step: '',
                done: 1,
                total: 1,
                attempts: 1,
                fence: 1,
                cancel_requested: false,
                result: '{}',
                enqueued_at: time::now()
            } RETURN NONE";
            let statement = Statement::new(create)
                .bind("key", job.id.to_string())
                .bind("owner", cast.user.to_string());
            write(store, statement).await;
        }
        "0021_events" => {
            let body = EventBody::ChatDeleted {
                chat: inkstone_domain::ids::ConversationId::new(),
            };
            let event = sample::event(cast.user, body);
            let event = event.within(Scope::of_project("handbook"));
            store.append_event(&event).await.unwrap();
            // Before a handler could be at odds with an event.
            let create = "{ CREATE event_handler:webhooks CONTENT {
                name: 'webhooks', number: 1, fence: 1, holder: NONE, lease_until: NONE
            } RETURN NONE; }";
            write(store, Statement::new(create)).await;
        }
        "0022_webhooks" => webhooks::insert_with_delivery(store, &audit).await,
        "0023_search_settings" => {
            let settings = sample::search_settings("handbook");
            store.put_search_settings(&settings, &audit).await.unwrap();
        }
        "0024_notifications" => {
            insert_notification(store, cast).await;
            let settings = NotificationSettings {
                revision: 1,
                ..NotificationSettings::of(cast.user)
            };
            store
                .put_notification_settings(&settings, None)
                .await
                .unwrap();
        }
        "0025_publications" => {
            let publication = Publication {
                article: cast.article,
                at: sample::now(),
                by: cast.user,
            };
            store.put_publication(&publication).await.unwrap();
        }
        "0026_job_queue" => {
            write(store, Statement::new(TAKE_DATES)).await;
            let job = store.submit(unpublished_job(cast.user)).await.unwrap();
            let after = NewJob {
                after: vec![job.id],
                ..unpublished_job(cast.user)
            };
            store.submit(after).await.unwrap();
            write(store, Statement::new(NO_DATES)).await;
        }
        "0027_document_changes" => {
            let search = sample::saved_search(cast.user);
            store.create_saved_search(&search).await.unwrap();
            let media = sample::media("handbook", cast.user);
            store
                .create_media(&media, None, 1_000_000, None)
                .await
                .unwrap();
        }
        "0028_chunks" => {
            let embedded = sample::embedded(cast.article);
            store.put_chunks(&embedded).await.unwrap();
            store.serve_model(&embedded.model).await.unwrap();
        }
        "0029_schedules" => {
            let schedule = sample::schedule(cast.user);
            store.create_schedule(&schedule).await.unwrap();
            let firing = sample::firing(&schedule);
            write(store, Statement::new(TAKE_DATES)).await;
            assert!(store.fire(&firing).await.unwrap());
            write(store, Statement::new(NO_DATES)).await;
        }
        "0030_planned_publications" => {
            store.submit(sample::job(cast.user)).await.unwrap();
        }
        "0031_handler_faults" => {
            let (lease, now) = (std::time::Duration::from_secs(30), sample::now());
            let claim = store.claim_handler("subscriber", "engine", 0, lease, now);
            let fence = claim.await.unwrap().unwrap().fence;
            let fault = sample::handler_fault();
            store
                .pass_over("subscriber", fence, 1, &fault, lease, now)
                .await
                .unwrap();
            store
                .note_fault("subscriber", fence, &fault, lease, now)
                .await
                .unwrap();
        }
        "0032_job_stalls" => {
            let (lease, limits) = (std::time::Duration::from_secs(30), JobLimits::default());
            let claim = JobStore::claim(store, "worker", lease, &limits, sample::now());
            assert_eq!(claim.await.unwrap().unwrap().stalls, 1);
        }
        "0033_webhook_lanes" => webhooks::put_delivery(store).await,
        "0034_sign_ins" => sign_ins::begin(store, cast.user, &audit).await,
        "0035_keys_and_audit" => keys::set_allowance(store, cast.user, &audit).await,
        "0037_article_languages" => claims::hold(store, cast).await,
        "0038_notes" => {
            let note = sample::note("handbook", cast.user);
            store.create_note(&note, &audit).await.unwrap();
        }
        "0013_content_rest" => {
            list_by_creation(store, &["o:", "p:", "o:/"]).await;
            insert_comment(store, cast).await;
        }
        "0014_media" => insert_file(store, cast).await,
        "0015_transfers" => insert_import(store, cast).await,
        "0016_identities" => insert_identity(store, cast).await,
        "0018_newest_lists" => list_by_creation(store, &["all", "o:", "p:", "o:/"]).await,
        "0019_lean_articles" => store.list_old_articles().await.unwrap(),
        other => panic!("say here what rows engines of the time of `{other}` wrote"),
    }
}

/// As before jobs knew when their articles are to be published.
fn unpublished_job(owner: UserId) -> NewJob {
    let mut job = sample::job(owner);
    if let Task::Generate(task) = &mut job.task {
        task.publish_at = None;
    }
    job
}

/// Today's engine says of each job when its article is to be published: for a while the table takes it.
const TAKE_DATES: &str = "DEFINE FIELD publish_at ON job TYPE option<datetime>";
const NO_DATES: &str = "REMOVE FIELD publish_at ON job";

/// Today's engine tells of what engines of the time did not: for a while the table takes it.
async fn listen_to_nothing(store: &SurrealStore) {
    let open = "DEFINE TABLE OVERWRITE event SCHEMALESS";
    write(store, Statement::new(open)).await;
}

/// The end of it: nothing was told.
async fn tell_nothing(store: &SurrealStore) {
    let close = "{
        DELETE event WHERE data != NONE RETURN NONE;
        DEFINE TABLE OVERWRITE event SCHEMAFULL;
        RETURN NONE;
    }";
    write(store, Statement::new(close)).await;
}

/// The rows of `article_list` as engines of that time gave them to old articles at their start: those of today,
/// and of the lists by creation those named here.
async fn list_by_creation(store: &SurrealStore, scopes: &[&str]) {
    let all = Statement::new("SELECT * FROM article WHERE deleted = false");
    let rows: Vec<ArticleRow> = store.read(all).await.unwrap();
    for row in rows {
        let article = Article::try_from(row).unwrap();
        let (owner, project) = (article.owner, &article.project);
        let by_creation = scopes.iter().map(|scope| {
            let scope = match *scope {
                "o:" => format!("o:{owner}"),
                "p:" => format!("p:{project}"),
                "o:/" => format!("o:{owner}/{project}"),
                other => other.to_owned(),
            };
            let status = article.text.status.as_str().to_owned();
            let place = created_place(&article);
            vec![
                format!("{scope} created"),
                status,
                place,
                article.id.to_string(),
            ]
        });
        let mut lists = keys_of(&article).unwrap();
        lists.extend(by_creation);
        lists.sort();
        let text = "{
            INSERT IGNORE INTO article_list $lists.map(|$row| { id: $row }) RETURN NONE;
            UPDATE type::record('article', $key) SET lists = $lists RETURN NONE;
            DELETE article_list_backfill RETURN NONE;
            RETURN NONE;
        }";
        let statement = Statement::new(text)
            .bind("key", article.id.to_string())
            .bind("lists", lists);
        write(store, statement).await;
    }
}

pub(super) fn rollout() -> RolloutChange {
    let at = "2026-03-01T00:00:00Z".parse().unwrap();
    let state = RolloutState {
        plugin: "provider-x".to_owned(),
        version: "1.1.0".to_owned(),
        digest: "ab".repeat(32),
        status: RolloutStatus::Running,
        step: 1,
        good_minutes: 3,
        since: at,
        reason: None,
    };
    let served = Served {
        id: ServedId::new(),
        plugin: state.plugin.clone(),
        version: state.version.clone(),
        digest: state.digest.clone(),
        share: 1.0,
        from: at,
        to: None,
        cause: ServedCause::Loaded,
        reason: None,
    };
    RolloutChange {
        plugin: state.plugin.clone(),
        at,
        state: Some(state),
        served: vec![served],
    }
}

async fn insert_user(store: &SurrealStore, account: Account) {
    let create = "CREATE type::record('user', $user.key) CONTENT $user RETURN NONE";
    write(
        store,
        Statement::new(create).bind("user", UserRow::from(account)),
    )
    .await;
}

/// As engines of the time of `0001_accounts` wrote it.
async fn insert_old_user(store: &SurrealStore, user: UserId) {
    let session = SessionId::new().to_string();
    let statement = Statement::new(
        "{
            CREATE type::record('user', $user) CONTENT {
                key: $user,
                email: 'ada@example.org',
                name: 'Ada',
                role: 'creator',
                password_hash: 'hash',
                created_at: <datetime>'2026-03-01T00:00:00Z'
            } RETURN NONE;
            CREATE type::record('session', $sign_in) CONTENT {
                key: $sign_in,
                family: $sign_in,
                user: $user,
                token_hash: $token_hash,
                created_at: <datetime>'2026-03-02T00:00:00Z',
                expires_at: <datetime>'2126-04-01T00:00:00Z',
                spent: false,
                ended: false
            } RETURN NONE;
            RETURN NONE;
        }",
    )
    .bind("user", user.to_string())
    .bind("sign_in", session)
    .bind("token_hash", inkstone_domain::digest::hex(&[7; 32]));
    write(store, statement).await;
}

/// As engines of the time of `0003_jobs` wrote it.
async fn insert_old_job(store: &SurrealStore, cast: &Cast) {
    let statement = Statement::new(
        "CREATE type::record('job', $key) CONTENT {
            key: $key,
            owner: $owner,
            plugin: 'generator-article',
            template: 'article',
            input: '{}',
            project: 'default',
            status: 'queued',
            step: '',
            done: 0,
            total: 0,
            attempts: 0,
            fence: 0,
            cancel_requested: false,
            enqueued_at: time::now()
        } RETURN NONE",
    )
    .bind("key", cast.job.to_string())
    .bind("owner", cast.user.to_string());
    write(store, statement).await;
}

/// As engines of the time of `0008_gateway` wrote it, with what was spent on the day.
async fn insert_priced_usage(store: &SurrealStore, user: UserId) {
    let statement = Statement::new(
        "{
            CREATE type::record('usage', $key) CONTENT {
                key: $key,
                at: <datetime>'2026-03-01T12:00:00Z',
                day: '2026-03-01',
                request_id: 'req_1',
                attempt: 2,
                user: $user,
                plugin: 'provider-local',
                plugin_version: '0.1.0',
                model: 'local/small',
                input_tokens: 10,
                output_tokens: 3,
                cached_input_tokens: 0,
                reasoning_tokens: 0,
                cost_nanos: 5,
                cache: 'none',
                outcome: 'succeeded',
                latency_ms: 250
            } RETURN NONE;
            FOR $subject IN ['user:' + $user, 'model:local/small'] {
                UPSERT type::record('spend', [$subject, '2026-03-01']) SET
                    subject = $subject,
                    day = '2026-03-01',
                    money_nanos = (money_nanos ?? 0) + 5,
                    tokens = (tokens ?? 0) + 13
                    RETURN NONE;
            };
            RETURN NONE;
        }",
    )
    .bind("key", UsageId::new().to_string())
    .bind("user", user.to_string());
    write(store, statement).await;
}

/// As engines of the time of `0002_articles` wrote it, with its revision.
async fn insert_old_article_with(store: &SurrealStore, cast: &Cast) {
    let statement = Statement::new(
        "{
            LET $text = {
                title: 'A', summary: '', body: 'B', tags: ['c'], meta_description: '',
                language: 'en', status: 'published'
            };
            CREATE type::record('article', $key) CONTENT {
                key: $key,
                project: 'handbook',
                owner: $owner,
                slug: 'a',
                text: $text,
                revision: 1,
                created_at: time::now(),
                updated_at: time::now(),
                deleted: false
            } RETURN NONE;
            CREATE type::record('article_revision', [$key, 1]) CONTENT {
                article: $key,
                revision: 1,
                author: $owner,
                text: $text,
                created_at: time::now()
            } RETURN NONE;
            RETURN NONE;
        }",
    )
    .bind("key", cast.article.to_string())
    .bind("owner", cast.user.to_string());
    write(store, statement).await;
}

async fn write(store: &SurrealStore, statement: Statement) {
    store.write::<Kept>(statement).await.unwrap();
}

/// As engines of the time of `0012_articles` wrote it: its place in lists was no part of it.
async fn insert_article_without_lists(store: &SurrealStore, article: Article) {
    let create = "{
        CREATE type::record('article', $article.key)
            CONTENT object::remove(object::remove($article, 'lists'), 'place') RETURN NONE;
        CREATE type::record('article_revision', [$article.key, $article.revision])
            CONTENT $revision RETURN NONE;
        CREATE type::record('event', $event.key) CONTENT {
            key: $event.key, at: $event.at, actor: $event.actor, kind: $event.kind,
            article: $event.article, revision: $event.revision
        } RETURN NONE;
        CREATE type::record('article_slug', [
            $article.project, string::lowercase($article.text.language), $article.slug
        ]) CONTENT { article: $article.key } RETURN NONE;
        RETURN NONE;
    }";
    let creation = sample::creation(&article);
    let statement = bind_write(Statement::new(create), creation).unwrap();
    write(store, statement).await;
}

/// As engines of the time of `0013_content_rest` wrote it.
async fn insert_comment(store: &SurrealStore, cast: &Cast) {
    let statement = Statement::new(
        "CREATE comment:one CONTENT {
            key: 'one', article: $article, revision: 1, document: '{}'
        } RETURN NONE",
    )
    .bind("article", cast.article.to_string());
    write(store, statement).await;
}

/// As engines of the time of `0014_media` wrote it.
async fn insert_file(store: &SurrealStore, cast: &Cast) {
    let statement = Statement::new(
        "CREATE media:one CONTENT {
            key: 'one', project: 'handbook', owner: $owner, name: 'a.png', alt: '', revision: 1,
            created_at: time::now(), updated_at: time::now(), is_trashed: false, version: 1,
            content_type: 'image/png', kind: 'image', size_bytes: 1, content: '{}', variants: '[]',
            variant_state: 'none', author: $owner, version_at: time::now()
        } RETURN NONE",
    )
    .bind("owner", cast.user.to_string());
    write(store, statement).await;
}

/// As engines of the time of `0015_transfers` wrote it.
async fn insert_import(store: &SurrealStore, cast: &Cast) {
    let statement = Statement::new(
        "CREATE transfer:one CONTENT {
            key: 'one', project: 'handbook', owner: $owner, format: 'jsonl', on_conflict: 'skip',
            dry_run: false, job: 'job', engine: 'engine', size_bytes: 1, sha256: '', status: 'succeeded',
            open: false, position: 1, created: 1, updated: 0, unchanged: 0, skipped: 0, refused: 0,
            created_at: time::now()
        } RETURN NONE",
    )
    .bind("owner", cast.user.to_string());
    write(store, statement).await;
}

/// As engines of the time of `0016_identities` wrote it.
async fn insert_identity(store: &SurrealStore, cast: &Cast) {
    let statement = Statement::new(
        "CREATE identity:one CONTENT {
            issuer: 'https://id.example.org', subject: 'ada', user: $user, linked_at: time::now()
        } RETURN NONE",
    )
    .bind("user", cast.user.to_string());
    write(store, statement).await;
}

/// As engines of the time of `0024_notifications` wrote it.
async fn insert_notification(store: &SurrealStore, cast: &Cast) {
    let statement = Statement::new(
        "CREATE type::record('notification', [$user, $event]) CONTENT {
            key: 'ntf_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P', user: $user, kind: 'review.asked', event: $event,
            actor: $user, project: 'handbook', created_at: time::now(), is_read: false
        } RETURN NONE",
    )
    .bind("user", cast.user.to_string())
    .bind("event", "evt_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P");
    write(store, statement).await;
}
