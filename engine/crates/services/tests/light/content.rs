//! Articles: who may do what, what they must look like, and who was faster.

mod extras;
mod projects;
mod publications;
mod revisions;
mod slugs;
mod transitions;
mod trash;

use inkstone_domain::Result;
use inkstone_domain::content::{Article, ArticleFilter, Status};
use inkstone_domain::event::EventBody;
use inkstone_domain::ports::EventLog;
use inkstone_domain::principal::{Principal, Role};
use inkstone_services::content::{ArticlePatch, NewArticle};

use crate::world::{World, page};

fn titled(title: &str) -> NewArticle {
    NewArticle {
        title: title.to_owned(),
        body: "# Text".to_owned(),
        ..NewArticle::default()
    }
}

fn retitle(title: &str) -> ArticlePatch {
    ArticlePatch {
        title: Some(title.to_owned()),
        ..ArticlePatch::default()
    }
}

fn code<T>(result: Result<T>) -> &'static str {
    result.err().map_or("ok", |error| error.code().name)
}

#[tokio::test]
async fn who_may_do_what() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let owner = world.somebody(Role::Creator).await;
    // An owner who may no longer write.
    let demoted = Principal {
        role: Role::Viewer,
        ..owner.clone()
    };
    let creator = world.somebody(Role::Creator).await;
    let viewer = world.somebody(Role::Viewer).await;
    let admin = world.somebody(Role::Admin).await;

    //        who        status             read         revisions    change
    let table = [
        (&owner, Status::Draft, "ok", "ok", "ok"),
        (&owner, Status::Published, "ok", "ok", "ok"),
        (&demoted, Status::Draft, "ok", "ok", "forbidden"),
        (&demoted, Status::Published, "ok", "ok", "forbidden"),
        (
            &creator,
            Status::Draft,
            "not_found",
            "not_found",
            "not_found",
        ),
        (
            &creator,
            Status::InReview,
            "not_found",
            "not_found",
            "not_found",
        ),
        (&creator, Status::Published, "ok", "forbidden", "forbidden"),
        (
            &creator,
            Status::Archived,
            "not_found",
            "not_found",
            "not_found",
        ),
        (
            &viewer,
            Status::Draft,
            "not_found",
            "not_found",
            "not_found",
        ),
        (&viewer, Status::Published, "ok", "forbidden", "forbidden"),
        (&admin, Status::Draft, "ok", "ok", "ok"),
        (&admin, Status::Published, "ok", "ok", "ok"),
    ];
    for (who, status, read, revisions, change) in table {
        let new = NewArticle {
            status,
            ..titled("Of the owner")
        };
        let id = articles.create(&owner, new).await.unwrap().id;
        let case = format!("{:?} {status:?}", who.role);
        assert_eq!(code(articles.get(who, id).await), read, "read {case}");
        assert_eq!(
            code(articles.revisions(who, id, page(10)).await),
            revisions,
            "revisions {case}"
        );
        assert_eq!(
            code(articles.update(who, id, retitle("New"), None).await),
            change,
            "update {case}"
        );
        assert_eq!(
            code(articles.delete(who, id, None).await),
            change,
            "delete {case}"
        );
        let gone = if change == "ok" { "not_found" } else { read };
        assert_eq!(
            code(articles.get(who, id).await),
            gone,
            "after delete {case}"
        );
    }
    assert_eq!(
        code(articles.create(&viewer, titled("No")).await),
        "forbidden"
    );
}

#[tokio::test]
async fn lists_show_what_may_be_read() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    for (who, title, status) in [
        (&ada, "ada draft", Status::Draft),
        (&ada, "ada public", Status::Published),
        (&bob, "bob draft", Status::Draft),
        (&bob, "bob public", Status::Published),
    ] {
        let new = NewArticle {
            status,
            ..titled(title)
        };
        articles.create(who, new).await.unwrap();
    }
    // Who lists, whose, in which status, and what they see.
    type Row<'a> = (
        &'a Principal,
        Option<&'a Principal>,
        Option<Status>,
        &'a [&'a str],
    );
    let table: [Row<'_>; 7] = [
        (&ada, None, None, &["ada draft", "ada public"]),
        (&ada, None, Some(Status::Draft), &["ada draft"]),
        (
            &ada,
            None,
            Some(Status::Published),
            &["ada public", "bob public"],
        ),
        (&ada, Some(&bob), None, &["bob public"]),
        (&ada, Some(&bob), Some(Status::Draft), &[]),
        (&ada, Some(&ada), None, &["ada draft", "ada public"]),
        (
            &admin,
            None,
            None,
            &["ada draft", "ada public", "bob draft", "bob public"],
        ),
    ];
    for (who, owner, status, want) in table {
        let filter = ArticleFilter {
            owner: owner.map(|owner| owner.user),
            status,
            ..ArticleFilter::default()
        };
        let listed = articles.list(who, filter.clone(), page(100)).await.unwrap();
        let mut titles: Vec<String> = listed.items.into_iter().map(|a| a.text.title).collect();
        titles.sort();
        assert_eq!(titles, want, "{filter:?}");
    }
    let error = articles
        .list(&ada, ArticleFilter::default(), page(101))
        .await;
    assert_eq!(code(error), "invalid_input");
}

#[tokio::test]
async fn every_change_is_a_revision_and_an_event() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let created = articles
        .create(&ada, titled("  Größe & Maß  "))
        .await
        .unwrap();
    assert_eq!(
        (created.slug.as_str(), created.project.as_str()),
        ("grosse-mass", "default")
    );
    assert_eq!(
        (created.text.title.as_str(), created.revision),
        ("Größe & Maß", 1)
    );
    assert_eq!(articles.get(&ada, created.id).await.unwrap(), created);

    let updated = articles
        .update(&ada, created.id, retitle("Size"), Some(1))
        .await
        .unwrap();
    assert_eq!(
        (updated.revision, updated.slug.as_str()),
        (2, "grosse-mass")
    );
    let same = articles
        .update(&ada, created.id, retitle("Size"), None)
        .await
        .unwrap();
    assert_eq!(same.revision, 2, "nothing changed, no revision");
    articles.delete(&ada, created.id, Some(2)).await.unwrap();

    let events = world.store.events(None, 100).await.unwrap();
    let bodies: Vec<EventBody> = events.into_iter().map(|event| event.body).collect();
    let article = created.id;
    assert_eq!(
        bodies,
        [
            EventBody::ArticleCreated {
                article,
                revision: 1,
                status: Some(Status::Draft),
            },
            EventBody::ArticleUpdated {
                article,
                revision: 2,
                status: Some(Status::Draft),
                was: None,
            },
            EventBody::ArticleDeleted {
                article,
                revision: 3
            },
        ]
    );
}

#[tokio::test]
async fn an_old_revision_is_refused() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let id = articles.create(&ada, titled("One")).await.unwrap().id;
    articles
        .update(&ada, id, retitle("Two"), Some(1))
        .await
        .unwrap();
    assert_eq!(
        code(articles.update(&ada, id, retitle("Three"), Some(1)).await),
        "revision_mismatch"
    );
    assert_eq!(
        code(articles.delete(&ada, id, Some(1)).await),
        "revision_mismatch"
    );
    assert_eq!(articles.get(&ada, id).await.unwrap().text.title, "Two");
}

#[tokio::test]
async fn without_a_revision_everybody_gets_through() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let id = world
        .services
        .articles
        .create(&ada, titled("One"))
        .await
        .unwrap()
        .id;
    let writers = (0..6).map(|number| {
        let articles = world.services.articles.clone();
        let ada = ada.clone();
        tokio::spawn(async move {
            articles
                .update(&ada, id, retitle(&format!("By {number}")), None)
                .await
        })
    });
    let done: Vec<Article> = futures::future::join_all(writers)
        .await
        .into_iter()
        .map(|joined| joined.unwrap().unwrap())
        .collect();
    let mut revisions: Vec<u64> = done.iter().map(|article| article.revision).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, [2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let new = NewArticle {
        project: Some("No Project".to_owned()),
        slug: Some("-x".to_owned()),
        title: " ".to_owned(),
        body: "x".repeat((1 << 20) + 1),
        tags: vec!["fine".to_owned(), "t".repeat(65)],
        language: Some("english".to_owned()),
        ..NewArticle::default()
    };
    let error = world.services.articles.create(&ada, new).await.unwrap_err();
    let pointers: Vec<&str> = error.fields().iter().map(|f| f.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/title",
            "/body",
            "/tags/1",
            "/language",
            "/slug",
            "/project"
        ]
    );

    let id = world
        .services
        .articles
        .create(&ada, titled("Fine"))
        .await
        .unwrap()
        .id;
    let patch = ArticlePatch {
        tags: Some(vec!["tag".to_owned(); 33]),
        ..retitle("two\nlines")
    };
    let error = world
        .services
        .articles
        .update(&ada, id, patch, None)
        .await
        .unwrap_err();
    let pointers: Vec<&str> = error.fields().iter().map(|f| f.pointer.as_str()).collect();
    assert_eq!(pointers, ["/title", "/tags"]);
}

#[tokio::test]
async fn what_a_person_wrote_has_no_provenance() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let id = world
        .services
        .articles
        .create(&ada, titled("Mine"))
        .await
        .unwrap()
        .id;
    let error = world
        .services
        .articles
        .provenance(&ada, id)
        .await
        .unwrap_err();
    assert!(error.message().contains("by a person"), "{error}");
}
