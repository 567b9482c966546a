//! kill -9 again and again while many write, change, publish, upload, generate and administrate: what was
//! acknowledged is there, nothing is half written, the audit log is one whole chain; and after the last start
//! every job comes to its one effect, every event to every handler and receiver, and the index to the store.
//! `INKSTONE_KILL_ROUNDS` says how many kills; `cargo xtask kills` runs it at length.

mod files;
mod jobs;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::files::Files;
use self::told::Receiver;
use crate::engine::{Engine, PATIENCE, Setup};

const WRITERS: usize = 32;
/// Acknowledged writes of a round before the kill.
const WRITES: usize = 150;
const ROUNDS: usize = 3;

/// What the engine said is stored.
struct Kept {
    id: String,
    revision: u64,
    title: String,
    status: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
async fn many_kills_under_many_writers_lose_nothing() {
    let rounds = std::env::var("INKSTONE_KILL_ROUNDS");
    let rounds = rounds.map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let receiver = Receiver::start().await;
    let mut engine = Setup::new()
        .only_notes()
        .allowing_webhooks_to(&receiver.url)
        .set("INKSTONE__JOBS__LEASE_MS", "3000")
        // The database is flushed while it is written to, many times a round.
        .set("INKSTONE__STORE__FLUSH_MIB", "1")
        .start()
        .await;
    receiver.subscribe(&engine).await;
    let (mut files, mut uploads, mut acts) = (0, 0, 0);
    let (mut articles, mut queued) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let written = write_until_killed(Arc::new(engine), round).await;
        engine = written.engine;
        let (kept, audited) = (written.kept, written.audited);
        check(&engine, &kept).await;
        files::check(&engine, &written.files, round).await;
        articles.extend(kept);
        files += written.files.iter().map(|it| it.whole.len()).sum::<usize>();
        uploads += written.files.iter().map(|it| it.begun.len()).sum::<usize>();
        acts += audited;
        queued.extend(written.jobs);
        let entries = audit_entries(&engine);
        assert!(entries >= acts, "{entries} of at least {acts} acts");
    }
    let made = jobs::check(&engine, &queued).await;
    let heard = told::check(&engine, &receiver, &articles, &queued).await;
    let indexed = index_entries(&engine).await;
    println!(
        "{rounds} kills, {} articles, {files} files, {uploads} uploads in pieces, {acts} audited acts: nothing was lost; \
         {} jobs made {made} articles, {heard} events reached all handlers and the receiver, {indexed} documents in the \
         index as in the store",
        articles.len(),
        queued.len()
    );
}

/// What a round comes to.
struct Written {
    /// Started anew.
    engine: Engine,
    kept: Vec<Kept>,
    /// Of each writer.
    files: Vec<Files>,
    /// Jobs that the queue took.
    jobs: Vec<jobs::Queued>,
    /// Acknowledged acts that the audit log must have.
    audited: usize,
}

async fn write_until_killed(engine: Arc<Engine>, round: usize) -> Written {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let audited = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (engine, acknowledged) = (Arc::clone(&engine), Arc::clone(&acknowledged));
            let audited = Arc::clone(&audited);
            tokio::spawn(async move {
                let (mut kept, mut files) = (Vec::new(), Files::default());
                let mut queued = Vec::new();
                for number in 0.. {
                    let name = format!("Round {round} writer {writer} number {number}");
                    // So that a kill meets all kinds of work, whoever is first.
                    let is_cut_off = if (writer + number) % 2 == 0 {
                        let written = write(&engine, &name, &mut kept, &acknowledged).await;
                        written.is_none()
                            || jobs::queue(&engine, &name, &mut queued).await.is_none()
                            || administrate(&engine, &name, &audited).await.is_none()
                    } else {
                        let sent = files.send(&engine, &name, &acknowledged).await;
                        sent.is_none()
                    };
                    if is_cut_off {
                        break;
                    }
                }
                (kept, files, queued)
            })
        })
        .collect();
    let began = Instant::now();
    while acknowledged.load(Ordering::Relaxed) < WRITES {
        assert!(began.elapsed() < PATIENCE, "{}", engine.log());
        tokio::task::yield_now().await;
    }
    engine.kill_now();
    let (mut kept, mut files, mut jobs) = (Vec::new(), Vec::new(), Vec::new());
    for writer in writers {
        let (own, sent, queued) = writer.await.unwrap();
        kept.extend(own);
        files.push(sent);
        jobs.extend(queued);
    }
    let engine = Arc::into_inner(engine).unwrap().kill().start().await;
    Written {
        engine,
        kept,
        files,
        jobs,
        audited: audited.load(Ordering::Relaxed),
    }
}

/// One article through its life. `None` once the engine is gone.
async fn write(
    engine: &Engine,
    name: &str,
    kept: &mut Vec<Kept>,
    acknowledged: &AtomicUsize,
) -> Option<()> {
    let body = json!({ "title": name, "body": name });
    let made = ask(engine, "POST", "/v1/articles", &body, 201).await?;
    acknowledged.fetch_add(1, Ordering::Relaxed);
    kept.push(Kept {
        id: made["id"].as_str().unwrap().to_owned(),
        revision: 1,
        title: name.to_owned(),
        status: "draft",
    });
    let article = kept.last_mut().unwrap();
    let path = format!("/v1/articles/{}", article.id);
    let title = format!("{name}, changed");
    ask(engine, "PATCH", &path, &json!({ "title": title }), 200).await?;
    acknowledged.fetch_add(1, Ordering::Relaxed);
    (article.revision, article.title) = (2, title);
    let step = json!({ "to": "published" });
    ask(engine, "POST", &format!("{path}/transitions"), &step, 200).await?;
    acknowledged.fetch_add(1, Ordering::Relaxed);
    (article.revision, article.status) = (3, "published");
    Some(())
}

/// Something that is written into the audit log.
async fn administrate(engine: &Engine, name: &str, audited: &AtomicUsize) -> Option<()> {
    let slug = name.to_lowercase().replace(' ', "-");
    ask(
        engine,
        "POST",
        "/v1/projects",
        &json!({ "slug": slug }),
        201,
    )
    .await?;
    audited.fetch_add(1, Ordering::Relaxed);
    Some(())
}

async fn ask(
    engine: &Engine,
    method: &str,
    path: &str,
    body: &Value,
    expected: u16,
) -> Option<Value> {
    // The kill cuts the connection: from then on nothing is acknowledged.
    let reply = engine.request(method, path).json(body).send().await.ok()?;
    let status = reply.status();
    let text = reply.text().await.ok()?;
    assert_eq!(status, expected, "{method} {path}: {text}");
    Some(serde_json::from_str(&text).unwrap())
}

async fn check(engine: &Engine, kept: &[Kept]) {
    for article in kept {
        let path = format!("/v1/articles/{}", article.id);
        let (status, stored) = engine.get(&path).await;
        assert_eq!(
            status,
            200,
            "an acknowledged article is gone: {stored}\n{}",
            engine.complaints()
        );
        let revision = stored["revision"].as_u64().unwrap();
        assert!(revision >= article.revision, "{stored}");
        let at = format!("{path}/revisions/{}", article.revision);
        let (status, text) = engine.get(&at).await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(text["title"], article.title.as_str(), "{text}");
        assert_eq!(text["status"], article.status, "{text}");
        let (_, revisions) = engine.get(&format!("{path}/revisions?limit=100")).await;
        let count = revisions["data"].as_array().unwrap().len() as u64;
        assert_eq!(
            count, revision,
            "a revision is missing or too much: {stored}"
        );
    }
}

/// How many entries the chain has; it must be whole.
fn audit_entries(engine: &Engine) -> usize {
    let verified = engine
        .setup()
        .command(&["audit", "verify"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        verified.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&verified.stderr)
    );
    let count = said.split_whitespace().next().unwrap();
    count.parse().unwrap_or_else(|_| panic!("{said}"))
}

/// How many documents are in the index, once it is what the store says.
async fn index_entries(engine: &Engine) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, said) = engine.post("/v1/search/index/verify", &json!({})).await;
        assert_eq!(status, 200, "{said}");
        if said["identical"] == true {
            return said["indexed"].as_u64().unwrap();
        }
        // It follows the store: what was written last may not be there yet.
        assert!(Instant::now() < deadline, "{said}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
