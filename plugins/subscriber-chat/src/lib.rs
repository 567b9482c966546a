//! Says in a chat what happens: one message for each event. Which events those are is the admin's grant; this only
//! finds the words, and hands faults on, so that the host tries again what may pass.
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use inkstone_plugin::subscriber::*;
use inkstone_plugin::{http, settings};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Answers are short; more is not read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The plugin.
pub struct Chat;

impl Subscriber for Chat {
    fn handle(&self, event: Event) -> Result<()> {
        let settings: Settings = settings::get()?;
        let mut message: Map<String, Value> = settings.fields.clone().into_iter().collect();
        message.insert(settings.field.clone(), settings.text(&event)?.into());
        let mut request = http::post(&settings.url).json(&message)?;
        if !settings.credential.is_empty() {
            request = request.credential(&settings.credential);
        }
        let answer = request.send()?.error_for_status()?;
        refusal(&answer.bytes(MAX_ANSWER_BYTES)?)
    }
}

inkstone_plugin::export_subscriber!(Chat);

/// As `[settings.schema]` of the manifest has them.
#[derive(Deserialize)]
struct Settings {
    url: String,
    #[serde(default = "text")]
    field: String,
    #[serde(default)]
    fields: BTreeMap<String, Value>,
    #[serde(default = "chat")]
    credential: String,
    #[serde(default)]
    texts: BTreeMap<String, String>,
}

fn text() -> String {
    "text".to_owned()
}

fn chat() -> String {
    "chat".to_owned()
}

impl Settings {
    fn text(&self, event: &Event) -> Result<String> {
        let own = self.texts.get(&event.type_).or_else(|| self.texts.get("*"));
        let template = match (own, &event.project) {
            (Some(template), _) => template,
            (None, Some(_)) => "{type}: {id} in {project}",
            (None, None) => "{type}: {id}",
        };
        Ok(fill(template, &words(event)?))
    }
}

/// What may stand in braces.
fn words(event: &Event) -> Result<BTreeMap<String, String>> {
    let data: Map<String, Value> = event.data()?;
    let mut words: BTreeMap<String, String> = data
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name, text),
            other => (name, other.to_string()),
        })
        .collect();
    let project = event.project.clone().unwrap_or_default();
    for (name, word) in [
        ("type", &event.type_),
        ("id", &event.aggregate.id),
        ("kind", &event.aggregate.kind),
        ("project", &project),
        ("actor", &event.actor),
        ("at", &event.at),
    ] {
        words.insert(name.to_owned(), word.clone());
    }
    Ok(words)
}

/// Braces around what is no word stay as they are.
fn fill(template: &str, words: &BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let word = after.split_once('}');
        match word.and_then(|(name, after)| Some((words.get(name)?, after))) {
            Some((word, after)) => {
                filled.push_str(word);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

/// Slack's way to refuse a message: `200` with `{"ok": false, "error": "channel_not_found"}`. Others say nothing, or
/// something else.
fn refusal(answer: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Answer {
        ok: bool,
        #[serde(default)]
        error: String,
    }
    match serde_json::from_slice(answer) {
        Ok(Answer { ok: false, error }) => {
            let reason = format!("the chat refused the message: {error}");
            Err(match error.as_str() {
                "ratelimited" | "rate_limited" => Error::rate_limited(reason),
                _ => Error::upstream(reason),
            })
        }
        _ => Ok(()),
    }
}
