//! `[search]`, `[search.embedding]` and `[search.rerank]`: the index, what is found by meaning, and who reranks.

use std::path::PathBuf;

use inkstone_domain::search::Fusion;

use crate::engine_reading::DAY_MS;
use crate::section::Section;

/// `[search]`
#[derive(Debug, Clone, PartialEq)]
pub struct SearchConfig {
    /// The index; it may be deleted and is rebuilt from the store.
    pub dir: PathBuf,
    /// Memory for documents that are not written yet.
    pub writer_memory_mib: u32,
    /// What it may take on disk, with another one that is built beside it; 0 is as much as there is.
    pub disk_mib: u32,
    /// How often the store is asked for changes when nothing signals one.
    pub poll_interval_ms: u64,
    pub embedding: EmbeddingConfig,
    pub rerank: RerankConfig,
}

/// `[search.embedding]`
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingConfig {
    /// `provider/model` or an alias; empty for words alone.
    pub model: String,
    /// Texts of one call.
    pub batch: u32,
    /// In the background, at most.
    pub texts_per_second: f64,
    /// For the vector of a question.
    pub query_timeout_ms: u64,
    /// What meaning counts in searches that do not say, 0 to 1.
    pub ratio: f64,
    pub fusion: Fusion,
}

/// `[search.rerank]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RerankConfig {
    /// `provider/model` or an alias, where a search names none; may be empty.
    pub model: String,
    /// So many of the best are looked at.
    pub depth: u32,
    /// Then the order stays as it was.
    pub timeout_ms: u64,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            dir: "data/search".into(),
            writer_memory_mib: 32,
            disk_mib: 0,
            poll_interval_ms: 1_000,
            embedding: EmbeddingConfig::default(),
            rerank: RerankConfig::default(),
        }
    }
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self {
            model: String::new(),
            batch: 8,
            texts_per_second: 20.0,
            query_timeout_ms: 300,
            ratio: 0.0,
            fusion: Fusion::default(),
        }
    }
}

impl Default for RerankConfig {
    fn default() -> Self {
        Self {
            model: String::new(),
            depth: 50,
            timeout_ms: 1_500,
        }
    }
}

pub(crate) fn read(mut section: Section<'_>, config: &mut SearchConfig) {
    section.path_value("dir", &mut config.dir);
    section.number(
        "writer_memory_mib",
        16..=4_096,
        &mut config.writer_memory_mib,
    );
    section.number("disk_mib", 0..=u32::MAX, &mut config.disk_mib);
    section.number(
        "poll_interval_ms",
        10..=DAY_MS,
        &mut config.poll_interval_ms,
    );
    embedding(section.section("embedding"), &mut config.embedding);
    rerank(section.section("rerank"), &mut config.rerank);
    section.finish();
}

fn embedding(mut section: Section<'_>, config: &mut EmbeddingConfig) {
    section.text("model", &mut config.model);
    section.number("batch", 1..=32, &mut config.batch);
    section.decimal(
        "texts_per_second",
        0.01..=10_000.0,
        &mut config.texts_per_second,
    );
    section.number(
        "query_timeout_ms",
        10..=60_000,
        &mut config.query_timeout_ms,
    );
    section.decimal("ratio", 0.0..=1.0, &mut config.ratio);
    section.choice("fusion", &mut config.fusion, &Fusion::ALL);
    section.finish();
}

fn rerank(mut section: Section<'_>, config: &mut RerankConfig) {
    section.text("model", &mut config.model);
    section.number("depth", 1..=100, &mut config.depth);
    section.number("timeout_ms", 10..=60_000, &mut config.timeout_ms);
    section.finish();
}
