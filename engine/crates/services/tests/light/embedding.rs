//! Texts as vectors: what is embedded, when, by whom and how often; and searches by meaning.

use std::sync::Arc;

use inkstone_domain::chunks::EmbeddedArticle;
use inkstone_domain::content::Status;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::{ArticleStore, ChunkStore, HandlerStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::search::SemanticUse;
use inkstone_domain::{Error, codes};
use inkstone_services::content::{ArticlePatch, NewArticle};
use inkstone_services::search::SearchRequest;
use inkstone_testkit::{Gate, sample};

use crate::world::{PATIENCE, World};

const MODEL: &str = "fake/meaning";

async fn write(world: &World, who: &Principal, title: &str, body: &str) -> ArticleId {
    let new = NewArticle {
        title: title.to_owned(),
        body: body.to_owned(),
        status: Status::Published,
        ..NewArticle::default()
    };
    let article = world.services.articles.create(who, new).await.unwrap();
    article.id
}

async fn catch_up(world: &World) {
    world.services.embeddings.catch_up().await.unwrap();
}

async fn embedded(world: &World, article: ArticleId) -> Option<EmbeddedArticle> {
    let found = world.store.embedded_articles(MODEL, &[article]).await;
    found.unwrap().into_iter().next()
}

fn by_meaning(text: &str, ratio: f32) -> SearchRequest {
    SearchRequest {
        text: text.to_owned(),
        ratio: Some(ratio),
        ..SearchRequest::default()
    }
}

#[tokio::test]
async fn what_is_written_is_embedded_with_its_title() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let article = write(&world, &ada, "Tides", "The moon pulls.").await;
    catch_up(&world).await;
    assert_eq!(world.provider.embedded(), ["Tides\nThe moon pulls."]);
    let found = embedded(&world, article).await.unwrap();
    assert_eq!((found.revision, found.chunks.len()), (1, 1));
    assert_eq!((found.chunks[0].start, found.chunks[0].end), (0, 15));
    let length: f32 = found.chunks[0].vector.iter().map(|it| it * it).sum();
    assert!((length - 1.0).abs() < 1e-5);
    let serving = world.store.serving_model().await.unwrap();
    assert_eq!(serving.as_deref(), Some(MODEL));
    // In the ledger it is the engine's.
    let lines = world.usage(1).await;
    assert_eq!(lines[0].model, MODEL);
    assert_ne!(lines[0].user, ada.user);
}

#[tokio::test]
async fn the_same_text_is_embedded_once() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let paragraph = "The sea rises and falls twice a day, and nobody is surprised. ".repeat(14);
    let body = format!("# One\n\n{paragraph}\n\n# Two\n\nShort.");
    let first = write(&world, &ada, "Tides", &body).await;
    let second = write(&world, &ada, "Tides", &body).await;
    catch_up(&world).await;
    let texts = world.provider.embedded().len();
    assert_eq!(embedded(&world, first).await.unwrap().chunks.len(), texts);
    assert_eq!(
        embedded(&world, first).await.unwrap().chunks,
        embedded(&world, second).await.unwrap().chunks
    );
    // Nothing is left to do.
    catch_up(&world).await;
    assert_eq!(world.provider.embedded().len(), texts);
    // Another end is another piece, and all others are known.
    let patch = ArticlePatch {
        body: Some(body.replace("Short.", "Brief.")),
        ..ArticlePatch::default()
    };
    let patched = world.services.articles.update(&ada, first, patch, None);
    patched.await.unwrap();
    catch_up(&world).await;
    assert_eq!(world.provider.embedded().len(), texts + 1);
    assert_eq!(embedded(&world, first).await.unwrap().revision, 2);
}

#[tokio::test]
async fn of_what_is_gone_nothing_is_left() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let article = write(&world, &ada, "Tides", "The moon pulls.").await;
    catch_up(&world).await;
    world
        .services
        .articles
        .delete(&ada, article, None)
        .await
        .unwrap();
    catch_up(&world).await;
    let found = embedded(&world, article).await.unwrap();
    assert_eq!((found.revision, found.chunks.len()), (2, 0));
    // Its stamp is forgotten, and so is what was kept of it.
    let unknown = EmbeddedArticle {
        article: ArticleId::new(),
        ..found
    };
    world.store.put_chunks(&unknown).await.unwrap();
    catch_up(&world).await;
    assert_eq!(embedded(&world, unknown.article).await, None);
}

#[tokio::test]
async fn faults_that_pass_are_waited_out_and_others_are_left_out() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let one = write(&world, &ada, "Tides", "The moon pulls.").await;
    world
        .provider
        .will_not_embed(Error::new(&codes::UPSTREAM_UNREACHABLE, "not now"));
    catch_up(&world).await;
    assert_eq!(embedded(&world, one).await.unwrap().chunks.len(), 1);
    // Two of a batch, then the first alone: refused. The second is taken.
    let two = write(&world, &ada, "King", "The crown.").await;
    let three = write(&world, &ada, "Dog", "The hound.").await;
    for _ in 0..2 {
        let refused = Error::new(&codes::CONTENT_BLOCKED, "not this");
        world.provider.will_not_embed(refused);
    }
    catch_up(&world).await;
    let mut counts = Vec::new();
    for article in [two, three] {
        counts.push(embedded(&world, article).await.unwrap().chunks.len());
    }
    counts.sort_unstable();
    assert_eq!(counts, [0, 1], "both are done with");
}

#[tokio::test]
async fn another_model_serves_once_it_has_everything() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let article = write(&world, &ada, "Tides", "The moon pulls.").await;
    let old = EmbeddedArticle {
        model: "fake/old".to_owned(),
        ..sample::embedded(article)
    };
    world.store.put_chunks(&old).await.unwrap();
    world.store.serve_model("fake/old").await.unwrap();
    let fault = Error::new(&codes::EGRESS_DENIED, "no");
    world.provider.will_not_embed(fault);
    world.services.embeddings.catch_up().await.unwrap_err();
    let serving = world.store.serving_model().await.unwrap();
    assert_eq!(serving.as_deref(), Some("fake/old"));
    catch_up(&world).await;
    let serving = world.store.serving_model().await.unwrap();
    assert_eq!(serving.as_deref(), Some(MODEL));
    assert_eq!(world.store.embedding_models().await.unwrap(), [MODEL]);
}

/// In the background, by one engine at a time; what changes is found without being told.
#[tokio::test]
async fn one_engine_embeds_what_changes() {
    let world = World::new().await;
    let other = world.another_engine().await;
    let ada = world.somebody(Role::Creator).await;
    write(&world, &ada, "Before", "the sea").await;
    let here = tokio::spawn(Arc::clone(&world.services.embeddings).keep());
    let there = tokio::spawn(Arc::clone(&other.embeddings).keep());
    let done = async |texts: usize| {
        while world.provider.embedded().len() < texts {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, done(1)).await.unwrap();
    write(&world, &ada, "After", "the moon").await;
    tokio::time::timeout(PATIENCE, done(2)).await.unwrap();
    assert_eq!(world.provider.embedded().len(), 2, "each once");
    let states = world.store.handlers().await.unwrap();
    let state = states.iter().find(|state| state.name == "embeddings");
    assert!(state.unwrap().holder.is_some());
    here.abort();
    there.abort();
}

#[tokio::test]
async fn searches_by_meaning() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let viewer = world.somebody(Role::Viewer).await;
    let search = &world.services.search;
    // Nothing is embedded yet.
    let page = search
        .query(&viewer, by_meaning("ocean", 0.5))
        .await
        .unwrap();
    assert_eq!(page.semantic, Some(SemanticUse::Unavailable));

    let tides = write(&world, &ada, "Tides", "Water rises.").await;
    let king = write(&world, &ada, "King", "An ocean away, the crown.").await;
    catch_up(&world).await;
    let texts = world.provider.embedded().len();
    let page = search
        .query(&viewer, by_meaning("ocean", 1.0))
        .await
        .unwrap();
    assert_eq!(page.semantic, Some(SemanticUse::Used));
    assert_eq!(page.hits[0].id, tides);
    let page = search
        .query(&viewer, by_meaning("ocean", 0.5))
        .await
        .unwrap();
    assert_eq!(page.total, 2);
    assert_eq!(
        world.provider.embedded().len(),
        texts + 1,
        "the question is known"
    );
    // Words alone, by wish or by default, or since there is nothing to embed, or another order.
    let sorted = SearchRequest {
        shape: inkstone_domain::search::SearchShape {
            sort: inkstone_domain::search::SearchSort::named("-words"),
            ..Default::default()
        },
        ..by_meaning("ocean", 1.0)
    };
    let unsaid = SearchRequest {
        ratio: None,
        ..by_meaning("ocean", 1.0)
    };
    for request in [by_meaning("ocean", 0.0), unsaid, sorted] {
        let page = search.query(&viewer, request).await.unwrap();
        assert_eq!((page.semantic, page.total), (None, 1));
        assert_eq!(page.hits[0].id, king);
    }
    assert_eq!(
        search
            .query(&viewer, by_meaning(" ", 1.0))
            .await
            .unwrap()
            .semantic,
        None
    );
    for wrong in [-0.1, 1.1, f32::NAN] {
        let refused = search.query(&viewer, by_meaning("ocean", wrong)).await;
        assert_eq!(refused.unwrap_err().code(), &codes::INVALID_INPUT);
    }
}

#[tokio::test]
async fn words_do_not_wait_for_meaning() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let tides = write(&world, &ada, "Tides", "The ocean rises.").await;
    catch_up(&world).await;
    let failing = Error::new(&codes::CONTENT_BLOCKED, "not this");
    world.provider.will_not_embed(failing);
    let search = &world.services.search;
    let page = search.query(&ada, by_meaning("ocean", 0.5)).await.unwrap();
    assert_eq!(page.semantic, Some(SemanticUse::Unavailable));
    assert_eq!(page.hits[0].id, tides);
    let gate = Gate::closed();
    world.provider.will_embed_behind(gate.clone());
    let page = search.query(&ada, by_meaning("ocean", 0.5)).await.unwrap();
    assert_eq!(page.semantic, Some(SemanticUse::TimedOut));
    assert_eq!(page.hits[0].id, tides);
    gate.open();
    let page = search.query(&ada, by_meaning("ocean", 0.5)).await.unwrap();
    assert_eq!(page.semantic, Some(SemanticUse::Used));
}

/// Old articles are read from the store, not from events: those of before the model was configured.
#[tokio::test]
async fn what_was_there_before_is_embedded() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    for _ in 0..40 {
        let article = sample::article(ada.user);
        let write = sample::creation(&article);
        world.store.create_article(write).await.unwrap();
    }
    catch_up(&world).await;
    let stamps = world.store.embedded_stamps(MODEL, None, 100).await.unwrap();
    assert_eq!(stamps.len(), 40);
}
