//! Deleted articles: kept, brought back, and removed for good.

use std::time::Duration;

use inkstone_domain::codes;
use inkstone_domain::content::{Article, ArticleFilter};
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{ArticleStore, EventLog};

use super::super::assert_code;
use super::super::events::all_events;
use super::stamp_of;
use crate::sample;

pub async fn gives_back_what_it_holds(store: &dyn ArticleStore, events: &dyn EventLog) {
    let article = created(store, sample::article(UserId::new())).await;
    let live = created(store, sample::article(article.owner)).await;
    assert_eq!(store.trashed_article(article.id).await.unwrap(), None);
    let refused = store.restore_article(sample::restoration(&article)).await;
    assert_code(refused, &codes::NOT_FOUND);
    let refused = store.remove_article(sample::removal(&article)).await;
    assert_code(refused, &codes::NOT_FOUND);

    let trashed = trashed(store, &article).await;
    assert_eq!((trashed.revision, &trashed.text), (2, &article.text));
    assert_eq!(trashed.trashed_at, Some(trashed.updated_at));
    assert_eq!(
        list(store, article.owner, true).await,
        std::slice::from_ref(&trashed)
    );
    assert_eq!(list(store, article.owner, false).await, [live]);
    let stale = store.restore_article(sample::restoration(&article)).await;
    assert_code(stale, &codes::REVISION_MISMATCH);

    let restoration = sample::restoration(&trashed);
    store.restore_article(restoration.clone()).await.unwrap();
    let back = store.article(article.id).await.unwrap();
    assert_eq!(back, Some(restoration.article.clone()));
    assert_eq!(store.trashed_article(article.id).await.unwrap(), None);
    assert!(list(store, article.owner, true).await.is_empty());
    let stamp = stamp_of(store, article.id).await;
    assert_eq!((stamp.revision, stamp.deleted), (3, false));
    let page = sample::first_page(10);
    let revisions = store.revisions(article.id, page).await.unwrap().items;
    let numbers: Vec<u64> = revisions.iter().map(|it| it.revision).collect();
    assert_eq!(numbers, [3, 1]);
    assert!(all_events(events).await.contains(&restoration.event));
}

pub async fn is_emptied_for_good(store: &dyn ArticleStore, events: &dyn EventLog) {
    let article = created(store, sample::article(UserId::new())).await;
    let trashed = trashed(store, &article).await;
    let stale = store.remove_article(sample::removal(&article)).await;
    assert_code(stale, &codes::REVISION_MISMATCH);
    let removal = sample::removal(&trashed);
    store.remove_article(removal.clone()).await.unwrap();

    assert_eq!(store.article(article.id).await.unwrap(), None);
    assert_eq!(store.trashed_article(article.id).await.unwrap(), None);
    assert_eq!(store.revision(article.id, 1).await.unwrap(), None);
    let page = sample::first_page(10);
    assert!(
        store
            .revisions(article.id, page)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert!(list(store, article.owner, true).await.is_empty());
    let again = store
        .remove_article(sample::removal(&removal.article))
        .await;
    assert_code(again, &codes::NOT_FOUND);
    let back = store
        .restore_article(sample::restoration(&removal.article))
        .await;
    assert_code(back, &codes::NOT_FOUND);
    assert!(all_events(events).await.contains(&removal.event));
    // Who follows hears of it; its slug is free.
    let stamp = stamp_of(store, article.id).await;
    assert_eq!((stamp.revision, stamp.deleted), (3, true));
    let heir = Article {
        slug: article.slug.clone(),
        ..sample::article(UserId::new())
    };
    created(store, heir).await;

    let later = removal.article.updated_at + Duration::from_secs(1);
    store
        .forget_removed(removal.article.updated_at)
        .await
        .unwrap();
    stamp_of(store, article.id).await;
    assert!(store.forget_removed(later).await.unwrap() >= 1);
    let stamps = store.stamps(None, usize::MAX).await.unwrap();
    assert!(stamps.iter().all(|stamp| stamp.id != article.id));
    assert_eq!(store.forget_removed(later).await.unwrap(), 0);
}

pub async fn knows_what_is_oldest(store: &dyn ArticleStore) {
    let owner = UserId::new();
    let mut trash = Vec::new();
    for hours in [3, 1, 2] {
        let article = created(store, sample::article(owner)).await;
        let mut deletion = sample::deletion(&article);
        deletion.article.updated_at -= Duration::from_secs(hours * 3_600);
        store.delete_article(deletion.clone()).await.unwrap();
        trash.push((article.id, deletion.article.updated_at));
    }
    created(store, sample::article(owner)).await;
    let before = async |time, limit| {
        let expired = store.trashed_before(time, limit).await.unwrap();
        let own = expired.into_iter().filter(|article| article.owner == owner);
        own.map(|article| article.id).collect::<Vec<_>>()
    };
    let now = sample::now();
    assert_eq!(before(now, 100).await, [trash[0].0, trash[2].0, trash[1].0]);
    assert_eq!(before(trash[1].1, 100).await, [trash[0].0, trash[2].0]);
    assert!(before(trash[0].1, 100).await.is_empty());
    assert_eq!(store.trashed_before(now, 1).await.unwrap().len(), 1);
}

async fn created(store: &dyn ArticleStore, article: Article) -> Article {
    let creation = sample::creation(&article);
    store.create_article(creation).await.unwrap();
    article
}

async fn trashed(store: &dyn ArticleStore, article: &Article) -> Article {
    let deletion = sample::deletion(article);
    store.delete_article(deletion).await.unwrap();
    store.trashed_article(article.id).await.unwrap().unwrap()
}

async fn list(store: &dyn ArticleStore, owner: UserId, trashed: bool) -> Vec<Article> {
    let filter = ArticleFilter {
        owner: Some(owner),
        trashed,
        ..ArticleFilter::default()
    };
    let page = sample::first_page(100);
    store.list_articles(filter, page).await.unwrap().items
}
