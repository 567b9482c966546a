//! A guest that does harm on demand: `{"do": "…"}` names what. Each behaviour is one way in which a
//! plugin can be broken or mean; the tests say what the host must make of it.

mod bindings {
    wit_bindgen::generate!({
        world: "analytics-plugin",
        path: "../../../wit/since-v0.1.0",
    });
}

use std::hint::black_box;

use bindings::exports::inkstone::plugin::analytics::{Block, Chart, Guest, Metric, ReportInfo};
use bindings::inkstone::plugin::types::{Error, ErrorKind};
use bindings::inkstone::plugin::{ai, chat, clock, kv, log, random, search, settings};

struct Hostile;

bindings::export!(Hostile with_types_in bindings);

/// The stamp that the SDK writes for others.
#[used]
#[unsafe(link_section = "inkstone:api-version")]
static API_VERSION_STAMP: [u8; 5] = *b"0.1.0";

impl Guest for Hostile {
    fn reports() -> Vec<ReportInfo> {
        vec![ReportInfo {
            id: "harm".to_owned(),
            title: "Harm".to_owned(),
            description: "Does what `do` says.".to_owned(),
            input_schema: r#"{
                "type": "object",
                "properties": { "about": { "type": "string" }, "do": { "type": "string" } },
                "required": ["do"],
                "additionalProperties": false
            }"#
            .to_owned(),
        }]
    }

    fn run(_report: String, input: String) -> Result<Vec<Block>, Error> {
        // The host has checked the shape: what stands between the last two quotes is the word.
        let word = input.rsplit('"').nth(1).unwrap_or_default();
        match word {
            "ok" => Ok(vec![metric(1.0)]),
            "trap" => std::process::abort(),
            "panic" => {
                std::panic::set_hook(Box::new(|info| {
                    log::write(log::Level::Error, &info.to_string());
                }));
                panic!("the guest's own words");
            }
            "spin" => spin(),
            "eat-memory" => eat_memory(),
            "eat-at-once" => Ok(vec![metric(black_box(vec![1_u8; 1 << 30]).len() as f64)]),
            "eat-in-crumbs" => eat_in_crumbs(),
            // Little work on this side, and a way through the host each time.
            "ping-pong" => loop {
                black_box(clock::monotonic_ns());
            },
            "ping-pong-kv" => loop {
                let _ = black_box(kv::get("k"));
            },
            "random-flood" => loop {
                black_box(random::bytes(65_536));
            },
            "loop-forever-alloc" => allocate_and_free_forever(),
            "deep-recursion" => Ok(vec![metric(recurse(black_box(1)) as f64)]),
            "deep-frames" => Ok(vec![metric(recurse_with_ballast(black_box(1)) as f64)]),
            "big-output" => Ok(vec![chart(&"x".repeat(2 << 20))]),
            // Little by itself, much in sum: 40,000 small blocks.
            "many-outputs" => Ok((0..40_000).map(|_| metric(0.0)).collect()),
            "big-import" => kv::put("k", &vec![0; 2 << 20]).map(|()| vec![]),
            "log-flood" => {
                for number in 0..20_000 {
                    log::write(log::Level::Info, &format!("line {number}"));
                }
                Ok(vec![metric(1.0)])
            }
            "log-big-lines" => {
                let line = "x".repeat(512 << 10);
                for _ in 0..200 {
                    log::write(log::Level::Info, &line);
                }
                Ok(vec![metric(1.0)])
            }
            "bad-json" => Ok(vec![chart("{ this is no JSON")]),
            // A parser that recurses would run out of the host's stack.
            "deep-json" => Ok(vec![chart(&"[".repeat(900_000))]),
            "long-error" => Err(Error {
                kind: ErrorKind::Internal,
                message: "\u{1b}[31mno\r\n".repeat(60_000),
                retry_after_ms: Some(u32::MAX),
                upstream_status: Some(u16::MAX),
            }),
            "huge-random" => Ok(vec![metric(random::bytes(65_537).len() as f64)]),
            "internal-error" => Err(Error {
                kind: ErrorKind::Internal,
                message: "I could not do it".to_owned(),
                retry_after_ms: None,
                upstream_status: None,
            }),
            "ask-ai" => {
                ai::complete(&question()).map(|reply| vec![metric(reply.text.len() as f64)])
            }
            "open-streams" => {
                let mut streams = Vec::new();
                loop {
                    streams.push(ai::stream(&question())?);
                }
            }
            "search" => search::find(&search::Query {
                text: "anything".to_owned(),
                limit: 1_000,
                project: None,
            })
            .map(|hits| vec![metric(hits.len() as f64)]),
            "keep" => {
                kv::put("k", b"value")?;
                let kept = kv::get("k")?.map_or(0, |value| value.len());
                Ok(vec![metric(kept as f64)])
            }
            "keep-too-much" => kv::put("k", &vec![0; 2048]).map(|()| vec![]),
            "kv-flood" => {
                for number in 0_u32.. {
                    kv::put(&number.to_string(), &[0; 64])?;
                }
                Ok(vec![])
            }
            "empty-key" => kv::get("").map(|_| vec![]),
            "settings" => Ok(vec![chart(&settings::get())]),
            "clock" => Ok(vec![metric(clock::now_ms() as f64)]),
            other => Err(Error {
                kind: ErrorKind::Unsupported,
                message: format!("no such harm: {other}"),
                retry_after_ms: None,
                upstream_status: None,
            }),
        }
    }
}

fn metric(value: f64) -> Block {
    Block::Metric(Metric {
        id: "m".to_owned(),
        title: "M".to_owned(),
        value,
        unit: None,
        note: None,
    })
}

fn chart(spec: &str) -> Block {
    Block::Chart(Chart {
        id: "c".to_owned(),
        title: "C".to_owned(),
        spec: spec.to_owned(),
    })
}

fn question() -> chat::Request {
    chat::Request {
        model: "no/such".to_owned(),
        messages: Vec::new(),
        tools: Vec::new(),
        tool_choice: chat::ToolChoice::Auto,
        response_format: chat::ResponseFormat::Text,
        sampling: chat::Sampling {
            temperature: None,
            top_p: None,
            top_k: None,
            frequency_penalty: None,
            presence_penalty: None,
            repeat_penalty: None,
            seed: None,
            max_tokens: None,
            stop: Vec::new(),
        },
        extra: None,
    }
}

fn spin() -> ! {
    let mut number = 0_u64;
    loop {
        number = black_box(number.wrapping_add(1));
    }
}

fn eat_memory() -> ! {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(vec![1; 1 << 20]));
    }
}

/// As the one above, but never much at a time.
fn eat_in_crumbs() -> ! {
    let mut hoard: Vec<Box<[u8; 64]>> = Vec::new();
    loop {
        hoard.push(black_box(Box::new([1; 64])));
    }
}

fn allocate_and_free_forever() -> ! {
    loop {
        drop(black_box(vec![0_u8; 1 << 20]));
    }
}

/// Deep in calls: each waits for the next, and none keeps anything in memory.
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX {
        return depth;
    }
    recurse(depth + 1).rotate_left(3) ^ depth
}

/// Deep in memory: every call keeps a page of its own.
fn recurse_with_ballast(depth: u64) -> u64 {
    let ballast = black_box([depth; 512]);
    if depth == u64::MAX {
        return depth;
    }
    recurse_with_ballast(depth + 1) ^ ballast[511]
}
