//! What a call did, written down as it happens, or held against what was written down before. Every
//! import passes by here once: on a recorded call its result is noted; on a replayed one the result
//! comes from the recording, and the first difference ends the guest.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use inkstone_domain::recording::{ImportRecord, Outcome, Recording, excerpt};
use inkstone_domain::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::RuleBroken;

/// Longest recording that is kept, in bytes of JSON.
const MAX_BYTES: usize = 64 << 20;

/// The tape of one call.
pub(crate) struct Tape {
    began: Instant,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    /// What the recording says comes next; `None` while recording.
    expected: Option<Expected>,
    imports: Vec<ImportRecord>,
    answers: Vec<Outcome>,
    difference: Option<String>,
    bytes: usize,
}

struct Expected {
    is_cut_off: bool,
    imports: VecDeque<ImportRecord>,
    answers: VecDeque<Outcome>,
}

/// What stands on a tape at the end.
pub(crate) struct Taped {
    pub imports: Vec<ImportRecord>,
    pub answers: Vec<Outcome>,
    /// Of a replay: where it first went another way.
    pub difference: Option<String>,
    /// Whether it grew beyond what is kept.
    pub is_too_long: bool,
    pub took_us: u64,
}

/// One import under way.
pub(crate) struct Entry {
    import: &'static str,
    arguments: Value,
    at_us: u64,
    recorded: Option<Outcome>,
}

impl Tape {
    pub fn recording() -> Self {
        Self {
            began: Instant::now(),
            pages: Mutex::default(),
        }
    }

    pub fn replaying(recording: &Recording) -> Self {
        let expected = Expected {
            is_cut_off: recording.is_cut_off,
            imports: recording.imports.clone().into(),
            answers: recording.answers.clone().into(),
        };
        Self {
            began: Instant::now(),
            pages: Mutex::new(Pages {
                expected: Some(expected),
                ..Pages::default()
            }),
        }
    }

    /// An import begins. On a replay it must be the one that was recorded, with the same arguments.
    pub fn enter(
        &self,
        import: &'static str,
        arguments: &impl Serialize,
    ) -> Result<Entry, RuleBroken> {
        let arguments = serde_json::to_value(arguments)
            .map_err(|error| RuleBroken(format!("`{import}` cannot be written down: {error}")))?;
        let mut pages = self.pages();
        let mut recorded = None;
        if let Some(expected) = &mut pages.expected {
            match expected.imports.pop_front() {
                Some(next) if next.import == import && next.arguments == arguments => {
                    recorded = Some(next.outcome);
                }
                None if expected.is_cut_off => {
                    return Err(RuleBroken("the recording ends here".to_owned()));
                }
                other => {
                    let number = pages.imports.len() + 1;
                    let why = difference(number, import, &arguments, other.as_ref());
                    pages.differs(&why);
                    return Err(RuleBroken(why));
                }
            }
        }
        Ok(Entry {
            import,
            arguments,
            at_us: self.now_us(),
            recorded,
        })
    }

    /// An import ends.
    pub fn leave<T: Serialize>(&self, entry: Entry, outcome: &wasmtime::Result<T>) {
        let outcome = match outcome {
            Ok(value) => Outcome::of(&Ok(value)),
            Err(error) => match error.downcast_ref::<Error>() {
                Some(error) => Outcome::Error(error.into()),
                None => Outcome::Trap(format!("{error:#}")),
            },
        };
        let now_us = self.now_us();
        let mut pages = self.pages();
        pages.bytes += weight(&entry.arguments) + weight_of(&outcome);
        if pages.bytes > MAX_BYTES {
            return;
        }
        pages.imports.push(ImportRecord {
            import: entry.import.to_owned(),
            arguments: entry.arguments,
            outcome,
            took_us: now_us - entry.at_us,
            at_us: entry.at_us,
        });
    }

    /// The guest answered, or handed over the next item of a stream.
    pub fn answer<T: Serialize>(&self, outcome: &Result<T>) {
        let outcome = Outcome::of(outcome);
        let mut pages = self.pages();
        let number = pages.answers.len() + 1;
        if let Some(expected) = &mut pages.expected {
            let next = expected.answers.pop_front();
            let is_past_the_end = next.is_none() && expected.is_cut_off;
            if is_past_the_end {
                return;
            }
            if next.as_ref() != Some(&outcome) {
                let was = next.map_or_else(|| "nothing".to_owned(), |next| quoted(&next));
                let why = format!(
                    "answer {number}: {was} was recorded, and it is {}",
                    quoted(&outcome)
                );
                pages.differs(&why);
            }
        }
        pages.bytes += weight_of(&outcome);
        if pages.bytes <= MAX_BYTES {
            pages.answers.push(outcome);
        }
    }

    /// Ends the tape. On a replay, what was recorded and never came is a difference too.
    pub fn end(&self) -> Taped {
        let took_us = self.now_us();
        let mut pages = std::mem::take(&mut *self.pages());
        if let Some(expected) = pages.expected.take()
            && !expected.is_cut_off
        {
            if let Some(missing) = expected.imports.front() {
                let number = pages.imports.len() + 1;
                pages.differs(&format!(
                    "import {number}: `{}` was recorded and was not made",
                    missing.import
                ));
            }
            if let Some(missing) = expected.answers.front() {
                let number = pages.answers.len() + 1;
                pages.differs(&format!(
                    "answer {number}: {} was recorded and did not come",
                    quoted(missing)
                ));
            }
        }
        Taped {
            imports: pages.imports,
            answers: pages.answers,
            difference: pages.difference,
            is_too_long: pages.bytes > MAX_BYTES,
            took_us,
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Pages {
    /// The first difference is kept.
    fn differs(&mut self, why: &str) {
        self.difference.get_or_insert_with(|| why.to_owned());
    }
}

impl Entry {
    /// What was recorded for this import; `None` where the call is live.
    pub fn recorded<T: DeserializeOwned>(&mut self) -> Option<wasmtime::Result<T>> {
        Some(match self.recorded.take()? {
            Outcome::Value(value) => serde_json::from_value(value).map_err(|error| {
                let import = self.import;
                RuleBroken(format!(
                    "the recorded result of `{import}` is damaged: {error}"
                ))
                .into()
            }),
            Outcome::Error(error) => Err(Error::from(error).into()),
            Outcome::Trap(why) => Err(RuleBroken(why).into()),
        })
    }
}

fn difference(
    number: usize,
    import: &str,
    arguments: &Value,
    recorded: Option<&ImportRecord>,
) -> String {
    match recorded {
        None => format!("import {number}: nothing more was recorded, and it called `{import}`"),
        Some(recorded) if recorded.import != import => format!(
            "import {number}: `{}` was recorded, and it called `{import}`",
            recorded.import
        ),
        Some(recorded) => {
            let (place, was, is) = first_difference(&recorded.arguments, arguments);
            format!(
                "import {number}: `{import}` was recorded with {was} at {place}, and is called with {is}",
                place = if place.is_empty() { "/" } else { &place },
                was = quoted(was),
                is = quoted(is),
            )
        }
    }
}

/// Where two values first differ, as a JSON pointer (RFC 6901), and what stands there in each.
fn first_difference<'a>(one: &'a Value, other: &'a Value) -> (String, &'a Value, &'a Value) {
    let inner = match (one, other) {
        (Value::Array(ones), Value::Array(others)) if ones.len() == others.len() => {
            let mut pairs = ones.iter().zip(others).enumerate();
            pairs
                .find(|(_, (one, other))| one != other)
                .map(|(at, (one, other))| (at.to_string(), one, other))
        }
        (Value::Object(ones), Value::Object(others)) => ones.iter().find_map(|(key, one)| {
            let other = others.get(key)?;
            (one != other).then(|| (key.replace('~', "~0").replace('/', "~1"), one, other))
        }),
        _ => None,
    };
    match inner {
        Some((step, one, other)) => {
            let (rest, one, other) = first_difference(one, other);
            (format!("/{step}{rest}"), one, other)
        }
        None => (String::new(), one, other),
    }
}

/// Short enough for a message.
fn quoted(text: &impl ToString) -> String {
    const MAX_CHARS: usize = 200;
    excerpt(&text.to_string(), MAX_CHARS)
}

/// About how many bytes of JSON a value is.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + 2,
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| name.len() + 4 + weight(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

fn weight_of(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Value(value) => weight(value),
        Outcome::Error(error) => error.message.len() + 32,
        Outcome::Trap(why) => why.len() + 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use inkstone_domain::codes;
    use serde_json::json;

    fn recorded(taped: Taped) -> Recording {
        Recording {
            format: 1,
            plugin: "p".to_owned(),
            version: "0.1.0".to_owned(),
            digest: String::new(),
            request_id: String::new(),
            recorded_at: DateTime::UNIX_EPOCH,
            settings: json!({}),
            function: "run".to_owned(),
            arguments: Value::Null,
            imports: taped.imports,
            answers: taped.answers,
            is_cut_off: false,
            took_us: taped.took_us,
        }
    }

    #[test]
    fn what_lies_beyond_a_cut_is_no_difference() {
        let mut recording = a_recording();
        recording.is_cut_off = true;
        recording.imports.truncate(1);
        recording.answers.clear();
        let tape = Tape::replaying(&recording);
        let entry = tape.enter("kv.get", &["a"]).ok().unwrap();
        tape.leave(entry, &Ok(7));
        assert!(tape.enter("kv.get", &["b"]).is_err());
        tape.answer(&Ok("done"));
        assert_eq!(tape.end().difference, None);
    }

    fn a_recording() -> Recording {
        let tape = Tape::recording();
        let mut entry = tape.enter("kv.get", &["a"]).ok().unwrap();
        assert!(entry.recorded::<u32>().is_none());
        tape.leave(entry, &Ok(7));
        let entry = tape.enter("kv.get", &["b"]).ok().unwrap();
        let error = Error::new(&codes::QUOTA_EXCEEDED, "full");
        tape.leave::<u32>(entry, &Err(error.into()));
        tape.answer(&Ok("done"));
        recorded(tape.end())
    }

    #[test]
    fn a_replay_gives_what_was_recorded_and_finds_no_difference() {
        let recording = a_recording();
        let tape = Tape::replaying(&recording);
        let mut first = tape.enter("kv.get", &["a"]).ok().unwrap();
        let value = first.recorded::<u32>().unwrap();
        assert_eq!(*value.as_ref().unwrap(), 7);
        tape.leave(first, &value);
        let mut second = tape.enter("kv.get", &["b"]).ok().unwrap();
        let error = second.recorded::<u32>().unwrap();
        let code = error.as_ref().unwrap_err().downcast_ref::<Error>().unwrap();
        assert_eq!(code.code().name, "quota_exceeded");
        tape.leave(second, &error);
        tape.answer(&Ok("done"));
        let taped = tape.end();
        assert_eq!(taped.difference, None);
        assert_eq!(taped.imports.len(), 2);
    }

    #[test]
    fn the_first_difference_is_told() {
        let recording = a_recording();
        let of = |play: &dyn Fn(&Tape)| {
            let tape = Tape::replaying(&recording);
            play(&tape);
            tape.end().difference.unwrap()
        };
        let other_arguments = of(&|tape| drop(tape.enter("kv.get", &["x"])));
        assert_eq!(
            other_arguments,
            "import 1: `kv.get` was recorded with \"a\" at /0, and is called with \"x\""
        );
        let other_import = of(&|tape| drop(tape.enter("clock.now-ms", &())));
        assert!(
            other_import.contains("it called `clock.now-ms`"),
            "{other_import}"
        );
        let early_end = of(&|_| ());
        assert!(early_end.contains("was not made"), "{early_end}");
        let other_answer = of(&|tape| tape.answer(&Ok("other")));
        assert!(
            other_answer.contains("\"done\" was recorded"),
            "{other_answer}"
        );
    }
}
