//! The gateway with everything on (a virtual key with limits and a budget, the ledger, a sandboxed
//! provider), beside an axum + reqwest proxy that only passes bytes on, and beside LiteLLM's proxy where
//! it is installed. All go to the same mock upstream.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::Failure;
use crate::process::{Process, root};

const CONNECTIONS: [usize; 3] = [1, 16, 64];
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(3);
/// It refuses to start without one.
const LITELLM_KEY: &str = "sk-0123456789abcdef0123456789abcdef";
/// Pieces of an answer that is streamed, as the mock sends them.
const EVENTS: f64 = 100.0;

/// One server that is measured.
struct Contestant {
    name: &'static str,
    process: Process,
    model: &'static str,
    token: Option<String>,
}

/// What was measured of one server in one setting.
#[derive(Default, Clone)]
struct Figures {
    rate: Vec<f64>,
    cpu_us: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    resident_mib: f64,
}

/// What is measured.
#[derive(Args)]
pub struct Wish {
    /// Another build of the engine, to be measured beside this one.
    #[arg(long)]
    beside: Option<PathBuf>,
    /// Connections at the same time.
    #[arg(long, value_delimiter = ',', default_values_t = CONNECTIONS)]
    connections: Vec<usize>,
    /// Leaves streamed answers out.
    #[arg(long)]
    plain: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            beside: None,
            connections: CONNECTIONS.to_vec(),
            plain: false,
        }
    }
}

pub async fn run(wish: Wish) -> Result<(), Failure> {
    let upstream = Process::bare("upstream", None)?;
    let mut contestants = vec![
        engine("inkstone", None, &upstream).await?,
        Contestant {
            name: "proxy",
            process: Process::bare("proxy", Some(&upstream.url))?,
            model: "mock",
            token: None,
        },
    ];
    if let Some(binary) = &wish.beside {
        contestants.push(engine("beside", Some(binary), &upstream).await?);
    }
    match litellm(&upstream).await {
        Ok(peer) => contestants.push(peer),
        Err(why) => println!("\nLiteLLM is left out: {why}"),
    }
    println!(
        "\nchat completions, {ROUNDS} rounds of {} s each, turn by turn, medians; the load shares the cores",
        ROUND.as_secs()
    );
    for stream in [false, true] {
        if stream && wish.plain {
            continue;
        }
        for connections in wish.connections.iter().copied() {
            let mut figures = vec![Figures::default(); contestants.len()];
            for round in 0..=ROUNDS {
                for (contestant, figures) in contestants.iter().zip(&mut figures) {
                    let one = drive(contestant, stream, connections).await?;
                    // The first round warms up.
                    if round > 0 {
                        figures.take(one);
                    }
                }
            }
            print(&contestants, &figures, stream, connections);
        }
    }
    Ok(())
}

/// With a key that has limits and a budget, all of them wide.
async fn engine(
    name: &'static str,
    binary: Option<&Path>,
    upstream: &Process,
) -> Result<Contestant, Failure> {
    let component = root().join("plugins/dist/provider-openai.wasm");
    let plugins = format!(
        "[[plugin]]\nid = \"provider-openai\"\nsource = {{ path = \"{}\" }}\ngrants = {{ outbound_hosts = [\"{}\"] }}\nsettings = {{ base_url = \"{}/v1\", credential = \"\" }}\n",
        component.display(),
        upstream.url,
        upstream.url,
    );
    let process = match binary {
        Some(binary) => Process::engine_of(binary, &plugins, &[]).await?,
        None => Process::engine(&plugins, &[]).await?,
    };
    let http = reqwest::Client::builder().no_proxy().build()?;
    let admin = process.sign_in(&http).await?;
    let wish = json!({ "name": "bench", "models": ["openai/*"], "project": "bench",
        "rpm_limit": 10_000_000, "tpm_limit": 100_000_000_000_u64, "max_parallel_requests": 1_000,
        "budget": 1e6, "token_budget": 100_000_000_000_000_u64, "budget_period": "month",
    });
    let made = http
        .post(format!("{}/v1/keys", process.url))
        .bearer_auth(admin)
        .header("content-type", "application/json")
        .body(wish.to_string())
        .send()
        .await?
        .error_for_status()?;
    let made: Value = serde_json::from_slice(&made.bytes().await?)?;
    let token = made["token"].as_str().ok_or("no token")?.to_owned();
    Ok(Contestant {
        name,
        process,
        model: "openai/gpt-4o-mini",
        token: Some(token),
    })
}

/// Two workers, as on two cores; from an environment that `make bench` has made.
async fn litellm(upstream: &Process) -> Result<Contestant, Failure> {
    let program = std::env::var_os("INKSTONE_PEER_LITELLM").ok_or("it is not installed")?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("litellm.yaml");
    std::fs::write(
        &config,
        format!(
            "model_list:\n  - model_name: mock\n    litellm_params:\n      model: openai/mock\n      api_base: {}/v1\n      api_key: none\n",
            upstream.url
        ),
    )?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let mut command = Command::new(program);
    command
        .args(["--host", "127.0.0.1", "--num_workers", "2", "--port"])
        .arg(port.to_string())
        .arg("--config")
        .arg(&config)
        .env("LITELLM_MASTER_KEY", LITELLM_KEY)
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_LOG", "ERROR");
    let url = format!("http://127.0.0.1:{port}");
    let process = Process::peer(&mut command, url, "/health/liveliness").await?;
    Ok(Contestant {
        name: "litellm",
        process,
        model: "mock",
        token: Some(LITELLM_KEY.to_owned()),
    })
}

/// What one round gave.
struct Round {
    rate: f64,
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
    resident_mib: f64,
}

async fn drive(
    contestant: &Contestant,
    stream: bool,
    connections: usize,
) -> Result<Round, Failure> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(connections)
        .build()?;
    let body = json!({
        "model": contestant.model,
        "stream": stream,
        "messages": [{ "role": "user", "content": "Say something long." }],
    });
    let body = Bytes::from(body.to_string());
    let url = format!("{}/v1/chat/completions", contestant.process.url);
    let cpu_before = contestant.process.cpu();
    let began = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let mut request = http
                .post(&url)
                .header("content-type", "application/json")
                .body(body.clone());
            if let Some(token) = &contestant.token {
                request = request.bearer_auth(token);
            }
            tokio::spawn(ask_until(request, began + ROUND))
        })
        .collect();
    let mut times: Vec<Duration> = Vec::new();
    for worker in workers {
        times.extend(worker.await??);
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu = contestant.process.cpu().saturating_sub(cpu_before);
    times.sort_unstable();
    let at = |part: f64| {
        let place = (times.len() as f64 * part) as usize;
        let time = times.get(place.min(times.len().saturating_sub(1)));
        time.copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    let count = times.len() as f64;
    Ok(Round {
        rate: count / seconds,
        cpu_us: cpu.as_secs_f64() * 1e6 / count,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        resident_mib: contestant.process.resident_mib(),
    })
}

async fn ask_until(
    request: reqwest::RequestBuilder,
    end: Instant,
) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        let reply = request.try_clone().ok_or("no body")?.send().await?;
        let status = reply.status();
        let mut pieces = reply.bytes_stream();
        let mut bytes = 0;
        let mut said = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            bytes += piece.len();
            if !status.is_success() {
                said.extend_from_slice(&piece);
            }
        }
        if !status.is_success() || bytes < 1_000 {
            let said = String::from_utf8_lossy(&said);
            return Err(format!("{status}, {bytes} bytes: {said}").into());
        }
        times.push(began.elapsed());
    }
    Ok(times)
}

impl Figures {
    fn take(&mut self, round: Round) {
        self.rate.push(round.rate);
        self.cpu_us.push(round.cpu_us);
        self.p50_ms.push(round.p50_ms);
        self.p99_ms.push(round.p99_ms);
        self.resident_mib = self.resident_mib.max(round.resident_mib);
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(contestants: &[Contestant], figures: &[Figures], stream: bool, connections: usize) {
    let kind = if stream { "streamed" } else { "plain" };
    println!("\n{kind}, {connections} connections");
    for (contestant, figures) in contestants.iter().zip(figures) {
        let cpu_us = median(&figures.cpu_us);
        let each = match stream {
            true => format!("{:>8.2} µs CPU a chunk", cpu_us / EVENTS),
            false => format!("{cpu_us:>8.1} µs CPU a request"),
        };
        println!(
            "  {:<9} {:>9.1} req/s   p50 {:>8.2} ms   p99 {:>8.2} ms   {each}   {:>7.1} MiB",
            contestant.name,
            median(&figures.rate),
            median(&figures.p50_ms),
            median(&figures.p99_ms),
            figures.resident_mib,
        );
    }
    let [ours, others @ ..] = figures else {
        return;
    };
    for (contestant, theirs) in contestants.iter().skip(1).zip(others) {
        println!(
            "  inkstone / {:<9} rate {:.2}   CPU {:.2}   p50 {:+.2} ms",
            contestant.name,
            median(&ours.rate) / median(&theirs.rate),
            median(&ours.cpu_us) / median(&theirs.cpu_us),
            median(&ours.p50_ms) - median(&theirs.p50_ms),
        );
    }
}
