//! What every search index promises of searches by meaning. The vectors are those of [`sample::meaning`].

use inkstone_domain::chunks::{Chunk, EmbeddedArticle, unit};
use inkstone_domain::content::{Article, Status};
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{ArticleStore, ChunkStore, SearchIndex};
use inkstone_domain::search::{
    Fusion, Meaning, SearchFacet, SearchPage, SearchQuery, SemanticUse, Visibility,
};

use crate::sample;

const MODEL: &str = "fake/meaning";

/// What the index follows.
pub struct Stores<'s> {
    pub articles: &'s dyn ArticleStore,
    pub chunks: &'s dyn ChunkStore,
}

/// Runs the whole suite. `index` follows the stores, which are empty; `catch_up` lets it.
pub async fn run(index: &dyn SearchIndex, stores: Stores<'_>, catch_up: impl AsyncFn()) {
    assert_eq!(index.embedding_model(), None);
    stores.chunks.serve_model(MODEL).await.unwrap();
    let suite = Suite {
        index,
        stores,
        catch_up,
    };
    suite.finds_what_is_meant().await;
    suite.words_and_meaning_are_one_list().await;
    suite.shows_nobody_what_they_may_not_read().await;
    suite.filters_inside_the_search().await;
    suite.follows_changes().await;
    suite.other_models_are_no_match().await;
    suite.another_model_takes_over().await;
}

struct Suite<'s, C> {
    index: &'s dyn SearchIndex,
    stores: Stores<'s>,
    catch_up: C,
}

impl<C: AsyncFn()> Suite<'_, C> {
    async fn finds_what_is_meant(&self) {
        let owner = UserId::new();
        let body = "A bakery is a shop.\n\nIn it, dough becomes a loaf.";
        let bakery = self.write(owner, "Shop", body, |_| {}).await;
        self.write(owner, "Palace", "A monarch and a crown.", |_| {})
            .await;
        (self.catch_up)().await;
        let page = self.find(owner, "bread", 1.0).await;
        assert_eq!(page.semantic, Some(SemanticUse::Used));
        assert_eq!(page.hits[0].id, bakery.id);
        assert!(
            page.hits[0].snippet.contains("dough becomes"),
            "{:?}",
            page.hits[0]
        );
        let near = page.hits[0].found_at.near.clone().unwrap();
        assert_eq!(&body[near], "In it, dough becomes a loaf.");
        assert_eq!(page.total, 2, "nearest first, however far they are");
        // Words alone find none.
        let query = SearchQuery::new("bread", user(owner));
        let words = self.index.query(query).await.unwrap();
        assert_eq!((words.total, words.semantic), (0, None));
    }

    async fn words_and_meaning_are_one_list(&self) {
        let owner = UserId::new();
        let both = self.write(owner, "Hound", "hound", |_| {}).await;
        let words = self
            .write(
                owner,
                "Hound",
                "hound of the automobile car engine car",
                |_| {},
            )
            .await;
        let meaning = self.write(owner, "Puppy", "puppy dog", |_| {}).await;
        (self.catch_up)().await;
        for fusion in [Fusion::Rank, Fusion::Score] {
            let page = self.find_with(owner, "hound", 0.5, |query| {
                query.shape.facets = vec![SearchFacet::Status];
                if let Some(meaning) = &mut query.meaning {
                    meaning.fusion = fusion;
                }
            });
            let page = page.await;
            assert_eq!(page.hits[0].id, both.id);
            assert_eq!(sorted(&page), sorted_ids([both.id, words.id, meaning.id]));
            assert_eq!(page.total, 3, "each counts once");
            assert_eq!(page.facets[0].values, [("draft".to_owned(), 3)]);
            let scores: Vec<f32> = page.hits.iter().map(|hit| hit.score).collect();
            assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        }
        // Pages of one list.
        let second = self.find_with(owner, "hound", 0.5, |query| {
            query.limit = 1;
            query.offset = 1;
        });
        let second = second.await;
        assert_eq!((second.hits.len(), second.total), (1, 3));
        assert_ne!(second.hits[0].id, both.id);
    }

    async fn shows_nobody_what_they_may_not_read(&self) {
        let (owner, stranger) = (UserId::new(), UserId::new());
        let secret = self.write(owner, "Lunar", "lunar crescent", |_| {}).await;
        let open = self
            .write(owner, "Lunar", "lunar ocean", |article| {
                article.text.status = Status::Published;
            })
            .await;
        (self.catch_up)().await;
        for ratio in [0.3, 1.0] {
            let page = self.find_with(stranger, "moon", ratio, |query| {
                query.shape.facets = vec![SearchFacet::Status];
            });
            let page = page.await;
            assert_eq!(sorted(&page), [open.id]);
            assert_eq!(page.total, 1);
            assert_eq!(page.facets[0].values, [("published".to_owned(), 1)]);
            let page = self.find(owner, "moon", ratio).await;
            assert_eq!(page.hits[0].id, secret.id);
        }
        let mut query = query("moon", 1.0);
        query.visibility = Visibility::User {
            user: stranger,
            projects: vec![secret.project.clone()],
        };
        let page = self.index.query(query).await.unwrap();
        assert_eq!(page.hits[0].id, secret.id);
        // Everybody would find it in what follows.
        let deletion = sample::deletion(&open);
        self.stores.articles.delete_article(deletion).await.unwrap();
    }

    /// More than all that is looked at are nearer, and elsewhere.
    async fn filters_inside_the_search(&self) {
        let owner = UserId::new();
        for _ in 0..150 {
            self.write(owner, "Car", "car", |article| {
                article.project = "garage".to_owned();
            })
            .await;
        }
        let far = self
            .write(
                owner,
                "Boat",
                "a boat has an engine in the water of the sea",
                |article| {
                    article.project = "harbour".to_owned();
                },
            )
            .await;
        (self.catch_up)().await;
        let page = self.find_with(owner, "automobile", 1.0, |query| {
            query.project = Some("harbour".to_owned());
        });
        let page = page.await;
        assert_eq!(sorted(&page), [far.id]);
        assert_eq!(page.total, 1);
    }

    async fn follows_changes(&self) {
        let owner = UserId::new();
        let first = self.write(owner, "Text", "the crown", |_| {}).await;
        (self.catch_up)().await;
        assert_eq!(sorted(&self.find(owner, "king", 1.0).await), [first.id]);
        // A new revision, with other vectors.
        let mut write = sample::retitling(&first, "Text");
        write.article.text.body = "the ocean".to_owned();
        let second = write.article.clone();
        self.stores.articles.update_article(write).await.unwrap();
        self.embed(&second, MODEL).await;
        (self.catch_up)().await;
        let page = self.find(owner, "ocean", 1.0).await;
        assert_eq!(sorted(&page), [first.id]);
        let deletion = sample::deletion(&second);
        self.stores.articles.delete_article(deletion).await.unwrap();
        (self.catch_up)().await;
        let page = self.find(owner, "ocean", 1.0).await;
        assert_eq!(
            (page.total, page.hits.len()),
            (0, 0),
            "its vectors are there still"
        );
    }

    async fn other_models_are_no_match(&self) {
        let owner = UserId::new();
        let hound = self.write(owner, "Hound", "hound", |_| {}).await;
        self.write(owner, "Puppy", "puppy", |_| {}).await;
        (self.catch_up)().await;
        let page = self.find_with(owner, "hound", 1.0, |query| {
            if let Some(meaning) = &mut query.meaning {
                meaning.model = "fake/unknown".to_owned();
            }
        });
        let page = page.await;
        assert_eq!(page.semantic, Some(SemanticUse::Unavailable));
        assert_eq!(sorted(&page), [hound.id], "words are there always");
    }

    async fn another_model_takes_over(&self) {
        let owner = UserId::new();
        let article = self.write(owner, "Loaf", "loaf", |_| {}).await;
        let next = "fake/next";
        self.embed(&article, next).await;
        (self.catch_up)().await;
        assert_eq!(self.index.embedding_model().as_deref(), Some(MODEL));
        self.stores.chunks.serve_model(next).await.unwrap();
        (self.catch_up)().await;
        assert_eq!(self.index.embedding_model().as_deref(), Some(next));
        let page = self.find_with(owner, "bread", 1.0, |query| {
            if let Some(meaning) = &mut query.meaning {
                meaning.model = next.to_owned();
            }
        });
        let page = page.await;
        assert_eq!(page.semantic, Some(SemanticUse::Used));
        assert_eq!(sorted(&page), [article.id]);
    }

    async fn find(&self, user: UserId, text: &str, ratio: f32) -> SearchPage {
        self.find_with(user, text, ratio, |_| {}).await
    }

    async fn find_with(
        &self,
        owner: UserId,
        text: &str,
        ratio: f32,
        change: impl FnOnce(&mut SearchQuery),
    ) -> SearchPage {
        let mut query = query(text, ratio);
        query.visibility = user(owner);
        change(&mut query);
        self.index.query(query).await.unwrap()
    }

    async fn write(
        &self,
        owner: UserId,
        title: &str,
        body: &str,
        change: impl FnOnce(&mut Article),
    ) -> Article {
        let mut article = sample::article(owner);
        article.text.title = title.to_owned();
        article.text.summary.clear();
        article.text.tags.clear();
        article.text.body = body.to_owned();
        article.text.status = Status::Draft;
        change(&mut article);
        let write = sample::creation(&article);
        self.stores.articles.create_article(write).await.unwrap();
        self.embed(&article, MODEL).await;
        article
    }

    /// A piece for each paragraph.
    async fn embed(&self, article: &Article, model: &str) {
        let body = &article.text.body;
        let mut start = 0;
        let chunks = body.split("\n\n").map(|paragraph| {
            let end = start + paragraph.len();
            let chunk = Chunk {
                start,
                end,
                digest: inkstone_domain::digest::sha256(paragraph.as_bytes()),
                vector: unit(sample::meaning(paragraph)).unwrap(),
            };
            start = end + 2;
            chunk
        });
        let embedded = EmbeddedArticle {
            article: article.id,
            model: model.to_owned(),
            revision: article.revision,
            chunks: chunks.collect(),
        };
        self.stores.chunks.put_chunks(&embedded).await.unwrap();
    }
}

fn query(text: &str, ratio: f32) -> SearchQuery {
    SearchQuery {
        places: true,
        limit: 100,
        meaning: Some(Meaning {
            model: MODEL.to_owned(),
            vector: unit(sample::meaning(text)).unwrap(),
            ratio,
            fusion: Fusion::Rank,
        }),
        ..SearchQuery::new(text, Visibility::Admin(UserId::new()))
    }
}

fn user(user: UserId) -> Visibility {
    Visibility::User {
        user,
        projects: Vec::new(),
    }
}

fn sorted(page: &SearchPage) -> Vec<ArticleId> {
    sorted_ids(page.hits.iter().filter_map(|hit| hit.id.article()))
}

fn sorted_ids(ids: impl IntoIterator<Item = ArticleId>) -> Vec<ArticleId> {
    let mut ids: Vec<ArticleId> = ids.into_iter().collect();
    ids.sort();
    ids
}
