//! Load: a number of connections, each asking again as soon as it was answered.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::Failure;
use crate::measure::{Series, print_ratio};
use crate::process::Process;

/// What is asked.
#[derive(Clone)]
pub struct Ask {
    pub method: reqwest::Method,
    pub url: String,
    pub token: Option<String>,
    pub body: Option<Bytes>,
}

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// Measures both, turn by turn, and prints rates and CPU time per answer.
pub async fn compare(
    title: &str,
    ours: (&Process, &Ask),
    baseline: (&Process, &Ask),
) -> Result<(), Failure> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut rate = (Series::new("inkstone"), Series::new("bare"));
    let mut cpu = (Series::new("inkstone"), Series::new("bare"));
    for round in 0..=ROUNDS {
        let own = drive(&http, ours.0, ours.1).await?;
        let bare = drive(&http, baseline.0, baseline.1).await?;
        // The first round warms up.
        if round > 0 {
            rate.0.values.push(own.0);
            rate.1.values.push(bare.0);
            cpu.0.values.push(own.1);
            cpu.1.values.push(bare.1);
        }
    }
    print_ratio(&format!("{title}: rate"), "req/s", &rate.0, &rate.1);
    print_ratio(&format!("{title}: CPU per answer"), "µs", &cpu.0, &cpu.1);
    Ok(())
}

/// Answers per second, and microseconds of the server's CPU per answer.
async fn drive(http: &reqwest::Client, server: &Process, ask: &Ask) -> Result<(f64, f64), Failure> {
    let cpu_before = server.cpu();
    let began = Instant::now();
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(ask_until(http.clone(), ask.clone(), began + ROUND)))
        .collect();
    let mut answers = 0_u64;
    for worker in workers {
        answers += worker.await??;
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu = server.cpu() - cpu_before;
    let count = answers as f64;
    Ok((count / seconds, cpu.as_secs_f64() * 1e6 / count))
}

async fn ask_until(http: reqwest::Client, ask: Ask, end: Instant) -> Result<u64, Failure> {
    let mut answers = 0;
    while Instant::now() < end {
        let mut request = http.request(ask.method.clone(), &ask.url);
        if let Some(token) = &ask.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &ask.body {
            request = request
                .header("content-type", "application/json")
                .body(body.clone());
        }
        let reply = request.send().await?;
        let status = reply.status();
        let body = reply.bytes().await?;
        if !status.is_success() {
            return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
        }
        answers += 1;
    }
    Ok(answers)
}
