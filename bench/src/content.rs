//! The content API beside the usual one: FastAPI, SQLAlchemy and SQLite with uvicorn's two workers
//! (`peers/fastapi`). Reads by id, lists of 20 and creations of 2 KB, over 1,000 articles and 16 connections. Creations
//! also beside what the database takes for one bare row: less no article can cost.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Failure;
use crate::measure::{Series, micros, print_ratio};
use crate::process::{Process, root};

const ARTICLES: usize = 1_000;
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
const OURS: &str = "inkstone";
const PEER: &str = "fastapi";
const BARE: &str = "one bare row";
/// Longer than the benchmark.
const TOKEN_MINUTES: &str = "600";

/// Titles given so far.
static TITLES: AtomicUsize = AtomicUsize::new(0);

/// What is measured, and the goal: our CPU time as a part of the peer's.
const WORK: &[(Work, &str, u32)] = &[
    (Work::Read, "read by id", 15),
    (Work::List, "list of 20", 8),
    (Work::Create, "create", 4),
];

#[derive(Clone, Copy)]
enum Work {
    Read,
    List,
    Create,
}

/// A server with articles.
struct Contestant {
    process: Process,
    name: &'static str,
    ids: Vec<String>,
    /// The peer's database.
    _folder: TempDir,
}

/// Of one round.
struct Round {
    per_s: f64,
    cpu_us: f64,
    latencies: Vec<Duration>,
}

pub async fn run() -> Result<(), Failure> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let settings = [(
        "INKSTONE__AUTH__ACCESS_TOKEN_MINUTES",
        TOKEN_MINUTES.to_owned(),
    )];
    let engine = Process::engine("", &settings).await?;
    let token = engine.sign_in(&http).await?;
    let peer = match start_peer(&http, &engine.url).await {
        Ok((peer, folder)) => Some((peer, folder)),
        Err(failure) => {
            println!("\nFastAPI is left out: {failure}");
            None
        }
    };
    let mut contestants = vec![Contestant {
        process: engine,
        name: OURS,
        ids: Vec::new(),
        _folder: TempDir::new()?,
    }];
    contestants.extend(peer.map(|(process, folder)| Contestant {
        process,
        name: PEER,
        ids: Vec::new(),
        _folder: folder,
    }));
    println!(
        "\nContent API: {ARTICLES} articles of 2 KB, {CONNECTIONS} connections, a JWT checked; the peer is FastAPI + \
         SQLAlchemy + SQLite (WAL, synchronous=NORMAL), two workers"
    );
    for contestant in &mut contestants {
        for _ in 0..ARTICLES {
            let made = ask(&http, contestant, Work::Create, &token, 0).await?;
            let made: Value = serde_json::from_slice(&made)?;
            let id = made["id"].as_str().ok_or("no id")?;
            contestant.ids.push(id.to_owned());
        }
    }
    let folder = TempDir::new()?;
    let place = folder.path().display().to_string();
    let mut bare = Some(Contestant {
        process: Process::bare("row", Some(&place))?,
        name: BARE,
        ids: Vec::new(),
        _folder: folder,
    });
    for (work, title, goal) in WORK {
        if let Work::Create = work {
            contestants.extend(bare.take());
        }
        measure(&http, &contestants, &token, *work, title, *goal).await?;
    }
    for contestant in &contestants {
        let resident = contestant.process.resident_mib();
        println!("memory of {:<10} {resident:>8.0} MiB", contestant.name);
    }
    Ok(())
}

async fn measure(
    http: &reqwest::Client,
    contestants: &[Contestant],
    token: &str,
    work: Work,
    title: &str,
    goal: u32,
) -> Result<(), Failure> {
    let mut cpu: Vec<Series> = contestants.iter().map(|it| Series::new(it.name)).collect();
    let mut rates: Vec<Series> = contestants.iter().map(|it| Series::new(it.name)).collect();
    let mut latencies = vec![Vec::new(); contestants.len()];
    // Turn by turn; the first round warms up.
    for round in 0..=ROUNDS {
        for (place, contestant) in contestants.iter().enumerate() {
            let driven = drive(http, contestant, work, token).await?;
            if round > 0 {
                cpu[place].values.push(driven.cpu_us);
                rates[place].values.push(driven.per_s);
                latencies[place].extend(driven.latencies);
            }
        }
    }
    for (place, contestant) in contestants.iter().enumerate() {
        let times = &mut latencies[place];
        times.sort();
        let at = |part: f64| {
            let index = (times.len() as f64 * part) as usize;
            times.get(index).copied().unwrap_or_default()
        };
        println!(
            "{title:<12} {:<10} {:>8.0} req/s   p50 {:>7.2} ms   p99 {:>7.2} ms   CPU {:>8.1} µs",
            contestant.name,
            rates[place].median(),
            micros(at(0.5)) / 1e3,
            micros(at(0.99)) / 1e3,
            cpu[place].median(),
        );
    }
    let of = |name: &str| cpu.iter().find(|series| series.name == name);
    if let (Some(ours), Some(bare)) = (of(OURS), of(BARE)) {
        print_ratio(&format!("{title}: CPU per request"), "µs", ours, bare);
    }
    if let (Some(ours), Some(peer)) = (of(OURS), of(PEER)) {
        print_ratio(&format!("{title}: CPU per request"), "µs", ours, peer);
        let part = peer.median() / ours.median();
        println!("{title}: 1/{part:.1} of the peer's; the goal is 1/{goal}");
    }
    Ok(())
}

async fn drive(
    http: &reqwest::Client,
    contestant: &Contestant,
    work: Work,
    token: &str,
) -> Result<Round, Failure> {
    let cpu_before = contestant.process.cpu();
    let began = Instant::now();
    let connections = (0..CONNECTIONS).map(|connection| async move {
        let mut times = Vec::new();
        let mut turn = connection;
        while began.elapsed() < ROUND {
            let asked = Instant::now();
            ask(http, contestant, work, token, turn).await?;
            times.push(asked.elapsed());
            turn += CONNECTIONS;
        }
        Ok::<_, Failure>(times)
    });
    let latencies: Vec<Duration> = futures::future::try_join_all(connections).await?.concat();
    let seconds = began.elapsed().as_secs_f64();
    let cpu = contestant.process.cpu() - cpu_before;
    let count = latencies.len() as f64;
    Ok(Round {
        per_s: count / seconds,
        cpu_us: micros(cpu) / count,
        latencies,
    })
}

/// One request; `turn` chooses the article.
async fn ask(
    http: &reqwest::Client,
    contestant: &Contestant,
    work: Work,
    token: &str,
    turn: usize,
) -> Result<Bytes, Failure> {
    let url = &contestant.process.url;
    let request = match work {
        Work::Read => {
            let ids = &contestant.ids;
            let id = ids.get(turn % ids.len().max(1)).ok_or("no article")?;
            http.request(Method::GET, format!("{url}/v1/articles/{id}"))
        }
        Work::List => http.request(Method::GET, format!("{url}/v1/articles?limit=20")),
        Work::Create => {
            let body = "All work and no play makes a dull text. ".repeat(50);
            // No two have the same title, as in life.
            let title = format!(
                "A measured article, number {}",
                TITLES.fetch_add(1, Ordering::Relaxed)
            );
            let article = json!({ "title": title, "body": body, "tags": ["bench"] });
            http.request(Method::POST, format!("{url}/v1/articles"))
                .header("content-type", "application/json")
                .body(article.to_string())
        }
    };
    let reply = request.bearer_auth(token).send().await?;
    let status = reply.status();
    let body = reply.bytes().await?;
    if !status.is_success() {
        let words = String::from_utf8_lossy(&body).into_owned();
        return Err(format!("{}: {status}: {words}", contestant.name).into());
    }
    Ok(body)
}

/// It checks the engine's own tokens, with the keys that the engine shows.
async fn start_peer(http: &reqwest::Client, engine: &str) -> Result<(Process, TempDir), Failure> {
    let python = std::env::var_os("INKSTONE_PEER_FASTAPI").ok_or("it is not installed")?;
    let folder = TempDir::new()?;
    let keys = http.get(format!("{engine}/.well-known/jwks.json"));
    let keys = keys.send().await?.error_for_status()?.bytes().await?;
    std::fs::write(folder.path().join("jwks.json"), &keys)?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let surroundings = |command: &mut Command| {
        command
            .current_dir(root().join("bench/peers/fastapi"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("INKSTONE_JWKS", folder.path().join("jwks.json"))
            .env("PEER_DATABASE", folder.path().join("peer.db"));
    };
    // The tables, before two workers make them at once.
    let mut first = Command::new(&python);
    surroundings(first.args(["-c", "import app"]));
    if !first.status()?.success() {
        return Err("its tables cannot be made".into());
    }
    let mut command = Command::new(&python);
    command
        .args(["-m", "uvicorn", "app:app", "--workers", "2"])
        .args(["--log-level", "error", "--no-access-log"])
        .args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    surroundings(&mut command);
    let process = Process::peer(&mut command, format!("http://127.0.0.1:{port}"), "/ready").await?;
    Ok((process, folder))
}
