//! Data of before, carried over by each migration that changes some; every released version there and back
//! (`versions.rs`); and engines that start at once (`leases.rs`).

mod leases;
mod versions;

use inkstone_domain::allowance::{Spend, Subject};
use inkstone_domain::ids::{ArticleId, SessionId, UsageId, UserId};
use inkstone_domain::money::Money;
use inkstone_domain::ports::{ArticleStore, ProjectStore, UsageLedger, UserStore};
use inkstone_domain::principal::{SeenFrom, User};
use inkstone_domain::project::{ProjectFilter, ProjectRole};
use inkstone_domain::usage::{CacheUse, UsageDimension, UsageFilter};
use inkstone_testkit::sample;

use super::*;

fn row(name: &str, sha256: String) -> MigrationRow {
    MigrationRow {
        name: name.to_owned(),
        sha256,
        applied_at: sample::now(),
    }
}

async fn bare_store() -> SurrealStore {
    let config = StoreConfig {
        database: "migrations".to_owned(),
        ..StoreConfig::default()
    };
    SurrealStore::open(config).await.unwrap()
}

#[test]
fn a_ledger_of_before_the_gateway_is_carried_over() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        let before = MIGRATIONS.iter().position(|it| it.name == "0008_gateway");
        apply_missing(&store, &MIGRATIONS[..before.unwrap()])
            .await
            .unwrap();
        let user = UserId::new();
        for at in [
            "2026-03-01T00:00:00Z",
            "2026-03-01T23:59:59.999Z",
            "2026-03-02T12:00:00Z",
        ] {
            insert_old_usage(&store, user, at).await;
        }
        apply(&store).await.unwrap();
        // Engines that start together.
        let (a, b) = tokio::join!(store.move_old_usage(), store.move_old_usage());
        a.and(b).unwrap();

        let filter = UsageFilter {
            user: Some(user),
            ..UsageFilter::default()
        };
        let page = sample::first_page(10);
        let kept = store.list_usage(&filter, page).await.unwrap().items;
        let newest = &kept[0];
        assert_eq!(kept.len(), 3);
        assert_eq!(newest.request_id, newest.id.to_string());
        assert_eq!((newest.attempt, newest.cost), (1, Money::ZERO));
        assert_eq!((newest.key, &newest.project), (None, &None));
        assert_eq!((newest.cache, &newest.error_code), (CacheUse::None, &None));

        let by = [UsageDimension::Day];
        let days = store.sum_usage(&filter, &by).await.unwrap();
        let attempts: Vec<(&str, u64)> = days
            .iter()
            .map(|day| (day.values[0].as_str(), day.attempts))
            .collect();
        assert_eq!(attempts, [("2026-03-01", 2), ("2026-03-02", 1)]);

        // The sums are those of the records, and new records are added to them.
        let mut another = sample::usage_record(user);
        another.at = newest.at;
        store.append(&[another.clone()]).await.unwrap();
        let day = "2026-03-01".parse().unwrap();
        let spent = store.spent_since(day).await.unwrap();
        let of = |subject: &Subject| {
            let own = spent.iter().filter(|it| it.subject == *subject);
            own.map(|it| it.spend).collect::<Vec<Spend>>()
        };
        let tokens = newest.spend().tokens;
        let first = Spend {
            money: Money::ZERO,
            tokens: 2 * tokens,
        };
        let second = Spend {
            money: another.cost,
            tokens: tokens + another.spend().tokens,
        };
        assert_eq!(of(&Subject::User(user)), [first, second]);
        let model = Subject::Model(another.model.clone());
        assert_eq!(of(&model), [first, second]);
    });
}

#[test]
fn projects_that_articles_named_become_records() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        let before = MIGRATIONS.iter().position(|it| it.name == "0008_gateway");
        apply_missing(&store, &MIGRATIONS[..=before.unwrap()])
            .await
            .unwrap();
        let (one, other) = (UserId::new(), UserId::new());
        for (project, owner) in [
            ("default", one),
            ("handbook", one),
            ("handbook", one),
            ("handbook", other),
            ("blog", other),
        ] {
            insert_old_article(&store, project, owner).await;
        }
        apply(&store).await.unwrap();

        let filter = ProjectFilter::default();
        let page = store.list_projects(&filter, sample::first_page(10));
        let mut slugs: Vec<String> = page
            .await
            .unwrap()
            .items
            .into_iter()
            .map(|project| project.slug)
            .collect();
        slugs.sort();
        assert_eq!(slugs, ["blog", "default", "handbook"]);
        let editor = |slug: &str| (slug.to_owned(), ProjectRole::Editor);
        assert_eq!(store.roles_of(one).await.unwrap(), [editor("handbook")]);
        assert_eq!(
            store.roles_of(other).await.unwrap(),
            [editor("blog"), editor("handbook")]
        );
    });
}

/// As engines of the time of `0002_articles` wrote it.
async fn insert_old_article(store: &SurrealStore, project: &str, owner: UserId) {
    let statement = Statement::new(
        "{
            CREATE type::record('article', $key) CONTENT {
                key: $key,
                project: $project,
                owner: $owner,
                slug: 'a',
                text: {
                    title: 'A',
                    summary: '',
                    body: '',
                    tags: [],
                    meta_description: '',
                    language: 'en',
                    status: 'draft'
                },
                revision: 1,
                created_at: time::now(),
                updated_at: time::now(),
                deleted: false
            } RETURN NONE;
            RETURN NONE;
        }",
    )
    .bind("key", ArticleId::new().to_string())
    .bind("project", project)
    .bind("owner", owner.to_string());
    store.write::<()>(statement).await.unwrap();
}

#[test]
fn users_and_sessions_of_before_go_on() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        let before = MIGRATIONS.iter().position(|it| it.name == "0010_people");
        apply_missing(&store, &MIGRATIONS[..before.unwrap()])
            .await
            .unwrap();
        let (user, session) = (UserId::new(), SessionId::new());
        let token_hash = [7; 32];
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
        .bind("sign_in", session.to_string())
        .bind("token_hash", inkstone_domain::digest::hex(&token_hash));
        store.write::<()>(statement).await.unwrap();
        apply(&store).await.unwrap();

        let account = store.account(user).await.unwrap().unwrap();
        assert_eq!(account.password_hash, "hash");
        let known = account.user;
        assert_eq!((known.email_verified, known.revision), (true, 1));
        assert_eq!(known.disabled_at, None);
        let sessions = store.sessions(user, sample::now()).await.unwrap();
        assert_eq!(sessions.len(), 1);
        assert_eq!(sessions[0].signed_in_at, sessions[0].created_at);
        assert_eq!(sessions[0].token_hash, token_hash);
        assert_eq!(sessions[0].seen, SeenFrom::default());
        let changed = User {
            revision: 2,
            ..known
        };
        store.update_user(&changed, None, &[]).await.unwrap();
    });
}

/// As engines of the time of `0006_usage` wrote it.
async fn insert_old_usage(store: &SurrealStore, user: UserId, at: &str) {
    let key = UsageId::new().to_string();
    let statement = Statement::new(
        "{
            CREATE type::record('usage', $key) CONTENT {
                key: $key,
                at: <datetime>$at,
                user: $user,
                plugin: 'provider-local',
                plugin_version: '0.1.0',
                model: 'local/small',
                input_tokens: 10,
                output_tokens: 3,
                cached_input_tokens: 0,
                reasoning_tokens: 0,
                outcome: 'succeeded',
                latency_ms: 250
            } RETURN NONE;
            RETURN NONE;
        }",
    )
    .bind("key", key)
    .bind("at", at)
    .bind("user", user.to_string());
    store.write::<()>(statement).await.unwrap();
}

#[test]
fn articles_of_before_unique_slugs_get_one_each() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        let before = MIGRATIONS.iter().position(|it| it.name == "0012_articles");
        apply_missing(&store, &MIGRATIONS[..before.unwrap()])
            .await
            .unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(insert_old_draft(&store, "the-tides").await);
        }
        ids.push(insert_old_draft(&store, &"x".repeat(100)).await);
        ids.push(insert_old_draft(&store, &"x".repeat(100)).await);
        apply(&store).await.unwrap();

        let articles = store.articles_by_id(&ids).await.unwrap();
        assert_eq!(articles.len(), ids.len());
        let slugs: Vec<String> = articles.iter().map(|it| it.slug.clone()).collect();
        let numbered = |base: &str, id: ArticleId| format!("{base}-{}", id.0).to_lowercase();
        let long = "x".repeat(100);
        assert_eq!(
            slugs,
            [
                "the-tides".to_owned(),
                numbered("the-tides", ids[1]),
                numbered("the-tides", ids[2]),
                long.clone(),
                numbered(&long[..73], ids[4]),
            ]
        );
        for article in articles {
            let found = store.article_by_slug("default", "en", &article.slug).await;
            assert_eq!(found.unwrap(), Some(article));
        }
    });
}

/// As engines of the time of `0002_articles` wrote it.
async fn insert_old_draft(store: &SurrealStore, slug: &str) -> ArticleId {
    let id = ArticleId::new();
    let statement = Statement::new(
        "{
            CREATE type::record('article', $key) CONTENT {
                key: $key,
                project: 'default',
                owner: 'usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P',
                slug: $slug,
                text: {
                    title: 'T', summary: '', body: '', tags: [], meta_description: '',
                    language: 'en', status: 'draft'
                },
                revision: 1,
                created_at: time::now(),
                updated_at: time::now(),
                deleted: false
            } RETURN NONE;
            RETURN NONE;
        }",
    )
    .bind("key", id.to_string())
    .bind("slug", slug);
    store.write::<()>(statement).await.unwrap();
    id
}

#[test]
fn names_rise() {
    assert!(MIGRATIONS.is_sorted_by(|a, b| a.name < b.name && a.number() < b.number()));
    assert!(MIGRATIONS.iter().all(|it| it.number().is_some()));
}

/// What to write is told in CONTRIBUTING.md.
#[test]
fn each_has_a_way_back() {
    let without = MIGRATIONS.iter().filter(|it| it.back().is_none());
    let names: Vec<&str> = without.map(|it| it.name).collect();
    assert!(
        names.is_empty(),
        "the `.down.surql` of {names:?} needs `--- What an older engine cannot hold` and `--- The way back`"
    );
}

#[test]
fn foreign_and_edited_histories_are_refused() {
    let first = &MIGRATIONS[0];
    assert!(check_history(&[row(first.name, first.digest())]).is_ok());
    let newer = check_history(&[row("9999_future", first.digest())]).unwrap_err();
    assert!(newer.to_string().contains("newer engine"), "{newer}");
    assert!(check_history(&[row(first.name, "00".repeat(32))]).is_err());
}
