//! Articles that are published at their time: once, by whoever looks, and in the name of who scheduled them.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use inkstone_domain::content::{Article, Status};
use inkstone_domain::event::EventBody;
use inkstone_domain::ports::{Clock, EventLog, PublicationStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_services::ProjectPatch;
use inkstone_services::content::{Agenda, ArticlePatch, NewArticle, Transition};
use inkstone_services::events::EventHandler;

use super::titled;
use crate::world::{World, handbook, join, page};

const HOUR: Duration = Duration::from_secs(3600);

/// All that has happened, handled twice: that must come to the same.
async fn hear(world: &World) {
    world.store.number_events(1_000).await.unwrap();
    let told = world.store.told_after(0, 1_000).await.unwrap();
    let told: Vec<_> = told.into_iter().map(Arc::new).collect();
    let agenda = Agenda(Arc::clone(&world.services.publications));
    agenda.handle(&told).await.unwrap();
    agenda.handle(&told).await.unwrap();
}

async fn publish_due(world: &World) {
    while world.services.publications.publish_due().await.unwrap() {}
}

async fn scheduled(world: &World, who: &Principal, after: Duration) -> Article {
    let new = NewArticle {
        project: Some("handbook".to_owned()),
        ..titled("Tides")
    };
    let articles = &world.services.articles;
    let article = articles.create(who, new).await.unwrap();
    schedule(world, who, &article, after).await
}

async fn schedule(world: &World, who: &Principal, article: &Article, after: Duration) -> Article {
    let step = Transition {
        to: Status::Scheduled,
        at: Some(world.clock.now() + after),
        comment: None,
    };
    let articles = &world.services.articles;
    articles
        .transition(who, article.id, step, None)
        .await
        .unwrap()
}

async fn status(world: &World, who: &Principal, article: &Article) -> Status {
    let found = world.services.articles.get(who, article.id).await.unwrap();
    found.text.status
}

#[tokio::test]
async fn an_article_is_published_once_when_its_time_has_come() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let editor = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    join(&world, &owner, &editor, ProjectRole::Editor).await;
    let article = scheduled(&world, &owner, HOUR).await;
    hear(&world).await;
    // Who changes a word does not become who scheduled it.
    let patch = ArticlePatch {
        summary: Some("Of the sea".to_owned()),
        ..ArticlePatch::default()
    };
    let articles = &world.services.articles;
    articles
        .update(&editor, article.id, patch, None)
        .await
        .unwrap();
    hear(&world).await;
    publish_due(&world).await;
    assert_eq!(status(&world, &owner, &article).await, Status::Scheduled);

    world.clock.advance(HOUR);
    let other = world.another_engine().await;
    let engines = [&world.services, &other, &world.services, &other];
    let looks = engines.map(|engine| engine.publications.publish_due());
    for look in join_all(looks).await {
        look.unwrap();
    }
    publish_due(&world).await;
    let published = articles.get(&owner, article.id).await.unwrap();
    assert_eq!(published.text.status, Status::Published);
    assert_eq!(published.text.publish_at, None);
    assert_eq!(published.revision, article.revision + 2);
    let revisions = articles.revisions(&owner, article.id, page(1)).await;
    let newest = revisions.unwrap().items.remove(0);
    assert_eq!(newest.author, owner.user);
    let events = world.store.events(None, 1_000).await.unwrap();
    let told = events.iter().filter(|event| {
        event.body
            == EventBody::ArticleUpdated {
                article: article.id,
                revision: published.revision,
                status: Some(Status::Published),
                was: Some(Status::Scheduled),
            }
    });
    assert_eq!(told.count(), 1);
    hear(&world).await;
    assert_eq!(world.store.publication(article.id).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_taken_back_moved_or_deleted_is_not_published() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let articles = &world.services.articles;
    let back = scheduled(&world, &owner, HOUR).await;
    let moved = scheduled(&world, &owner, HOUR).await;
    let deleted = scheduled(&world, &owner, HOUR).await;
    let late = scheduled(&world, &owner, HOUR).await;
    hear(&world).await;
    let step = Transition {
        to: Status::Draft,
        at: None,
        comment: None,
    };
    articles
        .transition(&owner, back.id, step.clone(), None)
        .await
        .unwrap();
    schedule(&world, &owner, &moved, HOUR * 3).await;
    articles.delete(&owner, deleted.id, None).await.unwrap();
    hear(&world).await;
    // The agenda has not heard of this yet, and the article itself decides.
    articles
        .transition(&owner, late.id, step, None)
        .await
        .unwrap();
    world.clock.advance(HOUR * 2);
    publish_due(&world).await;
    assert_eq!(status(&world, &owner, &back).await, Status::Draft);
    assert_eq!(status(&world, &owner, &late).await, Status::Draft);
    assert_eq!(status(&world, &owner, &moved).await, Status::Scheduled);
    world.clock.advance(HOUR * 2);
    publish_due(&world).await;
    assert_eq!(status(&world, &owner, &moved).await, Status::Published);
    let restored = articles.restore(&owner, deleted.id, None).await.unwrap();
    assert_eq!(restored.text.status, Status::Scheduled);
    hear(&world).await;
    publish_due(&world).await;
    assert_eq!(status(&world, &owner, &deleted).await, Status::Published);
}

#[tokio::test]
async fn what_was_scheduled_before_there_was_an_agenda_is_taken_in() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let article = scheduled(&world, &owner, HOUR).await;
    let publications = &world.services.publications;
    publications.take_in().await.unwrap();
    publications.take_in().await.unwrap();
    world.clock.advance(HOUR);
    publish_due(&world).await;
    assert_eq!(status(&world, &owner, &article).await, Status::Published);
}

#[tokio::test]
async fn what_lies_in_an_archived_project_holds_up_nobody_and_comes_when_that_is_opened() {
    const ARCHIVED: usize = 3;
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let mut closed = Vec::new();
    for _ in 0..ARCHIVED {
        closed.push(scheduled(&world, &owner, HOUR).await);
    }
    let articles = &world.services.articles;
    let open = articles.create(&owner, titled("Ebb")).await.unwrap();
    let open = schedule(&world, &owner, &open, HOUR).await;
    let projects = &world.services.projects;
    projects.archive(&owner, "handbook", None).await.unwrap();
    hear(&world).await;

    // Each is looked at, without a fault, and none again for an hour.
    world.clock.advance(HOUR);
    let publications = &world.services.publications;
    for _ in 0..=ARCHIVED {
        assert!(publications.publish_due().await.unwrap());
    }
    assert_eq!(status(&world, &owner, &open).await, Status::Published);
    world.clock.advance(HOUR - Duration::from_secs(1));
    assert!(!publications.publish_due().await.unwrap());
    world.clock.advance(Duration::from_secs(1));
    for article in &closed {
        assert!(publications.publish_due().await.unwrap());
        assert_eq!(status(&world, &owner, article).await, Status::Scheduled);
    }
    assert!(!publications.publish_due().await.unwrap());

    let again = ProjectPatch {
        is_archived: Some(false),
        ..ProjectPatch::default()
    };
    projects
        .update(&owner, "handbook", again, None)
        .await
        .unwrap();
    hear(&world).await;
    publish_due(&world).await;
    for article in &closed {
        assert_eq!(status(&world, &owner, article).await, Status::Published);
        let left = world.store.publication(article.id).await.unwrap();
        assert_eq!(left, None);
    }
}
