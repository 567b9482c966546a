//! Every fault of an upstream, plain and streamed, alone and with a model that stands in: what the caller
//! sees, how often the upstream was asked, and what the ledger says. The expected table is in table.md.

mod dialects;
mod table;

use std::time::{Duration, Instant};

use expect_test::expect_file;
use futures::{StreamExt, stream};
use serde_json::Value;

use self::table::{code_in, said_in, tables};
use crate::calls::{Reply, chat};
use crate::engine::{Engine, PATIENCE, Setup};
use crate::scripted::{BEGINNING, Scripted, plugin_at};
use crate::upstream::free_port;

/// Name in the table, and the model that is asked: an order of the scripted upstream, unless it has a
/// provider of its own.
const FAULTS: [(&str, &str); 18] = [
    ("refused connection", "groq/any"),
    ("TLS to a plain port", "mistral/any"),
    ("unknown host name", "deepseek/any"),
    ("400", "openai/status-400"),
    ("401", "openai/status-401"),
    ("429", "openai/status-429"),
    ("429, Retry-After 1", "openai/status-429-after-1"),
    ("429, Retry-After 60", "openai/status-429-after-60"),
    ("500", "openai/status-500"),
    ("503", "openai/status-503"),
    ("slow headers", "openai/slow-headers"),
    ("stall in the middle", "openai/stall"),
    ("reset in the middle", "openai/reset"),
    ("malformed JSON", "openai/malformed-json"),
    ("malformed SSE", "openai/malformed-sse"),
    ("truncated chunked body", "openai/truncated"),
    ("wrong content type", "openai/wrong-type"),
    ("endless body", "openai/endless"),
];

/// One try after the first at most, and bounds that a person would not call long.
const SLOWEST: Duration = Duration::from_secs(12);

/// A fault, and how it is met.
#[derive(Clone, Copy)]
struct Case {
    fault: &'static str,
    order: &'static str,
    is_stream: bool,
    has_stand_in: bool,
}

/// What became of it.
struct Seen {
    case: Case,
    request_id: String,
    status: u16,
    code: String,
    said: String,
    asked: usize,
    took: Duration,
}

impl Case {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for has_stand_in in [false, true] {
            for (fault, order) in FAULTS {
                for is_stream in [false, true] {
                    all.push(Self {
                        fault,
                        order,
                        is_stream,
                        has_stand_in,
                    });
                }
            }
        }
        all
    }

    fn way(self) -> &'static str {
        match self.is_stream {
            false => "plain",
            true => "stream",
        }
    }

    /// `provider/model` of the deployment that fails. Each case has its own, so that none rests for another.
    fn deployment(self) -> String {
        let stand_in = if self.has_stand_in { "-stand-in" } else { "" };
        format!("{}--{}{stand_in}", self.order, self.way())
    }

    /// What the caller asks for.
    fn name(self) -> String {
        match self.has_stand_in {
            false => self.deployment(),
            true => self.deployment().replace('/', "-"),
        }
    }

    fn config(self) -> String {
        format!(
            "\n[gateway.models.\"{}\"]\nfallbacks = [\"ollama/good\"]\n[[gateway.models.\"{0}\".deployments]]\nmodel = \"{}\"\n",
            self.name(),
            self.deployment()
        )
    }

    async fn meet(self, engine: &Engine, upstream: &Scripted) -> Seen {
        let deployment = self.deployment();
        let model = deployment.split_once('/').unwrap().1;
        let request = engine.chat(&engine.token, &chat(&self.name(), self.is_stream));
        let began = Instant::now();
        let reply = Reply::of(request, || upstream.release(model)).await;
        let took = began.elapsed();
        Seen {
            case: self,
            request_id: reply.header("x-request-id").unwrap().to_owned(),
            status: reply.status,
            code: code_in(&reply),
            said: said_in(&reply),
            asked: upstream.calls(model).len(),
            took,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_an_upstream_is_met() {
    let upstream = Scripted::start().await;
    let stand_in = Scripted::start().await;
    let closed = format!("http://127.0.0.1:{}", free_port());
    let plugins = [
        upstream.plugin("provider-openai"),
        stand_in.plugin("provider-ollama"),
        plugin_at("provider-groq", &closed),
        plugin_at("provider-mistral", &upstream.url.replace("http:", "https:")),
        plugin_at("provider-deepseek", "http://nobody.invalid"),
    ];
    let cases = Case::all();
    let with_stand_in = cases.iter().filter(|case| case.has_stand_in);
    let config: String = with_stand_in.map(|case| case.config()).collect();
    let engine = Setup::new()
        .only(plugins.concat())
        .configure(&config)
        .set("INKSTONE__GATEWAY__RETRIES", "1")
        .set("INKSTONE__GATEWAY__RETRY_MIN_MS", "10")
        .set("INKSTONE__GATEWAY__FIRST_TOKEN_MS", "2500")
        .set("INKSTONE__GATEWAY__BETWEEN_TOKENS_MS", "1000")
        .set("INKSTONE__GATEWAY__COOLDOWN_FAILURES", "1000")
        .set("INKSTONE__EGRESS__MAX_RESPONSE_MIB", "1")
        .start()
        .await;
    let met = cases.into_iter().map(|case| case.meet(&engine, &upstream));
    let seen: Vec<Seen> = stream::iter(met).buffered(4).collect().await;

    let lines = whole_ledger(&engine).await;
    let (table, timed) = tables(&seen, &lines);
    println!("{timed}");
    expect_file!["faults/table.md"].assert_eq(&table);
    for one in &seen {
        let name = one.case.name();
        assert!(one.took < SLOWEST, "{name} took {:?}", one.took);
    }
    assert_told_to_go_on(&stand_in);
    // After all of that the engine serves on.
    assert_eq!(engine.get("/readyz").await.0, 200);
}

/// Who goes on with an answer is told what was said of it.
fn assert_told_to_go_on(stand_in: &Scripted) {
    let calls = stand_in.calls("good");
    let mut resumed = 0;
    for call in &calls {
        let messages = call.body["messages"].as_array().unwrap();
        let Some(said) = messages.iter().find(|one| one["role"] == "assistant") else {
            assert_eq!(messages.len(), 1, "{}", call.body);
            continue;
        };
        resumed += 1;
        assert_eq!(messages.len(), 3, "{}", call.body);
        let said = said["content"].as_str().unwrap();
        assert!(said.starts_with(BEGINNING), "{}", call.body);
    }
    let breaks = "stall, reset, malformed JSON, malformed SSE, truncated, endless";
    assert_eq!(resumed, breaks.split(", ").count());
}

/// Lines come in the order in which attempts end, so all are there once that of one more call is.
async fn whole_ledger(engine: &Engine) -> Vec<Value> {
    let last = Reply::of(
        engine.chat(&engine.token, &chat("ollama/good", false)),
        || {},
    )
    .await;
    assert_eq!(last.status, 200, "{}", last.body);
    let id = last.header("x-request-id").unwrap();
    let began = Instant::now();
    loop {
        let lines = engine.ledger().await;
        if lines.iter().any(|line| line["request_id"] == id) {
            return lines;
        }
        assert!(began.elapsed() < PATIENCE, "the ledger lacks {id}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
