//! Slugs of articles: unique in a project and language, and lasting.

use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::content::Article;
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::ArticleStore;

use super::super::{CROWD, assert_code};
use crate::sample;

pub async fn belong_to_one_article(store: &dyn ArticleStore) {
    let first = created(store, sample::article(UserId::new())).await;
    let same = Article {
        slug: first.slug.clone(),
        ..sample::article(UserId::new())
    };
    let refused = store.create_article(sample::creation(&same)).await;
    assert_code(refused, &codes::SLUG_TAKEN);
    assert_eq!(store.article(same.id).await.unwrap(), None);
    let no_revisions = store.revisions(same.id, sample::first_page(1)).await;
    assert_eq!(no_revisions.unwrap().items, vec![]);

    let shouted = with_language(&same, "EN");
    let refused = store.create_article(sample::creation(&shouted)).await;
    assert_code(refused, &codes::SLUG_TAKEN);
    created(store, with_language(&same, "pt-BR")).await;
    let elsewhere = Article {
        project: "elsewhere".to_owned(),
        ..with_id(&same)
    };
    created(store, elsewhere).await;

    // A change can clash too, by its slug or by its language.
    let second = created(store, sample::article(UserId::new())).await;
    let mut update = sample::retitling(&second, "Mine now");
    update.article.slug = first.slug.clone();
    assert_code(store.update_article(update).await, &codes::SLUG_TAKEN);
    assert_eq!(store.article(second.id).await.unwrap(), Some(second));
    let translated = created(store, with_language(&with_id(&first), "de")).await;
    let mut update = sample::retitling(&translated, "Back");
    update.article.text.language = "en".to_owned();
    assert_code(store.update_article(update).await, &codes::SLUG_TAKEN);

    // Deletion does not free it: the article may come back.
    let deletion = sample::deletion(&first);
    store.delete_article(deletion).await.unwrap();
    let refused = store
        .create_article(sample::creation(&with_id(&same)))
        .await;
    assert_code(refused, &codes::SLUG_TAKEN);
}

pub async fn lead_to_where_the_article_is(store: &dyn ArticleStore) {
    let article = created(store, sample::article(UserId::new())).await;
    let by_slug = async |language: &str, slug: &str| {
        let found = store.article_by_slug(&article.project, language, slug);
        found.await.unwrap()
    };
    assert_eq!(by_slug("EN", &article.slug).await, Some(article.clone()));
    assert_eq!(by_slug("de", &article.slug).await, None);
    assert_eq!(by_slug("en", "nobody-s").await, None);

    let mut update = sample::retitling(&article, "Elsewhere");
    update.article.slug = format!("{}-new", article.slug);
    update.article.text.language = "de".to_owned();
    store.update_article(update.clone()).await.unwrap();
    let moved = Some(update.article.clone());
    assert_eq!(by_slug("en", &article.slug).await, moved);
    assert_eq!(by_slug("de", &update.article.slug).await, moved);
    let taker = Article {
        slug: article.slug.clone(),
        ..sample::article(UserId::new())
    };
    let refused = store.create_article(sample::creation(&taker)).await;
    assert_code(refused, &codes::SLUG_TAKEN);

    // Its own old slug it may have again.
    let mut back = sample::retitling(&update.article, "Back");
    back.article.slug = article.slug.clone();
    back.article.text.language = "en".to_owned();
    store.update_article(back.clone()).await.unwrap();
    assert_eq!(
        by_slug("en", &article.slug).await,
        Some(back.article.clone())
    );

    let deletion = sample::deletion(&back.article);
    store.delete_article(deletion).await.unwrap();
    assert_eq!(by_slug("en", &article.slug).await, None);
}

pub async fn are_given_to_one_of_many(store: &dyn ArticleStore) {
    let slug = sample::article(UserId::new()).slug;
    let attempts = (0..CROWD).map(|_| async {
        let article = Article {
            slug: slug.clone(),
            ..sample::article(UserId::new())
        };
        store.create_article(sample::creation(&article)).await
    });
    let (written, refused): (Vec<_>, Vec<_>) = join_all(attempts)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!(written.len(), 1);
    for result in refused {
        assert_code(result, &codes::SLUG_TAKEN);
    }
}

async fn created(store: &dyn ArticleStore, article: Article) -> Article {
    let creation = sample::creation(&article);
    store.create_article(creation).await.unwrap();
    article
}

fn with_language(article: &Article, language: &str) -> Article {
    let mut article = with_id(article);
    article.text.language = language.to_owned();
    article
}

fn with_id(article: &Article) -> Article {
    Article {
        id: ArticleId::new(),
        ..article.clone()
    }
}
