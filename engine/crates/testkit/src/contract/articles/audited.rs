//! Changes that are written down: the entry is there with the change, and never without it.

use inkstone_domain::audit::{AuditFilter, AuditRecord, actions};
use inkstone_domain::codes;
use inkstone_domain::content::Article;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{ArticleStore, ArticleWrite, AuditLog};
use inkstone_domain::principal::{Principal, Role};
use serde_json::json;

use super::super::assert_code;
use crate::sample;

pub async fn with_the_change(store: &dyn ArticleStore, log: &dyn AuditLog) {
    let mut article = sample::article(UserId::new());
    let created = sample::creation(&article);
    let created = by_admin(created, actions::ARTICLE_CREATED);
    store.create_article(created.clone()).await.unwrap();

    let changed = by_admin(
        sample::retitling(&article, "Neap"),
        actions::ARTICLE_CHANGED,
    );
    store.update_article(changed.clone()).await.unwrap();
    article = changed.article.clone();

    let deleted = by_admin(sample::deletion(&article), actions::ARTICLE_DELETED);
    store.delete_article(deleted.clone()).await.unwrap();
    let trashed = store.trashed_article(article.id).await.unwrap().unwrap();

    let restored = by_admin(sample::restoration(&trashed), actions::ARTICLE_RESTORED);
    store.restore_article(restored.clone()).await.unwrap();
    article = restored.article.clone();

    // What is not written down leaves nothing.
    store
        .delete_article(sample::deletion(&article))
        .await
        .unwrap();
    let trashed = store.trashed_article(article.id).await.unwrap().unwrap();
    let removed = by_admin(sample::removal(&trashed), actions::ARTICLE_REMOVED);
    store.remove_article(removed.clone()).await.unwrap();

    let written = [created, changed, deleted, restored, removed].map(|write| write.audit.unwrap());
    assert_eq!(entries(log, &article).await, written);
}

pub async fn never_without_it(store: &dyn ArticleStore, log: &dyn AuditLog) {
    let article = sample::article(UserId::new());
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();

    let mut late = sample::retitling(&article, "Spring");
    late.article.revision = 7;
    let late = by_admin(late, actions::ARTICLE_CHANGED);
    assert_code(store.update_article(late).await, &codes::REVISION_MISMATCH);

    let mut twin = sample::article(article.owner);
    twin.slug = article.slug.clone();
    twin.project = article.project.clone();
    twin.text.language = article.text.language.clone();
    let twin = by_admin(sample::creation(&twin), actions::ARTICLE_CREATED);
    let refused = twin.article.clone();
    assert_code(store.create_article(twin).await, &codes::SLUG_TAKEN);

    let restored = by_admin(sample::restoration(&article), actions::ARTICLE_RESTORED);
    assert_code(store.restore_article(restored).await, &codes::NOT_FOUND);

    assert_eq!(entries(log, &article).await, []);
    assert_eq!(entries(log, &refused).await, []);
}

fn by_admin(write: ArticleWrite, action: &str) -> ArticleWrite {
    let admin = Principal::of(UserId::new(), Role::Admin);
    let before = json!({"revision": write.article.revision - 1});
    let after = json!({"revision": write.article.revision});
    let record = AuditRecord::by(
        &admin,
        sample::now(),
        action,
        format!("article:{}", write.article.id),
    )
    .on_behalf_of(write.article.owner)
    .with_detail("draft → published")
    .with_states(Some(&before), Some(&after));
    ArticleWrite {
        audit: Some(record),
        ..write
    }
}

/// Of the article, oldest first.
async fn entries(log: &dyn AuditLog, article: &Article) -> Vec<AuditRecord> {
    let filter = AuditFilter {
        subject: Some(format!("article:{}", article.id)),
        ..AuditFilter::default()
    };
    let found = log.audit_after(&filter, 0, 100).await.unwrap();
    found.into_iter().map(|entry| entry.record).collect()
}
