//! The table of faults: a row for each, in words that stay the same from run to run.

use std::fmt::Write;

use serde_json::Value;

use super::Seen;
use crate::calls::{Reply, events_of};
use crate::scripted::{BEGINNING, TEXT};

/// All rows as markdown, the second time with how long each took.
pub fn tables(seen: &[Seen], lines: &[Value]) -> (String, String) {
    let (mut table, mut timed) = (head(""), head(" ms |"));
    for one in seen {
        let row = one.row(lines);
        writeln!(table, "{row}").unwrap();
        writeln!(timed, "{row} {} |", one.took.as_millis()).unwrap();
    }
    (table, timed)
}

fn head(more: &str) -> String {
    let columns = "| fault | call | HTTP | code | said | asked | ledger |";
    let rule = "|---|---|---|---|---|---|---|";
    let more_rule = if more.is_empty() { "" } else { "---|" };
    format!("{columns}{more}\n{rule}{more_rule}\n")
}

/// The error's code, and when to come again.
pub fn code_in(reply: &Reply) -> String {
    let code = reply.error_code().unwrap_or_else(|| "–".to_owned());
    match reply.header("retry-after") {
        Some(seconds) => format!("{code}, retry-after {seconds}"),
        None => code,
    }
}

/// The texts by name; who went on with them, and the tokens of all.
pub fn said_in(reply: &Reply) -> String {
    let text = reply.text();
    let said = match text.as_str() {
        "" => "–".to_owned(),
        text if text.starts_with(BEGINNING) && text.ends_with(TEXT) => {
            "beginning + rest".to_owned()
        }
        text if text == BEGINNING => "beginning".to_owned(),
        text if text == TEXT => "all".to_owned(),
        text if text.starts_with(BEGINNING) => "beginning and on".to_owned(),
        other => format!("{other:?}"),
    };
    let mut events = events_of(&reply.body);
    events.extend(serde_json::from_str::<Value>(&reply.body));
    let rerouted = events
        .iter()
        .find_map(|event| event["inkstone"]["rerouted_to"].as_str());
    let usage = &events.last().unwrap_or(&Value::Null)["usage"];
    match rerouted {
        Some(model) => format!(
            "{said}, rerouted to {model}, {}+{}",
            usage["prompt_tokens"],
            few(&usage["completion_tokens"])
        ),
        None => said,
    }
}

impl Seen {
    fn row(&self, lines: &[Value]) -> String {
        let own = lines
            .iter()
            .filter(|line| line["request_id"] == self.request_id.as_str());
        let own: Vec<String> = own.map(line_in_short).collect();
        let (case, stand_in) = (
            &self.case,
            if self.case.has_stand_in {
                " + stand-in"
            } else {
                ""
            },
        );
        format!(
            "| {} | {}{stand_in} | {} | {} | {} | {} | {} |",
            case.fault,
            case.way(),
            self.status,
            self.code,
            self.said,
            self.asked,
            own.join("; ")
        )
    }
}

/// Outcome, error and tokens of an attempt.
fn line_in_short(line: &Value) -> String {
    let code = line["error_code"].as_str();
    let code = code.map_or_else(String::new, |code| format!(" {code}"));
    format!(
        "{}{code} {}+{}",
        line["outcome"].as_str().unwrap(),
        line["input_tokens"],
        few(&line["output_tokens"])
    )
}

/// A number of tokens. Where exactly an endless answer was cut is nobody's promise.
fn few(tokens: &Value) -> String {
    match tokens.as_u64() {
        Some(many) if many > 1000 => "many".to_owned(),
        _ => tokens.to_string(),
    }
}
