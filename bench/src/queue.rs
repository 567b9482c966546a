//! The queue: generations that cost nothing, asked for one by one and in batches, until the last is done. Each is
//! durable when it is acknowledged, and comes to an article with its revision, provenance and events. Beside it
//! what the same engine takes for articles that are created and nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::Failure;
use crate::measure::{Series, print_ratio};
use crate::process::{Process, root};

const PLUGIN: &str = "generator-note";
const JOBS: usize = 2_000;
const BATCH: usize = 200;
const CALLERS: usize = 16;
const ROUNDS: usize = 3;
/// Until the last job is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Longer than the benchmark.
const TOKEN_MINUTES: &str = "600";

/// Of one round.
struct Round {
    /// Until the last was acknowledged.
    taken: Duration,
    /// Until the last was done.
    done: Duration,
    cpu: Duration,
}

fn per_s(time: Duration) -> f64 {
    JOBS as f64 / time.as_secs_f64()
}

struct Bench {
    http: reqwest::Client,
    engine: Process,
    token: String,
}

pub async fn run() -> Result<(), Failure> {
    let guest = root().join(format!("tests/guests/dist/{PLUGIN}.wasm"));
    let plugins = format!(
        "[[plugin]]\nid = \"{PLUGIN}\"\nsource = {{ path = \"{}\" }}\n",
        guest.display()
    );
    let http = reqwest::Client::builder().no_proxy().build()?;
    let settings = [(
        "INKSTONE__AUTH__ACCESS_TOKEN_MINUTES",
        TOKEN_MINUTES.to_owned(),
    )];
    let engine = Process::engine(&plugins, &settings).await?;
    let token = engine.sign_in(&http).await?;
    let bench = Bench {
        http,
        engine,
        token,
    };
    println!(
        "\nqueue: {JOBS} generations that cost nothing, {CALLERS} callers; each makes an article, all of it on disk"
    );
    let mut times = (Series::new("jobs"), Series::new("articles"));
    for round in 0..=ROUNDS {
        let single = bench.jobs(1).await?;
        let batches = bench.jobs(BATCH).await?;
        let articles = bench.articles().await?;
        if round == 0 {
            continue;
        }
        times.0.values.push(micros_each(single.cpu));
        times.1.values.push(micros_each(articles.cpu));
        for (name, one) in [("one by one", &single), ("in batches of 200", &batches)] {
            println!(
                "{name:<18} {:>7.0} queued/s {:>7.0} done/s   CPU {:>7.0} µs a job",
                per_s(one.taken),
                per_s(one.done),
                micros_each(one.cpu)
            );
        }
    }
    print_ratio(
        "a job, from its request to its article: CPU",
        "µs",
        &times.0,
        &times.1,
    );
    println!("memory {:.0} MiB", bench.engine.resident_mib());
    Ok(())
}

fn micros_each(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / JOBS as f64
}

impl Bench {
    /// So many a request, until all have succeeded.
    async fn jobs(&self, a_request: usize) -> Result<Round, Failure> {
        let (began, cpu) = (Instant::now(), self.engine.cpu());
        let asked = self.many(JOBS / a_request, |number| {
            let input = |place: usize| json!({ "input": { "title": format!("Note {number} {place}") } });
            if a_request == 1 {
                return (format!("/v1/generate/{PLUGIN}/note"), input(0));
            }
            let jobs: Vec<Value> = (0..a_request)
                .map(|place| json!({ "plugin": PLUGIN, "template": "note", "generate": input(place) }))
                .collect();
            ("/v1/jobs/batches".to_owned(), json!({ "jobs": jobs }))
        });
        asked.await?;
        let taken = began.elapsed();
        while self.is_busy().await? {
            // Each look is work for the engine, whose work is measured.
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(Round {
            taken,
            done: began.elapsed(),
            cpu: self.engine.cpu().saturating_sub(cpu),
        })
    }

    /// As many articles, without a queue.
    async fn articles(&self) -> Result<Round, Failure> {
        let (began, cpu) = (Instant::now(), self.engine.cpu());
        let asked = self.many(JOBS, |number| {
            let title = format!("Note {number}");
            let body = json!({ "title": title, "body": format!("Once there was {title}.") });
            ("/v1/articles".to_owned(), body)
        });
        asked.await?;
        Ok(Round {
            taken: began.elapsed(),
            done: began.elapsed(),
            cpu: self.engine.cpu().saturating_sub(cpu),
        })
    }

    async fn many(
        &self,
        count: usize,
        request: impl Fn(usize) -> (String, Value),
    ) -> Result<(), Failure> {
        let next = AtomicUsize::new(0);
        let callers = (0..CALLERS).map(|_| async {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<(), Failure>(());
                }
                let (path, body) = request(number);
                self.ask("POST", &path, Some(body)).await?;
            }
        });
        futures::future::try_join_all(callers).await?;
        Ok(())
    }

    async fn is_busy(&self) -> Result<bool, Failure> {
        for status in ["queued", "running"] {
            let path = format!("/v1/jobs?limit=1&filter[status]={status}");
            let page: Value = serde_json::from_slice(&self.ask("GET", &path, None).await?)?;
            if page["data"].as_array().is_none_or(|jobs| !jobs.is_empty()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Result<Bytes, Failure> {
        let url = format!("{}{path}", self.engine.url);
        let mut request = self
            .http
            .request(method.parse()?, url)
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let reply = request.send().await?;
        let status = reply.status();
        let bytes = reply.bytes().await?;
        match status.is_success() {
            true => Ok(bytes),
            false => Err(format!("{path}: {status} {}", String::from_utf8_lossy(&bytes)).into()),
        }
    }
}
