//! Reports on the newest version of the contract. The words are those of `hostile`, which stays on
//! 0.1.0, so that a test can ask both the same.

mod bindings {
    wit_bindgen::generate!({
        world: "analytics-plugin",
        path: "../../../wit/since-v0.2.0",
    });
}

use bindings::exports::inkstone::plugin::analytics::{Block, Guest, Metric, ReportInfo};
use bindings::inkstone::plugin::types::{Error, ErrorKind};
use bindings::inkstone::plugin::{ai, chat, kv, log, search};

struct Latest;

bindings::export!(Latest with_types_in bindings);

/// The stamp that the SDK writes for others.
#[used]
#[unsafe(link_section = "inkstone:api-version")]
static API_VERSION_STAMP: [u8; 5] = *b"0.2.0";

impl Guest for Latest {
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
        match input.rsplit('"').nth(1).unwrap_or_default() {
            "ok" => Ok(vec![metric(1.0)]),
            "ask-ai" => {
                ai::complete(&question()).map(|reply| vec![metric(reply.text.len() as f64)])
            }
            "search" => search::find(&wanted()).map(|hits| vec![metric(hits.len() as f64)]),
            "passages" => search::passages(&wanted()).map(|passages| {
                let told = passages
                    .iter()
                    .map(|it| (it.end - it.start) as f64 + it.text.len() as f64);
                vec![metric(told.sum())]
            }),
            "keep" => {
                kv::put("k", b"value")?;
                let kept = kv::get("k")?.map_or(0, |value| value.len());
                Ok(vec![metric(kept as f64)])
            }
            "keep-too-much" => kv::put("k", &vec![0; 2048]).map(|()| vec![]),
            "log" => {
                let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
                let fields = [field("words", "3"), field("NOT A NAME", "x")];
                log::write(log::Level::Warn, "the text is short", &fields);
                Ok(vec![metric(1.0)])
            }
            other => Err(Error {
                kind: ErrorKind::Unsupported,
                message: format!("no such harm: {other}"),
                retry_after_ms: None,
                upstream_status: None,
                code: None,
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

fn wanted() -> search::Query {
    search::Query {
        text: "anything".to_owned(),
        limit: 1_000,
        project: Some("handbook".to_owned()),
        tags: vec!["sea".to_owned()],
        locale: Some("en".to_owned()),
        ratio: Some(0.25),
    }
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
        logprobs: None,
        drop_unsupported: false,
        stream: false,
        extra: None,
    }
}
