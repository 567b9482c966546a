//! What every search index promises, whatever it is made of. Texts are chosen so that a plain
//! contains-search and a full-text index must agree.

use inkstone_domain::content::{Article, Status};
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{ArticleStore, SearchIndex};
use inkstone_domain::search::{SearchQuery, Visibility};

use crate::sample;

/// Runs the whole suite. `index` follows `store`; both are empty.
pub async fn run(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    finds_what_was_written(index, store).await;
    follows_changes_and_deletions(index, store).await;
    filters_inside_the_search(index, store).await;
    shows_nobody_what_they_may_not_read(index, store).await;
    takes_whatever_people_type(index, store).await;
    pages(index, store).await;
    super::related::run(index, store).await;
}

async fn finds_what_was_written(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let written = write(
        store,
        owner,
        "Marmot",
        "A marmot whistles & <runs>.",
        |_| {},
    )
    .await;
    index.catch_up().await.unwrap();
    let page = index.query(query("marmot")).await.unwrap();
    assert_eq!(page.total, 1);
    let hit = &page.hits[0];
    assert_eq!(hit.id, written.id);
    assert_eq!(hit.title, "Marmot");
    assert!(hit.snippet.contains("whistles"), "{}", hit.snippet);
    assert!(!hit.snippet_html.contains("<runs>"), "{}", hit.snippet_html);
    assert_eq!(hit.status, Status::Draft);
    assert!(index.stats().await.unwrap().documents >= 1);
}

async fn follows_changes_and_deletions(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let otter = write(store, owner, "Otter", "It swims.", |_| {}).await;
    let renamed = sample::retitling(&otter, "Beaver");
    let article = renamed.article.clone();
    store.update_article(renamed).await.unwrap();
    index.catch_up().await.unwrap();
    assert_eq!(index.query(query("otter")).await.unwrap().total, 0);
    let found = index.query(query("beaver")).await.unwrap();
    assert_eq!(found.hits[0].id, article.id);

    store
        .delete_article(sample::deletion(&article))
        .await
        .unwrap();
    index.catch_up().await.unwrap();
    assert_eq!(index.query(query("beaver")).await.unwrap().total, 0);

    // Back from the trash, and out of it for good at once.
    let trashed = store.trashed_article(article.id).await.unwrap().unwrap();
    let back = sample::restoration(&trashed);
    let article = back.article.clone();
    store.restore_article(back).await.unwrap();
    index.catch_up().await.unwrap();
    assert_eq!(index.query(query("beaver")).await.unwrap().total, 1);
    let deletion = sample::deletion(&article);
    let removal = sample::removal(&deletion.article);
    store.delete_article(deletion).await.unwrap();
    store.remove_article(removal).await.unwrap();
    index.catch_up().await.unwrap();
    assert_eq!(index.query(query("beaver")).await.unwrap().total, 0);
}

async fn filters_inside_the_search(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let plain = write(store, owner, "Heron", "grey", |_| {}).await;
    let tagged = write(store, owner, "Heron", "white", |article| {
        article.text.tags = vec!["birds".to_owned(), "water".to_owned()];
        article.text.status = Status::Published;
        article.project = "zoo".to_owned();
    })
    .await;
    index.catch_up().await.unwrap();
    let ids = async |query: SearchQuery| {
        let page = index.query(query).await.unwrap();
        let mut ids: Vec<_> = page.hits.iter().map(|hit| hit.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(query("heron")).await, sorted([plain.id, tagged.id]));
    let by_tag = |tags: &[&str]| SearchQuery {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..query("heron")
    };
    assert_eq!(ids(by_tag(&["birds", "water"])).await, [tagged.id]);
    assert!(ids(by_tag(&["birds", "land"])).await.is_empty());
    let by_status = SearchQuery {
        status: Some(Status::Draft),
        ..query("heron")
    };
    assert_eq!(ids(by_status).await, [plain.id]);
    let by_project = SearchQuery {
        project: Some("zoo".to_owned()),
        ..query("heron")
    };
    assert_eq!(ids(by_project).await, [tagged.id]);
}

async fn shows_nobody_what_they_may_not_read(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let (owner, stranger) = (UserId::new(), UserId::new());
    let secret = write(store, owner, "Pangolin", "draft", |_| {}).await;
    let public = write(store, owner, "Pangolin", "out", |article| {
        article.text.status = Status::Published;
    })
    .await;
    index.catch_up().await.unwrap();
    let seen = async |visibility: Visibility| {
        let query = SearchQuery {
            visibility,
            ..query("pangolin")
        };
        let page = index.query(query).await.unwrap();
        assert_eq!(page.total, page.hits.len());
        let mut ids: Vec<_> = page.hits.iter().map(|hit| hit.id).collect();
        ids.sort();
        ids
    };
    let both = sorted([secret.id, public.id]);
    assert_eq!(seen(Visibility::All).await, both);
    let of = |user, projects: &[&str]| Visibility::User {
        user,
        projects: projects.iter().map(|&slug| slug.to_owned()).collect(),
    };
    assert_eq!(seen(of(owner, &[])).await, both);
    assert_eq!(seen(of(stranger, &[])).await, [public.id]);
    assert_eq!(seen(of(stranger, &["elsewhere"])).await, [public.id]);
    let member = of(stranger, &["elsewhere", &secret.project]);
    assert_eq!(seen(member).await, both);
}

async fn takes_whatever_people_type(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    write(store, UserId::new(), "Quokka", "smiles", |_| {}).await;
    index.catch_up().await.unwrap();
    for typed in [
        "",
        " ",
        "\"",
        "(",
        "title:",
        "AND",
        "a AND (",
        "[1 TO",
        "nofield:x",
        "~~",
        "*",
        "\\",
        "日本語",
        "-",
        "'; --",
    ] {
        let result = index.query(query(typed)).await;
        assert!(result.is_ok(), "`{typed}`: {result:?}");
    }
}

async fn pages(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    for number in 0..5 {
        write(store, owner, "Wombat", &format!("number {number}"), |_| {}).await;
    }
    index.catch_up().await.unwrap();
    let mut seen = Vec::new();
    for offset in [0, 2, 4] {
        let query = SearchQuery {
            limit: 2,
            offset,
            ..query("wombat")
        };
        let page = index.query(query).await.unwrap();
        assert_eq!(page.total, 5);
        seen.extend(page.hits.iter().map(|hit| hit.id));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

/// Ids of one millisecond have no order of their own.
fn sorted(mut ids: [ArticleId; 2]) -> [ArticleId; 2] {
    ids.sort();
    ids
}

fn query(text: &str) -> SearchQuery {
    SearchQuery {
        text: text.to_owned(),
        visibility: Visibility::All,
        project: None,
        status: None,
        tags: Vec::new(),
        limit: 20,
        offset: 0,
    }
}

async fn write(
    store: &dyn ArticleStore,
    owner: UserId,
    title: &str,
    body: &str,
    change: impl FnOnce(&mut Article),
) -> Article {
    let mut article = sample::article(owner);
    article.text.title = title.to_owned();
    article.text.body = body.to_owned();
    change(&mut article);
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    article
}
