//! Tests of the SDK as an author sees it: the async script, resume, streams, and the scripted host itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::generator::{Draft, Run, Template};
use crate::{Error, ErrorKind, kv, random};

#[derive(Deserialize, JsonSchema)]
struct Input {
    words: Vec<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    done: Vec<String>,
}

async fn shout(input: Input, run: Run) -> Result<Draft> {
    let mut state: State = run.resume().unwrap_or_default();
    let total = input.words.len() as u32;
    for (index, word) in input.words.iter().enumerate().skip(state.done.len()) {
        run.progress(format!("Word {word}"), index as u32, total)
            .await;
        let text = crate::ai::ask(word)?;
        run.text(&text).await;
        state.done.push(text);
        run.checkpoint(&state).await?;
    }
    Ok(Draft {
        body: state.done.join(" "),
        ..Draft::default()
    })
}

async fn stuck(_: Input, _run: Run) -> Result<Draft> {
    std::future::pending().await
}

struct Shouter;

impl Generator for Shouter {
    fn templates(&self) -> Vec<Template> {
        vec![
            Template::new("shout", "Shout", "", shout),
            Template::new("stuck", "Stuck", "", stuck),
        ]
    }
}

fn loud() {
    ai(|request| Ok(request.all_text().to_uppercase()));
}

#[test]
fn a_script_yields_in_order_and_only_when_pulled() {
    loud();
    let input = json!({"words": ["a", "b"]}).to_string();
    let mut running = generator::start(&Shouter, "shout", &input, None).unwrap();
    assert!(
        matches!(running.next(), Some(Ok(Event::Progress(p))) if p.step == "Word a" && p.total == 2)
    );
    assert!(calls().is_empty(), "nothing runs ahead of the host");
    assert!(matches!(running.next(), Some(Ok(Event::Text(t))) if t == "A"));
    assert!(matches!(running.next(), Some(Ok(Event::Checkpoint(_)))));
    let rest: Result<Vec<Event>> = running.by_ref().collect();
    let rest = rest.unwrap();
    assert_eq!(rest.len(), 4);
    assert!(matches!(&rest[3], Event::Draft(draft) if draft.body == "A B"));
    assert!(running.next().is_none());
}

#[test]
fn a_checkpoint_resumes_without_asking_again() {
    loud();
    let input = json!({"words": ["a", "b", "c"]});
    let events = generate(&Shouter, "shout", &input, None).unwrap();
    let checkpoints: Vec<Vec<u8>> = events
        .iter()
        .filter_map(|event| match event {
            Event::Checkpoint(bytes) => Some(bytes.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(checkpoints.len(), 3);
    for (index, checkpoint) in checkpoints.into_iter().enumerate() {
        reset();
        loud();
        let resumed = generate(&Shouter, "shout", &input, Some(checkpoint)).unwrap();
        assert_eq!(ai_requests().len(), 2 - index);
        assert_eq!(resumed.last(), events.last());
    }
}

#[test]
fn an_unreadable_checkpoint_starts_afresh_and_is_logged() {
    loud();
    let events = generate(
        &Shouter,
        "shout",
        &json!({"words": ["a"]}),
        Some(b"?".to_vec()),
    );
    assert_eq!(events.unwrap().len(), 4);
    assert_eq!(logs().len(), 1);
}

#[test]
fn an_error_ends_the_run() {
    ai(|_| Err::<String, _>(Error::unavailable("down")));
    let input = json!({"words": ["a"]}).to_string();
    let mut running = generator::start(&Shouter, "shout", &input, None).unwrap();
    assert!(running.next().unwrap().is_ok());
    assert_eq!(
        running.next().unwrap().unwrap_err().kind,
        ErrorKind::Unavailable
    );
    assert!(running.next().is_none());
}

#[test]
fn wrong_templates_inputs_and_awaits_are_said_clearly() {
    let unknown = generate(&Shouter, "sing", &json!({}), None).unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
    assert!(unknown.message.contains("shout, stuck"));
    let wrong = generate(&Shouter, "shout", &json!({"words": [1]}), None).unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::InvalidInput);
    assert!(wrong.message.contains("words[0]"));
    let stuck = generate(&Shouter, "stuck", &json!({"words": []}), None).unwrap_err();
    assert!(stuck.message.contains("only futures of `Run`"));
}

#[test]
fn streams_give_pieces_and_stop_at_the_first_error() {
    ai(|_| Ok("one two"));
    let stream = crate::ai::stream(&Request::prompt("x")).unwrap();
    let chunks: Result<Vec<Chunk>> = stream.collect();
    assert_eq!(
        chunks.unwrap(),
        [
            Chunk::text("one "),
            Chunk::text("two"),
            Chunk::Usage(Usage::new(1, 2)),
            Chunk::Finish(FinishReason::Stop)
        ]
    );
    ai(|_| {
        Ok(AiAnswer::chunks(vec![
            Err(Error::upstream("gone")),
            Ok(Chunk::text("late")),
        ]))
    });
    let mut stream = crate::ai::stream(&Request::prompt("x")).unwrap();
    assert!(stream.next().unwrap().is_err());
    assert!(stream.next().is_none());
}

#[test]
#[should_panic(expected = "testing::http")]
fn an_import_without_a_script_panics_and_names_it() {
    let _ = crate::http::get("https://a.example").send();
}

#[test]
fn a_line_keeps_its_fields() {
    crate::log::warn_with("slow", &[("url", &"https://a.example"), ("took_ms", &7)]);
    crate::log::debug("plain");
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let fields = vec![field("url", "https://a.example"), field("took_ms", "7")];
    assert_eq!(
        log_lines(),
        [
            (Level::Warn, "slow".to_owned(), fields),
            (Level::Debug, "plain".to_owned(), Vec::new())
        ]
    );
}

#[test]
fn searches_are_scripted_and_told() {
    search(|query| {
        Ok(vec![search::Hit {
            id: "art_1".to_owned(),
            title: query.text.clone(),
            snippet: String::new(),
            score: 1.0,
        }])
    });
    assert_eq!(search::query("tides", 5).unwrap()[0].title, "tides");
    let wanted = search::Query {
        ratio: Some(0.5),
        ..search::Query::new("tides", 3)
    };
    passages(|_| Ok(Vec::new()));
    assert!(search::passages(&wanted).unwrap().is_empty());
    let calls = calls();
    assert!(matches!(&calls[0], Call::Search(query) if query.limit == 5));
    assert!(matches!(&calls[1], Call::Passages(query) if query.ratio == Some(0.5)));
}

#[test]
fn storage_settings_and_randomness_work_at_once() {
    #[derive(Deserialize)]
    struct Settings {
        #[serde(default)]
        base_url: String,
    }
    kv::put_json("a/1", &7).unwrap();
    kv::put("b", b"x").unwrap();
    assert_eq!(kv::get_json::<u32>("a/1").unwrap(), Some(7));
    assert_eq!(kv::list_keys("a/").unwrap(), ["a/1"]);
    kv::delete("a/1").unwrap();
    assert_eq!(kv::get("a/1").unwrap(), None);
    assert!(kv::get("").is_err());

    assert_eq!(crate::settings::get::<Settings>().unwrap().base_url, "");
    settings(&json!({"base_url": "http://x"}));
    assert_eq!(
        crate::settings::get::<Settings>().unwrap().base_url,
        "http://x"
    );
    settings(&json!({"base_url": 1}));
    let error = crate::settings::get::<Settings>().err().unwrap();
    assert!(error.message.contains("base_url"), "{}", error.message);

    let first = random::bytes(70_000);
    assert_eq!(first.len(), 70_000);
    reset();
    assert_eq!(random::bytes(4), first[..4]);
}

#[test]
fn tools_and_reports_read_typed_inputs() {
    struct Both;
    impl research::Research for Both {
        fn tools(&self) -> Vec<research::Tool> {
            let count = |input: Input| research::Answer::new(&input.words.len(), "");
            vec![research::Tool::new("count", "Count", "", count)]
        }
    }
    impl analytics::Analytics for Both {
        fn reports(&self) -> Vec<analytics::Report> {
            let count = |input: Input| {
                let count = input.words.len() as f64;
                Ok(vec![analytics::Metric::new("n", "N", count).into()])
            };
            vec![analytics::Report::new("count", "Count", "", count)]
        }
    }
    let input = json!({"words": ["a", "b"]});
    assert_eq!(call_tool(&Both, "count", &input).unwrap().content, "2");
    let blocks = run_report(&Both, "count", &input).unwrap();
    assert!(matches!(&blocks[0], analytics::Block::Metric(m) if m.value == 2.0));
    assert_eq!(
        run_report(&Both, "x", &input).unwrap_err().kind,
        ErrorKind::NotFound
    );
}
