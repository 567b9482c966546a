//! Search by meaning at size, through the port with its filters, beside a bare loop over the same vectors: how long
//! each takes, and how many of the true nearest are found. Vectors are clustered, as those of texts are.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inkstone_domain::chunks::{Chunk, EmbeddedArticle, unit};
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{ArticleStore, ChunkStore, SearchIndex};
use inkstone_domain::search::{Fusion, Meaning, SearchQuery, Visibility};
use inkstone_search::{SearchConfig, TantivyIndex};
use inkstone_testkit::{MemStore, sample};

use crate::Failure;
use crate::measure::{Series, micros, print_ratio};
use crate::slips::Chance;

const VECTORS: usize = 100_000;
const DIMENSIONS: usize = 384;
const CLUSTERS: usize = 500;
const QUERIES: usize = 200;
const NEAREST: usize = 10;
const MODEL: &str = "bench/vectors";
/// A filter lets one in so many through, by its tag.
const PARTS: [(usize, &str); 3] = [(1, "each"), (10, "tenth"), (100, "hundredth")];

struct Measured {
    vectors: Vec<(ArticleId, Vec<f32>)>,
    index: Arc<TantivyIndex>,
}

pub async fn run() -> Result<(), Failure> {
    let mut chance = Chance(7);
    let middles: Vec<Vec<f32>> = (0..CLUSTERS).map(|_| vector(&mut chance)).collect();
    let owner = UserId::new();
    let store = Arc::new(MemStore::new());
    let mut vectors = Vec::with_capacity(VECTORS);
    for number in 0..VECTORS {
        let mut article = sample::article(owner);
        article.text.title = format!("Number {number}");
        let tags = PARTS.iter().filter(|(part, _)| number % part == 0);
        article.text.tags = tags.map(|(_, tag)| (*tag).to_owned()).collect();
        store.create_article(sample::creation(&article)).await?;
        let vector = near(
            &middles[chance.below(CLUSTERS as u64) as usize],
            &mut chance,
        )?;
        let whole = EmbeddedArticle {
            article: article.id,
            model: MODEL.to_owned(),
            revision: article.revision,
            chunks: vec![Chunk {
                start: 0,
                end: article.text.body.len(),
                digest: format!("{number}"),
                vector: vector.clone(),
            }],
        };
        store.put_chunks(&whole).await?;
        vectors.push((article.id, vector));
    }
    store.serve_model(MODEL).await?;
    let config = SearchConfig {
        poll_interval: Duration::from_secs(600),
        ..SearchConfig::default()
    };
    let began = Instant::now();
    let index = TantivyIndex::open_with_vectors(config, store.clone(), store)?;
    let following = Arc::clone(&index);
    let follower = tokio::spawn(async move { following.follow(std::future::pending()).await });
    index.catch_up().await?;
    index.catch_up_with_vectors().await?;
    println!(
        "\nsearch by meaning: {VECTORS} vectors of {DIMENSIONS} numbers, ready after {:.1} s with their words",
        began.elapsed().as_secs_f64()
    );
    let measured = Measured { vectors, index };
    for (part, tag) in PARTS {
        let questions = (0..QUERIES).map(|number| near(&middles[number % CLUSTERS], &mut chance));
        let questions = questions.collect::<Result<Vec<_>, _>>()?;
        measured.compare(part, tag, questions).await?;
    }
    follower.abort();
    Ok(())
}

impl Measured {
    async fn compare(
        &self,
        part: usize,
        tag: &str,
        questions: Vec<Vec<f32>>,
    ) -> Result<(), Failure> {
        let (mut ours, mut bare) = (Series::new("inkstone"), Series::new("a bare loop"));
        let mut found = 0;
        for question in &questions {
            let mut query = SearchQuery::new("meaning", Visibility::Admin(UserId::new()));
            query.limit = NEAREST;
            query.tags = vec![tag.to_owned()];
            query.meaning = Some(Meaning {
                model: MODEL.to_owned(),
                vector: question.clone(),
                ratio: 1.0,
                fusion: Fusion::Rank,
            });
            let began = Instant::now();
            let page = self.index.query(query).await?;
            ours.values.push(micros(began.elapsed()));
            let began = Instant::now();
            let nearest = self.nearest(question, part);
            bare.values.push(micros(began.elapsed()));
            let hits = page.hits.iter().filter_map(|hit| hit.id.article());
            found += hits.filter(|id| nearest.contains(id)).count();
        }
        let title = format!("nearest {NEAREST} of one in {part}");
        print_ratio(&title, "µs", &ours, &bare);
        println!(
            "{title}: p99 {:.0} µs beside {:.0} µs, recall@{NEAREST} {:.4}",
            ours.at(0.99),
            bare.at(0.99),
            found as f64 / (questions.len() * NEAREST) as f64
        );
        Ok(())
    }

    /// By brute force, one after the other.
    fn nearest(&self, question: &[f32], part: usize) -> HashSet<ArticleId> {
        let open = self.vectors.iter().step_by(part);
        let mut measured: Vec<(f32, ArticleId)> = open
            .map(|(article, vector)| {
                let products = vector.iter().zip(question).map(|(one, other)| one * other);
                (products.sum(), *article)
            })
            .collect();
        measured.sort_unstable_by(|one, other| other.0.total_cmp(&one.0));
        let best = measured.into_iter().take(NEAREST);
        best.map(|(_, article)| article).collect()
    }
}

fn vector(chance: &mut Chance) -> Vec<f32> {
    let number = |chance: &mut Chance| (chance.next() >> 40) as f32 / (1 << 24) as f32 - 0.5;
    (0..DIMENSIONS).map(|_| number(chance)).collect()
}

/// One of the cluster with this middle.
fn near(middle: &[f32], chance: &mut Chance) -> Result<Vec<f32>, Failure> {
    let away = vector(chance);
    let sum = middle.iter().zip(&away).map(|(one, other)| one + other);
    unit(sum.collect()).ok_or_else(|| "a vector without a direction".into())
}
