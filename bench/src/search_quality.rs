//! How good the order of hits is, by the judgements of the Cranfield collection: ours beside bare Tantivy
//! on the same texts, with the questions as they are and with slips of the pen.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{ArticleStore, SearchIndex};
use inkstone_domain::search::{Fusion, Matching, Meaning, SearchQuery, Visibility};
use inkstone_search::{SearchConfig, TantivyIndex};
use inkstone_testkit::{MemStore, sample};
use tantivy::collector::TopDocs;
use tantivy::query::QueryParser;
use tantivy::schema::{FAST, Schema, TEXT};
use tantivy::{Index, TantivyDocument};

use crate::Failure;
use crate::cranfield::{self, Collection};
use crate::meanings::Meanings;
use crate::slips::with_slips;

const FIRST: usize = 10;
const DEEP: usize = 100;
/// Vectors alone, and both together.
const HYBRIDS: [(Fusion, f32); 7] = [
    (Fusion::Rank, 1.0),
    (Fusion::Rank, 0.3),
    (Fusion::Rank, 0.5),
    (Fusion::Rank, 0.7),
    (Fusion::Score, 0.3),
    (Fusion::Score, 0.5),
    (Fusion::Score, 0.7),
];

pub async fn run(beside: &Path) -> Result<(), Failure> {
    let Some(collection) = cranfield::load(beside)? else {
        return Ok(());
    };
    let meanings = Meanings::start()?;
    let (index, numbers, follower) = ours(&collection, meanings.as_ref()).await?;
    let bare = Bare::build(&collection)?;
    let slips: Vec<String> = (1u64..)
        .zip(&collection.questions)
        .map(|(seed, question)| with_slips(question, seed))
        .collect();

    println!(
        "\nsearch quality: {} texts, {} questions",
        collection.texts.len(),
        collection.questions.len()
    );
    println!("{:<34} {:>8} {:>11}", "", "nDCG@10", "recall@100");
    for (name, questions) in [("as asked", &collection.questions), ("with slips", &slips)] {
        let mut found = Vec::new();
        for question in questions {
            found.push(bare.search(question)?);
        }
        print(&format!("bare Tantivy, {name}"), &collection, &found);
        for (matching, word) in [
            (Matching::Any, "any"),
            (Matching::Last, "last"),
            (Matching::Frequency, "frequency"),
        ] {
            let mut found = Vec::new();
            for question in questions {
                let mut query =
                    SearchQuery::new(question.as_str(), Visibility::Admin(UserId::new()));
                query.limit = DEEP;
                query.shape.matching = matching;
                let page = index.query(query).await?;
                let hits = page
                    .hits
                    .iter()
                    .filter_map(|hit| numbers.get(&hit.id.article()?));
                found.push(hits.copied().collect());
            }
            print(&format!("inkstone ({word}), {name}"), &collection, &found);
        }
        let Some(meanings) = &meanings else { continue };
        let mut meant = Vec::new();
        for question in questions {
            meant.push(meanings.of_question(question).await?);
        }
        for (fusion, ratio) in HYBRIDS {
            let mut found = Vec::new();
            for (question, meaning) in questions.iter().zip(&meant) {
                let mut query =
                    SearchQuery::new(question.as_str(), Visibility::Admin(UserId::new()));
                query.limit = DEEP;
                query.meaning = Some(Meaning {
                    ratio,
                    fusion,
                    ..meaning.clone()
                });
                let page = index.query(query).await?;
                let articles = page.hits.iter().filter_map(|hit| hit.id.article());
                let hits = articles.filter_map(|id| numbers.get(&id));
                found.push(hits.copied().collect());
            }
            print(&format!("{fusion:?} {ratio}, {name}"), &collection, &found);
        }
    }
    follower.abort();
    Ok(())
}

type Ours = (
    Arc<TantivyIndex>,
    HashMap<ArticleId, u64>,
    tokio::task::JoinHandle<()>,
);

async fn ours(collection: &Collection, meanings: Option<&Meanings>) -> Result<Ours, Failure> {
    let store = Arc::new(MemStore::new());
    let mut articles = Vec::new();
    let owner = UserId::new();
    let mut numbers = HashMap::new();
    for text in &collection.texts {
        let mut article = sample::article(owner);
        article.text.title.clone_from(&text.title);
        article.text.summary.clear();
        article.text.tags.clear();
        article.text.language = "en".to_owned();
        article.text.body.clone_from(&text.body);
        numbers.insert(article.id, text.number);
        store.create_article(sample::creation(&article)).await?;
        articles.push(article);
    }
    if let Some(meanings) = meanings {
        meanings.put(&store, &articles).await?;
    }
    let config = SearchConfig {
        poll_interval: Duration::from_secs(60),
        ..SearchConfig::default()
    };
    let index = TantivyIndex::open_with_vectors(config, store.clone(), store)?;
    let following = Arc::clone(&index);
    let follower = tokio::spawn(async move { following.follow(std::future::pending()).await });
    index.catch_up().await?;
    index.catch_up_with_vectors().await?;
    Ok((index, numbers, follower))
}

/// Tantivy as it comes: its default analyser, its query parser, BM25 over both fields.
struct Bare {
    index: Index,
    parser: QueryParser,
}

impl Bare {
    fn build(collection: &Collection) -> Result<Self, Failure> {
        let mut builder = Schema::builder();
        let number = builder.add_u64_field("number", FAST);
        let title = builder.add_text_field("title", TEXT);
        let body = builder.add_text_field("body", TEXT);
        let index = Index::create_in_ram(builder.build());
        let mut writer = index.writer_with_num_threads(1, 30_000_000)?;
        for text in &collection.texts {
            let mut document = TantivyDocument::default();
            document.add_u64(number, text.number);
            document.add_text(title, &text.title);
            document.add_text(body, &text.body);
            writer.add_document(document)?;
        }
        writer.commit()?;
        let parser = QueryParser::for_index(&index, vec![title, body]);
        Ok(Self { index, parser })
    }

    fn search(&self, question: &str) -> Result<Vec<u64>, Failure> {
        let searcher = self.index.reader()?.searcher();
        let (query, _) = self.parser.parse_query_lenient(question);
        let best = TopDocs::with_limit(DEEP).order_by_score();
        let mut numbers = Vec::new();
        for (_, address) in searcher.search(&query, &best)? {
            let segment = searcher.segment_reader(address.segment_ord);
            let column = segment.fast_fields().u64("number")?;
            numbers.extend(column.first(address.doc_id));
        }
        Ok(numbers)
    }
}

fn print(name: &str, collection: &Collection, found: &[Vec<u64>]) {
    let mut sums = (0.0, 0.0, 0.0);
    for (found, grades) in found.iter().zip(&collection.grades) {
        let relevant = grades.values().filter(|grade| **grade > 0).count();
        if relevant == 0 {
            continue;
        }
        let got = found.iter().take(DEEP);
        let got = got.filter(|number| grades.get(number).is_some_and(|grade| *grade > 0));
        sums.0 += gain(found, grades);
        sums.1 += got.count() as f64 / relevant as f64;
        sums.2 += 1.0;
    }
    println!(
        "{name:<34} {:>8.4} {:>11.4}",
        sums.0 / sums.2,
        sums.1 / sums.2
    );
}

/// Normalised discounted cumulative gain of the first ten.
fn gain(found: &[u64], grades: &HashMap<u64, u32>) -> f64 {
    let discounted = |grades: &mut dyn Iterator<Item = u32>| -> f64 {
        let ranks = grades.take(FIRST).enumerate();
        ranks
            .map(|(rank, grade)| f64::from(grade) / (rank as f64 + 2.0).log2())
            .sum()
    };
    let mut best: Vec<u32> = grades.values().copied().collect();
    best.sort_unstable_by(|one, other| other.cmp(one));
    let ideal = discounted(&mut best.into_iter());
    let mut got = found
        .iter()
        .map(|number| grades.get(number).copied().unwrap_or(0));
    discounted(&mut got) / ideal
}
