//! Whole articles with scripted models: a capable one, a small one, and several that give nothing of use.

use std::cell::RefCell;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use inkstone_plugin::ai::Request;
use inkstone_plugin::generator::*;
use inkstone_plugin::random::Seeded;
use inkstone_plugin::testing::{self, Call};
use inkstone_plugin::tools;
use serde_json::{Value, json};

use crate::Articles;

const NOUNS: &[&str] = &[
    "water",
    "sunlight",
    "compost",
    "drainage",
    "morning",
    "terracotta",
    "mulch",
    "seedling",
    "trellis",
    "pollen",
    "blossom",
    "harvest",
    "basil",
    "marigold",
    "railing",
    "shade",
    "wind",
    "saucer",
    "stake",
    "twine",
    "fertilizer",
    "calcium",
    "aphid",
    "ladybird",
    "leaf",
    "root",
    "stem",
    "branch",
    "bucket",
    "soil",
    "gravel",
    "thermometer",
    "evening",
    "summer",
    "spring",
    "frost",
    "neighbour",
    "kitchen",
    "sauce",
    "salad",
    "variety",
    "label",
    "notebook",
    "scissors",
    "glove",
    "hose",
    "rain",
    "barrel",
    "bee",
    "flower",
];

const SOURCE: &str = "# Bees in winter\n\nHoney bees do not hibernate. They gather in a tight cluster around the queen. The cluster slowly moves through the combs and eats the stored honey.\n\nBefore the first frost the beekeeper weighs each hive. Hives that are too light are fed with thick sugar syrup. Feeding must end by October.\n\nMoisture kills more colonies than cold. Warm air rises from the cluster and condenses under the lid. A small upper entrance lets the moisture escape from the hive.\n";

/// Four sentences that are on the topic and never the same for two questions.
fn paragraph(request: &Request, which: u8) -> String {
    let mut hasher = DefaultHasher::new();
    which.hash(&mut hasher);
    request.all_text().hash(&mut hasher);
    let mut random = Seeded::new(hasher.finish());
    let mut sentences = String::new();
    for _ in 0..4 {
        let mut noun = || random.pick(NOUNS).copied().unwrap_or_default();
        sentences.push_str(&format!(
            "Tomatoes gain from {} and {} where {} meets {} beside {} under {} with {}. ",
            noun(),
            noun(),
            noun(),
            noun(),
            noun(),
            noun(),
            noun()
        ));
    }
    sentences
}

/// Chats instead of JSON, lists headings, answers small questions with a little chat around.
fn small_model() {
    testing::ai(|request| {
        let asked = request.messages.last().unwrap().text();
        Ok(if asked.contains("JSON") {
            "Sure, I would love to plan it!".to_owned()
        } else if asked.starts_with("List") {
            "Here are some headings:\n1. Choosing a pot\n2. **Watering well**\n3. Choosing a pot\n4. Sun and shade\n5. Feeding the plants\n6. The".to_owned()
        } else if asked.ends_with("Title:") {
            "\"Growing Tomatoes on Your Balcony\"".to_owned()
        } else if asked.starts_with("Summarize") {
            asked
                .trim_start_matches("Summarize in one sentence: ")
                .to_owned()
        } else {
            format!(
                "Sure! Here is a paragraph: {}And it is also cut off in the",
                paragraph(request, 0)
            )
        })
    });
}

/// Plans in JSON and writes Markdown.
fn capable_model() {
    testing::ai(|request| {
        let asked = request.messages.last().unwrap().text();
        Ok(if asked.starts_with("Plan an article") {
            "```json\n{\"title\": \"Tomatoes Above the Street\", \"sections\": [{\"heading\": \"Pots\", \"points\": [\"size\", \"holes\"]}, {\"heading\": \"Water\"}, {\"heading\": \"Sun\"}, {\"heading\": \"Harvest\"}]}\n```".to_owned()
        } else if asked.starts_with("An article in the language") {
            "{\"summary\": \"Tomatoes grow well on a balcony. This is how.\", \"tags\": [\"Tomatoes\", \"balcony\", \"Urban Gardening\"], \"meta_description\": \"How to grow tomatoes on a balcony, from pot to plate.\"}".to_owned()
        } else {
            let heading = asked.split('"').nth(1).unwrap_or_default().to_owned();
            let text = paragraph(request, 0);
            format!(
                "## {heading}\n\n**Note:** {text}\n\n- one\n- two\n\n# Deeper\n\n{}",
                paragraph(request, 1)
            )
        })
    });
}

fn topic() -> Value {
    json!({"topic": "Growing tomatoes on a balcony"})
}

fn write(input: &Value) -> Result<Vec<Event>> {
    testing::generate(&Articles, "article", input, None)
}

fn draft(events: &[Event]) -> Draft {
    match events.last() {
        Some(Event::Draft(draft)) => draft.clone(),
        other => panic!("no draft: {other:?}"),
    }
}

fn checkpoints(events: &[Event]) -> Vec<Vec<u8>> {
    let bytes = events.iter().filter_map(|event| match event {
        Event::Checkpoint(bytes) => Some(bytes.clone()),
        _ => None,
    });
    bytes.collect()
}

fn check_draft(draft: &Draft, sections: usize) {
    assert!(
        (3..=100).contains(&draft.title.chars().count()),
        "{}",
        draft.title
    );
    assert!(!draft.summary.is_empty());
    assert!((1..=160).contains(&draft.meta_description.chars().count()));
    assert!((3..=6).contains(&draft.tags.len()), "{:?}", draft.tags);
    assert!(draft.tags.iter().all(|tag| *tag == tag.to_lowercase()));
    assert_eq!(draft.language, "en");
    let headings = draft.body.lines().filter(|line| line.starts_with("## "));
    assert_eq!(headings.count(), sections, "{}", draft.body);
    assert!(!draft.body.contains("Sure"));
    assert!(!draft.body.contains("cut off"));
}

#[test]
fn a_small_model_writes_an_article_by_small_questions() {
    small_model();
    let events = write(&topic()).unwrap();
    let draft = draft(&events);
    check_draft(&draft, 4);
    assert_eq!(draft.title, "Growing Tomatoes on Your Balcony");
    assert!(
        draft
            .body
            .contains("## Watering well\n\nTomatoes gain from"),
        "{}",
        draft.body
    );
    assert!(draft.body.split_whitespace().count() > 200);
    assert!(draft.tags.contains(&"tomatoes".to_owned()));
    assert!(draft.sources.is_empty());
    assert_eq!(
        checkpoints(&events).len(),
        5,
        "after the outline and each section"
    );
    let texts: String = events
        .iter()
        .filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        texts.trim(),
        draft.body.trim(),
        "what is streamed is what is kept"
    );
    let mut steps: Vec<(u32, u32)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Progress(progress) => Some((progress.done, progress.total)),
            _ => None,
        })
        .collect();
    steps.dedup();
    assert_eq!(
        steps,
        [(0, 6), (1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]
    );
}

#[test]
fn a_capable_model_is_asked_for_whole_sections() {
    capable_model();
    let input = json!({"topic": "Growing tomatoes on a balcony", "keywords": ["Pots"], "audience": "beginners"});
    let events = write(&input).unwrap();
    let draft = draft(&events);
    check_draft(&draft, 4);
    assert_eq!(draft.title, "Tomatoes Above the Street");
    assert_eq!(
        draft.tags[..4],
        ["pots", "tomatoes", "balcony", "urban gardening"]
    );
    assert_eq!(
        draft.meta_description,
        "How to grow tomatoes on a balcony, from pot to plate."
    );
    assert!(
        draft.body.starts_with("## Pots\n\n**Note:** "),
        "{}",
        draft.body
    );
    assert!(draft.body.contains("\n### Deeper\n"));
    let requests = testing::ai_requests();
    assert_eq!(requests.len(), 6, "plan, four sections, frame");
    let section = requests[1].all_text();
    assert!(
        section.contains("1. Pots\n2. Water")
            && section.contains("size; holes")
            && section.contains("beginners")
    );
    assert!(
        requests
            .iter()
            .all(|request| request.sampling.repeat_penalty.is_none())
    );
}

#[test]
fn a_resume_asks_for_no_finished_section_again() {
    for model in [small_model, capable_model] {
        testing::reset();
        model();
        let whole = write(&topic()).unwrap();
        let all = testing::ai_requests();
        for checkpoint in checkpoints(&whole) {
            testing::reset();
            model();
            let resumed =
                testing::generate(&Articles, "article", &topic(), Some(checkpoint)).unwrap();
            let asked = testing::ai_requests();
            assert!(asked.len() < all.len());
            assert_eq!(
                asked[..],
                all[all.len() - asked.len()..],
                "only what came after"
            );
            assert_eq!(draft(&resumed), draft(&whole));
        }
    }
}

#[test]
fn the_same_seed_asks_the_same_and_another_does_not() {
    let ask = |seed: u64| {
        testing::reset();
        small_model();
        let mut input = topic();
        input["seed"] = json!(seed);
        let draft = draft(&write(&input).unwrap());
        (testing::ai_requests(), draft)
    };
    assert_eq!(ask(7), ask(7));
    let seeds = |requests: Vec<Request>| -> Vec<Option<u64>> {
        requests
            .iter()
            .map(|request| request.sampling.seed)
            .collect()
    };
    assert_ne!(seeds(ask(7).0), seeds(ask(8).0));
}

#[test]
fn models_that_give_nothing_end_in_a_clear_error() {
    let echo = |request: &Request| request.messages.last().unwrap().text();
    type Answer = Box<dyn Fn(&Request) -> String>;
    let garbage: Vec<(&str, Answer)> = vec![
        ("empty", Box::new(|_| String::new())),
        ("loop", Box::new(|_| "tomatoes are good and ".repeat(40))),
        (
            "one sentence",
            Box::new(|_| "Tomatoes are good for all of us today. ".repeat(9)),
        ),
        ("echo", Box::new(echo)),
        (
            "refusal",
            Box::new(|_| {
                "I'm sorry, as an AI language model I cannot. I hope this helps!".to_owned()
            }),
        ),
        (
            "open JSON",
            Box::new(|_| "{\"title\": \"x\", \"sections\": [".to_owned()),
        ),
    ];
    for (name, answer) in garbage {
        testing::reset();
        testing::ai(move |request| Ok(answer(request)));
        let error = write(&topic())
            .err()
            .unwrap_or_else(|| panic!("{name} gave an article"));
        assert_eq!(error.kind, ErrorKind::Upstream, "{name}");
        assert!(error.message.contains("larger model"), "{name}: {error}");
        let asked = testing::ai_requests().len();
        assert!(asked < 30, "{name}: gave up only after {asked} questions");
    }
}

#[test]
fn a_source_carries_the_article_even_with_a_useless_model() {
    let input = json!({"topic": "Beehives in winter", "source_text": SOURCE});
    testing::ai(|_| Ok("blah blah blah"));
    let draft = draft(&write(&input).unwrap());
    check_draft(&draft, 3);
    assert!(draft.body.contains("Honey bees do not hibernate."));
    assert!(draft.summary.starts_with("Honey bees"));
    assert_eq!(draft.sources[0].title.as_deref(), Some("Bees in winter"));
}

#[test]
fn what_the_source_does_not_say_is_left_out() {
    let input = json!({"topic": "Beehives in winter", "source_text": SOURCE});
    testing::ai(|request| {
        let retold = request
            .all_text()
            .contains("The cluster slowly moves through");
        Ok(if retold {
            "The queen is gathered around by a tight cluster of honey bees. The cluster eats stored honey and slowly moves through the combs. Bees live for 900 days. Astronauts took champagne to Jupiter yesterday. The bees do not hibernate around the queen and the cluster."
        } else {
            ""
        }
        .to_owned())
    });
    let draft = draft(&write(&input).unwrap());
    assert!(
        draft.body.contains("gathered around by a tight cluster"),
        "{}",
        draft.body
    );
    assert!(!draft.body.contains("900") && !draft.body.contains("Jupiter"));
}

#[test]
fn a_page_is_read_by_the_research_plugin() {
    testing::ai(|_| Ok(""));
    testing::tools(|_, _| {
        Ok(tools::Answer {
            content: "{}".to_owned(),
            text: SOURCE.to_owned(),
            sources: vec![Source {
                title: Some("The hive".to_owned()),
                ..Source::url("https://bees.example/winter")
            }],
        })
    });
    let input = json!({"topic": "Beehives in winter", "source_url": "https://bees.example/w"});
    let draft = draft(&write(&input).unwrap());
    assert_eq!(
        draft.sources[0].url.as_deref(),
        Some("https://bees.example/winter")
    );
    let called = testing::calls().into_iter().next().unwrap();
    let address = json!({"url": "https://bees.example/w"});
    assert_eq!(called, Call::Tool("research-web/fetch".to_owned(), address));

    testing::tools(|_, _| Err(Error::forbidden("tools were not granted")));
    let error = write(&input).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.message.contains("source_url"), "{error}");
}

#[test]
fn a_model_without_the_language_is_an_error_and_not_english() {
    testing::ai(|_| Ok(""));
    let error = write(&json!({"topic": "Tomaten auf dem Balkon", "language": "de"})).unwrap_err();
    assert!(error.message.contains("`de`"), "{error}");
}

#[test]
fn an_outage_is_handed_on_and_not_asked_again() {
    thread_local! { static ASKED: RefCell<u32> = const { RefCell::new(0) }; }
    testing::ai(|_| {
        ASKED.with(|asked| *asked.borrow_mut() += 1);
        Err::<String, _>(Error::unavailable("down"))
    });
    assert_eq!(write(&topic()).unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(ASKED.with(|asked| *asked.borrow()), 1);
}

#[test]
fn wrong_inputs_name_the_field_and_the_schema_is_flat() {
    let error = write(&json!({"topic": "x", "length": "endless"})).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("length"), "{error}");
    let short = json!({"topic": "Bees", "source_text": "Too short."});
    assert!(write(&short).unwrap_err().message.contains("20 words"));

    let template = &Articles.templates()[0];
    let schema: Value = serde_json::from_str(template.input_schema()).unwrap();
    assert_eq!(schema["required"], json!(["topic"]));
    assert!(!template.input_schema().contains("$ref"));
    for (name, property) in schema["properties"].as_object().unwrap() {
        assert!(
            property["description"].is_string(),
            "{name} has no description"
        );
    }
    assert_eq!(schema["properties"]["length"]["default"], "short");
    assert_eq!(schema["properties"]["words"]["maximum"], 4000);
}
