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

/// One of each that is built in, whole.
const SECRETS: [(&str, &str); 7] = [
    ("EMAIL", "ada.lovelace@mail.example.org"),
    ("IBAN", "DE89 3704 0044 0532 0130 00"),
    ("CREDIT_CARD", "4111 1111 1111 1111"),
    ("PHONE", "+44 20 7946 0958"),
    ("IP_ADDRESS", "192.168.100.200"),
    ("US_SSN", "078-05-1120"),
    (
        "API_KEY",
        "sk-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOP",
    ),
];

fn letters(text: &str) -> Vec<String> {
    text.chars().map(String::from).collect()
}

/// An answer in these pieces, as thoughts and then as text.
async fn both_ways(guards: &Arc<Guards>, pieces: &[String]) -> [Result<String>; 2] {
    let said = async |make: fn(String) -> Chunk| {
        let chunks = pieces.iter().cloned().map(make);
        let end = [Chunk::Finish(FinishReason::Stop)];
        let chunks: Vec<Result<Chunk>> = chunks.chain(end).map(Ok).collect();
        let chunks = Box::pin(stream::iter(chunks));
        let mut seen = guards.check_answer(&ResponseFormat::Text, chunks);
        let mut said = String::new();
        while let Some(chunk) = seen.next().await {
            match chunk? {
                Chunk::Text(text) | Chunk::Reasoning(text) => said.push_str(&text),
                _ => {}
            }
        }
        Ok(said)
    };
    [said(Chunk::Reasoning).await, said(Chunk::Text).await]
}

#[tokio::test]
async fn a_find_that_comes_letter_by_letter_is_blacked_out_whole() {
    for (name, secret) in SECRETS {
        let guards = guards(redacting(&[name]));
        let before = "word ".repeat(60);
        for after in [String::new(), " more".repeat(100)] {
            let pieces = letters(&format!("{before}{secret}{after}"));
            for said in both_ways(&guards, &pieces).await {
                assert_eq!(said.unwrap(), format!("{before}[{name}]{after}"));
            }
        }
    }
}

#[tokio::test]
async fn a_find_may_be_longer_than_what_is_held_back() {
    let guards = guards(redacting(&["API_KEY"]));
    let text = format!("the key sk-{} is mine", "k3".repeat(5_000));
    for said in both_ways(&guards, &letters(&text)).await {
        assert_eq!(said.unwrap(), "the key [API_KEY] is mine");
    }
}

#[tokio::test]
async fn a_find_without_end_is_not_held_for_ever() {
    let guards = guards(redacting(&["API_KEY"]));
    let text = format!("sk-{} is mine", "k3".repeat(100_000));
    let pieces: Vec<String> = text
        .as_bytes()
        .chunks(1_000)
        .map(|piece| String::from_utf8_lossy(piece).into())
        .collect();
    for said in both_ways(&guards, &pieces).await {
        let said = said.unwrap();
        assert!(said.starts_with("[API_KEY]") && said.ends_with("k3 is mine"));
    }
}

/// Whatever the pieces: the same words, or the same refusal.
#[tokio::test]
async fn an_answer_is_the_same_in_any_pieces() {
    let mut config = redacting(&SECRETS.map(|(name, _)| name));
    config.blocked_terms = vec!["falcon".to_owned(), "C++".to_owned()];
    let guards = guards(config);
    let mut dice = 7_u64;
    let mut roll = |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (dice >> 33) as usize % sides
    };
    let words = [
        "word ",
        "falconry ",
        "no\n",
        "päge",
        "語",
        "falcons.",
        "4111",
        "x@",
        "sk-",
        " 12 ",
        "C+",
        " falcon ",
    ];
    let mut refused = 0;
    for _ in 0..400 {
        let mut text = String::new();
        for _ in 0..roll(120) {
            match roll(8) {
                0 => text.push_str(SECRETS[roll(SECRETS.len())].1),
                // What is refused is rare, so that both ends are seen.
                _ => {
                    let of = words.len() - usize::from(roll(20) > 0);
                    text.push_str(words[roll(of)]);
                }
            }
        }
        // A prompt is looked at as a whole.
        let mut whole = prompt(&text);
        let checked = guards.check_prompt(&mut whole).map(|()| {
            let Part::Text(text) = whole.messages[0].parts.remove(0) else {
                panic!("no text");
            };
            text
        });
        refused += usize::from(checked.is_err());
        let mut pieces = vec![String::new()];
        for letter in text.chars() {
            if roll(6) == 0 {
                pieces.push(String::new());
            }
            pieces.last_mut().unwrap().push(letter);
        }
        let code = |said: Result<String>| said.map_err(|error| error.code().name);
        for said in both_ways(&guards, &pieces).await {
            assert_eq!(code(said), code(checked.clone()), "{pieces:?}");
        }
    }
    assert!((50..350).contains(&refused), "{refused} of 400");
}

#[tokio::test]
async fn a_term_that_becomes_another_word_ends_nothing() {
    let guards = guards(GuardsConfig {
        blocked_terms: vec!["falcon".to_owned()],
        ..GuardsConfig::default()
    });
    let before = "bird ".repeat(100);
    let said = answered(&guards, ResponseFormat::Text, &[&before, "falcon", "ry"]).await;
    assert_eq!(said.unwrap(), format!("{before}falconry"));
    let said = answered(
        &guards,
        ResponseFormat::Text,
        &[&before, "falcon", " flies"],
    )
    .await;
    assert_eq!(said.unwrap_err().code().name, "content_blocked");
}

#[tokio::test]
async fn thoughts_are_found_across_pieces_and_come_before_the_answer() {
    let guards = guards(redacting(&["EMAIL"]));
    let answer = "word ".repeat(100);
    let pieces = ["ada", "@example", ".org"].map(|text| Chunk::Reasoning(text.to_owned()));
    let rest = [
        Chunk::Text(answer.clone()),
        Chunk::Finish(FinishReason::Stop),
    ];
    let chunks: Vec<Result<Chunk>> = pieces.into_iter().chain(rest).map(Ok).collect();
    let chunks = Box::pin(stream::iter(chunks));
    let seen = guards.check_answer(&ResponseFormat::Text, chunks);
    let seen: Vec<Chunk> = seen.map(Result::unwrap).collect().await;
    assert_eq!(seen[0], Chunk::Reasoning("[EMAIL]".to_owned()));
    let mut said = String::new();
    for chunk in &seen[1..] {
        match chunk {
            Chunk::Text(text) => said.push_str(text),
            other => assert_eq!(other, &Chunk::Finish(FinishReason::Stop)),
        }
    }
    assert_eq!(said, answer);
}
