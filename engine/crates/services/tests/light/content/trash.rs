//! Deleting, bringing back, and what is gone for good.

use std::time::Duration;

use inkstone_domain::content::ArticleFilter;
use inkstone_domain::event::EventBody;
use inkstone_domain::ports::EventLog;
use inkstone_domain::principal::{Principal, Role};
use inkstone_services::content::NewArticle;

use super::{code, titled};
use crate::world::{World, page};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn what_was_deleted_comes_back() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let demoted = Principal {
        role: Role::Viewer,
        ..ada.clone()
    };
    let id = articles.create(&ada, titled("Gone")).await.unwrap().id;
    assert_eq!(code(articles.restore(&ada, id, None).await), "not_found");
    articles.delete(&ada, id, None).await.unwrap();

    let trash = ArticleFilter {
        trashed: true,
        ..ArticleFilter::default()
    };
    for (who, owner, want) in [
        (&ada, None, 1),
        (&bob, None, 0),
        (&bob, Some(ada.user), 0),
        (&admin, None, 1),
        (&admin, Some(bob.user), 0),
    ] {
        let filter = ArticleFilter {
            owner,
            ..trash.clone()
        };
        let listed = articles.list(who, filter, page(10)).await.unwrap();
        assert_eq!(listed.items.len(), want, "{owner:?}");
    }
    // Its slug waits for it.
    let taker = NewArticle {
        slug: Some("gone".to_owned()),
        ..titled("Taker")
    };
    assert_eq!(code(articles.create(&bob, taker).await), "slug_taken");
    for (who, expected, want) in [
        (&bob, None, "not_found"),
        (&demoted, None, "forbidden"),
        (&ada, Some(1), "revision_mismatch"),
        (&ada, Some(2), "ok"),
        (&ada, None, "not_found"),
    ] {
        assert_eq!(code(articles.restore(who, id, expected).await), want);
    }
    let back = articles.get(&ada, id).await.unwrap();
    assert_eq!(
        (back.revision, back.slug.as_str(), back.trashed_at),
        (3, "gone", None)
    );
}

#[tokio::test]
async fn the_trash_is_emptied_after_its_time() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let old = articles.create(&ada, titled("Old")).await.unwrap().id;
    let new = articles.create(&ada, titled("New")).await.unwrap().id;
    articles.delete(&ada, old, None).await.unwrap();
    world.clock.advance(29 * DAY);
    articles.delete(&ada, new, None).await.unwrap();
    assert_eq!(articles.empty_trash().await.unwrap(), 0);
    world.clock.advance(2 * DAY);
    assert_eq!(articles.empty_trash().await.unwrap(), 1);
    assert_eq!(code(articles.restore(&ada, old, None).await), "not_found");
    assert_eq!(code(articles.restore(&ada, new, None).await), "ok");
    assert_eq!(articles.empty_trash().await.unwrap(), 0);
    let removed = EventBody::ArticleRemoved {
        article: old,
        revision: 3,
    };
    let events = world.store.events(None, 100).await.unwrap();
    let told = events.iter().filter(|event| event.body == removed);
    assert_eq!(
        told.map(|event| event.actor).collect::<Vec<_>>(),
        [ada.user]
    );
}

#[tokio::test]
async fn what_cannot_be_removed_holds_up_nothing() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let article = articles.create(&ada, titled(&format!("No. {number}")));
        let id = article.await.unwrap().id;
        articles.delete(&ada, id, None).await.unwrap();
        world.clock.advance(DAY);
        ids.push(id);
    }
    ids[..3].iter().for_each(|id| world.store.jam(id));
    world.clock.advance(31 * DAY);
    assert_eq!(articles.empty_trash().await.unwrap(), 2);
    assert_eq!(articles.empty_trash().await.unwrap(), 0);
    assert_eq!(code(articles.restore(&ada, ids[0], None).await), "ok");
    assert_eq!(
        code(articles.restore(&ada, ids[4], None).await),
        "not_found"
    );
}

#[tokio::test]
async fn for_good_is_for_good() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let live = articles.create(&ada, titled("Live")).await.unwrap().id;
    let trashed = articles.create(&ada, titled("Trashed")).await.unwrap().id;
    articles.delete(&ada, trashed, None).await.unwrap();
    for (who, id, expected, want) in [
        (&bob, live, None, "not_found"),
        (&bob, trashed, None, "not_found"),
        (&ada, live, Some(7), "revision_mismatch"),
        (&ada, trashed, Some(1), "revision_mismatch"),
        (&ada, live, Some(1), "ok"),
        (&ada, trashed, Some(2), "ok"),
        (&ada, live, None, "not_found"),
        (&ada, trashed, None, "not_found"),
    ] {
        assert_eq!(code(articles.remove(who, id, expected).await), want);
    }
    for id in [live, trashed] {
        assert_eq!(code(articles.get(&ada, id).await), "not_found");
        assert_eq!(code(articles.restore(&ada, id, None).await), "not_found");
    }
    let heir = articles.create(&bob, titled("Live")).await.unwrap();
    assert_eq!(heir.slug, "live", "the slug is free");
}
