//! The content API over 100,000 articles beside the same over 1,000: what a page, an article and a change take
//! while a collection grows. Both engines run at the same time and are asked turn by turn, by one connection.

use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::Failure;
use crate::measure::{Series, micros};
use crate::process::Process;

const FEW: usize = 1_000;
const MANY: usize = 100_000;
const WRITERS: usize = 32;
const ROUNDS: usize = 9;
/// Requests of one round.
const ASKED: usize = 200;
const GOAL: f64 = 1.5;
/// Longer than the benchmark.
const TOKEN_MINUTES: &str = "600";
const PROJECT: &str = "handbook";

const WORK: &[(Work, &str)] = &[
    (Work::Get, "an article by id"),
    (
        Work::List("filter[project]=handbook"),
        "the newest 20 of a project",
    ),
    (
        Work::List("filter[project]=handbook&filter[tag]=tag-7"),
        "the newest 20 with a tag",
    ),
    (
        Work::List("filter[project]=handbook&filter[status]=published"),
        "the newest 20 that are published",
    ),
    (
        Work::List("filter[project]=handbook&sort=title"),
        "the first 20 by title",
    ),
    (
        Work::List("filter[project]=handbook&filter[tag]=tag-7&filter[status]=published"),
        "the newest 20 with a tag, published",
    ),
    (Work::Update, "a change of an article"),
    (Work::Create, "a new article"),
];

#[derive(Clone, Copy)]
enum Work {
    Get,
    List(&'static str),
    Update,
    Create,
}

/// An engine with articles.
struct Collection {
    engine: Process,
    token: String,
    ids: Vec<String>,
}

pub async fn run() -> Result<(), Failure> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let few = filled(&http, FEW).await?;
    let many = filled(&http, MANY).await?;
    println!(
        "\n{MANY} articles beside {FEW}: medians of {ROUNDS} rounds of {ASKED} requests each, turn by turn, one connection"
    );
    for (work, title) in WORK {
        measure(&http, [&few, &many], *work, title).await?;
    }
    for (collection, count) in [(&few, FEW), (&many, MANY)] {
        let resident = collection.engine.resident_mib();
        println!("memory with {count:>6} articles {resident:>8.0} MiB");
    }
    Ok(())
}

async fn filled(http: &reqwest::Client, count: usize) -> Result<Collection, Failure> {
    let minutes = TOKEN_MINUTES.to_owned();
    let settings = [("INKSTONE__AUTH__ACCESS_TOKEN_MINUTES", minutes)];
    let engine = Process::engine("", &settings).await?;
    let token = engine.sign_in(http).await?;
    let mut collection = Collection {
        engine,
        token,
        ids: Vec::with_capacity(count),
    };
    let project = json!({ "slug": PROJECT, "name": "A handbook" });
    let made = collection.request(http, Method::POST, "/v1/projects");
    answer(with(made, &project)).await?;
    let began = Instant::now();
    let ids: Vec<_> = futures::stream::iter(0..count)
        .map(|number| collection.create(http, number))
        .buffer_unordered(WRITERS)
        .collect()
        .await;
    collection.ids = ids.into_iter().collect::<Result<_, _>>()?;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{count} articles written by {WRITERS} connections in {seconds:.0} s ({:.0}/s)",
        count as f64 / seconds
    );
    Ok(collection)
}

impl Collection {
    fn request(&self, http: &reqwest::Client, method: Method, path: &str) -> RequestBuilder {
        http.request(method, format!("{}{path}", self.engine.url))
            .bearer_auth(&self.token)
    }

    /// Every other article is published, and each of 25 tags is on drafts and published ones.
    async fn create(&self, http: &reqwest::Client, number: usize) -> Result<String, Failure> {
        let status = ["draft", "published"][number % 2];
        let article = json!({
            "project": PROJECT,
            // Titles in an order that is not that of their making.
            "title": format!("{:05} of many", number * 7_919 % 100_003),
            "body": "All work and no play makes a dull text. ".repeat(50),
            "tags": [format!("tag-{}", number % 50 / 2)],
            "status": status,
        });
        let made = self.request(http, Method::POST, "/v1/articles");
        let made = answer(with(made, &article)).await?;
        let id = made["id"].as_str().ok_or("an article without id")?;
        Ok(id.to_owned())
    }

    /// How long one request takes; `turn` chooses the article.
    async fn ask(
        &self,
        http: &reqwest::Client,
        work: Work,
        turn: usize,
    ) -> Result<Duration, Failure> {
        // All over the collection, and never twice the same in a row.
        let id = &self.ids[turn * 7_919 % self.ids.len()];
        let one = format!("/v1/articles/{id}");
        let began = Instant::now();
        match work {
            Work::Get => {
                answer(self.request(http, Method::GET, &one)).await?;
            }
            Work::List(filter) => {
                let path = format!("/v1/articles?limit=20&{filter}");
                let page = answer(self.request(http, Method::GET, &path)).await?;
                if page["data"].as_array().is_none_or(|data| data.len() != 20) {
                    return Err(format!("{path}: not 20 articles").into());
                }
            }
            Work::Update => {
                let change = json!({ "summary": format!("Changed in turn {turn}.") });
                let request = self.request(http, Method::PATCH, &one);
                answer(with(request, &change)).await?;
            }
            Work::Create => {
                self.create(http, turn).await?;
            }
        }
        Ok(began.elapsed())
    }
}

fn with(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request
        .header("content-type", "application/json")
        .body(body.to_string())
}

async fn answer(request: RequestBuilder) -> Result<Value, Failure> {
    let reply = request.send().await?;
    let status = reply.status();
    let body = reply.bytes().await?;
    match status {
        StatusCode::OK | StatusCode::CREATED => Ok(serde_json::from_slice(&body)?),
        _ => Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()),
    }
}

async fn measure(
    http: &reqwest::Client,
    collections: [&Collection; 2],
    work: Work,
    title: &str,
) -> Result<(), Failure> {
    let mut middle = [Series::new("few"), Series::new("many")];
    let mut slow = [Series::new("few"), Series::new("many")];
    // The first round warms up.
    for round in 0..=ROUNDS {
        for (place, collection) in collections.iter().enumerate() {
            let mut times = Vec::with_capacity(ASKED);
            for asked in 0..ASKED {
                let turn = round * ASKED + asked;
                times.push(collection.ask(http, work, turn).await?);
            }
            times.sort_unstable();
            if round > 0 {
                middle[place].values.push(micros(times[ASKED / 2]));
                slow[place].values.push(micros(times[ASKED * 99 / 100]));
            }
        }
    }
    let [few, many] = &middle;
    let [few_slow, many_slow] = &slow;
    println!(
        "{title:<38} p50 {:>7.0} → {:>7.0} µs   p99 {:>7.0} → {:>7.0} µs   ratio {:.2} (goal ≤ {GOAL})",
        few.median(),
        many.median(),
        few_slow.median(),
        many_slow.median(),
        many.median() / few.median(),
    );
    Ok(())
}
