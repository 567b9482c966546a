//! Search through the port, beside bare Tantivy on the same index files: same words, ten best hits, their stored
//! fields, without anything marked and with passages, ours beside Tantivy's own snippets; and beside SQLite's FTS5 and
//! PostgreSQL on the same texts (`peers/fulltext`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{ArticleStore, SearchIndex};
use inkstone_domain::search::{SearchQuery, SearchShape, Visibility};
use inkstone_search::{SearchConfig, TantivyIndex};
use inkstone_testkit::{MemStore, sample};
use serde_json::{Value, json};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{Query, QueryParser};
use tantivy::schema::{Field, Value as _};
use tantivy::snippet::SnippetGenerator;
use tantivy::{Index, TantivyDocument};

use crate::Failure;
use crate::cranfield::{self, Collection};
use crate::measure::{Series, micros, print_ratio};
use crate::peer::Peer;
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
    let mut peers = peers(dir.path(), &collection);
    let mut alone = (Series::new("inkstone"), Series::new("tantivy"));
    let mut shown = (Series::new("inkstone"), Series::new("tantivy"));
    for round in 0..=ROUNDS {
        let add = |series: &mut Series, began: Instant| {
            if round > 0 {
                series
                    .values
                    .push(micros(began.elapsed()) / queries.len() as f64);
            }
        };
        let began = Instant::now();
        for text in queries {
            index.query(alone_query(text)).await?;
        }
        add(&mut alone.0, began);
        let began = Instant::now();
        for text in queries {
            bare.query(text)?;
        }
        add(&mut alone.1, began);
        let began = Instant::now();
        for text in queries {
            index.query(query(text)).await?;
        }
        add(&mut shown.0, began);
        let began = Instant::now();
        for text in queries {
            bare.query_with_snippets(text)?;
        }
        add(&mut shown.1, began);
        for (peer, series) in &mut peers {
            let mean = peer.round(1)?;
            if round > 0 {
                series.values.push(mean);
            }
        }
    }
    follower.abort();
    println!(
        "\nsearch: {} Cranfield texts, {} questions; ours adds permissions, slips, the order by rules and the port",
        collection.texts.len(),
        queries.len()
    );
    print_ratio("ten hits", "µs/query", &alone.0, &alone.1);
    print_ratio("ten hits, marked", "µs/query", &shown.0, &shown.1);
    for (_, series) in &peers {
        print_ratio("ten hits", "µs/query", &alone.0, series);
    }
    Ok(())
}

/// Those that are there; a round of theirs is all questions.
fn peers(folder: &Path, collection: &Collection) -> Vec<(Peer, Series)> {
    let start = |name: &'static str| -> Result<(Peer, Series), Failure> {
        let python = std::env::var_os("INKSTONE_PEER_FULL_TEXT").ok_or("it is not installed")?;
        let texts = collection.texts.iter();
        let texts = texts.map(|text| json!({ "title": text.title, "body": text.body }));
        let questions = collection.questions.iter();
        let questions = questions.map(|question| json!({ "text": question }));
        let mut command = Command::new(python);
        command
            .arg(root().join("bench/peers/fulltext/peer.py"))
            .arg(name)
            .arg(lines(folder.join("texts.jsonl"), texts)?)
            .arg(lines(folder.join("questions.jsonl"), questions)?);
        let mut peer = Peer::of(&mut command)?;
        // It answers once its texts are in.
        peer.round(1)?;
        Ok((peer, Series::new(name)))
    };
    let mut peers = Vec::new();
    for name in ["sqlite", "postgres"] {
        match start(name) {
            Ok(peer) => peers.push(peer),
            Err(failure) => println!("\n{name} is left out: {failure}"),
        }
    }
    peers
}

fn lines(path: PathBuf, values: impl Iterator<Item = Value>) -> Result<PathBuf, Failure> {
    let lines: Vec<String> = values.map(|value| value.to_string()).collect();
    std::fs::write(&path, lines.join("\n") + "\n")?;
    Ok(path)
}

/// The same index, read without us.
struct Bare {
    reader: tantivy::IndexReader,
    parser: QueryParser,
    text: Field,
    title: Field,
    body: Field,
}

impl Bare {
    fn open(dir: PathBuf) -> Result<Self, Failure> {
        let index = Index::open_in_dir(dir)?;
        let schema = index.schema();
        let text = schema.get_field("text")?;
        index
            .tokenizers()
            .register("inkstone_text", inkstone_search::analyser());
        Ok(Self {
            reader: index.reader()?,
            parser: QueryParser::for_index(&index, vec![text]),
            text,
            title: schema.get_field("stored_title")?,
            body: schema.get_field("stored_body")?,
        })
    }

    fn query(&self, text: &str) -> Result<usize, Failure> {
        let (query, _) = self.parser.parse_query_lenient(text);
        let (documents, total) = self.best(&*query)?;
        std::hint::black_box(documents);
        Ok(total)
    }

    fn query_with_snippets(&self, text: &str) -> Result<usize, Failure> {
        let (query, _) = self.parser.parse_query_lenient(text);
        let (documents, total) = self.best(&*query)?;
        let searcher = self.reader.searcher();
        let generator = SnippetGenerator::create(&searcher, &*query, self.text)?;
        for document in documents {
            for field in [self.title, self.body] {
                let text = document.get_first(field).and_then(|value| value.as_str());
                let snippet = generator.snippet(text.ok_or("a field is missing")?);
                std::hint::black_box(snippet.to_html());
            }
        }
        Ok(total)
    }

    fn best(&self, query: &dyn Query) -> Result<(Vec<TantivyDocument>, usize), Failure> {
        let searcher = self.reader.searcher();
        let best = TopDocs::with_limit(10).order_by_score();
        let (hits, total) = searcher.search(query, &(best, Count))?;
        let documents = hits.into_iter().map(|(_, address)| searcher.doc(address));
        Ok((documents.collect::<Result<_, _>>()?, total))
    }
}

/// Its hits are what the baseline's are: stored fields, and nothing marked.
fn alone_query(text: &str) -> SearchQuery {
    SearchQuery {
        shape: SearchShape {
            crop_words: 0,
            highlight: false,
            ..SearchShape::default()
        },
        ..query(text)
    }
}

fn query(text: &str) -> SearchQuery {
    SearchQuery {
        limit: 10,
        ..SearchQuery::new(text, Visibility::Admin(UserId::new()))
    }
}
