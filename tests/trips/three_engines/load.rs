//! Load on all three: writers, generations, schedules, scheduled articles, a webhook and a feed. One engine is killed
//! and comes back later, another hangs and goes on; nothing is lost and nothing done twice. `INKSTONE_STOP_SECONDS` says
//! for how long it hangs: at first for longer than the leases of jobs and handlers, with `cargo xtask kills` also for
//! longer than those of publications and webhook messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::join_all;
use serde_json::{Value, json};

use super::planned::Planned;
use super::{Place, all, until};
use crate::engine::{Engine, PATIENCE, Setup};
use crate::feed::handled;
use crate::webhooks::Receiver;

const WRITERS: usize = 6;
const SCHEDULED: usize = 6;
/// Acknowledged articles before the kill, and as many again before the pause.
const ARTICLES: usize = 60;
/// More than twice the leases of jobs and handlers. Publications and, with the shipped configuration, webhook messages are
/// held for 60 s: 65 is longer than all leases here.
const STOP: u64 = 15;
/// Schedules of every minute.
const TICKING: usize = 2;
/// Seconds from the kill, and from the pause, to the times of schedules that run once.
const ONCE_AFTER: [u64; 3] = [2, 4, 8];
const LEASE_MS: &str = "6000";
/// An engine that hangs answers nobody.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// Where an engine is reached, for as long as it is.
#[derive(Clone)]
struct Door {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Door {
    fn of(engine: &Engine) -> Self {
        let http = reqwest::Client::builder().no_proxy();
        Self {
            http: http.build().unwrap(),
            url: engine.url.clone(),
            token: engine.token.clone(),
        }
    }

    /// `None` where it is gone or hangs: nobody knows what became of it.
    async fn write(&self, title: &str) -> Option<String> {
        let body = json!({ "title": title, "project": "handbook", "body": title });
        self.ask("/v1/articles", &body, 201).await
    }

    /// A generation that costs nothing.
    async fn queue(&self, title: &str) -> Option<String> {
        let body = json!({ "input": { "title": title }, "project": "handbook" });
        self.ask("/v1/generate/generator-note/note", &body, 202)
            .await
    }

    async fn ask(&self, path: &str, body: &Value, expected: u16) -> Option<String> {
        let request = self.http.post(format!("{}{path}", self.url));
        let request = request.bearer_auth(&self.token).timeout(WRITE_PATIENCE);
        let reply = request.json(body).send().await.ok()?;
        let status = reply.status();
        let text = reply.text().await.ok()?;
        assert_eq!(status, expected, "{text}");
        let made: Value = serde_json::from_str(&text).unwrap();
        Some(made["id"].as_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_dies_and_one_hangs_and_nothing_is_lost_or_done_twice() {
    let receiver = Receiver::start();
    let mut place = Place::open().await;
    let pattern = || {
        Setup::new()
            .only_notes()
            .allowing_webhooks_to(&receiver.url)
            .set("INKSTONE__JOBS__LEASE_MS", LEASE_MS)
            .set("INKSTONE__JOBS__WORKERS", "1")
            // On a busy machine a lease may be lost without any death.
            .set("INKSTONE__JOBS__MAX_ATTEMPTS", "50")
            .set("INKSTONE__EVENTS__LEASE_MS", LEASE_MS)
    };
    let [steady, dying, hanging] = place.three(pattern).await;
    let (status, made) = steady
        .post("/v1/projects", &json!({ "slug": "handbook" }))
        .await;
    assert_eq!(status, 201, "{made}");
    let hook = json!({ "url": format!("{}/hook", receiver.url), "types": ["article.created"] });
    let (status, made) = steady.post("/v1/projects/handbook/webhooks", &hook).await;
    assert_eq!(status, 201, "{made}");
    receiver.trust(made["secret"].as_str().unwrap()).await;

    let doors = [&dying, &hanging, &steady].map(Door::of);
    let (stop, acknowledged) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    // Jobs write on when the writers have ended.
    let over = Arc::new(AtomicBool::new(false));
    let feed = tokio::spawn(follow(doors.clone(), Arc::clone(&over)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (doors, stop) = (doors.clone(), Arc::clone(&stop));
            tokio::spawn(write(writer, doors, stop, Arc::clone(&acknowledged)))
        })
        .collect();
    let scheduled = join_all((0..SCHEDULED).map(|number| {
        let engine = [&steady, &dying, &hanging][number % 3];
        schedule(engine, number)
    }))
    .await;
    let mut planned = join_all((0..TICKING).map(async |number| {
        let engine = [&steady, &dying][number % 2];
        Planned::every_minute(engine, &format!("each minute {number}")).await
    }))
    .await;

    let written = async |more: usize| {
        let enough = acknowledged.load(Ordering::Relaxed) + more;
        until("nobody writes", async || {
            (acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
    };
    written(ARTICLES).await;
    planned.extend(soon(&dying, "after the kill").await);
    let dead = dying.kill();
    written(ARTICLES).await;
    planned.extend(soon(&hanging, "in the pause").await);
    hanging.pause();
    let seconds = std::env::var("INKSTONE_STOP_SECONDS");
    let seconds = seconds.map_or(STOP, |seconds| seconds.parse().unwrap());
    // Nothing here waits for anything: it is the length of the pause that matters.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    hanging.go_on();
    written(ARTICLES).await;
    let again = dead.start().await;
    written(ARTICLES / 2).await;
    stop.store(true, Ordering::Relaxed);
    let (mut kept, mut jobs) = (Vec::new(), Vec::new());
    for writer in join_all(writers).await {
        let (own, queued) = writer.unwrap();
        kept.extend(own);
        jobs.extend(queued);
    }

    let engines = [&steady, &again, &hanging];
    let made = ended(&steady, &jobs).await;
    let mut of_schedules = BTreeMap::new();
    for plan in &planned {
        of_schedules.insert(plan.title.as_str(), plan.articles(&steady).await);
    }
    over.store(true, Ordering::Relaxed);
    for id in &scheduled {
        let path = format!("/v1/articles/{id}");
        let published = steady
            .until(&path, |article| article["status"] == "published")
            .await;
        // Made, scheduled, published: once each.
        assert_eq!(published["revision"], 3, "{published}");
    }

    let stored = all(
        &steady,
        "/v1/articles?limit=100&filter%5Bproject%5D=handbook",
    )
    .await;
    let ids: BTreeSet<&str> = stored.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), stored.len(), "an article is listed twice");
    let known = kept.iter().chain(&made).chain(&scheduled);
    let known = known.chain(of_schedules.values().flatten());
    for id in known {
        assert!(
            ids.contains(id.as_str()),
            "{id} was acknowledged and is gone"
        );
    }
    let mut by_title: BTreeMap<&str, usize> = BTreeMap::new();
    let made_of_jobs: BTreeSet<&str> = made.iter().map(String::as_str).collect();
    assert_eq!(made_of_jobs.len(), jobs.len(), "{made:?}");
    for article in &stored {
        let title = article["title"].as_str().unwrap();
        *by_title.entry(title).or_default() += 1;
    }
    let times = of_schedules.values().map(BTreeSet::len).sum::<usize>();
    for (title, articles) in &of_schedules {
        assert_eq!(by_title.remove(title), Some(articles.len()), "{title}");
    }
    let twice: Vec<_> = by_title.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "written or generated twice: {twice:?}");

    // Every message arrives, and there is one for each article.
    let seen = receiver
        .until(|seen| told_of(seen).len() >= ids.len())
        .await;
    assert!(
        seen.iter().all(|tried| tried["fault"].is_null()),
        "{seen:?}"
    );
    let told = told_of(&seen);
    assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), ids);
    let doubled: Vec<_> = told.iter().filter(|(_, names)| names.len() > 1).collect();
    assert!(doubled.is_empty(), "two messages of one event: {doubled:?}");

    handled(&steady).await;
    for (engine, name) in engines.into_iter().zip(["steady", "killed", "stopped"]) {
        verified(engine, name).await;
    }
    let heard = feed.await.unwrap();
    let of_feed: BTreeSet<&str> = heard.articles.iter().map(String::as_str).collect();
    let missing: Vec<_> = ids.iter().filter(|id| !of_feed.contains(**id)).collect();
    assert!(missing.is_empty(), "the feed lost {missing:?}");
    println!(
        "three engines, one killed, one stopped for {seconds} s: {} articles acknowledged, {} stored, {} jobs with one article each, {SCHEDULED} published once, {times} times of {} schedules run once each, {} webhook messages in {} tries, a feed of {} events over {} connections: nothing was lost or done twice",
        kept.len(),
        stored.len(),
        jobs.len(),
        planned.len(),
        told.len(),
        seen.len(),
        heard.articles.len(),
        heard.connections,
    );
}

/// Writes and queues at one engine after the other; the articles and jobs that were acknowledged.
async fn write(
    writer: usize,
    doors: [Door; 3],
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
) -> (Vec<String>, Vec<String>) {
    let (mut kept, mut jobs) = (Vec::new(), Vec::new());
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let door = &doors[(writer + number) % 3];
        let name = format!("{writer} number {number}");
        // So that all are asked for both.
        let made = match number % 4 {
            0 => door
                .queue(&format!("Job of {name}"))
                .await
                .map(|id| jobs.push(id)),
            _ => door
                .write(&format!("Writer {name}"))
                .await
                .map(|id| kept.push(id)),
        };
        if made.is_some() {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        number += 1;
        // What is refused at once must not be asked without end.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (kept, jobs)
}

/// An article that is to be published while one engine hangs.
async fn schedule(engine: &Engine, number: usize) -> String {
    let title = format!("Scheduled {number}");
    let body = json!({ "title": title, "project": "handbook", "body": title });
    let (status, made) = engine.post("/v1/articles", &body).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    let at = chrono::Utc::now() + Duration::from_secs(10 + number as u64);
    let step = json!({ "to": "scheduled", "at": at.to_rfc3339() });
    let (status, taken) = engine
        .post(&format!("/v1/articles/{id}/transitions"), &step)
        .await;
    assert_eq!(status, 200, "{taken}");
    id
}

/// Schedules whose times come one by one from now on.
async fn soon(engine: &Engine, name: &str) -> Vec<Planned> {
    let plans = ONCE_AFTER.map(async |seconds| {
        let name = format!("{seconds} s {name}");
        Planned::once(engine, &name, Duration::from_secs(seconds)).await
    });
    join_all(plans).await
}

/// The articles of these jobs, once all have ended.
async fn ended(engine: &Engine, jobs: &[String]) -> Vec<String> {
    let mut made = Vec::new();
    for job in jobs {
        let path = format!("/v1/jobs/{job}");
        let ended = engine
            .until(&path, |job| job["finished_at"].is_string())
            .await;
        assert_eq!(ended["status"], "succeeded", "{ended}");
        made.push(ended["article"].as_str().unwrap().to_owned());
    }
    made
}

/// The index of this engine holds what the store holds.
async fn verified(engine: &Engine, name: &str) {
    let began = Instant::now();
    loop {
        let (status, report) = engine.post("/v1/search/index/verify", &json!({})).await;
        assert_eq!(status, 200, "{report}");
        if report["identical"] == true {
            return;
        }
        let log = engine.log();
        let warnings = log.lines().filter(|line| !line.contains("\"INFO\""));
        let warnings: Vec<&str> = warnings.collect();
        assert!(
            began.elapsed() < PATIENCE,
            "the index of the {name} engine stays {report}\n{}",
            warnings.join("\n")
        );
    }
}

/// The ids of messages by the article that they tell of.
fn told_of(seen: &[Value]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut told: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for tried in seen {
        if let Some(article) = tried["event"]["data"]["article"].as_str() {
            let name = tried["id"].as_str().unwrap();
            told.entry(article).or_default().insert(name);
        }
    }
    told
}

/// What one reader has heard.
struct Heard {
    /// Articles that were made.
    articles: Vec<String>,
    connections: usize,
}

/// Follows the log, and goes on at another engine where one breaks off or is silent. Ends a while after `stop`,
/// when nothing more comes.
async fn follow(doors: [Door; 3], stop: Arc<AtomicBool>) -> Heard {
    const SILENCE: Duration = Duration::from_secs(4);
    let mut heard = Heard {
        articles: Vec::new(),
        connections: 0,
    };
    let mut last: Option<String> = None;
    for number in 0.. {
        let door = &doors[number % 3];
        let url = format!(
            "{}/v1/events?project=handbook&types=article.created",
            door.url
        );
        let mut request = door.http.get(url).bearer_auth(&door.token);
        match &last {
            Some(last) => request = request.header("last-event-id", last),
            None => request = request.query(&[("since", "2020-01-01T00:00:00Z")]),
        }
        let was_stopped = stop.load(Ordering::Relaxed);
        let mut was_silent = false;
        let reply = tokio::time::timeout(SILENCE, request.send()).await;
        if let Ok(Ok(reply)) = reply {
            assert_eq!(reply.status(), 200);
            heard.connections += 1;
            let (mut pieces, mut text) = (reply.bytes_stream(), String::new());
            loop {
                let piece = tokio::time::timeout(SILENCE, pieces.next()).await;
                let Ok(Some(Ok(piece))) = piece else {
                    was_silent = piece.is_err();
                    break;
                };
                text.push_str(&String::from_utf8_lossy(&piece));
                while let Some(end) = text.find("\n\n") {
                    let event: String = text.drain(..end + 2).collect();
                    take(&event, &mut heard, &mut last);
                }
            }
        }
        // A whole silence at an engine that answers, after the writers have ended.
        if was_stopped && was_silent && number % 3 == 2 {
            break;
        }
    }
    heard
}

fn take(event: &str, heard: &mut Heard, last: &mut Option<String>) {
    let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
    let (Some(id), Some(data)) = (line("id: "), line("data: ")) else {
        return;
    };
    let data: Value = serde_json::from_str(data).unwrap();
    let article = data["data"]["article"].as_str().unwrap();
    heard.articles.push(article.to_owned());
    *last = Some(id.to_owned());
}
