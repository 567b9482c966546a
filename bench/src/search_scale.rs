//! The index at size: texts made of the words of Cranfield as often as they come there, indexed from the
//! store, and six kinds of query, beside bare Tantivy on the same index files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inkstone_domain::content::Status;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{ArticleStore, SearchIndex};
use inkstone_domain::search::{LastWord, SearchFacet, SearchQuery, Visibility};
use inkstone_search::{SearchConfig, TantivyIndex};
use inkstone_testkit::{MemStore, sample};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{FuzzyTermQuery, Query, QueryParser};
use tantivy::{Index, TantivyDocument, Term};

use crate::Failure;
use crate::cranfield;
use crate::slips::{Chance, with_slips};

/// Queries of each kind.
const QUERIES: usize = 200;
const KINDS: [Kind; 6] = [
    Kind::Word,
    Kind::Words,
    Kind::Phrase,
    Kind::Prefix,
    Kind::Slip,
    Kind::Filtered,
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Word,
    Words,
    Phrase,
    Prefix,
    Slip,
    Filtered,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Word => "one word",
            Self::Words => "four words",
            Self::Phrase => "phrase",
            Self::Prefix => "half a word",
            Self::Slip => "word with a slip",
            Self::Filtered => "words, filter, facets",
        }
    }
}

pub async fn run(beside: &Path, sizes: &[usize]) -> Result<(), Failure> {
    let Some(collection) = cranfield::load(beside)? else {
        return Ok(());
    };
    let texts = collection.texts.iter();
    let vocabulary = Vocabulary::of(texts.map(|text| text.body.as_str()));
    for size in sizes {
        measure(&vocabulary, *size).await?;
    }
    Ok(())
}

async fn measure(vocabulary: &Vocabulary, size: usize) -> Result<(), Failure> {
    let mut chance = Chance(size as u64);
    let store = MemStore::new();
    let owners = [UserId::new(), UserId::new(), UserId::new()];
    for number in 0..size {
        let mut article = sample::article(owners[number % owners.len()]);
        let (title, body) = (5 + chance.below(5), 60 + chance.below(140));
        article.text.title = vocabulary.text(title, &mut chance);
        article.text.body = vocabulary.text(body, &mut chance);
        article.text.summary.clear();
        article.text.tags = vec![format!("tag{}", chance.below(50))];
        if chance.below(2) == 0 {
            article.text.status = Status::Published;
        }
        store.create_article(sample::creation(&article)).await?;
    }
    let dir = tempfile::tempdir()?;
    let config = SearchConfig {
        dir: Some(dir.path().to_owned()),
        poll_interval: Duration::from_secs(600),
        ..SearchConfig::default()
    };
    let before = memory("RssAnon:")?;
    let began = Instant::now();
    let index = TantivyIndex::open(config, Arc::new(store))?;
    let following = Arc::clone(&index);
    let follower = tokio::spawn(async move { following.follow(std::future::pending()).await });
    index.catch_up().await?;
    let seconds = began.elapsed().as_secs_f64();
    let stats = index.stats().await?;
    println!(
        "\nsearch scale: {} texts, {:.0} indexed/s, {} MiB in {} segments",
        stats.documents,
        size as f64 / seconds,
        stats.size_bytes >> 20,
        stats.segments
    );
    println!(
        "{:<24} {:>10} {:>10} {:>12} {:>12}",
        "µs", "p50", "p99", "bare p50", "bare p99"
    );
    let current = std::fs::read_to_string(dir.path().join("current"))?;
    let bare = Bare::open(&dir.path().join(current))?;
    for kind in KINDS {
        let mut ours = Vec::with_capacity(QUERIES);
        let mut theirs = Vec::with_capacity(QUERIES);
        for number in 0..QUERIES {
            let text = vocabulary.question(kind, &mut chance);
            let mut query = SearchQuery::new(text.as_str(), Visibility::Admin(UserId::new()));
            query.limit = 10;
            if kind != Kind::Prefix {
                query.shape.last_word = LastWord::Whole;
            }
            if kind == Kind::Filtered {
                query.visibility = Visibility::User {
                    user: owners[0],
                    projects: Vec::new(),
                };
                query.shape.facets = vec![SearchFacet::Tag, SearchFacet::Status];
            }
            // Who comes second finds the pages of the files in the processor's caches.
            let mut query = Some(query);
            for turn in 0..2 {
                let began = Instant::now();
                if turn == number % 2 {
                    index.query(query.take().ok_or("asked twice")?).await?;
                    ours.push(began.elapsed());
                } else if bare.search(kind, &text)?.is_some() {
                    theirs.push(began.elapsed());
                }
            }
        }
        println!(
            "{:<24} {:>10} {:>10} {:>12} {:>12}",
            kind.name(),
            at(&mut ours, 50),
            at(&mut ours, 99),
            at(&mut theirs, 50),
            at(&mut theirs, 99)
        );
    }
    println!(
        "memory: {} MiB of its own beyond the texts, {} MiB of files",
        memory("RssAnon:")?.saturating_sub(before) >> 10,
        memory("RssFile:")? >> 10
    );
    follower.abort();
    Ok(())
}

/// Words, as often as they come in real texts.
struct Vocabulary {
    words: Vec<String>,
    /// Up to and with each word.
    sums: Vec<u64>,
}

impl Vocabulary {
    fn of<'text>(texts: impl Iterator<Item = &'text str>) -> Self {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for word in texts.flat_map(str::split_whitespace) {
            if word.chars().all(char::is_alphanumeric) {
                *counts.entry(word).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        let mut sum = 0;
        let sums = counts.iter().map(|(_, count)| {
            sum += count;
            sum
        });
        let sums = sums.collect();
        let words = counts.into_iter().map(|(word, _)| word.to_owned());
        Self {
            words: words.collect(),
            sums,
        }
    }

    fn word(&self, chance: &mut Chance) -> &str {
        let at = chance.below(self.sums.last().copied().unwrap_or(1));
        &self.words[self.sums.partition_point(|sum| *sum <= at)]
    }

    /// One that people would look for.
    fn telling(&self, chance: &mut Chance) -> &str {
        loop {
            let word = self.word(chance);
            if word.len() > 5 && word.bytes().all(|letter| letter.is_ascii_alphabetic()) {
                return word;
            }
        }
    }

    fn text(&self, words: u64, chance: &mut Chance) -> String {
        let words = (0..words).map(|_| self.word(chance));
        words.collect::<Vec<_>>().join(" ")
    }

    fn question(&self, kind: Kind, chance: &mut Chance) -> String {
        let count = match kind {
            Kind::Words | Kind::Filtered => 4,
            Kind::Phrase => 2,
            _ => 1,
        };
        let words: Vec<&str> = (0..count).map(|_| self.telling(chance)).collect();
        let text = words.join(" ");
        match kind {
            Kind::Phrase => format!("\"{text}\""),
            Kind::Prefix => text.chars().take(4).collect(),
            Kind::Slip => (1..)
                .map(|seed| with_slips(&text, seed))
                .find(|slipped| *slipped != text)
                .unwrap_or(text),
            _ => text,
        }
    }
}

/// The same index, read without us.
struct Bare {
    index: Index,
    reader: tantivy::IndexReader,
    parser: QueryParser,
}

impl Bare {
    fn open(dir: &Path) -> Result<Self, Failure> {
        let index = Index::open_in_dir(dir)?;
        let text = index.schema().get_field("text")?;
        index
            .tokenizers()
            .register("inkstone_text", inkstone_search::analyser());
        Ok(Self {
            reader: index.reader()?,
            parser: QueryParser::for_index(&index, vec![text]),
            index,
        })
    }

    /// `None` for what it has nothing like.
    fn search(&self, kind: Kind, text: &str) -> Result<Option<usize>, Failure> {
        let query: Box<dyn Query> = match kind {
            Kind::Word | Kind::Words | Kind::Phrase => self.parser.parse_query_lenient(text).0,
            Kind::Slip => {
                let surface = self.index.schema().get_field("surface")?;
                let term = Term::from_field_text(surface, text);
                let typos = if text.len() > 8 { 2 } else { 1 };
                Box::new(FuzzyTermQuery::new(term, typos, true))
            }
            Kind::Prefix | Kind::Filtered => return Ok(None),
        };
        let searcher = self.reader.searcher();
        let best = TopDocs::with_limit(10).order_by_score();
        let (hits, total) = searcher.search(&query, &(best, Count))?;
        for (_, address) in hits {
            let _: TantivyDocument = searcher.doc(address)?;
        }
        Ok(Some(total))
    }
}

/// A percentile, microseconds.
fn at(times: &mut [Duration], percent: usize) -> String {
    times.sort_unstable();
    let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times
        .get(index)
        .map_or("–".to_owned(), |time| time.as_micros().to_string())
}

/// Of this process, KiB.
fn memory(kind: &str) -> Result<usize, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(kind));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("the kernel tells no memory")?.parse()?)
}
