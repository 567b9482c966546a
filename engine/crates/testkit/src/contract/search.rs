//! What every search index promises, whatever it is made of. Texts are chosen so that a plain
//! contains-search and a full-text index must agree.

use chrono::{TimeZone, Utc};
use inkstone_domain::content::{Article, Status};
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{ArticleStore, SearchIndex};
use inkstone_domain::search::{
    Between, FoundAt, Narrow, SearchFacet, SearchQuery, SearchShape, SearchSort, Visibility,
};

use crate::sample;

/// Runs the whole suite. `index` follows `store`; both are empty.
pub async fn run(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    finds_what_was_written(index, store).await;
    tells_where_it_found_it(index, store).await;
    follows_changes_and_deletions(index, store).await;
    filters_inside_the_search(index, store).await;
    shows_nobody_what_they_may_not_read(index, store).await;
    takes_whatever_people_type(index, store).await;
    pages(index, store).await;
    super::related::run(index, store).await;
    narrows_by_everything(index, store).await;
    counts_facets_of_what_may_be_read(index, store).await;
    sorts_and_groups(index, store).await;
    suggests_words_of_what_may_be_read(index, store).await;
    is_identical_and_stays_so_when_rebuilt(index, store).await;
}

async fn finds_what_was_written(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let written = write(
        store,
        owner,
        "Marmot",
        "A marmot whistles & <runs>.",
        |_| {},
    )
    .await;
    index.catch_up().await.unwrap();
    let page = index.query(query("marmot")).await.unwrap();
    assert_eq!(page.total, 1);
    let hit = &page.hits[0];
    assert_eq!(hit.id, written.id);
    assert_eq!(hit.title, "Marmot");
    assert!(hit.snippet.contains("whistles"), "{}", hit.snippet);
    assert!(!hit.snippet_html.contains("<runs>"), "{}", hit.snippet_html);
    assert_eq!(hit.status, Some(Status::Draft));
    assert!(index.stats().await.unwrap().documents >= 1);
    let bare = |crop_words, highlight| SearchQuery {
        shape: SearchShape {
            crop_words,
            highlight,
            ..SearchShape::default()
        },
        ..query("marmot")
    };
    let page = index.query(bare(0, true)).await.unwrap();
    let hit = &page.hits[0];
    assert_eq!((hit.snippet.as_str(), hit.snippet_html.as_str()), ("", ""));
    assert!(hit.title_html.contains("armot"), "{}", hit.title_html);
    let page = index.query(bare(36, false)).await.unwrap();
    let hit = &page.hits[0];
    assert_eq!(
        (hit.title_html.as_str(), hit.snippet_html.as_str()),
        ("", "")
    );
    assert!(hit.snippet.contains("whistles"), "{}", hit.snippet);
}

async fn tells_where_it_found_it(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let body = "# Höhen\n\nNobody.\n\nA pika, and another pika.";
    write(store, owner, "Pika", body, |_| {}).await;
    write(store, owner, "Pika", "Nowhere in here.", |_| {}).await;
    index.catch_up().await.unwrap();
    let page = index.query(query("pika")).await.unwrap();
    let told = page
        .hits
        .iter()
        .any(|hit| hit.found_at != FoundAt::default());
    assert!(!told, "only where it is asked for");
    let query = SearchQuery {
        places: true,
        ..query("pika")
    };
    let page = index.query(query).await.unwrap();
    let mut found: Vec<_> = page.hits.into_iter().map(|hit| hit.found_at).collect();
    found.sort_by_key(|found_at| found_at.words.len());
    assert_eq!(found[0], FoundAt::default(), "it is in the title alone");
    let at: Vec<usize> = body.match_indices("pika").map(|(at, _)| at).collect();
    assert_eq!((&found[1].words, &found[1].near), (&vec![at], &None));
}

async fn follows_changes_and_deletions(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let otter = write(store, owner, "Otter", "It swims.", |_| {}).await;
    let renamed = sample::retitling(&otter, "Beaver");
    let article = renamed.article.clone();
    store.update_article(renamed).await.unwrap();
    index.catch_up().await.unwrap();
    assert_eq!(index.query(query("otter")).await.unwrap().total, 0);
    let found = index.query(query("beaver")).await.unwrap();
    assert_eq!(found.hits[0].id, article.id);

    store
        .delete_article(sample::deletion(&article))
        .await
        .unwrap();
    index.catch_up().await.unwrap();
    assert_eq!(index.query(query("beaver")).await.unwrap().total, 0);

    // Back from the trash, and out of it for good at once.
    let trashed = store.trashed_article(article.id).await.unwrap().unwrap();
    let back = sample::restoration(&trashed);
    let article = back.article.clone();
    store.restore_article(back).await.unwrap();
    index.catch_up().await.unwrap();
    assert_eq!(index.query(query("beaver")).await.unwrap().total, 1);
    let deletion = sample::deletion(&article);
    let removal = sample::removal(&deletion.article);
    store.delete_article(deletion).await.unwrap();
    store.remove_article(removal).await.unwrap();
    index.catch_up().await.unwrap();
    assert_eq!(index.query(query("beaver")).await.unwrap().total, 0);
}

async fn filters_inside_the_search(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let plain = write(store, owner, "Heron", "grey", |_| {}).await;
    let tagged = write(store, owner, "Heron", "white", |article| {
        article.text.tags = vec!["birds".to_owned(), "water".to_owned()];
        article.text.status = Status::Published;
        article.project = "zoo".to_owned();
    })
    .await;
    index.catch_up().await.unwrap();
    let ids = async |query: SearchQuery| {
        let page = index.query(query).await.unwrap();
        let mut ids: Vec<_> = page
            .hits
            .iter()
            .filter_map(|hit| hit.id.article())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(query("heron")).await, sorted([plain.id, tagged.id]));
    let by_tag = |tags: &[&str]| SearchQuery {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..query("heron")
    };
    assert_eq!(ids(by_tag(&["birds", "water"])).await, [tagged.id]);
    assert!(ids(by_tag(&["birds", "land"])).await.is_empty());
    let by_status = SearchQuery {
        status: Some(Status::Draft),
        ..query("heron")
    };
    assert_eq!(ids(by_status).await, [plain.id]);
    let by_project = SearchQuery {
        project: Some("zoo".to_owned()),
        ..query("heron")
    };
    assert_eq!(ids(by_project).await, [tagged.id]);
}

async fn shows_nobody_what_they_may_not_read(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let (owner, stranger) = (UserId::new(), UserId::new());
    let secret = write(store, owner, "Pangolin", "draft", |_| {}).await;
    let public = write(store, owner, "Pangolin", "out", |article| {
        article.text.status = Status::Published;
    })
    .await;
    index.catch_up().await.unwrap();
    let seen = async |visibility: Visibility| {
        let query = SearchQuery {
            visibility,
            ..query("pangolin")
        };
        let page = index.query(query).await.unwrap();
        assert_eq!(page.total, page.hits.len());
        let mut ids: Vec<_> = page
            .hits
            .iter()
            .filter_map(|hit| hit.id.article())
            .collect();
        ids.sort();
        ids
    };
    let both = sorted([secret.id, public.id]);
    assert_eq!(seen(Visibility::Admin(UserId::new())).await, both);
    let of = |user, projects: &[&str]| Visibility::User {
        user,
        projects: projects.iter().map(|&slug| slug.to_owned()).collect(),
    };
    assert_eq!(seen(of(owner, &[])).await, both);
    assert_eq!(seen(of(stranger, &[])).await, [public.id]);
    assert_eq!(seen(of(stranger, &["elsewhere"])).await, [public.id]);
    let member = of(stranger, &["elsewhere", &secret.project]);
    assert_eq!(seen(member).await, both);
}

async fn takes_whatever_people_type(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    write(store, UserId::new(), "Quokka", "smiles", |_| {}).await;
    index.catch_up().await.unwrap();
    for typed in [
        "",
        " ",
        "\"",
        "(",
        "title:",
        "AND",
        "a AND (",
        "[1 TO",
        "nofield:x",
        "~~",
        "*",
        "\\",
        "日本語",
        "-",
        "'; --",
    ] {
        let result = index.query(query(typed)).await;
        assert!(result.is_ok(), "`{typed}`: {result:?}");
    }
}

async fn pages(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    for number in 0..5 {
        write(store, owner, "Wombat", &format!("number {number}"), |_| {}).await;
    }
    index.catch_up().await.unwrap();
    let mut seen = Vec::new();
    for offset in [0, 2, 4] {
        let query = SearchQuery {
            limit: 2,
            offset,
            ..query("wombat")
        };
        let page = index.query(query).await.unwrap();
        assert_eq!(page.total, 5);
        seen.extend(page.hits.iter().filter_map(|hit| hit.id.article()));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

async fn narrows_by_everything(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let hour = |hour: u32| {
        let time = Utc.with_ymd_and_hms(2026, 3, 1, hour, 0, 0);
        time.single().unwrap()
    };
    let early = write(store, owner, "Lemming", "one two three", |article| {
        article.text.extras.categories = vec!["animals/rodents".to_owned()];
        article.text.extras.authors = vec!["Ada".to_owned()];
        article.text.language = "de-AT".to_owned();
        article.created_at = hour(1);
        article.updated_at = hour(2);
    })
    .await;
    let late = write(
        store,
        owner,
        "Lemming",
        "one two three four five six",
        |article| {
            article.text.extras.categories = vec!["animals".to_owned(), "north".to_owned()];
            article.text.extras.authors = vec!["Bo".to_owned()];
            article.text.extras.content_type = "recipe".to_owned();
            article.text.language = "en".to_owned();
            article.created_at = hour(3);
            article.updated_at = hour(4);
        },
    )
    .await;
    index.catch_up().await.unwrap();
    let words =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let from = |from: u32| Between {
        from: Some(hour(from)),
        to: None,
    };
    let cases = [
        (
            Narrow {
                categories: words(&["animals"]),
                ..Narrow::default()
            },
            vec![early.id, late.id],
        ),
        (
            Narrow {
                categories: words(&["animals/rodents"]),
                ..Narrow::default()
            },
            vec![early.id],
        ),
        (
            Narrow {
                categories: words(&["animals", "north"]),
                ..Narrow::default()
            },
            vec![late.id],
        ),
        (
            Narrow {
                categories: words(&["anim"]),
                ..Narrow::default()
            },
            vec![],
        ),
        (
            Narrow {
                authors: words(&["Ada", "Cy"]),
                ..Narrow::default()
            },
            vec![early.id],
        ),
        (
            Narrow {
                languages: words(&["DE-at"]),
                ..Narrow::default()
            },
            vec![early.id],
        ),
        (
            Narrow {
                content_types: words(&["recipe"]),
                ..Narrow::default()
            },
            vec![late.id],
        ),
        (
            Narrow {
                created: from(2),
                ..Narrow::default()
            },
            vec![late.id],
        ),
        (
            Narrow {
                updated: from(2),
                ..Narrow::default()
            },
            vec![early.id, late.id],
        ),
        (
            Narrow {
                updated: Between {
                    from: None,
                    to: Some(hour(2)),
                },
                ..Narrow::default()
            },
            vec![early.id],
        ),
    ];
    for (narrow, mut expected) in cases {
        let query = SearchQuery {
            narrow: narrow.clone(),
            ..query("lemming")
        };
        let page = index.query(query).await.unwrap();
        let mut ids: Vec<_> = page
            .hits
            .iter()
            .filter_map(|hit| hit.id.article())
            .collect();
        ids.sort();
        expected.sort();
        assert_eq!(ids, expected, "{narrow:?}");
        assert_eq!(page.total, expected.len(), "{narrow:?}");
    }
    let long = SearchQuery {
        narrow: Narrow {
            words: Between {
                // The sample's own summary has words, too.
                from: Some(words_of(&early) + 1),
                to: None,
            },
            ..Narrow::default()
        },
        ..query("lemming")
    };
    let page = index.query(long).await.unwrap();
    assert_eq!(
        page.hits
            .iter()
            .filter_map(|hit| hit.id.article())
            .collect::<Vec<_>>(),
        [late.id]
    );
}

async fn counts_facets_of_what_may_be_read(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let (owner, stranger) = (UserId::new(), UserId::new());
    for (tags, category, status) in [
        (["fur", "sea"], "mammals/otters", Status::Published),
        (["fur", "secret"], "mammals", Status::Draft),
    ] {
        write(store, owner, "Walrus", "blubber", |article| {
            article.text.tags = tags.map(str::to_owned).to_vec();
            article.text.extras.categories = vec![category.to_owned()];
            article.text.status = status;
        })
        .await;
    }
    index.catch_up().await.unwrap();
    let facets = async |user: UserId| {
        let mut query = SearchQuery {
            visibility: Visibility::User {
                user,
                projects: Vec::new(),
            },
            ..query("walrus")
        };
        // Facets count what was found, not what is shown.
        query.limit = 1;
        query.shape.facets = vec![SearchFacet::Tag, SearchFacet::Category];
        let page = index.query(query).await.unwrap();
        let told = page.facets.into_iter().map(|counts| {
            let values = counts.values.into_iter();
            values
                .map(|(value, count)| format!("{value}={count}"))
                .collect::<Vec<_>>()
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(
        facets(owner).await,
        [
            vec!["fur=2", "sea=1", "secret=1"],
            vec!["mammals=2", "mammals/otters=1"]
        ]
    );
    assert_eq!(
        facets(stranger).await,
        [
            vec!["fur=1", "sea=1"],
            vec!["mammals=1", "mammals/otters=1"]
        ]
    );
}

async fn sorts_and_groups(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let owner = UserId::new();
    let mut written = Vec::new();
    for (number, author) in [(1, "Ada"), (2, "Bo"), (3, "Ada")] {
        let article = write(store, owner, "Tapir", "snout", |article| {
            article.text.extras.authors = vec![author.to_owned()];
            let time = Utc.with_ymd_and_hms(2026, 4, number, 0, 0, 0);
            article.created_at = time.single().unwrap();
        });
        written.push(article.await.id);
    }
    index.catch_up().await.unwrap();
    let sorted_by = async |name: &str, distinct: Option<SearchFacet>| {
        let mut query = query("tapir");
        query.shape.sort = SearchSort::named(name);
        query.shape.distinct = distinct;
        let page = index.query(query).await.unwrap();
        let ids: Vec<_> = page
            .hits
            .iter()
            .filter_map(|hit| hit.id.article())
            .collect();
        (ids, page.total)
    };
    assert_eq!(sorted_by("created_at", None).await, (written.clone(), 3));
    let backwards: Vec<_> = written.iter().rev().copied().collect();
    assert_eq!(sorted_by("-created_at", None).await, (backwards, 3));
    let first_of_each = vec![written[0], written[1]];
    assert_eq!(
        sorted_by("created_at", Some(SearchFacet::Author)).await,
        (first_of_each, 2)
    );
}

async fn suggests_words_of_what_may_be_read(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let (owner, stranger) = (UserId::new(), UserId::new());
    write(store, owner, "Zebrafish", "stripes", |article| {
        article.text.status = Status::Published;
    })
    .await;
    write(store, owner, "Zebroid", "a secret cross", |_| {}).await;
    index.catch_up().await.unwrap();
    let suggestions = async |user: UserId| {
        let visibility = Visibility::User {
            user,
            projects: Vec::new(),
        };
        let found = index
            .suggest("striped zebr".to_owned(), visibility, 10)
            .await;
        let found = found.unwrap().into_iter();
        found
            .map(|one| (one.text, one.documents))
            .collect::<Vec<_>>()
    };
    let told = |text: &str| (text.to_owned(), 1);
    assert_eq!(
        suggestions(owner).await,
        [told("striped zebrafish"), told("striped zebroid")]
    );
    assert_eq!(suggestions(stranger).await, [told("striped zebrafish")]);
}

async fn is_identical_and_stays_so_when_rebuilt(index: &dyn SearchIndex, store: &dyn ArticleStore) {
    let before = index.verify().await.unwrap();
    assert!(before.is_identical(), "{before:?}");
    assert!(before.stored > 0);
    assert_eq!(index.rebuild().await.unwrap(), before.stored);
    assert_eq!(index.verify().await.unwrap(), before);
    let written = write(store, UserId::new(), "Numbat", "after", |_| {}).await;
    index.catch_up().await.unwrap();
    let page = index.query(query("numbat")).await.unwrap();
    assert_eq!(page.hits[0].id, written.id);
}

fn words_of(article: &Article) -> u64 {
    let text = &article.text;
    let all = [&text.title, &text.summary, &text.body];
    let words = all.iter().map(|text| text.split_whitespace().count());
    (words.sum::<usize>() + text.tags.len()) as u64
}

/// Ids of one millisecond have no order of their own.
fn sorted(mut ids: [ArticleId; 2]) -> [ArticleId; 2] {
    ids.sort();
    ids
}

fn query(text: &str) -> SearchQuery {
    SearchQuery::new(text, Visibility::Admin(UserId::new()))
}

async fn write(
    store: &dyn ArticleStore,
    owner: UserId,
    title: &str,
    body: &str,
    change: impl FnOnce(&mut Article),
) -> Article {
    let mut article = sample::article(owner);
    article.text.title = title.to_owned();
    article.text.body = body.to_owned();
    change(&mut article);
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    article
}
