//! Search through the port, beside bare Tantivy on the same index files: same words, ten best hits, their stored fields.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{ArticleStore, SearchIndex};
use inkstone_domain::search::{SearchQuery, Visibility};
use inkstone_search::{SearchConfig, TantivyIndex};
use inkstone_testkit::{MemStore, sample};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::QueryParser;
use tantivy::{Index, TantivyDocument};

use crate::Failure;
use crate::cranfield;
use crate::measure::{Series, micros, print_ratio};
use crate::process::root;

const ROUNDS: usize = 9;

pub async fn run() -> Result<(), Failure> {
    let Some(collection) = cranfield::load(&root())? else {
        return Ok(());
    };
    let queries = &collection.questions;
    let store = MemStore::new();
    let owner = UserId::new();
    for text in &collection.texts {
        let mut article = sample::article(owner);
        article.text.title.clone_from(&text.title);
        article.text.body.clone_from(&text.body);
        store.create_article(sample::creation(&article)).await?;
    }
    let dir = tempfile::tempdir()?;
    let config = SearchConfig {
        dir: Some(dir.path().to_owned()),
        poll_interval: Duration::from_secs(60),
        ..SearchConfig::default()
    };
    let index = TantivyIndex::open(config, Arc::new(store))?;
    let following = Arc::clone(&index);
    let follower = tokio::spawn(async move { following.follow(std::future::pending()).await });
    index.catch_up().await?;

    let current = std::fs::read_to_string(dir.path().join("current"))?;
    let bare = Bare::open(dir.path().join(current))?;
    let mut times = (Series::new("inkstone"), Series::new("tantivy"));
    for round in 0..=ROUNDS {
        let began = Instant::now();
        for text in queries {
            index.query(query(text)).await?;
        }
        let ours = micros(began.elapsed()) / queries.len() as f64;
        let began = Instant::now();
        for text in queries {
            bare.query(text)?;
        }
        let baseline = micros(began.elapsed()) / queries.len() as f64;
        if round > 0 {
            times.0.values.push(ours);
            times.1.values.push(baseline);
        }
    }
    follower.abort();
    println!(
        "\nsearch: {} Cranfield texts, {} questions; ours adds permissions, highlighting and the port",
        collection.texts.len(),
        queries.len()
    );
    print_ratio("search, ten hits", "µs/query", &times.0, &times.1);
    Ok(())
}

/// The same index, read without us.
struct Bare {
    reader: tantivy::IndexReader,
    parser: QueryParser,
}

impl Bare {
    fn open(dir: PathBuf) -> Result<Self, Failure> {
        let index = Index::open_in_dir(dir)?;
        let schema = index.schema();
        let fields = vec![schema.get_field("text")?];
        index
            .tokenizers()
            .register("inkstone_text", inkstone_search::analyser());
        Ok(Self {
            reader: index.reader()?,
            parser: QueryParser::for_index(&index, fields),
        })
    }

    fn query(&self, text: &str) -> Result<usize, Failure> {
        let searcher = self.reader.searcher();
        let (query, _) = self.parser.parse_query_lenient(text);
        let best = TopDocs::with_limit(10).order_by_score();
        let (hits, total) = searcher.search(&query, &(best, Count))?;
        for (_, address) in hits {
            let _: TantivyDocument = searcher.doc(address)?;
        }
        Ok(total)
    }
}

fn query(text: &str) -> SearchQuery {
    SearchQuery {
        limit: 10,
        ..SearchQuery::new(text, Visibility::Admin(UserId::new()))
    }
}
