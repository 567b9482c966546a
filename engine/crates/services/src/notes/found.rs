//! What a research tool found, as the text of a note: whatever it is, it is kept as far as a note can hold it.

use inkstone_domain::note::{FoundWith, MAX_TEXT_BYTES, MAX_TITLE_CHARS, NoteText};
use inkstone_domain::research::Answer;
use inkstone_domain::{Error, Result, codes};
use serde_json::Value;

use super::check::kept_sources;

const MAX_INPUT_BYTES: usize = 100 * 1024;
const CUT: &str = "…";

/// `invalid_input` where a note could not hold what the tool is given.
pub(super) fn check_input(input: &Value) -> Result<()> {
    match input.to_string().len() <= MAX_INPUT_BYTES {
        true => Ok(()),
        false => Err(Error::new(
            &codes::INVALID_INPUT,
            format!("a note keeps at most {MAX_INPUT_BYTES} bytes of input; ask without `keep_in`"),
        )),
    }
}

/// `tool` is its title.
pub(super) fn text_of(tool: &str, found_with: &FoundWith, answer: Answer) -> NoteText {
    NoteText {
        title: title(tool, found_with),
        body: cut_to_bytes(answer.text, MAX_TEXT_BYTES),
        sources: kept_sources(answer.sources),
    }
}

/// What was asked, and whom.
fn title(tool: &str, found_with: &FoundWith) -> String {
    let tool = match tool.trim() {
        "" => found_with.tool.as_str(),
        title => title,
    };
    let asked = in_short(&found_with.input);
    let title = match asked.is_empty() {
        true => tool.to_owned(),
        false => format!("{tool}: {asked}"),
    };
    match title.chars().count() <= MAX_TITLE_CHARS {
        true => title,
        false => {
            let beginning: String = title.chars().take(MAX_TITLE_CHARS - 1).collect();
            format!("{}{CUT}", beginning.trim_end())
        }
    }
}

/// Its words, in their order; lists and what lies deeper are left out.
fn in_short(input: &Value) -> String {
    let words = |value: &Value| match value {
        Value::String(text) => Some(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let all: Vec<String> = match input {
        Value::Object(fields) => fields.values().filter_map(words).collect(),
        other => words(other).into_iter().collect(),
    };
    let said = all.into_iter().filter(|words| !words.is_empty());
    said.collect::<Vec<_>>().join(", ")
}

fn cut_to_bytes(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - CUT.len()));
        text.push_str(CUT);
    }
    text
}

#[cfg(test)]
mod tests {
    use inkstone_domain::research::Source;
    use serde_json::json;

    use super::super::check;
    use super::*;

    fn found_with(input: Value) -> FoundWith {
        FoundWith {
            plugin: "research-web".to_owned(),
            plugin_version: "1.0.0".to_owned(),
            tool: "search".to_owned(),
            input,
        }
    }

    #[test]
    fn titles_say_what_was_asked() {
        for (tool, input, expected) in [
            (
                "Search",
                json!({"query": "spring \n tides"}),
                "Search: spring tides",
            ),
            (
                "Search",
                json!({"a": "tides", "b": 3, "c": ["x"], "d": {"e": "f"}}),
                "Search: tides, 3",
            ),
            ("Search", json!({"a": " ", "b": null}), "Search"),
            ("", json!({}), "search"),
            ("Search", json!("tides"), "Search: tides"),
            ("Search", json!([1]), "Search"),
        ] {
            assert_eq!(title(tool, &found_with(input)), expected);
        }
    }

    #[test]
    fn an_input_that_no_note_could_hold_is_refused() {
        check_input(&json!({"query": "tides"})).unwrap();
        let refused = check_input(&json!("x".repeat(MAX_INPUT_BYTES))).unwrap_err();
        assert_eq!(refused.code(), &codes::INVALID_INPUT);
    }

    #[test]
    fn whatever_a_tool_says_becomes_a_note() {
        let source = |url: &str, title: &str| Source {
            url: Some(url.to_owned()),
            title: Some(title.to_owned()),
            ..Source::default()
        };
        let long = "潮".repeat(60_000);
        let mut sources = vec![
            source("javascript:alert(1)", ""),
            source("ftp://example.org", "Files"),
            source("https://example.org/a", &long),
            Source::default(),
        ];
        sources.extend((0..200).map(|_| source("http://example.org", "More")));
        let answer = Answer {
            content: Value::Null,
            text: long.clone(),
            sources,
        };
        let text = text_of(&long, &found_with(json!({"query": long})), answer);
        check::text(&text).unwrap();
        assert!(text.body.ends_with("潮…") && text.title.ends_with("潮…"));
        assert_eq!(text.sources.len(), 100);
        assert_eq!(
            text.sources[0].url, None,
            "a file's address is none of the web"
        );
        assert_eq!(
            text.sources[1].url.as_deref(),
            Some("https://example.org/a")
        );
    }
}
