//! Lists that are filtered and sorted: what is in them, in which order, and page by page.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use inkstone_domain::codes;
use inkstone_domain::content::{
    Article, ArticleFilter, ArticleSort, Facet, PageRequest, Span, Status,
};
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{ArticleStore, TagStore};
use inkstone_domain::tag::Tag;
use ulid::Ulid;

use crate::contract::assert_code;
use crate::sample;

/// Whatever ends a text, a statement or a name somewhere.
const NASTY: [&str; 6] = [
    "a \"quoted\" tag",
    "' OR true; DELETE article; --",
    "\\'; REMOVE TABLE article",
    "$list } RETURN article",
    "tag:sea",
    "水 \u{202e}",
];

pub async fn by_one_thing(store: &dyn ArticleStore) {
    let project = new_project();
    let (ada, bob) = (UserId::new(), UserId::new());
    let mut articles = Vec::new();
    for (number, nasty) in NASTY.into_iter().enumerate() {
        let mut article = in_project(&project, if number % 2 == 0 { ada } else { bob });
        article.text.tags = vec![nasty.to_owned(), "all".to_owned(), "all".to_owned()];
        article.text.extras.categories = vec![format!("c{}", number % 2)];
        article.text.extras.authors = vec![nasty.to_owned()];
        article.text.extras.content_type = format!("kind-{}", number % 3);
        article.text.language = if number == 0 { "pt-BR" } else { "en" }.to_owned();
        article.text.status = if number < 2 {
            Status::Published
        } else {
            Status::Draft
        };
        create(store, &article).await;
        articles.push(article);
    }
    let base = ArticleFilter {
        project: Some(project),
        ..ArticleFilter::default()
    };
    let mut facets: Vec<Facet> = NASTY
        .iter()
        .map(|it| Facet::Tag((*it).to_owned()))
        .collect();
    facets.extend(NASTY.iter().map(|it| Facet::Author((*it).to_owned())));
    facets.extend(["all", "al", "all created", ""].map(|it| Facet::Tag(it.to_owned())));
    facets.extend(["c0", "c1", "c"].map(|it| Facet::Category(it.to_owned())));
    facets.extend(["PT-br", "en", "e"].map(|it| Facet::Locale(it.to_owned())));
    facets.extend(["kind-0", "kind-2", "kind"].map(|it| Facet::Type(it.to_owned())));
    for facet in facets {
        for status in [None, Some(Status::Published), Some(Status::Archived)] {
            let filter = ArticleFilter {
                facet: Some(facet.clone()),
                status,
                ..base.clone()
            };
            let wanted: BTreeSet<ArticleId> = articles
                .iter()
                .filter(|article| filter.is_met_by(article))
                .map(|article| article.id)
                .collect();
            let shown: Vec<ArticleId> = walk(store, &filter, 100).await;
            assert_eq!(
                shown.iter().copied().collect::<BTreeSet<_>>(),
                wanted,
                "{filter:?}"
            );
            assert_eq!(shown.len(), wanted.len(), "{filter:?}");
        }
    }
    let by_owner = ArticleFilter {
        owner: Some(bob),
        status: Some(Status::Draft),
        ..base.clone()
    };
    assert_eq!(walk(store, &by_owner, 2).await.len(), 2);
    let elsewhere = ArticleFilter {
        facet: Some(Facet::Tag("all".to_owned())),
        project: Some(new_project()),
        ..base
    };
    assert_eq!(walk(store, &elsewhere, 2).await, []);
}

pub async fn in_their_order(store: &dyn ArticleStore) {
    let project = new_project();
    let owner = UserId::new();
    let noon = sample::now();
    let mut articles = Vec::new();
    for (number, title) in ["delta", "Alpha", "charlie", "Bravo", "alpha"]
        .iter()
        .enumerate()
    {
        let mut article = in_project(&project, owner);
        article.text.title = (*title).to_owned();
        let minutes = TimeDelta::minutes(number as i64);
        article.created_at = noon + minutes;
        article.updated_at = noon - minutes;
        create(store, &article).await;
        articles.push(article);
    }
    let minute = TimeDelta::minutes(1);
    let list = |sort, created, updated| ArticleFilter {
        project: Some(project.clone()),
        sort,
        created,
        updated,
        ..ArticleFilter::default()
    };
    let any = Span::default();
    let from = Span {
        from: Some(noon + minute),
        until: Some(noon + minute * 3),
    };
    let until = Span {
        from: None,
        until: Some(noon - minute * 2),
    };
    let cases = [
        (list(ArticleSort::Oldest, any, any), vec![0, 1, 2, 3, 4]),
        (list(ArticleSort::Newest, any, any), vec![4, 3, 2, 1, 0]),
        (list(ArticleSort::Newest, from, any), vec![2, 1]),
        (list(ArticleSort::Updated, any, any), vec![0, 1, 2, 3, 4]),
        (list(ArticleSort::Updated, any, until), vec![3, 4]),
        (list(ArticleSort::Title, any, any), vec![1, 4, 3, 2, 0]),
    ];
    for (filter, order) in cases {
        let wanted: Vec<ArticleId> = order.iter().map(|&at| articles[at as usize].id).collect();
        for limit in [1, 2, 5, 100] {
            assert_eq!(
                walk(store, &filter, limit).await,
                wanted,
                "{limit} of {filter:?}"
            );
        }
    }
}

pub async fn follow_every_change(store: &dyn ArticleStore, tags: &dyn TagStore) {
    let project = new_project();
    let owner = UserId::new();
    let mut article = in_project(&project, owner);
    article.text.tags = vec!["old".to_owned(), "kept".to_owned()];
    create(store, &article).await;
    let mut update = sample::retitling(&article, "Zulu");
    update.article.text.tags = vec!["kept".to_owned(), "new".to_owned()];
    update.article.text.status = Status::Published;
    store.update_article(update.clone()).await.unwrap();
    let article = update.article;
    let tagged = |tag: &str| ArticleFilter {
        project: Some(project.clone()),
        facet: Some(Facet::Tag(tag.to_owned())),
        ..ArticleFilter::default()
    };
    assert_eq!(walk(store, &tagged("old"), 9).await, []);
    assert_eq!(walk(store, &tagged("new"), 9).await, [article.id]);
    let draft = ArticleFilter {
        status: Some(Status::Draft),
        ..tagged("kept")
    };
    assert_eq!(walk(store, &draft, 9).await, []);
    assert_eq!(names(tags, &project).await, ["kept 1", "new 1"]);

    let deletion = sample::deletion(&article);
    store.delete_article(deletion.clone()).await.unwrap();
    assert_eq!(walk(store, &tagged("kept"), 9).await, []);
    assert_eq!(names(tags, &project).await, Vec::<String>::new());
    let trashed = store.trashed_article(article.id).await.unwrap().unwrap();
    store
        .restore_article(sample::restoration(&trashed))
        .await
        .unwrap();
    assert_eq!(walk(store, &tagged("kept"), 9).await, [article.id]);
    assert_eq!(names(tags, &project).await, ["kept 1", "new 1"]);
}

pub async fn of_tags_are_counted(store: &dyn ArticleStore, tags: &dyn TagStore) {
    let project = new_project();
    for number in 0..7 {
        let mut article = in_project(&project, UserId::new());
        article.text.tags = vec![
            "all".to_owned(),
            format!("t{}", number % 3),
            NASTY[1].to_owned(),
        ];
        if number > 4 {
            article.text.status = Status::Published;
        }
        create(store, &article).await;
    }
    let all = [&format!("{} 7", NASTY[1]), "all 7", "t0 3", "t1 2", "t2 2"];
    assert_eq!(names(tags, &project).await, all);
    let mut shown = Vec::new();
    let mut page = sample::first_page(2);
    loop {
        let part = tags.tags(&project, page.clone()).await.unwrap();
        assert!(part.items.len() <= 2);
        shown.extend(part.items.into_iter().map(said));
        match part.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => break,
        }
    }
    assert_eq!(shown, all);
    assert_eq!(names(tags, &new_project()).await, Vec::<String>::new());
}

pub async fn without_an_index_are_refused(store: &dyn ArticleStore) {
    let page = || sample::first_page(9);
    let filter = ArticleFilter {
        facet: Some(Facet::Tag("sea".to_owned())),
        ..ArticleFilter::default()
    };
    let refused = store.list_articles(filter, page()).await;
    assert_code(refused, &codes::UNINDEXED_FILTER);
    let filter = ArticleFilter {
        sort: ArticleSort::Title,
        ..ArticleFilter::default()
    };
    let refused = store.list_articles(filter.clone(), page()).await;
    assert_code(refused, &codes::UNINDEXED_SORT);
    let filter = ArticleFilter {
        project: Some(new_project()),
        ..filter
    };
    for cursor in [
        "; DELETE article",
        "",
        "00",
        "00.art_",
        "é.art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P",
    ] {
        let page = PageRequest {
            limit: 9,
            cursor: Some(cursor.to_owned()),
        };
        let refused = store.list_articles(filter.clone(), page).await;
        assert_code(refused, &codes::INVALID_INPUT);
    }
}

async fn create(store: &dyn ArticleStore, article: &Article) {
    store
        .create_article(sample::creation(article))
        .await
        .unwrap();
}

/// All of a list, page by page.
async fn walk(store: &dyn ArticleStore, filter: &ArticleFilter, limit: usize) -> Vec<ArticleId> {
    let mut shown = Vec::new();
    let mut page = sample::first_page(limit);
    loop {
        let part = store
            .list_articles(filter.clone(), page.clone())
            .await
            .unwrap();
        assert!(part.items.len() <= limit);
        shown.extend(part.items.iter().map(|article| article.id));
        match part.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => return shown,
        }
    }
}

async fn names(tags: &dyn TagStore, project: &str) -> Vec<String> {
    let page = tags.tags(project, sample::first_page(100)).await.unwrap();
    page.items.into_iter().map(said).collect()
}

fn said(tag: Tag) -> String {
    format!("{} {}", tag.name, tag.articles)
}

fn in_project(project: &str, owner: UserId) -> Article {
    Article {
        project: project.to_owned(),
        ..sample::article(owner)
    }
}

fn new_project() -> String {
    format!("p-{}", Ulid::new()).to_lowercase()
}
