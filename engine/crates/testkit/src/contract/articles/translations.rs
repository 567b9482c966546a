//! Groups of translations: one article in a language, however it came to that.

use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::content::Article;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{ArticleStore, ArticleWrite};

use super::super::{CROWD, assert_code};
use crate::sample;

pub async fn have_one_article_in_a_language(store: &dyn ArticleStore) {
    let original = created(store, sample::article(UserId::new())).await;
    let first_language = original.text.language.clone();
    let german = created(store, translation(&original, "de")).await;
    for language in ["de", "DE", &first_language] {
        let twin = translation(&original, language);
        let refused = store.create_article(sample::creation(&twin)).await;
        assert_code(refused, &codes::CONFLICT);
    }
    // Neither does an article change into one that is there, whether that is the original or another.
    for (article, language) in [(&german, first_language.as_str()), (&original, "de")] {
        let refused = store.update_article(into(article, language)).await;
        assert_code(refused, &codes::CONFLICT);
    }
    let change = into(&original, "fr");
    store.update_article(change.clone()).await.unwrap();
    let original = change.article;
    // Its language is free from then on, and it cannot go back once somebody else has it.
    created(store, translation(&original, &first_language)).await;
    let refused = store.update_article(into(&original, &first_language)).await;
    assert_code(refused, &codes::CONFLICT);

    // What is in the trash has no language, and gets it back where nobody else took it.
    let deletion = sample::deletion(&german);
    let trashed = Article {
        trashed_at: Some(deletion.article.updated_at),
        ..deletion.article.clone()
    };
    store.delete_article(deletion).await.unwrap();
    let second = created(store, translation(&original, "de")).await;
    let restoration = sample::restoration(&trashed);
    let refused = store.restore_article(restoration.clone()).await;
    assert_code(refused, &codes::CONFLICT);
    store.update_article(into(&second, "nl")).await.unwrap();
    store.restore_article(restoration).await.unwrap();
    let refused = store
        .create_article(sample::creation(&translation(&original, "de")))
        .await;
    assert_code(refused, &codes::CONFLICT);

    // Articles that are no translations of each other have nothing to do with that.
    for _ in 0..2 {
        let alone = created(store, sample::article(original.owner)).await;
        store.update_article(into(&alone, "de")).await.unwrap();
    }
}

pub async fn however_many_come_at_once(store: &dyn ArticleStore) {
    let original = created(store, sample::article(UserId::new())).await;
    let german = created(store, translation(&original, "de")).await;
    let twins: Vec<Article> = (0..CROWD).map(|_| translation(&original, "it")).collect();
    let creations = twins
        .iter()
        .map(|twin| store.create_article(sample::creation(twin)));
    let changes = [
        store.update_article(into(&original, "it")),
        store.update_article(into(&german, "it")),
    ];
    let (created, changed) = tokio::join!(join_all(creations), join_all(changes));
    let done = created.iter().chain(&changed).filter(|it| it.is_ok());
    assert_eq!(done.count(), 1, "{created:?} {changed:?}");
    let group = store.translations(original.id).await.unwrap();
    let italian = group.iter().filter(|it| it.text.language == "it");
    assert_eq!(italian.count(), 1);
}

async fn created(store: &dyn ArticleStore, article: Article) -> Article {
    let creation = sample::creation(&article);
    store.create_article(creation).await.unwrap();
    article
}

fn translation(original: &Article, language: &str) -> Article {
    let mut article = sample::article(original.owner);
    article.translation_of = Some(original.id);
    article.text.language = language.to_owned();
    article
}

fn into(article: &Article, language: &str) -> ArticleWrite {
    let mut write = sample::retitling(article, "In another language");
    write.article.text.language = language.to_owned();
    write
}
