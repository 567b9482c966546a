//! The suite of [`CommentStore`].

use inkstone_domain::codes;
use inkstone_domain::comment::{Anchor, Comment, Resolution, Suggestion};
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{ArticleStore, AuditLog, CommentStore};

use super::{assert_code, audit::whole_chain};
use crate::sample;

pub async fn run(store: &dyn CommentStore, articles: &dyn ArticleStore, log: &dyn AuditLog) {
    go_with_their_article(store, articles).await;
    keeps_what_it_is_given(store).await;
    pages_and_threads(store).await;
    writes_the_log_with_the_change(store, log).await;
}

async fn keeps_what_it_is_given(store: &dyn CommentStore) {
    let mut comment = about(ArticleId::new());
    comment.anchor = Anchor::at("The moon “pulls” 水.", 3, 4..8);
    comment.suggestion = Some(Suggestion {
        replacement: "'; DELETE comment; --".to_owned(),
        state: Default::default(),
        decided_by: None,
        decided_at: None,
    });
    store.create_comment(&comment, None).await.unwrap();
    assert_eq!(
        store.comment(comment.id).await.unwrap(),
        Some(comment.clone())
    );
    assert_code(
        store.create_comment(&comment, None).await,
        &codes::ALREADY_EXISTS,
    );
    let next = Comment {
        body: "Other words".to_owned(),
        resolved: Some(Resolution {
            by: UserId::new(),
            at: sample::now(),
        }),
        revision: 2,
        ..comment.clone()
    };
    store
        .update_comment(&next, next.author, None)
        .await
        .unwrap();
    assert_eq!(store.comment(comment.id).await.unwrap(), Some(next.clone()));
    assert_code(
        store.update_comment(&next, next.author, None).await,
        &codes::REVISION_MISMATCH,
    );
    let unknown = about(ArticleId::new());
    assert_code(
        store.update_comment(&unknown, next.author, None).await,
        &codes::NOT_FOUND,
    );
    assert_code(
        store.delete_comment(unknown.id, next.author, None).await,
        &codes::NOT_FOUND,
    );
    assert_eq!(store.comment(unknown.id).await.unwrap(), None);
}

async fn pages_and_threads(store: &dyn CommentStore) {
    let (article, other) = (ArticleId::new(), ArticleId::new());
    let first = about(article);
    let reply = Comment {
        reply_to: Some(first.id),
        ..about(article)
    };
    let last = about(article);
    let foreign = about(other);
    for comment in [&first, &reply, &last, &foreign] {
        store.create_comment(comment, None).await.unwrap();
    }
    let page = store
        .comments(article, sample::first_page(2))
        .await
        .unwrap();
    assert_eq!(page.items, [last.clone(), reply]);
    let rest = PageRequest {
        limit: 2,
        cursor: page.next_cursor,
    };
    let rest = store.comments(article, rest).await.unwrap();
    assert_eq!((rest.items, rest.next_cursor), (vec![first.clone()], None));

    store
        .delete_comment(first.id, first.author, None)
        .await
        .unwrap();
    let left = store
        .comments(article, sample::first_page(9))
        .await
        .unwrap();
    assert_eq!(left.items, [last]);
    assert_eq!(store.comment(foreign.id).await.unwrap(), Some(foreign));
    let page = PageRequest {
        limit: 2,
        cursor: Some("; DELETE comment".to_owned()),
    };
    assert_code(store.comments(article, page).await, &codes::INVALID_INPUT);
}

async fn go_with_their_article(store: &dyn CommentStore, articles: &dyn ArticleStore) {
    let article = sample::article(UserId::new());
    articles
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    let comment = about(article.id);
    store.create_comment(&comment, None).await.unwrap();
    articles
        .delete_article(sample::deletion(&article))
        .await
        .unwrap();
    assert!(store.comment(comment.id).await.unwrap().is_some());
    let trashed = articles.trashed_article(article.id).await.unwrap().unwrap();
    articles
        .remove_article(sample::removal(&trashed))
        .await
        .unwrap();
    assert_eq!(store.comment(comment.id).await.unwrap(), None);
}

async fn writes_the_log_with_the_change(store: &dyn CommentStore, log: &dyn AuditLog) {
    let comment = about(ArticleId::new());
    let record = sample::audit(UserId::new());
    store.create_comment(&comment, Some(&record)).await.unwrap();
    let refused = sample::audit(UserId::new());
    let again = store.create_comment(&comment, Some(&refused)).await;
    assert_code(again, &codes::ALREADY_EXISTS);
    let entries = whole_chain(log).await;
    let actors: Vec<_> = entries.iter().map(|entry| entry.record.actor).collect();
    assert!(actors.contains(&record.actor));
    assert!(!actors.contains(&refused.actor));
}

fn about(article: ArticleId) -> Comment {
    sample::comment(article, UserId::new())
}
