//! An article's life: who takes it where, when, and what they say about it.

use chrono::Duration;
use inkstone_domain::content::{Article, Status};
use inkstone_domain::ports::Clock;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_services::content::{ArticlePatch, NewArticle, Transition};

use super::{code, retitle, titled};
use crate::world::{World, handbook, join, page};

fn to(status: Status) -> Transition {
    Transition {
        to: status,
        at: None,
        comment: None,
    }
}

async fn draft(world: &World, owner: &Principal, project: &str) -> Article {
    let new = NewArticle {
        project: Some(project.to_owned()),
        ..titled("A life")
    };
    world.services.articles.create(owner, new).await.unwrap()
}

/// Of somebody who may look at the project and no more by now.
async fn draft_in_handbook(world: &World, owner: &Principal) -> Article {
    let boss = world.somebody(Role::Creator).await;
    handbook(world, &boss).await;
    join(world, &boss, owner, ProjectRole::Editor).await;
    let article = draft(world, owner, "handbook").await;
    join(world, &boss, owner, ProjectRole::Viewer).await;
    article
}

#[tokio::test]
async fn elsewhere_than_in_default_somebody_else_reviews() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let id = draft_in_handbook(&world, &ada).await.id;
    let at = Some(world.clock.now() + Duration::days(1));
    //       who      to                  outcome
    let story = [
        (&ada, Status::Published, "forbidden"),
        (&ada, Status::Approved, "status_not_allowed"),
        (&ada, Status::InReview, "ok"),
        (&ada, Status::Draft, "ok"),
        (&ada, Status::InReview, "ok"),
        (&ada, Status::Approved, "forbidden"),
        (&admin, Status::Approved, "ok"),
        (&ada, Status::Published, "forbidden"),
        (&admin, Status::Scheduled, "ok"),
        (&ada, Status::Draft, "forbidden"),
        (&admin, Status::Published, "ok"),
        (&ada, Status::Archived, "forbidden"),
        (&admin, Status::InReview, "status_not_allowed"),
        (&admin, Status::Archived, "ok"),
        (&ada, Status::Draft, "ok"),
    ];
    for (number, (who, status, want)) in story.into_iter().enumerate() {
        let step = Transition {
            at: at.filter(|_| status == Status::Scheduled),
            ..to(status)
        };
        let done = articles.transition(who, id, step, None).await;
        assert_eq!(code(done), want, "step {number}");
    }
    let article = articles.get(&ada, id).await.unwrap();
    assert_eq!(
        (article.text.status, article.text.publish_at),
        (Status::Draft, None)
    );
}

#[tokio::test]
async fn a_time_belongs_to_scheduled_and_lies_ahead() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let id = draft(&world, &ada, "default").await.id;
    let now = world.clock.now();
    let tomorrow = Some(now + Duration::days(1));
    for (status, at, want) in [
        (Status::Scheduled, None, "invalid_input"),
        (Status::Scheduled, Some(now), "invalid_input"),
        (Status::InReview, tomorrow, "invalid_input"),
        (Status::Scheduled, tomorrow, "ok"),
        // The same again changes nothing; another time does.
        (Status::Scheduled, tomorrow, "ok"),
        (Status::Scheduled, Some(now + Duration::days(2)), "ok"),
    ] {
        let step = Transition { at, ..to(status) };
        let done = articles.transition(&ada, id, step, None).await;
        assert_eq!(code(done), want, "{status:?} {at:?}");
    }
    let error = articles
        .transition(&ada, id, to(Status::Scheduled), None)
        .await
        .unwrap_err();
    assert_eq!(error.fields()[0].pointer, "/at");
    let scheduled = articles.get(&ada, id).await.unwrap();
    assert_eq!(scheduled.revision, 3);
    // An overdue time does not stand in the way of other changes, and goes with the status.
    world.clock.advance(Duration::days(3).to_std().unwrap());
    assert_eq!(
        code(articles.update(&ada, id, retitle("B"), None).await),
        "ok"
    );
    let patch = ArticlePatch {
        status: Some(Status::Published),
        ..ArticlePatch::default()
    };
    let published = articles.update(&ada, id, patch, None).await.unwrap();
    assert_eq!(published.text.publish_at, None);
}

#[tokio::test]
async fn what_was_reviewed_is_not_changed_behind_the_reviewers_back() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let id = draft_in_handbook(&world, &ada).await.id;
    for (who, status) in [(&ada, Status::InReview), (&admin, Status::Approved)] {
        articles
            .transition(who, id, to(status), None)
            .await
            .unwrap();
    }
    assert_eq!(
        code(articles.update(&ada, id, retitle("Sly"), None).await),
        "forbidden"
    );
    let back = ArticlePatch {
        status: Some(Status::Draft),
        ..retitle("Honest")
    };
    assert_eq!(code(articles.update(&ada, id, back, None).await), "ok");
    // Nor is it made as one that was.
    let new = NewArticle {
        project: Some("handbook".to_owned()),
        status: Status::Published,
        ..titled("At once")
    };
    assert_eq!(code(articles.create(&ada, new.clone()).await), "forbidden");
    assert_eq!(code(articles.create(&admin, new).await), "ok");
}

#[tokio::test]
async fn what_is_said_about_a_step_is_kept() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let id = draft(&world, &ada, "default").await.id;
    let step = Transition {
        comment: Some("Please look at the second part.".to_owned()),
        ..to(Status::InReview)
    };
    articles.transition(&ada, id, step, Some(1)).await.unwrap();
    let late = articles.transition(&ada, id, to(Status::Draft), Some(1));
    assert_eq!(code(late.await), "revision_mismatch");
    let revisions = articles.revisions(&ada, id, page(10)).await.unwrap().items;
    let comments: Vec<Option<&str>> = revisions.iter().map(|it| it.comment.as_deref()).collect();
    assert_eq!(comments, [Some("Please look at the second part."), None]);
    let long = Transition {
        comment: Some("x".repeat(2_001)),
        ..to(Status::Draft)
    };
    let refused = articles.transition(&ada, id, long, None).await;
    assert_eq!(code(refused), "invalid_input");
}
