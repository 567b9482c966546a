//! How soon after it was acknowledged an article is found, while others write as fast as they can: one writer gives each of
//! its articles a word that no other has, and asks for it until it is found.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};

use crate::Failure;
use crate::measure::{Series, micros};
use crate::process::Process;

const WRITERS: usize = 16;
/// Articles that are looked for.
const LOOKED_FOR: usize = 300;
/// Each look is work for the engine, too.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Longer than the benchmark.
const TOKEN_MINUTES: &str = "600";
const GOAL_MS: f64 = 500.0;

pub async fn run() -> Result<(), Failure> {
    let http = Client::builder().no_proxy().build()?;
    let settings = [(
        "INKSTONE__AUTH__ACCESS_TOKEN_MINUTES",
        TOKEN_MINUTES.to_owned(),
    )];
    let engine = Process::engine("", &settings).await?;
    let token = engine.sign_in(&http).await?;
    println!(
        "\nfresh: {LOOKED_FOR} articles looked for until they are found, beside {WRITERS} writers"
    );
    for writers in [0, WRITERS] {
        measure(&http, &engine, &token, writers).await?;
    }
    Ok(())
}

async fn measure(
    http: &Client,
    engine: &Process,
    token: &str,
    writers: usize,
) -> Result<(), Failure> {
    let (is_over, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let began = Instant::now();
    let write = async || {
        while !is_over.load(Ordering::Relaxed) {
            let number = written.fetch_add(1, Ordering::Relaxed);
            create(http, engine, token, &format!("Beside {number}")).await?;
        }
        Ok::<_, Failure>(())
    };
    let look = async || {
        let mut times = Series::new("fresh");
        for number in 0..LOOKED_FOR {
            let word = format!("fresh{writers}x{number}");
            create(http, engine, token, &word).await?;
            let acknowledged = Instant::now();
            while !is_found(http, engine, token, &word).await? {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            times.values.push(micros(acknowledged.elapsed()) / 1e3);
        }
        is_over.store(true, Ordering::Relaxed);
        Ok::<_, Failure>(times)
    };
    let beside = futures::future::try_join_all((0..writers).map(|_| write()));
    let (times, _) = futures::future::try_join(look(), beside).await?;
    println!(
        "beside {writers:>2} writers ({:>5.0} articles/s): p50 {:>6.1} ms   p99 {:>6.1} ms; the goal is a p99 of {GOAL_MS} ms",
        written.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64(),
        times.at(0.5),
        times.at(0.99),
    );
    Ok(())
}

async fn create(http: &Client, engine: &Process, token: &str, title: &str) -> Result<(), Failure> {
    let body = "All work and no play makes a dull text. ".repeat(50);
    let article = json!({ "title": title, "body": body });
    let request = http.post(format!("{}/v1/articles", engine.url));
    let request = request.header("content-type", "application/json");
    let reply = request.bearer_auth(token).body(article.to_string()).send();
    reply.await?.error_for_status()?.bytes().await?;
    Ok(())
}

async fn is_found(
    http: &Client,
    engine: &Process,
    token: &str,
    word: &str,
) -> Result<bool, Failure> {
    let url = format!("{}/v1/search?q=%2B{word}%20&limit=1&crop=0", engine.url);
    let reply = http.get(url).bearer_auth(token).send().await?;
    let page: Value = serde_json::from_slice(&reply.error_for_status()?.bytes().await?)?;
    let hits = page["data"].as_array().ok_or("no hits")?;
    Ok(hits.iter().any(|hit| hit["title"] == word))
}
