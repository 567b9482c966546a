//! That no list looks at more rows than it shows, and that articles of before have their rows.

use inkstone_domain::content::listing::Walk;
use inkstone_domain::content::{ArticleSort, Facet};
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::ArticleStore;
use inkstone_testkit::{run_on_deep_stack, sample};
use surrealdb::types::Value;

use super::*;
use crate::articles::by_creation;
use crate::plans::{assert_bounded, store};

const ARTICLES: usize = 40;
const SHOWN: usize = 3;

/// Articles of one owner in one project, all alike.
async fn filled() -> (SurrealStore, UserId) {
    let store = store().await;
    let owner = UserId::new();
    for _ in 0..ARTICLES {
        let article = Article {
            project: "handbook".to_owned(),
            ..sample::article(owner)
        };
        store
            .create_article(sample::creation(&article))
            .await
            .unwrap();
    }
    (store, owner)
}

#[test]
fn no_list_looks_at_more_than_it_shows() {
    run_on_deep_stack(async {
        let (store, owner) = filled().await;
        let page = sample::first_page(SHOWN);
        let project = || Some("handbook".to_owned());
        let base = ArticleFilter::default;
        let lists = [
            base(),
            ArticleFilter {
                sort: ArticleSort::Oldest,
                ..base()
            },
            ArticleFilter {
                owner: Some(owner),
                ..base()
            },
            ArticleFilter {
                project: project(),
                ..base()
            },
            ArticleFilter {
                project: project(),
                sort: ArticleSort::Oldest,
                ..base()
            },
            ArticleFilter {
                status: Some(Status::Draft),
                ..base()
            },
            ArticleFilter {
                owner: Some(owner),
                status: Some(Status::Draft),
                ..base()
            },
            ArticleFilter {
                project: project(),
                status: Some(Status::Draft),
                ..base()
            },
            ArticleFilter {
                owner: Some(owner),
                project: project(),
                ..base()
            },
            ArticleFilter {
                project: project(),
                sort: ArticleSort::Updated,
                ..base()
            },
            ArticleFilter {
                project: project(),
                sort: ArticleSort::Title,
                ..base()
            },
            ArticleFilter {
                project: project(),
                facet: Some(Facet::Tag("sea".to_owned())),
                ..base()
            },
            ArticleFilter {
                project: project(),
                facet: Some(Facet::Locale("en".to_owned())),
                ..base()
            },
        ];
        for filter in lists {
            let about = format!("{filter:?}");
            match filter.walk().unwrap() {
                Walk::Created { from, until } => {
                    let statement = by_creation(&filter, (from, until), &Place::of(&page).unwrap());
                    assert_bounded(&store, statement, "IndexScan", SHOWN + 1, &about).await;
                }
                Walk::Rows { list, .. } => {
                    let statement = Statement::new(PART_OF_PAGE)
                        .bind("list", list)
                        .bind("status", "draft".to_owned())
                        .bind("begin", vec![String::new()])
                        .bind("end", END.to_owned())
                        .bind("rows", SHOWN as u64 + 1);
                    assert_bounded(&store, statement, "DynamicScan", SHOWN + 1, &about).await;
                }
            }
        }
    });
}

#[test]
fn articles_of_before_are_put_into_lists() {
    run_on_deep_stack(async {
        let (store, _) = filled().await;
        let by_tag = ArticleFilter {
            project: Some("handbook".to_owned()),
            facet: Some(Facet::Tag("sea".to_owned())),
            ..ArticleFilter::default()
        };
        let all = sample::first_page(100);
        let before = store
            .list_articles(by_tag.clone(), all.clone())
            .await
            .unwrap();
        assert_eq!(before.items.len(), ARTICLES);
        for text in [
            "UPDATE article SET lists = NONE RETURN NONE",
            "DELETE article_list RETURN NONE",
            "CREATE article_list_backfill:marker CONTENT { after: '' } RETURN NONE",
        ] {
            store
                .write::<Vec<Value>>(Statement::new(text))
                .await
                .unwrap();
        }
        let none = store
            .list_articles(by_tag.clone(), all.clone())
            .await
            .unwrap();
        assert_eq!(none.items, []);
        store.list_old_articles().await.unwrap();
        let after = store.list_articles(by_tag, all).await.unwrap();
        assert_eq!(after, before);
        store.list_old_articles().await.unwrap();
    });
}
