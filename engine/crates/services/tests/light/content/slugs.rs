//! Slugs: given or made from the title, numbered, and followed when they change.

use inkstone_domain::content::Status;
use inkstone_domain::principal::Role;
use inkstone_services::content::{ArticlePatch, BySlug, NewArticle};

use super::{code, titled};
use crate::world::World;

#[tokio::test]
async fn a_title_that_others_have_gets_a_number() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let mut slugs = Vec::new();
    for who in [&ada, &bob, &ada] {
        let article = articles.create(who, titled("The tides")).await.unwrap();
        slugs.push(article.slug);
    }
    assert_eq!(slugs, ["the-tides", "the-tides-2", "the-tides-3"]);
    let german = NewArticle {
        language: Some("de".to_owned()),
        ..titled("The tides")
    };
    let german = articles.create(&ada, german).await.unwrap();
    assert_eq!(german.slug, "the-tides");
    let given = NewArticle {
        slug: Some("the-tides".to_owned()),
        ..titled("Another")
    };
    assert_eq!(code(articles.create(&ada, given).await), "slug_taken");
    for _ in 0..10 {
        let article = articles.create(&ada, titled("The tides")).await.unwrap();
        slugs.push(article.slug);
    }
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 13, "all have one of their own: {slugs:?}");
}

#[tokio::test]
async fn an_old_slug_leads_to_the_new_one() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let created = articles.create(&ada, titled("Old")).await.unwrap();
    let patch = ArticlePatch {
        slug: Some("new".to_owned()),
        ..ArticlePatch::default()
    };
    let article = articles
        .update(&ada, created.id, patch, None)
        .await
        .unwrap();

    let found = articles.by_slug(&ada, "default", "EN", "new").await;
    assert_eq!(found.unwrap(), BySlug::Article(Box::new(article)));
    let found = articles.by_slug(&ada, "default", "en", "old").await;
    let moved = BySlug::Moved {
        language: "en".to_owned(),
        slug: "new".to_owned(),
    };
    assert_eq!(found.unwrap(), moved);
    // Who may not read it learns neither that it is there nor where.
    for slug in ["old", "new", "never"] {
        let found = articles.by_slug(&bob, "default", "en", slug).await;
        assert_eq!(code(found), "not_found", "{slug}");
    }
    let publish = ArticlePatch {
        status: Some(Status::Published),
        ..ArticlePatch::default()
    };
    articles
        .update(&ada, created.id, publish, None)
        .await
        .unwrap();
    let found = articles.by_slug(&bob, "default", "en", "old").await;
    assert_eq!(found.unwrap(), moved);
}
