//! What an engine answers when it refuses, and every other way in which a call to it can fail.

use inkstone_domain::FieldError;
use serde::Deserialize;

use crate::failure::BoxError;

/// A call to an engine failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No engine answers there, or the connection broke off.
    #[error("no engine answers at {base_url}; start one with `inkstone serve`")]
    Unreachable {
        base_url: String,
        #[source]
        source: BoxError,
    },
    /// It did not answer in time.
    #[error("the engine at {base_url} did not answer in time")]
    Timeout { base_url: String },
    /// It answered with an error.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// Its answer is not what was expected.
    #[error("the engine's answer cannot be read; is it of the same version?")]
    Unreadable {
        #[source]
        source: serde_json::Error,
    },
    /// The body of the call is no JSON.
    #[error("the request cannot be written as JSON")]
    Unwritable {
        #[source]
        source: serde_json::Error,
    },
}

impl ApiError {
    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            _ => None,
        }
    }

    /// The stable code of the engine's answer.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => problem.code.as_deref(),
            _ => None,
        }
    }
}

/// An error as the engine tells it: RFC 9457, or OpenAI's envelope on the compatible routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub status: u16,
    pub code: Option<String>,
    pub title: Option<String>,
    /// What is wrong and what would help.
    pub detail: String,
    pub errors: Vec<FieldError>,
}

impl Problem {
    pub(crate) fn parse(status: u16, body: &[u8]) -> Self {
        let raw: RawProblem = serde_json::from_slice(body).unwrap_or_default();
        let envelope = raw.error.unwrap_or_default();
        let detail = raw
            .detail
            .or(envelope.message)
            .or_else(|| raw.title.clone())
            .unwrap_or_else(|| plain_detail(status, body));
        Self {
            status,
            code: raw.code.or(envelope.code),
            title: raw.title,
            detail,
            errors: raw.errors,
        }
    }
}

#[derive(Default, Deserialize)]
struct RawProblem {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    errors: Vec<FieldError>,
    error: Option<RawEnvelope>,
}

#[derive(Default, Deserialize)]
struct RawEnvelope {
    message: Option<String>,
    code: Option<String>,
}

/// For answers in neither form, such as a proxy's page.
fn plain_detail(status: u16, body: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(body);
    let text: String = text.trim().chars().take(LONGEST).collect();
    if text.is_empty() {
        format!("the engine answered with status {status}")
    } else {
        format!("the engine answered with status {status}: {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_and_none_are_read() {
        for (body, code, detail) in [
            (
                r#"{"type":"about:blank","title":"T","code":"unknown_plugin","detail":"no `x`","errors":[]}"#,
                Some("unknown_plugin"),
                "no `x`",
            ),
            (
                r#"{"error":{"message":"no model","type":"x","code":"unknown_model","param":null}}"#,
                Some("unknown_model"),
                "no model",
            ),
            (r#"{"title":"Only a title"}"#, None, "Only a title"),
            ("", None, "the engine answered with status 404"),
            (
                "<p>gone",
                None,
                "the engine answered with status 404: <p>gone",
            ),
        ] {
            let problem = Problem::parse(404, body.as_bytes());
            assert_eq!(problem.code.as_deref(), code, "{body}");
            assert_eq!(problem.detail, detail, "{body}");
        }
    }
}
