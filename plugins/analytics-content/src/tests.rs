//! The report as the host runs it.

use inkstone_plugin::analytics::*;
use inkstone_plugin::testing;
use serde_json::{Value, json};

use crate::Content;

const EELS: &str = "# The eel\n\nEels are born in the sea. They are wonderful swimmers, and people love them.\n\n## Rivers\n\nMany eels climb the rivers. Dams are a terrible danger to eels.\n\n- They eat worms.\n- They hide by day.\n";

fn run(input: &Value) -> Result<Vec<Block>> {
    testing::run_report(&Content, "content", input)
}

fn report(input: &Value) -> Vec<Block> {
    run(input).unwrap()
}

fn value(blocks: &[Block], id: &str) -> Option<f64> {
    blocks.iter().find_map(|block| match block {
        Block::Metric(metric) if metric.id == id => Some(metric.value),
        _ => None,
    })
}

fn table<'a>(blocks: &'a [Block], id: &str) -> &'a Table {
    let found = blocks.iter().find_map(|block| match block {
        Block::Table(table) if table.id == id => Some(table),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no table {id}"))
}

fn series<'a>(blocks: &'a [Block], id: &str) -> &'a Series {
    let found = blocks.iter().find_map(|block| match block {
        Block::Series(series) if series.id == id => Some(series),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no series {id}"))
}

fn cells(table: &Table) -> Vec<Vec<String>> {
    let text = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Empty => String::new(),
    };
    table
        .rows
        .iter()
        .map(|row| row.iter().map(text).collect())
        .collect()
}

fn chart(blocks: &[Block]) -> Value {
    let found = blocks.iter().find_map(|block| match block {
        Block::Chart(chart) => Some(serde_json::from_str(&chart.spec).unwrap()),
        _ => None,
    });
    found.unwrap()
}

/// Every number is finite and every row as wide as its table.
fn assert_sound(blocks: &[Block], of: &str) {
    for block in blocks {
        match block {
            Block::Metric(metric) => assert!(metric.value.is_finite(), "{}: {of}", metric.id),
            Block::Series(series) => {
                assert!(
                    series.points.iter().all(|point| point.y.is_finite()),
                    "{of}"
                );
                assert!(!series.points.is_empty(), "{of}");
            }
            Block::Table(table) => {
                for cell in table.rows.iter().flatten() {
                    assert!(
                        !matches!(cell, Cell::Number(number) if !number.is_finite()),
                        "{of}"
                    );
                }
                assert!(
                    table
                        .rows
                        .iter()
                        .all(|row| row.len() == table.columns.len())
                );
            }
            Block::Chart(_) => {}
        }
    }
}

#[test]
fn numbers_follow_the_text() {
    let blocks = report(&json!({ "text": EELS }));
    assert_sound(&blocks, EELS);
    assert_eq!(value(&blocks, "words"), Some(36.0));
    assert_eq!(value(&blocks, "sentences"), Some(6.0));
    assert_eq!(value(&blocks, "paragraphs"), Some(4.0));
    assert_eq!(value(&blocks, "reading-time"), Some(0.15));
    assert_eq!(value(&blocks, "heading-problems"), Some(0.0));
    // 33 words of prose in 6 sentences, with 42 syllables.
    assert_eq!(value(&blocks, "words-per-sentence"), Some(5.5));
    assert_eq!(value(&blocks, "flesch-reading-ease"), Some(93.58));
    let grade = value(&blocks, "flesch-kincaid-grade").unwrap();
    assert!((0.0..5.0).contains(&grade), "{grade}");
    for id in ["gunning-fog", "smog", "coleman-liau", "lix"] {
        assert!(value(&blocks, id).is_some(), "{id}");
    }
}

#[test]
fn sentiment_runs_through_the_paragraphs() {
    let blocks = report(&json!({ "text": EELS }));
    let points = &series(&blocks, "sentiment-by-paragraph").points;
    assert_eq!(points.len(), 4);
    assert_eq!(points[0].x, "1");
    assert!(points[0].y > 0.2, "{points:?}");
    assert!(points[1].y < -0.2, "{points:?}");
    assert_eq!(points[2].y, 0.0);
}

#[test]
fn charts_are_vega_lite_with_their_data() {
    let spec = chart(&report(&json!({ "text": EELS })));
    assert_eq!(
        spec["$schema"],
        "https://vega.github.io/schema/vega-lite/v5.json"
    );
    assert_eq!(spec["mark"]["type"], "bar");
    let values = spec["data"]["values"].as_array().unwrap();
    assert_eq!(values[0], json!({ "words": "1–5", "sentences": 3 }));
    let total: u64 = values
        .iter()
        .map(|bar| bar["sentences"].as_u64().unwrap())
        .sum();
    assert_eq!(total, 6);
    for channel in ["x", "y"] {
        let field = spec["encoding"][channel]["field"].as_str().unwrap();
        assert!(values.iter().all(|bar| bar.get(field).is_some()));
    }
}

#[test]
fn terms_leave_stop_words_out() {
    let blocks = report(&json!({ "text": EELS }));
    let rows = cells(table(&blocks, "terms"));
    assert_eq!(rows[0], ["eels", "3", "8.33", "no", "no"]);
    assert_eq!(rows[1], ["rivers", "2", "5.56", "no", "yes"]);
    assert!(
        rows.iter().all(|row| row[0] != "are" && row[0] != "they"),
        "{rows:?}"
    );
}

#[test]
fn wanted_keywords_are_looked_for_in_every_place() {
    let keywords = json!(["Eel", "eels", "climb the rivers", "salmon", "!"]);
    let blocks = report(&json!({ "text": EELS, "title": "Eels in Rivers", "keywords": keywords }));
    let rows = cells(table(&blocks, "keywords"));
    assert_eq!(rows[0], ["Eel", "1", "2.78", "no", "no", "yes", ""]);
    assert_eq!(
        rows[1],
        [
            "eels",
            "3",
            "8.33",
            "yes",
            "yes",
            "no",
            "occurs so often that it disturbs"
        ]
    );
    assert_eq!(
        rows[2],
        ["climb the rivers", "1", "8.33", "no", "no", "no", ""]
    );
    assert_eq!(rows[3][6], "does not occur");
    assert_eq!(rows[4][6], "does not occur");
}

#[test]
fn headings_show_what_is_wrong_with_them() {
    let long = "word ".repeat(301);
    let text = format!(
        "## First\n\ntext\n\n#### Deep\n\n{long}\n\n# One\n\n# Two\n\nx\n\n## first\n\ny\n\n##\n\nz\n"
    );
    let blocks = report(&json!({ "text": text }));
    let rows = cells(table(&blocks, "headings"));
    let problems: Vec<&str> = rows.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(
        problems,
        [
            "the first heading has level 2, not 1",
            "level 2 is followed by level 4: a level is skipped; more than 300 words without a subheading",
            "no text below it",
            "a second heading of level 1",
            "the same heading stands above",
            "the heading is empty",
        ]
    );
    assert_eq!(value(&blocks, "heading-problems"), Some(7.0));
    assert_eq!(rows[1][..3], ["4", "Deep", "301"]);
}

#[test]
fn a_flood_of_headings_is_counted_but_not_listed() {
    let blocks = report(&json!({ "text": "# a\n\nb\n\n".repeat(1000) }));
    assert_eq!(table(&blocks, "headings").rows.len(), 300);
    // Each but the first is a second heading of level 1 and repeats the first.
    assert_eq!(value(&blocks, "heading-problems"), Some(1998.0));
}

#[test]
fn a_title_stands_for_the_first_heading() {
    let text = "Some words.\n\n## Part\n\nMore words.";
    let without = report(&json!({ "text": text }));
    assert_eq!(value(&without, "heading-problems"), Some(2.0));
    assert_eq!(
        cells(table(&without, "headings"))[0],
        ["", "", "", "there is no heading of level 1 and no title"]
    );
    let with = report(&json!({ "text": text, "title": "Whole" }));
    assert_eq!(value(&with, "heading-problems"), Some(0.0));
}

#[test]
fn other_languages_get_only_what_holds_for_them() {
    let text = "# Der Aal\n\nDer Aal lebt im Fluss und der Fluss führt den Aal ins Meer.";
    let blocks = report(&json!({ "text": text, "language": "de-AT" }));
    assert_sound(&blocks, text);
    for id in ["flesch-reading-ease", "smog", "sentiment"] {
        assert_eq!(value(&blocks, id), None, "{id}");
    }
    assert!(value(&blocks, "lix").is_some());
    let rows = cells(table(&blocks, "terms"));
    assert_eq!(rows[0][..2], ["aal", "3"]);
    assert!(
        rows.iter().all(|row| row[0] != "der" && row[0] != "und"),
        "{rows:?}"
    );
    // A language without a list of stop words is measured all the same.
    assert!(run(&json!({ "text": text, "language": "xx" })).is_ok());
}

#[test]
fn texts_without_words_are_refused() {
    for text in [
        "",
        " \n",
        "!!! …",
        "```\ncode\n```",
        "![alt](x.png)",
        "<p>html</p>",
    ] {
        let error = run(&json!({ "text": text })).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput, "{text}");
        assert!(error.message.contains("no words"), "{error}");
    }
    assert_eq!(run(&json!({})).unwrap_err().kind, ErrorKind::InvalidInput);
    assert_eq!(
        run(&json!({ "text": "x", "tone": "y" })).unwrap_err().kind,
        ErrorKind::InvalidInput
    );
}

#[test]
fn odd_texts_have_finite_numbers() {
    let endless = "word ".repeat(20_000);
    let many = "- yes\n".repeat(1000);
    for text in [
        "a",
        "# Only a heading",
        "| a |\n|---|\n| b |",
        "1",
        "日本語の文章です。",
        "😀 ok",
        &endless,
        &many,
    ] {
        let blocks = report(&json!({ "text": text, "keywords": ["", "a"] }));
        assert_sound(&blocks, text);
    }
    let blocks = report(&json!({ "text": many }));
    let points = &series(&blocks, "sentiment-by-paragraph").points;
    assert_eq!(points.len(), 200);
    assert_eq!(points[0].x, "1–5");
}

#[test]
fn the_input_says_what_it_takes() {
    let reports = Content.reports();
    let schema: Value = serde_json::from_str(reports[0].input_schema()).unwrap();
    assert_eq!(schema["required"], json!(["text"]));
    assert_eq!(schema["properties"]["language"]["default"], "en");
    assert_eq!(schema["properties"]["keywords"]["items"]["maxLength"], 100);
}
