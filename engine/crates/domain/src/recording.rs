//! One call of a plugin, written down so that it can be run again without the world around it: what
//! the guest was asked, every import it made with its result, and what it answered. Credentials are
//! attached behind the host's back, so a recording cannot hold them.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codes;
use crate::{Error, Result};

/// Version of the format that is written.
pub const RECORDING_FORMAT: u32 = 1;

/// A recorded call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    pub format: u32,
    pub plugin: String,
    pub version: String,
    /// SHA-256 of the component, hex.
    pub digest: String,
    pub request_id: String,
    pub recorded_at: DateTime<Utc>,
    /// What the guest could read of its settings, a JSON object.
    pub settings: Value,
    /// The exported function, such as `complete`.
    pub function: String,
    pub arguments: Value,
    /// In the order in which they were made.
    pub imports: Vec<ImportRecord>,
    /// What the guest answered: one outcome, or for a stream one for each item, the end included.
    pub answers: Vec<Outcome>,
    /// Whether the caller left before the end, so that the rest is missing.
    pub is_cut_off: bool,
    /// From the call to its end, microseconds.
    pub took_us: u64,
}

/// A recording on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingInfo {
    /// Names it among the recordings of its plugin.
    pub id: String,
    pub version: String,
    pub function: String,
    pub recorded_at: DateTime<Utc>,
    pub size_bytes: u64,
}

/// One import a guest made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportRecord {
    /// `interface.function`, such as `http.send`.
    pub import: String,
    pub arguments: Value,
    pub outcome: Outcome,
    /// After the call began, microseconds.
    pub at_us: u64,
    pub took_us: u64,
}

/// How an import or a call ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Value(Value),
    /// A typed error, which the guest sees.
    Error(RecordedError),
    /// The end of the guest.
    Trap(String),
}

/// A domain error as it is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedError {
    pub code: String,
    pub message: String,
    pub retry_after_ms: Option<u64>,
    /// The code of the service behind, where it is an error of such a one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_code: Option<String>,
}

impl Outcome {
    /// What a call came to. A value that JSON cannot hold is written as a trap that says so.
    pub fn of<T: Serialize>(outcome: &Result<T>) -> Self {
        match outcome {
            Ok(value) => serde_json::to_value(value)
                .map_or_else(|error| Self::Trap(error.to_string()), Self::Value),
            Err(error) => Self::Error(error.into()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(formatter),
            Self::Error(RecordedError { code, message, .. }) => {
                write!(formatter, "the error {code} ({message})")
            }
            Self::Trap(why) => write!(formatter, "the trap {why}"),
        }
    }
}

impl From<&Error> for RecordedError {
    fn from(error: &Error) -> Self {
        let milliseconds = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self {
            code: error.code().name.to_owned(),
            message: error.message().to_owned(),
            retry_after_ms: error.retry_after().map(milliseconds),
            upstream_code: error.upstream_code().map(str::to_owned),
        }
    }
}

/// An unknown code becomes `internal`.
impl From<RecordedError> for Error {
    fn from(recorded: RecordedError) -> Self {
        let known = codes::ALL.iter().find(|known| known.name == recorded.code);
        Self::new(known.copied().unwrap_or(&codes::INTERNAL), recorded.message)
            .with_retry_after(recorded.retry_after_ms.map(Duration::from_millis))
            .with_upstream_code(recorded.upstream_code)
    }
}

/// As much of a recorded text as fits a message.
pub fn excerpt(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Bytes, written as base64 (RFC 4648).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&base64::display::Base64Display::new(
            &self.0,
            &base64::engine::general_purpose::STANDARD,
        ))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine;
        let text = String::deserialize(deserializer)?;
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// Which calls of a loaded version are recorded: a share of all, and the next few on demand.
#[derive(Debug, Default)]
pub struct RecordWish {
    /// 0 to 1.
    share: f64,
    next: AtomicU32,
}

impl RecordWish {
    pub fn new(share: f64) -> Self {
        Self {
            share,
            next: AtomicU32::new(0),
        }
    }

    /// Records the next calls, whatever the share is.
    pub fn record_next(&self, calls: u32) {
        self.next.store(calls, Ordering::Relaxed);
    }

    /// How many calls are still to be recorded on demand.
    pub fn left(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    /// Whether this call is recorded. `dice` is asked only where a share is set; it gives 0 to 1.
    pub fn wants(&self, dice: impl FnOnce() -> f64) -> bool {
        if self.next.load(Ordering::Relaxed) > 0 {
            let taken = self
                .next
                .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                });
            if taken.is_ok() {
                return true;
            }
        }
        self.share > 0.0 && dice() < self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_calls_are_recorded_and_then_only_the_share() {
        let wish = RecordWish::new(0.5);
        wish.record_next(2);
        let never = || 0.9;
        assert!(wish.wants(never));
        assert!(wish.wants(never));
        assert!(!wish.wants(never));
        assert!(wish.wants(|| 0.4));
        assert!(!RecordWish::new(0.0).wants(|| unreachable!()));
    }

    #[test]
    fn an_error_comes_back_as_it_was() {
        let error = Error::new(&codes::UPSTREAM_ERROR, "it said no")
            .with_retry_after(Some(Duration::from_secs(2)))
            .with_upstream_code(Some("overloaded".to_owned()));
        let written = serde_json::to_string(&RecordedError::from(&error)).expect("text");
        let recorded: RecordedError = serde_json::from_str(&written).expect("the same");
        let again = Error::from(recorded);
        assert_eq!(again.code().name, "upstream_error");
        assert_eq!(again.message(), error.message());
        assert_eq!(again.retry_after(), error.retry_after());
        assert_eq!(again.upstream_code(), Some("overloaded"));
    }

    #[test]
    fn a_code_that_is_gone_and_a_field_that_was_not_there_yet() {
        let written = r#"{"code":"no_such","message":"m","retry_after_ms":null}"#;
        let recorded: RecordedError = serde_json::from_str(written).expect("an error");
        assert_eq!(Error::from(recorded).code().name, "internal");
    }

    #[test]
    fn an_excerpt_ends_between_characters() {
        assert_eq!(excerpt("aéí", 3), "aéí");
        assert_eq!(excerpt("aéí", 2), "aé…");
    }

    #[test]
    fn bytes_travel_as_base64() {
        let blob = Blob(vec![0, 255, 7]);
        let text = serde_json::to_string(&blob).expect("text");
        assert_eq!(text, "\"AP8H\"");
        assert_eq!(serde_json::from_str::<Blob>(&text).expect("bytes"), blob);
    }
}
