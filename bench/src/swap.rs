//! Fifty swaps of a provider under 300 requests a second with streams open: how many calls failed or
//! were cut, and how long a new version takes from the write of its file to its first call.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::Failure;
use crate::process::{Process, root};

const SWAPS: u32 = 50;
/// Requests a second.
const RATE: u32 = 300;
const STREAMS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(30);

/// What callers saw.
#[derive(Default)]
struct Seen {
    answers: AtomicU64,
    failures: AtomicU64,
    streams: AtomicU64,
    cut_streams: AtomicU64,
    /// Of the newest version that answered.
    version: std::sync::Mutex<String>,
    answered: Notify,
    done: AtomicBool,
}

pub async fn run() -> Result<(), Failure> {
    println!("\n{SWAPS} swaps of a provider under {RATE} requests/s and {STREAMS} open streams");
    let original = std::fs::read(root().join("plugins/dist/provider-openai.wasm"))?;
    for is_cached in [true, false] {
        under_load(&original, is_cached).await?;
    }
    Ok(())
}

async fn under_load(original: &[u8], is_cached: bool) -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let file = folder.path().join("provider.wasm");
    std::fs::write(&file, original)?;
    let upstream = Process::bare("upstream", None)?;
    let plugins = format!(
        "[[plugin]]\nid = \"provider-openai\"\nsource = {{ path = \"{}\" }}\ngrants = {{ outbound_hosts = [\"{url}\"] }}\nsettings = {{ base_url = \"{url}/v1\", credential = \"\" }}\n",
        file.display(),
        url = upstream.url,
    );
    let engine = Process::engine(&plugins, &[]).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let token = engine.sign_in(&http).await?;
    let seen = Arc::new(Seen::default());
    let url = format!("{}/v1/chat/completions", engine.url);

    let load = tokio::spawn(steady(
        http.clone(),
        url.clone(),
        token.clone(),
        Arc::clone(&seen),
    ));
    let streams: Vec<_> = (0..STREAMS)
        .map(|_| {
            tokio::spawn(stream_on(
                http.clone(),
                url.clone(),
                token.clone(),
                Arc::clone(&seen),
            ))
        })
        .collect();

    let mut times_ms = Vec::new();
    for swap in 1..=SWAPS {
        // Two versions in turn have been seen before; a new one each time is compiled.
        let number = match is_cached {
            true => 1 + swap % 2,
            false => 100 + swap,
        };
        let version = format!("{}.{}.{}", number / 100, number / 10 % 10, number % 10);
        let component = with_version(original, &version)?;
        let beside = folder.path().join("new");
        std::fs::write(&beside, component)?;
        let began = Instant::now();
        std::fs::rename(&beside, &file)?;
        first_answer(&seen, &version).await?;
        // The first two of the cached ones fill the cache.
        if !is_cached || swap > 2 {
            times_ms.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    seen.done.store(true, Ordering::Relaxed);
    load.await??;
    for stream in streams {
        stream.await??;
    }
    times_ms.sort_by(f64::total_cmp);
    println!(
        "provider-openai ({} KiB, code {}): {} answers, {} failed; {} streams, {} cut; write to first call: median {:.0} ms, max {:.0} ms",
        original.len() / 1024,
        if is_cached { "cached" } else { "compiled" },
        seen.answers.load(Ordering::Relaxed),
        seen.failures.load(Ordering::Relaxed),
        seen.streams.load(Ordering::Relaxed),
        seen.cut_streams.load(Ordering::Relaxed),
        times_ms[times_ms.len() / 2],
        times_ms[times_ms.len() - 1],
    );
    Ok(())
}

/// The same component under another version: the manifest's text is changed in place.
pub fn with_version(component: &[u8], version: &str) -> Result<Vec<u8>, Failure> {
    const KEY: &[u8] = b"\"version\":\"";
    let at = component
        .windows(KEY.len())
        .position(|window| window == KEY)
        .ok_or("the component has no manifest")?
        + KEY.len();
    let length = component[at..]
        .iter()
        .position(|byte| *byte == b'"')
        .ok_or("the manifest is cut")?;
    if length != version.len() {
        return Err(format!("`{version}` is not as long as the version in the file").into());
    }
    let mut changed = component.to_vec();
    changed[at..at + length].copy_from_slice(version.as_bytes());
    Ok(changed)
}

/// Asks at a steady rate, whatever the answers take.
async fn steady(
    http: reqwest::Client,
    url: String,
    token: String,
    seen: Arc<Seen>,
) -> Result<(), Failure> {
    let body = json!({ "model": "openai/mock", "messages": [{ "role": "user", "content": "?" }] });
    let body = bytes::Bytes::from(body.to_string());
    let mut tick = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut asked = Vec::new();
    while !seen.done.load(Ordering::Relaxed) {
        tick.tick().await;
        let request = http
            .post(&url)
            .bearer_auth(&token)
            .header("content-type", "application/json")
            .body(body.clone());
        let seen = Arc::clone(&seen);
        asked.push(tokio::spawn(async move {
            let reply = request.send().await;
            match reply {
                Ok(reply) if reply.status().is_success() => {
                    let version = reply.headers().get("x-inkstone-plugin").cloned();
                    if reply.bytes().await.is_err() {
                        seen.failures.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                    seen.answers.fetch_add(1, Ordering::Relaxed);
                    if let Some(version) = version.as_ref().and_then(|v| v.to_str().ok()) {
                        version.clone_into(&mut seen.version.lock().expect("no panic holds it"));
                        seen.answered.notify_waiters();
                    }
                }
                Ok(reply) => {
                    seen.failures.fetch_add(1, Ordering::Relaxed);
                    eprintln!("{}: {:?}", reply.status(), reply.text().await);
                }
                Err(error) => {
                    seen.failures.fetch_add(1, Ordering::Relaxed);
                    eprintln!("{error}");
                }
            }
        }));
    }
    for asked in asked {
        asked.await?;
    }
    Ok(())
}

/// Reads one slow stream after the other; each must end as streams do.
async fn stream_on(
    http: reqwest::Client,
    url: String,
    token: String,
    seen: Arc<Seen>,
) -> Result<(), Failure> {
    let body = json!({
        "model": "openai/slow", "stream": true,
        "messages": [{ "role": "user", "content": "?" }],
    });
    while !seen.done.load(Ordering::Relaxed) {
        let reply = http
            .post(&url)
            .bearer_auth(&token)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await?;
        let mut text = Vec::new();
        let mut pieces = reply.bytes_stream();
        while let Some(Ok(piece)) = pieces.next().await {
            text.extend_from_slice(&piece);
        }
        let is_whole = String::from_utf8_lossy(&text).contains("data: [DONE]");
        seen.streams.fetch_add(1, Ordering::Relaxed);
        if !is_whole {
            seen.cut_streams.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Waits until a call was answered by this version.
async fn first_answer(seen: &Seen, version: &str) -> Result<(), Failure> {
    let wanted = format!("provider-openai@{version}");
    let waiting = async {
        loop {
            let answered = seen.answered.notified();
            if *seen.version.lock().expect("no panic holds it") == wanted {
                return;
            }
            answered.await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .map_err(|_| format!("version {version} does not answer").into())
}

/// Names of the files that make `count` plugins of one component.
pub fn copies(
    original: &[u8],
    id: &str,
    count: usize,
    folder: &Path,
) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::with_capacity(count);
    for number in 0..count {
        // As long as the id it replaces.
        let copy = format!("{}{number:03}", &id[..id.len() - 3]);
        let component = replaced(original, id.as_bytes(), copy.as_bytes());
        std::fs::write(folder.join(format!("{copy}.wasm")), component)?;
        ids.push(copy);
    }
    Ok(ids)
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let mut at = 0;
    while at + from.len() <= changed.len() {
        if &changed[at..at + from.len()] == from {
            changed[at..at + from.len()].copy_from_slice(to);
            at += from.len();
        } else {
            at += 1;
        }
    }
    changed
}
