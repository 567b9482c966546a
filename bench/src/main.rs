//! Benchmarks: each measures Inkstone and a bare baseline in the same run, turn by turn, and prints
//! the ratio. Nothing here passes or fails; run it in release (`make bench`).
#![allow(clippy::print_stdout)]

mod articles;
mod articles_size;
mod bare;
mod content;
mod cranfield;
mod gateway;
mod load;
mod meanings;
mod measure;
mod peer;
mod plugin_call;
mod process;
mod queue;
mod search;
mod search_fresh;
mod search_quality;
mod search_scale;
mod search_vectors;
mod slips;
mod start;
mod streams;
mod swap;

use clap::{Parser, Subcommand};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A million more take half an hour.
const TEXTS: [usize; 2] = [10_000, 100_000];

#[derive(Parser)]
struct Bench {
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// An isolated plugin call beside raw wasmtime.
    PluginCall,
    /// A chunk of a stream beside the raw pull, and a thousand streams at once.
    Streams,
    /// Swaps of a provider under load.
    Swap,
    /// Start with twenty plugins, with an empty and a full cache.
    Start,
    /// `GET /v1/articles/{id}` beside a bare axum handler.
    Articles,
    /// 100,000 articles beside 1,000.
    ArticlesSize,
    /// Articles read, listed and created, beside FastAPI + SQLAlchemy + SQLite.
    Content,
    /// Jobs from their request to what they make, beside making it at once.
    Queue,
    /// Search beside bare Tantivy, SQLite and PostgreSQL.
    Search,
    /// How soon what was written is found, alone and while others write.
    SearchFresh,
    /// The order of hits by the judgements of Cranfield, beside bare Tantivy.
    SearchQuality,
    /// Indexing and searching of many texts, beside bare Tantivy on the same index.
    SearchScale {
        /// How many texts, one run after the other.
        #[arg(default_values_t = TEXTS)]
        texts: Vec<usize>,
    },
    /// Search by meaning among 100,000 vectors, beside a bare loop.
    SearchVectors,
    /// Chat through provider-openai beside a bare axum + reqwest proxy, to the same mock upstream.
    Gateway(gateway::Wish),
    /// Serve one of the baselines; the benchmarks start these themselves.
    #[command(hide = true)]
    Bare {
        kind: bare::Kind,
        /// What it needs: an upstream's address, or a file.
        argument: Option<String>,
    },
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Bench::parse().part {
        Some(Part::Bare { kind, argument }) => bare::serve(kind, argument).await,
        Some(Part::PluginCall) => plugin_call::run().await,
        Some(Part::Streams) => streams::run().await,
        Some(Part::Swap) => swap::run().await,
        Some(Part::Start) => start::run().await,
        Some(Part::Articles) => articles::run().await,
        Some(Part::ArticlesSize) => articles_size::run().await,
        Some(Part::Content) => content::run().await,
        Some(Part::Queue) => queue::run().await,
        Some(Part::Search) => search::run().await,
        Some(Part::SearchFresh) => search_fresh::run().await,
        Some(Part::SearchQuality) => search_quality::run(&process::root()).await,
        Some(Part::SearchScale { texts }) => search_scale::run(&process::root(), &texts).await,
        Some(Part::SearchVectors) => search_vectors::run().await,
        Some(Part::Gateway(wish)) => gateway::run(wish).await,
        None => {
            plugin_call::run().await?;
            streams::run().await?;
            start::run().await?;
            swap::run().await?;
            queue::run().await?;
            search::run().await?;
            search_fresh::run().await?;
            search_quality::run(&process::root()).await?;
            search_scale::run(&process::root(), &TEXTS).await?;
            search_vectors::run().await?;
            articles::run().await?;
            content::run().await?;
            articles_size::run().await?;
            gateway::run(gateway::Wish::default()).await
        }
    }
}
