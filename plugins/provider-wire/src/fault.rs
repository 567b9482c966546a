//! What servers send when something is wrong: OpenAI's envelope, what look-alikes make of it, Anthropic's
//! (`type` is a word) and Google's (`status` is a word, `code` the HTTP status).

use serde::Deserialize;
use serde_json::Value;

/// A body that may hold an error.
#[derive(Debug, Deserialize)]
pub struct ErrorReply {
    error: Option<ErrorField>,
    // Others leave out the envelope: {"object":"error","message":…} or {"detail":…}.
    message: Option<String>,
    detail: Option<Detail>,
    #[serde(rename = "type")]
    kind: Option<String>,
    error_type: Option<String>,
    code: Option<Code>,
}

/// `error` as an object, or as a text.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum ErrorField {
    Text(String),
    Fault(Fault),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Detail {
    Text(String),
    // FastAPI's list of what does not fit.
    List(Vec<DetailItem>),
}

#[derive(Debug, Deserialize)]
struct DetailItem {
    #[serde(default)]
    msg: String,
}

impl Detail {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(items) => {
                let texts: Vec<String> = items.into_iter().map(|item| item.msg).collect();
                texts.join("; ")
            }
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Fault {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub message: String,
    #[serde(rename = "type", alias = "status")]
    pub kind: Option<String>,
    pub code: Option<Code>,
    /// Google's further words, a list; others put anything here.
    #[serde(default)]
    pub details: Value,
}

/// A name such as `context_length_exceeded`, or the HTTP status as a number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Code {
    Number(i64),
    Name(String),
}

impl Code {
    /// The HTTP status it stands for.
    pub fn as_status(&self) -> Option<u16> {
        let status = match self {
            Self::Number(number) => u16::try_from(*number).ok()?,
            Self::Name(name) => name.parse().ok()?,
        };
        (400..600).contains(&status).then_some(status)
    }

    /// Its name, where it is one.
    pub fn as_name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Number(_) => None,
        }
    }
}

impl Fault {
    /// Its code where that is a name, as clients of OpenAI know it.
    pub fn code_word(&self) -> Option<String> {
        let name = self.code.as_ref().and_then(Code::as_name)?;
        (is_word(name) && self.code.as_ref().and_then(Code::as_status).is_none())
            .then(|| name.to_owned())
    }

    /// Its code, reason or type: a short word that never holds a secret.
    pub fn label(&self) -> Option<String> {
        let name = self.code.as_ref().and_then(Code::as_name);
        let label = name.or(self.reason()).or(self.kind.as_deref())?;
        is_word(label).then(|| label.to_owned())
    }
}

fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(is_plain)
}

/// What Google adds (google.rpc.Status).
impl Fault {
    /// The word of `ErrorInfo`, such as `API_KEY_INVALID`.
    pub fn reason(&self) -> Option<&str> {
        self.details
            .as_array()?
            .iter()
            .find_map(|detail| detail.get("reason")?.as_str())
    }

    /// The wait that `RetryInfo` asks for, such as `34.07s`; rounded up, so that nobody asks a moment too early.
    pub fn retry_after_ms(&self) -> Option<u32> {
        let delay = self
            .details
            .as_array()?
            .iter()
            .find_map(|detail| detail.get("retryDelay")?.as_str())?;
        let milliseconds = (delay.strip_suffix('s')?.parse::<f64>().ok()? * 1000.0).ceil();
        let fits = milliseconds.is_finite() && milliseconds >= 0.0;
        fits.then_some(milliseconds.min(f64::from(u32::MAX)) as u32)
    }
}

impl From<ErrorField> for Fault {
    fn from(field: ErrorField) -> Self {
        match field {
            ErrorField::Fault(fault) => fault,
            ErrorField::Text(message) => Self {
                message,
                ..Self::default()
            },
        }
    }
}

impl Fault {
    /// Of an event that says it is an error, whatever its data is.
    pub fn of_event(data: &str) -> Self {
        ErrorReply::read(data).unwrap_or_else(|| Self {
            message: data.to_owned(),
            ..Self::default()
        })
    }
}

impl ErrorReply {
    /// The fault in a body, where it is JSON and holds one.
    pub fn read(body: &str) -> Option<Fault> {
        // Google's look-alike wraps the object into a list.
        let reply = serde_json::from_str::<Self>(body).ok().or_else(|| {
            let list = serde_json::from_str::<Vec<Self>>(body).ok()?;
            list.into_iter().next()
        })?;
        let outer_kind = reply.kind.or(reply.error_type);
        if let Some(error) = reply.error {
            let mut fault = Fault::from(error);
            fault.kind = fault.kind.or(outer_kind);
            return Some(fault);
        }
        let message = reply.message.or(reply.detail.map(Detail::into_text))?;
        Some(Fault {
            message,
            kind: outer_kind,
            code: reply.code,
            details: Value::Null,
        })
    }
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}
