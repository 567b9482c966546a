//! WXR as WordPress writes it, and as somebody broke it.

use chrono::{DateTime, Utc};
use inkstone_domain::content::Status;
use inkstone_domain::job::JobStatus;
use inkstone_domain::ports::ArticleStore;
use inkstone_domain::transfer::{Format, OnConflict, Outcome};

use super::{PROJECT, all, export, import, new, outcomes, with_project};

pub const FILE: &str = include_str!("data/wordpress.xml");

#[tokio::test]
async fn a_blog_comes_in() {
    let (world, owner) = with_project().await;
    let wxr = new(Format::Wxr, OnConflict::Skip);
    let (done, report) = import(&world, &owner, wxr.clone(), FILE).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    use Outcome::{Created, Refused, Skipped};
    assert_eq!(
        outcomes(&report),
        [
            Created, Skipped, Created, Created, Skipped, Refused, Created, Skipped, Created
        ],
        "{report:#?}"
    );
    let slugs: Vec<&str> = report
        .iter()
        .filter_map(|line| line.slug.as_deref())
        .collect();
    assert_eq!(
        slugs,
        [
            "tides-of-the-north",
            "about-us",
            "tides-of-the-north-2",
            "later",
            "paia"
        ]
    );

    let id = report[0].article.unwrap();
    let first = world.store.article(id).await.unwrap().unwrap();
    let text = &first.text;
    assert_eq!(text.title, "Tides & more of the <North>");
    assert_eq!(text.status, Status::Published);
    assert_eq!(text.language, "en-US");
    assert_eq!(text.tags, ["sea", "moon & sun"]);
    assert_eq!(text.extras.categories, ["Science"]);
    assert_eq!(text.extras.authors, ["Ada L."]);
    assert_eq!(
        text.extras.cover,
        "https://blog.example.org/wp-content/uploads/tide.jpg"
    );
    assert_eq!(text.meta_description, "All about tides.");
    assert_eq!(text.summary, "In **short**.");
    assert_eq!(
        text.body,
        "## High water\n\nTwice a *day*, see [here](https://example.org/a?b=1&c=2).\n\n![The sea](https://blog.example.org/sea.png)\n"
    );
    let date = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(first.created_at, date("2019-03-01T09:30:00Z"));
    assert_eq!(first.updated_at, date("2020-04-02T10:00:00Z"));
    let moved = world
        .store
        .article_by_slug(PROJECT, "en-us", "old-tides")
        .await;
    assert_eq!(moved.unwrap().map(|it| it.id), Some(id));
    assert!(report[0].message.as_deref().unwrap().contains("1 comments"));

    let page = world
        .store
        .article(report[2].article.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        page.text.body,
        "First line  \nand second.\n\nAnother paragraph.\n"
    );
    assert_eq!(page.text.status, Status::Draft);
    // Nothing is doubled.
    let (_, again) = import(&world, &owner, wxr, FILE).await;
    assert!(!outcomes(&again).contains(&Created), "{again:#?}");
}

#[tokio::test]
async fn what_goes_out_comes_in_again() {
    let (world, owner) = with_project().await;
    import(&world, &owner, new(Format::Wxr, OnConflict::Skip), FILE).await;
    let file = export(&world.services, &owner, all(Format::Wxr)).await;
    let (world, owner) = with_project().await;
    let (done, report) = import(&world, &owner, new(Format::Wxr, OnConflict::Skip), file).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    assert_eq!(outcomes(&report), [Outcome::Created; 5]);
    let found = world
        .store
        .article_by_slug(PROJECT, "en", "tides-of-the-north")
        .await;
    let article = found.unwrap().unwrap();
    assert_eq!(article.text.title, "Tides & more of the <North>");
    assert_eq!(article.text.tags, ["sea", "moon & sun"]);
    assert_eq!(article.text.extras.authors, ["Ada L."]);
    assert_eq!(article.text.status, Status::Published);
    assert!(
        article.text.body.starts_with("## High water"),
        "{}",
        article.text.body
    );
}

#[tokio::test]
async fn what_is_no_wxr_says_so() {
    let (world, owner) = with_project().await;
    for (file, said) in [
        ("<rss><channel></channel></rss>", "no `wp:wxr_version`"),
        ("no xml at all", "no `wp:wxr_version`"),
        ("<rss><channel>", "too early"),
        ("<rss><channel></rss>", "well-formed"),
    ] {
        let (done, _) = import(&world, &owner, new(Format::Wxr, OnConflict::Skip), file).await;
        assert_eq!(done.status, JobStatus::Failed, "{file}");
        let error = done.error.unwrap();
        assert_eq!(error.code, "invalid_input", "{file}");
        assert!(error.message.contains(said), "{file}: {}", error.message);
    }
}
