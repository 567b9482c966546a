//! Prompts and answers as guards let them through.

use std::sync::Arc;

use futures::{StreamExt, stream};
use inkstone_domain::chat::{FinishReason, Message, Role, Usage};
use inkstone_domain::gateway::KNOWN_PATTERNS;

use super::*;

fn guards(config: GuardsConfig) -> Arc<Guards> {
    Arc::new(Guards::new(&config).unwrap())
}

fn redacting(names: &[&str]) -> GuardsConfig {
    let known = KNOWN_PATTERNS.iter();
    GuardsConfig {
        redact: known
            .filter(|(name, _)| names.contains(name))
            .map(|(name, pattern)| ((*name).to_owned(), (*pattern).to_owned()))
            .collect(),
        ..GuardsConfig::default()
    }
}

fn prompt(text: &str) -> Request {
    Request {
        messages: vec![Message::text(Role::User, text)],
        ..Request::default()
    }
}

async fn answered(guards: &Arc<Guards>, format: ResponseFormat, pieces: &[&str]) -> Result<String> {
    let texts = pieces.iter().map(|text| Chunk::Text((*text).to_owned()));
    let end = [
        Chunk::Finish(FinishReason::Stop),
        Chunk::Usage(Usage::default()),
    ];
    let chunks: Vec<Result<Chunk>> = texts.chain(end).map(Ok).collect();
    let mut seen = guards.check_answer(&format, Box::pin(stream::iter(chunks)));
    let mut said = String::new();
    while let Some(chunk) = seen.next().await {
        if let Chunk::Text(text) = chunk? {
            said.push_str(&text);
        }
    }
    Ok(said)
}

#[test]
fn what_is_personal_is_blacked_out() {
    let all: Vec<&str> = KNOWN_PATTERNS.iter().map(|(name, _)| *name).collect();
    let guards = guards(redacting(&all));
    let mut request = prompt(
        "Write to ada@example.org or +44 20 7946 0958, pay 4111 1111 1111 1111 or DE89 3704 0044 0532 0130 00, from 10.0.0.7.",
    );
    guards.check_prompt(&mut request).unwrap();
    assert_eq!(
        request.messages[0].parts,
        [Part::Text(
            "Write to [EMAIL] or [PHONE], pay [CREDIT_CARD] or [IBAN], from [IP_ADDRESS]."
                .to_owned()
        )]
    );
}

#[test]
fn a_prompt_with_a_blocked_term_or_too_many_characters_is_refused() {
    let guards = guards(GuardsConfig {
        blocked_terms: vec!["Project Falcon".to_owned()],
        max_prompt_chars: Some(30),
        ..GuardsConfig::default()
    });
    let refused = |text: &str| {
        let result = guards.check_prompt(&mut prompt(text));
        result.map_err(|error| error.code().name)
    };
    assert_eq!(refused("tell me of project falcon"), Err("content_blocked"));
    assert_eq!(refused("falcons are birds"), Ok(()));
    assert_eq!(refused(&"ä".repeat(30)), Ok(()));
    assert_eq!(refused(&"ä".repeat(31)), Err("content_blocked"));
}

#[tokio::test]
async fn what_lies_across_pieces_of_an_answer_is_found_too() {
    let guards = guards(redacting(&["EMAIL"]));
    let long = "word ".repeat(200);
    let pieces = [long.as_str(), "ask ada@exa", "mple.org now ", &long];
    let said = answered(&guards, ResponseFormat::Text, &pieces).await;
    assert_eq!(said.unwrap(), format!("{long}ask [EMAIL] now {long}"));
}

#[tokio::test]
async fn an_answer_with_a_blocked_term_ends_there() {
    let guards = guards(GuardsConfig {
        blocked_terms: vec!["falcon".to_owned()],
        ..GuardsConfig::default()
    });
    let said = answered(&guards, ResponseFormat::Text, &["the Fal", "con flies"]).await;
    assert_eq!(said.unwrap_err().code().name, "content_blocked");
}

#[tokio::test]
async fn json_is_mended_where_it_was_asked_for() {
    let guards = guards(GuardsConfig {
        repair_json: true,
        ..GuardsConfig::default()
    });
    let pieces = ["```json\n{\"name\": 'Ada', ", "\"age\": 36,}\n```"];
    let said = answered(&guards, ResponseFormat::JsonObject, &pieces)
        .await
        .unwrap();
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(value, serde_json::json!({"name": "Ada", "age": 36}));
    // What is none stays as it is where none was asked for, and what is too deep is left alone.
    let said = answered(&guards, ResponseFormat::Text, &["{oh"]).await;
    assert_eq!(said.unwrap(), "{oh");
    let deep = "[".repeat(100_000);
    let said = answered(&guards, ResponseFormat::JsonObject, &[&deep]).await;
    assert_eq!(said.unwrap(), deep);
}

#[test]
fn a_pattern_that_is_none_is_a_fault_of_the_configuration() {
    let config = GuardsConfig {
        redact: vec![("X".to_owned(), "(".to_owned())],
        ..GuardsConfig::default()
    };
    let fault = Guards::new(&config).map(drop).unwrap_err();
    assert_eq!(fault.code().name, "invalid_config");
}

#[test]
fn patterns_that_take_for_ever_elsewhere_do_not_here() {
    // Each of them takes exponential time where a search goes back; here the test would never end.
    let text = "a".repeat(100_000) + "!";
    for pattern in [
        "(a+)+$",
        "(a|a)*$",
        "(a|aa)+$",
        "(.*)*b",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
    ] {
        let guards = guards(GuardsConfig {
            redact: [("hostile".to_owned(), pattern.to_owned())].into(),
            ..GuardsConfig::default()
        });
        let mut prompt = prompt(&text);
        guards.check_prompt(&mut prompt).unwrap();
    }
}

#[test]
fn patterns_that_grow_are_refused_and_named() {
    let deep = format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000));
    for (pattern, why) in [
        (
            "(a{1000}){1000}".to_owned(),
            "becomes larger than 1048576 bytes",
        ),
        (
            r"\w{1000}{100}".to_owned(),
            "becomes larger than 1048576 bytes",
        ),
        (
            "((a{100}){100}){100}".to_owned(),
            "becomes larger than 1048576 bytes",
        ),
        ("a{4294967296}".to_owned(), "is none"),
        ("long".repeat(1 << 20), "becomes larger than 1048576 bytes"),
        (deep, "is none"),
        ("(a".to_owned(), "unclosed group"),
        ("(?=a)".to_owned(), "look-around"),
        (r"(a)\1".to_owned(), "backreferences"),
    ] {
        let config = GuardsConfig {
            redact: [("hostile".to_owned(), pattern)].into(),
            ..GuardsConfig::default()
        };
        let Err(refused) = Guards::new(&config) else {
            panic!("a pattern of {why} is taken");
        };
        assert_eq!(refused.code(), &codes::INVALID_CONFIG);
        let said = refused.message();
        assert!(
            said.contains(why) && said.contains("hostile"),
            "{why}: {said}"
        );
        assert!(said.len() < 1_000, "{}", said.len());
    }
    let term = GuardsConfig {
        blocked_terms: vec!["a{1000}{1000}(b+)+".to_owned()],
        ..GuardsConfig::default()
    };
    assert!(Guards::new(&term).is_ok(), "a term is no pattern");
}
