//! Going back, seeing what changed, and two editors of one article.

use inkstone_domain::content::Status;
use inkstone_domain::principal::Role;
use inkstone_services::content::{ArticlePatch, NewArticle, PieceKind};

use super::{code, retitle, titled};
use crate::world::{World, page};

fn body(text: &str) -> ArticlePatch {
    ArticlePatch {
        body: Some(text.to_owned()),
        ..ArticlePatch::default()
    }
}

#[tokio::test]
async fn two_editors_of_one_article_lose_nothing() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let new = NewArticle {
        body: "The moon pulls the sea.\n\nTwice a day it comes.\n".to_owned(),
        tags: vec!["sea".to_owned()],
        ..titled("The tides")
    };
    let id = articles.create(&ada, new).await.unwrap().id;

    // Both read revision 1; the first saves.
    let first = ArticlePatch {
        tags: Some(vec!["sea".to_owned(), "moon".to_owned()]),
        ..body("The full moon pulls the sea.\n\nTwice a day it comes.\n")
    };
    articles.update(&admin, id, first, Some(1)).await.unwrap();
    // The second is told which revision there is, and merges.
    let second = ArticlePatch {
        tags: Some(vec!["water".to_owned()]),
        title: Some("Tides".to_owned()),
        ..body("The moon pulls the sea.\n\nTwice a day it comes and goes.\n")
    };
    let refused = articles
        .update(&ada, id, second.clone(), Some(1))
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code().name, refused.revision()),
        ("revision_mismatch", Some(2))
    );
    let merged = articles.merge(&ada, id, 1, second).await.unwrap();
    assert_eq!((merged.revision, merged.conflicts.len()), (2, 0));
    let saved = articles
        .update(&ada, id, merged.patch, Some(merged.revision))
        .await
        .unwrap();
    assert_eq!(
        saved.text.body,
        "The full moon pulls the sea.\n\nTwice a day it comes and goes.\n"
    );
    assert_eq!(saved.text.title, "Tides");
    assert_eq!(saved.text.tags, ["moon", "water"]);
}

#[tokio::test]
async fn what_both_changed_is_named() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let id = articles.create(&ada, titled("One")).await.unwrap().id;
    articles
        .update(&ada, id, retitle("Two"), None)
        .await
        .unwrap();
    let mine = ArticlePatch {
        status: Some(Status::InReview),
        ..retitle("Three")
    };
    let merged = articles.merge(&ada, id, 1, mine.clone()).await.unwrap();
    assert_eq!(merged.patch.title.as_deref(), Some("Two"));
    assert_eq!(merged.patch.status, Some(Status::InReview));
    assert_eq!(merged.patch.body, None, "what was not named stays out");
    let [conflict] = merged.conflicts.as_slice() else {
        panic!("one conflict, not {:?}", merged.conflicts);
    };
    assert_eq!(conflict.field, "title");
    assert_eq!(
        (conflict.stored.as_str(), conflict.yours.as_str()),
        ("Two", "Three")
    );
    for (who, base, want) in [
        (&ada, 9, "not_found"),
        (&ada, 0, "not_found"),
        (&bob, 1, "not_found"),
    ] {
        let refused = articles.merge(who, id, base, mine.clone()).await;
        assert_eq!(code(refused), want, "{base}");
    }
}

#[tokio::test]
async fn an_old_text_comes_back_as_a_new_revision() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let id = articles.create(&ada, titled("One")).await.unwrap().id;
    let published = ArticlePatch {
        status: Some(Status::Published),
        ..retitle("Two")
    };
    articles.update(&ada, id, published, None).await.unwrap();

    let refused = articles.restore_revision(&ada, id, 1, Some(1)).await;
    assert_eq!(code(refused), "revision_mismatch");
    let restored = articles
        .restore_revision(&ada, id, 1, Some(2))
        .await
        .unwrap();
    assert_eq!(
        (restored.revision, restored.text.title.as_str()),
        (3, "One")
    );
    assert_eq!(
        restored.text.status,
        Status::Published,
        "it stays published"
    );
    let same = articles.restore_revision(&ada, id, 1, None).await.unwrap();
    assert_eq!(same.revision, 3, "nothing changed, no revision");
    let newest = articles.revisions(&ada, id, page(1)).await.unwrap();
    assert_eq!(
        newest.items[0].comment.as_deref(),
        Some("back to revision 1")
    );

    for (who, revision, want) in [(&ada, 7, "not_found"), (&bob, 1, "forbidden")] {
        assert_eq!(
            code(articles.restore_revision(who, id, revision, None).await),
            want
        );
        assert_eq!(code(articles.revision(who, id, revision).await), want);
        assert_eq!(code(articles.diff(who, id, revision, None).await), want);
    }
    assert_eq!(code(articles.revision(&ada, id, 2).await), "ok");
}

#[tokio::test]
async fn a_difference_is_told_against_any_revision() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let id = articles.create(&ada, titled("One")).await.unwrap().id;
    articles
        .update(&ada, id, retitle("Two"), None)
        .await
        .unwrap();
    articles
        .update(&ada, id, body("# Texts"), None)
        .await
        .unwrap();
    for (revision, against, want) in [
        (3, None, (2, vec!["body"])),
        (3, Some(1), (1, vec!["title", "body"])),
        (1, Some(3), (3, vec!["title", "body"])),
        (2, Some(2), (2, vec![])),
        (1, None, (0, vec!["title", "body", "language"])),
    ] {
        let diff = articles.diff(&ada, id, revision, against).await.unwrap();
        let fields: Vec<&str> = diff.fields.iter().map(|field| field.field).collect();
        assert_eq!((diff.from, fields), want, "{revision} {against:?}");
        assert_eq!(diff.to, revision);
    }
    let diff = articles.diff(&ada, id, 3, None).await.unwrap();
    let kinds: Vec<PieceKind> = diff.fields[0].pieces.iter().map(|it| it.kind).collect();
    assert_eq!(
        kinds,
        [PieceKind::Equal, PieceKind::Delete, PieceKind::Insert]
    );
    assert_eq!(code(articles.diff(&ada, id, 3, Some(8)).await), "not_found");
}
