//! What every search index promises of articles that are like another. The words are such that a plain
//! comparison and a full-text index must agree.

use inkstone_domain::content::{Article, Status};
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{ArticleStore, SearchIndex};
use inkstone_domain::related::RelatedQuery;
use inkstone_domain::search::Visibility;

use crate::sample;

/// Runs the suite. `index` follows `store`.
pub async fn run(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    ranks_by_what_is_shared(index, store).await;
    shows_what_may_be_read_and_no_more(index, store).await;
    follows_the_article_as_it_is_given(index, store).await;
}

async fn ranks_by_what_is_shared(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let about = write(store, owner, "Axolotl", |article| {
        article.text.body = "The axolotl stays young.".to_owned();
        article.text.tags = tags(&["salamander", "mexico"]);
        article.text.extras.categories = tags(&["amphibian"]);
    })
    .await;
    let most = write(store, owner, "Xochimilco", |article| {
        article.text.tags = tags(&["mexico", "salamander"]);
        article.text.extras.categories = tags(&["amphibian"]);
    })
    .await;
    let by_category = write(store, owner, "Caecilian", |article| {
        article.text.extras.categories = tags(&["amphibian"]);
    })
    .await;
    let by_word = write(store, owner, "Neoteny", |article| {
        article.text.body = "As in the axolotl.".to_owned();
    })
    .await;
    let other = write(store, owner, "Basalt", |_| {}).await;
    index.catch_up().await.unwrap();
    let found = ids(index, query(&about)).await;
    assert_eq!(found[0], most.id, "who shares most comes first");
    let mut rest = found[1..].to_vec();
    rest.sort();
    let mut expected = [by_category.id, by_word.id];
    expected.sort();
    assert_eq!(rest, expected);
    assert!(!found.contains(&other.id) && !found.contains(&about.id));

    let scores = index.related(query(&about)).await.unwrap();
    assert!(scores.iter().all(|one| one.score > 0.0), "{scores:?}");
    assert!(scores.is_sorted_by(|a, b| a.score >= b.score), "{scores:?}");
    let first = RelatedQuery {
        limit: 1,
        ..query(&about)
    };
    assert_eq!(ids(index, first).await, [most.id]);
    let without = RelatedQuery {
        without: vec![most.id, by_word.id],
        ..query(&about)
    };
    assert_eq!(ids(index, without).await, [by_category.id]);
    // What shares nothing has nothing.
    assert!(ids(index, query(&other)).await.is_empty());

    store.delete_article(sample::deletion(&most)).await.unwrap();
    index.catch_up().await.unwrap();
    assert!(!ids(index, query(&about)).await.contains(&most.id));
}

async fn shows_what_may_be_read_and_no_more(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let (owner, stranger) = (UserId::new(), UserId::new());
    let same = |article: &mut Article| article.text.tags = tags(&["nudibranch"]);
    let draft = write(store, owner, "Glaucus", same).await;
    let public = write(store, owner, "Chromodoris", |article| {
        same(article);
        article.text.status = Status::Published;
    })
    .await;
    let elsewhere = write(store, owner, "Hexabranchus", |article| {
        same(article);
        article.project = "reef".to_owned();
    })
    .await;
    let about = write(store, stranger, "Doris", same).await;
    index.catch_up().await.unwrap();
    let seen = async |visibility: Visibility| {
        let query = RelatedQuery {
            visibility,
            ..query(&about)
        };
        let mut found = ids(index, query).await;
        found.sort();
        found
    };
    let sorted = |mut ids: Vec<ArticleId>| {
        ids.sort();
        ids
    };
    let of = |projects: &[&str]| Visibility::User {
        user: stranger,
        projects: tags(projects),
    };
    let all = sorted(vec![draft.id, public.id, elsewhere.id]);
    assert_eq!(seen(Visibility::Admin(UserId::new())).await, all);
    assert_eq!(seen(of(&[])).await, [public.id]);
    assert_eq!(
        seen(of(&["reef"])).await,
        sorted(vec![public.id, elsewhere.id])
    );
    let by_project = RelatedQuery {
        project: Some("reef".to_owned()),
        ..query(&about)
    };
    assert_eq!(ids(index, by_project).await, [elsewhere.id]);
    let by_status = RelatedQuery {
        status: Some(Status::Published),
        ..query(&about)
    };
    assert_eq!(ids(index, by_status).await, [public.id]);
}

async fn follows_the_article_as_it_is_given(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let tagged = write(store, owner, "Tardigrade", |article| {
        article.text.tags = tags(&["moss"]);
    })
    .await;
    let mut about = write(store, owner, "Rotifer", |_| {}).await;
    index.catch_up().await.unwrap();
    assert!(ids(index, query(&about)).await.is_empty());
    about.text.tags = tags(&["moss"]);
    assert_eq!(ids(index, query(&about)).await, [tagged.id]);
    // As little as there can be.
    about.text.tags.clear();
    about.text.title = "?".to_owned();
    assert!(ids(index, query(&about)).await.is_empty());
}

fn tags(tags: &[&str]) -> Vec<String> {
    tags.iter().map(|&tag| tag.to_owned()).collect()
}

fn query(article: &Article) -> RelatedQuery {
    RelatedQuery {
        article: article.clone(),
        visibility: Visibility::Admin(UserId::new()),
        project: None,
        status: None,
        without: Vec::new(),
        limit: 20,
    }
}

async fn ids(index: &dyn SearchIndex, query: RelatedQuery) -> Vec<ArticleId> {
    let found = index.related(query).await.unwrap();
    found.into_iter().map(|one| one.id).collect()
}

/// Has its title and nothing else that is written.
async fn write(
    store: &dyn ArticleStore,
    owner: UserId,
    title: &str,
    change: impl FnOnce(&mut Article),
) -> Article {
    let mut article = sample::article(owner);
    article.text.title = title.to_owned();
    article.text.summary.clear();
    article.text.body.clear();
    article.text.tags.clear();
    change(&mut article);
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    article
}
