//! HTTP through the host's egress. `http::get(url).send()?` returns once the head of the response is here; the body
//! is an iterator of pieces, or read whole, or as lines, or as server-sent events ([`crate::sse`]).

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use crate::bindings::imports::inkstone::plugin::http::Request;
use crate::sse::{self, Events};
use crate::{Error, ErrorKind, Result, host, json};

/// What [`Response::text`] and [`Response::json`] read at most, in bytes.
pub const DEFAULT_BODY_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// A GET request.
pub fn get(url: impl Into<String>) -> Request {
    request("GET", url)
}

/// A POST request.
pub fn post(url: impl Into<String>) -> Request {
    request("POST", url)
}

/// A request with this method.
pub fn request(method: impl Into<String>, url: impl Into<String>) -> Request {
    Request {
        method: method.into(),
        url: url.into(),
        headers: Vec::new(),
        body: None,
        credential: None,
        timeout_ms: None,
    }
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends these bytes.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some(bytes.into());
        self
    }

    /// Sends this as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(value)?;
        Ok(self.header("content-type", "application/json").body(bytes))
    }

    /// Lets the host attach the credential of this name; its value never reaches the plugin.
    pub fn credential(mut self, name: impl Into<String>) -> Self {
        self.credential = Some(name.into());
        self
    }

    /// Waits at most this long for the head of the response.
    pub fn timeout_ms(mut self, milliseconds: u32) -> Self {
        self.timeout_ms = Some(milliseconds);
        self
    }

    /// Sends it. A status of 400 and above is no error here; see [`Response::error_for_status`].
    pub fn send(self) -> Result<Response> {
        let response = host::http::send(&self)?;
        Ok(Response {
            status: response.status,
            headers: response.headers,
            url: response.url,
            body: Body {
                body: Some(response.body),
            },
        })
    }
}

/// The head of a response, and its body still to be read.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The address that answered, after redirects.
    pub url: String,
    /// The body; dropping it closes the connection.
    pub body: Body,
}

impl Response {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Turns a status that is not 2xx into a typed error, with what the upstream says about it and its `Retry-After`.
    pub fn error_for_status(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let status = self.status;
        let retry_after_ms = self.retry_after_ms();
        let body = self.bytes(64 * 1024).unwrap_or_default();
        let said = upstream_message(&String::from_utf8_lossy(&body));
        let message = if said.is_empty() {
            format!("the upstream answered {status}")
        } else {
            format!("the upstream answered {status}: {said}")
        };
        let mut error = Error::new(kind_of_status(status), message).with_upstream_status(status);
        error.retry_after_ms = retry_after_ms;
        Err(error)
    }

    /// The whole body, an error beyond `limit_bytes`.
    pub fn bytes(self, limit_bytes: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for piece in self.body {
            let piece = piece?;
            if bytes.is_empty() {
                // A body in one piece is not copied.
                bytes = piece;
            } else {
                bytes.extend_from_slice(&piece);
            }
            if bytes.len() > limit_bytes {
                return Err(Error::upstream(format!(
                    "the upstream's answer is longer than {limit_bytes} bytes"
                )));
            }
        }
        Ok(bytes)
    }

    /// The whole body as UTF-8; what is no UTF-8 is replaced.
    pub fn text(self) -> Result<String> {
        let bytes = self.bytes(DEFAULT_BODY_LIMIT_BYTES)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The whole body as JSON; the error names the place that does not fit.
    pub fn json<T: DeserializeOwned>(self) -> Result<T> {
        json::parse(&self.text()?)
    }

    /// The body line by line, without line ends.
    pub fn lines(self) -> Lines {
        Lines {
            body: self.body,
            buffer: Vec::new(),
        }
    }

    /// The body as server-sent events.
    pub fn events(self) -> Events<Body> {
        sse::events(self.body)
    }

    /// From `retry-after-ms`, or from `retry-after` in seconds.
    fn retry_after_ms(&self) -> Option<u32> {
        let number = |name| self.header(name)?.trim().parse::<f64>().ok();
        let milliseconds =
            number("retry-after-ms").or_else(|| Some(number("retry-after")? * 1000.0))?;
        (milliseconds.is_finite() && milliseconds >= 0.0).then_some(milliseconds as u32)
    }
}

/// A body, piece by piece; ends after the first error.
pub struct Body {
    body: Option<host::http::Body>,
}

impl Iterator for Body {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.body.as_ref()?.read().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.body = None;
        }
        next
    }
}

/// The lines of a body.
pub struct Lines {
    body: Body,
    buffer: Vec<u8>,
}

impl Iterator for Lines {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut searched = 0;
        loop {
            let end = self.buffer[searched..].iter().position(|&b| b == b'\n');
            if let Some(end) = end {
                let mut line: Vec<u8> = self.buffer.drain(..=searched + end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Some(Ok(String::from_utf8_lossy(&line).into_owned()));
            }
            searched = self.buffer.len();
            match self.body.next() {
                Some(Ok(piece)) => self.buffer.extend_from_slice(&piece),
                Some(Err(error)) => return Some(Err(error)),
                None if self.buffer.is_empty() => return None,
                None => {
                    let line = std::mem::take(&mut self.buffer);
                    return Some(Ok(String::from_utf8_lossy(&line).into_owned()));
                }
            }
        }
    }
}

/// The kind of error an upstream's status stands for.
pub fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        400 | 413 | 415 | 422 => ErrorKind::InvalidInput,
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        409 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimited,
        502 | 503 | 529 => ErrorKind::Unavailable,
        _ => ErrorKind::Upstream,
    }
}

/// What an error body says: the usual places in JSON, else its first characters.
fn upstream_message(body: &str) -> String {
    let from_json = serde_json::from_str::<Value>(body).ok().and_then(|value| {
        let places = ["/error/message", "/error", "/message", "/detail"];
        places
            .iter()
            .find_map(|place| value.pointer(place)?.as_str().map(str::to_owned))
    });
    let text = from_json.unwrap_or_else(|| body.trim().to_owned());
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn errors_carry_kind_status_message_and_retry_after() {
        testing::http(|_| {
            Ok(testing::response(429)
                .header("retry-after", "2")
                .json(&serde_json::json!({"error": {"message": "slow down"}})))
        });
        let error = get("https://a.example")
            .send()
            .unwrap()
            .error_for_status()
            .err()
            .unwrap();
        assert_eq!(error.kind, ErrorKind::RateLimited);
        assert_eq!(error.upstream_status, Some(429));
        assert_eq!(error.retry_after_ms, Some(2000));
        assert_eq!(error.message, "the upstream answered 429: slow down");
    }

    #[test]
    fn lines_cross_pieces_and_may_lack_the_last_end() {
        testing::http(|_| Ok(testing::response(200).pieces(["a\r", "\nb", "b\n\nlast"])));
        let lines: Result<Vec<String>> = get("https://a.example").send().unwrap().lines().collect();
        assert_eq!(lines.unwrap(), ["a", "bb", "", "last"]);
    }

    #[test]
    fn a_body_beyond_the_limit_is_an_error() {
        testing::http(|_| Ok(testing::response(200).pieces(["12345", "67890"])));
        let response = get("https://a.example").send().unwrap();
        assert_eq!(response.bytes(9).unwrap_err().kind, ErrorKind::Upstream);
    }

    #[test]
    fn json_says_where_it_does_not_fit() {
        #[derive(Debug, serde::Deserialize)]
        struct Reply {
            #[allow(dead_code)]
            data: Vec<u32>,
        }
        testing::http(|_| Ok(testing::response(200).body(r#"{"data":[1,"x"]}"#)));
        let reply = get("https://a.example").send().unwrap().json::<Reply>();
        assert!(reply.unwrap_err().message.contains("data[1]"));
    }
}
