//! Every version there and back: for each migration a database that ends with it, with rows as engines of
//! that time wrote them. It goes up, is read as it is read today, goes back and up again, and nothing of it
//! is gone. Rows of a new migration are added to `versions/rows.rs`, and what is read of them to [`read`].

mod rows;

use inkstone_domain::allowance::Subject;
use inkstone_domain::content::ArticleFilter;
use inkstone_domain::event::EventKind;
use inkstone_domain::following::Span;
use inkstone_domain::ids::{JobId, NoteId};
use inkstone_domain::ports::{
    AuditLog, ChunkStore, ContentTypeStore, ConversationStore, DocumentStore, EventLog,
    HandlerStore, JobStore, KeyStore, NoteStore, NotificationStore, PeopleStore, PluginKv,
    PromptStore, PublicationStore, ReplyStore, RolloutStore, SavedSearchStore, ScheduleStore,
    SearchSettingsStore, WebhookStore,
};
use inkstone_domain::principal::Role;
use inkstone_domain::search::{DocumentId, DocumentKind};
use serde_json::Value;
use surrealdb::types::Value as Kept;

use self::rows::{fill, rollout};
use super::*;

const EMAIL: &str = "grace@example.org";

/// Who and what the rows are about.
struct Cast {
    user: UserId,
    article: ArticleId,
    job: JobId,
    articles: usize,
    /// Of the ledger.
    lines: u64,
}

#[test]
fn every_version_goes_up_and_back_and_loses_nothing() {
    inkstone_testkit::run_on_deep_stack(async {
        for count in 1..=MIGRATIONS.len() {
            let version = &MIGRATIONS[count - 1];
            let store = bare_store().await;
            let cast = filled_up_to(&store, count).await;
            let (tables, rows) = (schema(&store).await, all_rows(&store).await);

            start(&store).await;
            read(&store, &cast, count).await;

            let number = version.number().unwrap();
            let back = go_back(&store, number, Losses::Refuse).await;
            let back = back.unwrap_or_else(|error| panic!("{}: {error:?}", version.name));
            assert_eq!(back.undone.len(), MIGRATIONS.len() - count);
            assert_eq!(schema(&store).await, tables, "{}", version.name);
            let kept = all_rows(&store).await;
            for (table, before) in &rows {
                assert_same_rows(version.name, table, before, &kept[table]);
            }

            start(&store).await;
            read(&store, &cast, count).await;
        }
    });
}

#[test]
fn a_way_back_that_loses_something_is_refused_as_a_whole() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        let cast = filled_up_to(&store, MIGRATIONS.len()).await;
        let (tables, rows) = (schema(&store).await, all_rows(&store).await);
        let refused = go_back(&store, 7, Losses::Refuse).await.unwrap_err();
        assert_eq!(refused.code(), &codes::CONFLICT);
        for what in [
            "2 prices, keys and causes of lines of the ledger",
            "1 virtual keys",
            "1 second factors",
            "1 API keys",
            "entries of the audit log",
            "1 prompts",
            "1 notes",
            "1 conversations",
            "1 texts with fields",
            "1 content types",
            "1 jobs that generate nothing",
        ] {
            assert!(refused.message().contains(what), "{what}: {refused}");
        }
        store.move_old_usage().await.unwrap();
        assert_eq!(schema(&store).await, tables);
        let kept = all_rows(&store).await;
        for (table, before) in &rows {
            assert_same_rows("refused", table, before, &kept[table]);
        }
        read(&store, &cast, MIGRATIONS.len()).await;

        let gone = go_back(&store, 7, Losses::Accept).await.unwrap();
        assert_eq!(gone.undone.last(), Some(&"0008_gateway"));
        assert!(gone.lost.contains("1 virtual keys"), "{}", gone.lost);
        start(&store).await;
        read(&store, &cast, 7).await;

        let nothing = go_back(&store, 0, Losses::Accept).await.unwrap();
        assert_eq!(nothing.undone.len(), MIGRATIONS.len());
        let left = versions::tables(&store).await;
        assert!(
            left.iter().all(|it| it.starts_with("migration")),
            "{left:?}"
        );
        let unknown = go_back(&store, 999, Losses::Accept).await.unwrap_err();
        assert_eq!(unknown.code(), &codes::INVALID_INPUT);
    });
}

/// What an older engine has no word for gets the nearest that it has.
#[test]
fn approved_articles_go_back_into_review() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        apply(&store).await.unwrap();
        let mut article = sample::article(UserId::new());
        article.text.status = inkstone_domain::content::Status::Approved;
        store
            .create_article(sample::creation(&article))
            .await
            .unwrap();
        let refused = go_back(&store, 11, Losses::Refuse).await.unwrap_err();
        assert!(
            refused.message().contains("1 articles that are approved"),
            "{refused}"
        );
        go_back(&store, 11, Losses::Accept).await.unwrap();
        let status = "SELECT VALUE text.status FROM article";
        let status: Vec<String> = store.read(Statement::new(status)).await.unwrap();
        assert_eq!(status, ["in_review"]);
    });
}

#[test]
fn translations_of_before_hold_their_languages() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        apply(&store).await.unwrap();
        let original = sample::article(UserId::new());
        let translation = || {
            let mut article = sample::article(original.owner);
            article.translation_of = Some(original.id);
            article.text.language = "de".to_owned();
            sample::creation(&article)
        };
        let creation = sample::creation(&original);
        store.create_article(creation).await.unwrap();
        store.create_article(translation()).await.unwrap();
        go_back(&store, 35, Losses::Refuse).await.unwrap();
        apply(&store).await.unwrap();
        let refused = store.create_article(translation()).await.unwrap_err();
        assert_eq!(refused.code(), &codes::CONFLICT);
    });
}

/// What an older engine could not read: searches for notes, and what was told of them.
#[test]
fn what_is_about_notes_goes_with_them_and_nothing_else() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        apply(&store).await.unwrap();
        let user = UserId::new();
        let mut searches = [(); 2].map(|()| sample::saved_search(user));
        searches[0].query.kinds.push(DocumentKind::Note);
        searches[1].query.tags = vec!["note".to_owned()];
        let mut told = [(); 2].map(|()| sample::notification(user));
        told[0].about.document = Some(DocumentId::Note(NoteId::new()));
        let mut webhooks = [(); 2].map(|()| sample::webhook(None));
        webhooks[0].kinds = vec![EventKind::ArticleCreated, EventKind::NoteCreated];
        webhooks[1].kinds = vec![EventKind::ArticleCreated];
        for search in &searches {
            store.create_saved_search(search).await.unwrap();
        }
        for webhook in &webhooks {
            store
                .create_webhook(webhook, &sample::audit(user))
                .await
                .unwrap();
        }
        store.put_notifications(&told).await.unwrap();
        let refused = go_back(&store, 37, Losses::Refuse).await.unwrap_err();
        for what in [
            "1 notifications of notes",
            "1 saved searches for notes",
            "1 webhooks that are told of notes",
        ] {
            assert!(refused.message().contains(what), "{what}: {refused}");
        }
        go_back(&store, 37, Losses::Accept).await.unwrap();
        apply(&store).await.unwrap();
        let page = sample::first_page(10);
        let left = store.list_saved_searches(user, page).await.unwrap();
        assert_eq!(left.items, [searches[1].clone()]);
        assert_eq!(
            store.enabled_webhooks().await.unwrap(),
            [webhooks[1].clone()]
        );
        for (one, is_left) in told.iter().zip([false, true]) {
            let found = store.notification(user, one.id).await.unwrap();
            assert_eq!(found.is_some(), is_left);
        }
    });
}

/// All that a start does with old rows; as [`SurrealStore::connect`].
async fn start(store: &SurrealStore) {
    apply(store).await.unwrap();
    store.move_old_usage().await.unwrap();
    store.list_old_articles().await.unwrap();
}

/// The first `count` migrations, and after each the rows that its engines wrote.
async fn filled_up_to(store: &SurrealStore, count: usize) -> Cast {
    let mut cast = Cast {
        user: UserId::new(),
        article: ArticleId::new(),
        job: JobId::new(),
        articles: 0,
        lines: 0,
    };
    for done in 1..=count {
        apply_missing(store, &MIGRATIONS[..done]).await.unwrap();
        let name = MIGRATIONS[done - 1].name;
        fill(store, &cast, name).await;
        if MIGRATIONS[..done].iter().any(|it| it.name == "0021_events") {
            // Engines since then do so all the time.
            store.number_events(100).await.unwrap();
        }
        cast.articles += usize::from(["0002_articles", "0012_articles"].contains(&name));
        let has_lines = ["0006_usage", "0008_gateway", "0009_usage_blocks"].contains(&name);
        cast.lines += u64::from(has_lines);
    }
    cast
}

/// What is there is read by today's engine, as far as the migrations up to `count` had it.
async fn read(store: &SurrealStore, cast: &Cast, count: usize) {
    let page = || sample::first_page(100);
    let has = |name: &str| MIGRATIONS[..count].iter().any(|it| it.name == name);
    let account = store.account(cast.user).await.unwrap().unwrap();
    assert_eq!(account.user.name, "Ada");
    let sessions = store.sessions(cast.user, sample::now()).await.unwrap();
    assert_eq!(sessions.len(), 1 + usize::from(has("0034_sign_ins")));
    if has("0002_articles") {
        let article = store.article(cast.article).await.unwrap().unwrap();
        assert_eq!((article.text.title.as_str(), article.revision), ("A", 1));
        let found = store.article_by_slug("handbook", "en", "a").await.unwrap();
        assert_eq!(found, Some(article));
        let revision = store.revision(cast.article, 1).await.unwrap().unwrap();
        assert_eq!(revision.text.title, "A");
        let provenance = store.provenance(cast.article).await.unwrap().unwrap();
        assert_eq!(provenance.calls.len(), 1);
        assert_eq!(store.stamps(None, 10).await.unwrap().len(), cast.articles);
        let listed = store.list_articles(ArticleFilter::default(), page()).await;
        assert_eq!(listed.unwrap().items.len(), cast.articles);
    }
    if has("0003_jobs") {
        let job = store.job(cast.job).await.unwrap().unwrap();
        assert_eq!(job.id, cast.job);
    }
    if has("0004_events") {
        let events = store.events(None, 100).await.unwrap();
        // Rows of these tell of themselves, as today's engine writes them.
        let told = [
            ("0021_events", 1),
            ("0026_job_queue", 2),
            ("0027_document_changes", 1),
            ("0029_schedules", 3),
            ("0030_planned_publications", 1),
            ("0038_notes", 1),
        ];
        let told = told.iter().filter(|(name, _)| has(name));
        let told: usize = told.map(|(_, count)| count).sum();
        assert_eq!(events.len(), cast.articles + told);
        let highest = store.number_events(100).await.unwrap();
        assert_eq!(highest as usize, events.len());
    }
    if has("0005_plugin_kv") {
        let value = store.get("plugin", "key").await.unwrap();
        assert_eq!(value, Some(vec![7; 9]));
    }
    if has("0006_usage") {
        let filter = UsageFilter::default();
        let kept = store.list_usage(&filter, page()).await.unwrap();
        assert_eq!(kept.items.len() as u64, cast.lines);
        let sums = store.sum_usage(&filter, &[]).await.unwrap();
        assert_eq!(sums[0].attempts, cast.lines);
    }
    if has("0007_rollouts") {
        let change = rollout();
        let served = store.list_served(&change.plugin, page()).await.unwrap();
        assert_eq!(served.items.len(), 1);
        let state = change.state.unwrap();
        let kept = store.rollout(&state.plugin, &state.digest).await.unwrap();
        assert_eq!(kept.map(|it| it.version), Some(state.version));
    }
    if has("0008_gateway") {
        assert_eq!(store.keys().await.unwrap().len(), 1);
        let cached = store.cached("scope", "key", sample::now()).await.unwrap();
        assert!(cached.is_some());
    }
    if has("0035_keys_and_audit") {
        let bounds = store.allowance(&Subject::User(cast.user)).await.unwrap();
        assert_eq!(bounds, (Some(sample::allowance()), 1));
    }
    if has("0010_people") {
        let grace = store.account_by_email(EMAIL).await.unwrap().unwrap();
        assert_eq!(grace.user.role, Role::Viewer);
        let slugs = store.roles_of(cast.user).await.unwrap();
        assert!(slugs.contains(&("handbook".to_owned(), ProjectRole::Editor)));
    }
    if has("0011_projects") {
        let all = ProjectFilter::default();
        let projects = store.list_projects(&all, page()).await.unwrap();
        assert_eq!(projects.items.len(), 3);
        assert_eq!(store.api_keys().await.unwrap().len(), 1);
        assert_eq!(store.invitations(page()).await.unwrap().items.len(), 1);
        assert!(store.second_factor(cast.user).await.unwrap().is_some());
        let entries = store
            .audit_after(&Default::default(), 0, 100)
            .await
            .unwrap();
        let mut chain = inkstone_domain::audit::ChainCheck::default();
        for entry in &entries {
            chain.push(entry).unwrap();
        }
        assert_eq!(*chain.head(), store.audit_head().await.unwrap());
        assert!(entries.len() >= 4);
    }
    if has("0022_webhooks") {
        assert_eq!(store.enabled_webhooks().await.unwrap().len(), 1);
        let lanes = "SELECT VALUE due_at FROM webhook_lane WHERE due_at != NONE";
        let lanes: Vec<DateTime<Utc>> = store.read(Statement::new(lanes)).await.unwrap();
        assert_eq!(lanes.len(), 1 + usize::from(has("0033_webhook_lanes")));
    }
    if has("0023_search_settings") {
        let settings = store.search_settings("handbook").await.unwrap();
        let wanted = sample::search_settings("handbook");
        assert_eq!(settings.map(|it| it.lexicon), Some(wanted.lexicon));
    }
    if has("0024_notifications") {
        assert_eq!(store.count_unread(cast.user).await.unwrap(), 1);
        let settings = store.notification_settings(cast.user).await.unwrap();
        assert_eq!(settings.unwrap().revision, 1);
    }
    if has("0027_document_changes") {
        let told = store
            .changed_documents(Span::since(DateTime::UNIX_EPOCH))
            .await
            .unwrap();
        let notes = usize::from(has("0038_notes"));
        assert_eq!(told.len(), 1 + notes, "{told:?}");
        let listed = store.list_notes("handbook", None, page()).await.unwrap();
        assert_eq!(listed.items.len(), notes);
    }
    if has("0025_publications") {
        let publication = store.publication(cast.article).await.unwrap();
        assert_eq!(publication.unwrap().by, cast.user);
    }
    if has("0028_chunks") {
        let model = store.serving_model().await.unwrap().unwrap();
        let found = store.embedded_articles(&model, &[cast.article]).await;
        assert_eq!(found.unwrap()[0].chunks.len(), 2);
    }
    if has("0029_schedules") {
        let planned = store.next_schedules(10).await.unwrap();
        let [schedule] = planned.as_slice() else {
            panic!("{planned:?}");
        };
        let runs = store.schedule_runs(schedule.id, page()).await.unwrap();
        assert_eq!(runs.items.first(), schedule.last_run.as_ref());
    }
    if has("0021_events") {
        let states = store.handlers().await.unwrap();
        let found = states.iter().find(|state| state.name == "webhooks");
        assert_eq!(found.unwrap().number, 1);
    }
    if has("0031_handler_faults") {
        let states = store.handlers().await.unwrap();
        let found = states.iter().find(|state| state.name == "subscriber");
        let found = found.unwrap();
        assert_eq!(found.failing, Some(sample::handler_fault()));
        assert_eq!(found.passed_over, [sample::handler_fault()]);
    }
    if has("0012_articles") {
        assert_eq!(store.content_types().await.unwrap().len(), 1);
    }
}

/// The tables, sorted.
pub(super) async fn tables(store: &SurrealStore) -> Vec<String> {
    let info: Kept = store.read(Statement::new("INFO FOR DB")).await.unwrap();
    let info = info.into_json_value();
    let mut names: Vec<String> = info["tables"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    names.sort();
    names
}

/// How each table is defined.
async fn schema(store: &SurrealStore) -> Value {
    let mut all = serde_json::Map::new();
    for table in tables(store).await {
        let info = Statement::new(format!("INFO FOR TABLE {table}"));
        let info: Kept = store.read(info).await.unwrap();
        all.insert(table, info.into_json_value());
    }
    Value::Object(all)
}

/// All rows of each table but those of migrations themselves.
async fn all_rows(store: &SurrealStore) -> serde_json::Map<String, Value> {
    let mut all = serde_json::Map::new();
    for table in tables(store).await {
        if table.starts_with("migration") {
            continue;
        }
        let rows = Statement::new(format!("SELECT * FROM {table} ORDER BY id"));
        let rows: Kept = store.read(rows).await.unwrap();
        all.insert(table, rows.into_json_value());
    }
    all
}

/// The database's own clock moves with every write, and blocks of the ledger may be cut otherwise.
fn assert_same_rows(version: &str, table: &str, before: &Value, after: &Value) {
    if table.starts_with("usage_") {
        return;
    }
    let without_clock = |rows: &Value| {
        let mut rows = rows.clone();
        for row in rows.as_array_mut().into_iter().flatten() {
            if let Some(row) = row.as_object_mut() {
                row.remove("changed_at");
            }
        }
        rows
    };
    assert_eq!(
        without_clock(after),
        without_clock(before),
        "{version}: rows of {table}"
    );
}
