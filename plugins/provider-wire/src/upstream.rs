//! One configured server: its address, headers and the credential's name. It knows no message's shape.

use inkstone_plugin::http::{self, Response};
use inkstone_plugin::{Error, ErrorKind, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure;

/// What one answer that is no stream may weigh, in bytes.
const ANSWER_LIMIT_BYTES: usize = 48 * 1024 * 1024;

/// A server and how to reach it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upstream {
    /// Without a slash at its end.
    pub base_url: String,
    /// Name of the credential the host attaches; empty is none.
    pub credential: String,
    /// Sent with every request.
    pub headers: Vec<(&'static str, String)>,
    /// For the head of an answer.
    pub timeout_ms: u32,
}

impl Upstream {
    /// A server whose address the admin set in `base_url`.
    ///
    /// # Errors
    /// `invalid-input` where that is no address of the web.
    pub fn new(base_url: &str, credential: &str, timeout_ms: u32) -> Result<Self> {
        let address = base_url.trim().trim_end_matches('/');
        if !address.starts_with("https://") && !address.starts_with("http://") {
            return Err(Error::invalid_input(format!(
                "setting `base_url` is `{address}`; it begins with https:// or http://"
            )));
        }
        Ok(Self {
            base_url: address.to_owned(),
            credential: credential.to_owned(),
            headers: Vec::new(),
            timeout_ms,
        })
    }

    /// Sends this header with every request.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Gets `path`; a status that is not 2xx is a typed error.
    pub fn get(&self, path: &str) -> Result<Response> {
        self.send(http::get(self.address(path)))
    }

    /// Posts JSON to `path`; a status that is not 2xx is a typed error.
    pub fn post(&self, path: &str, body: &impl Serialize, accept: &str) -> Result<Response> {
        let request = http::post(self.address(path))
            .header("accept", accept)
            .json(body)?;
        self.send(request)
    }

    /// Gets the list of models; where there is none, the error says what to do instead.
    pub fn get_models(&self, path: &str) -> Result<Response> {
        self.get(path).map_err(|error| match error.kind {
            ErrorKind::NotFound | ErrorKind::Unsupported => Error {
                message: format!(
                    "{} has no list of models ({}); check `base_url`, or name the models in the setting `models`",
                    self.base_url, error.message
                ),
                ..error
            },
            _ => error,
        })
    }

    fn send(&self, mut request: http::Request) -> Result<Response> {
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !self.credential.is_empty() {
            request = request.credential(&self.credential);
        }
        let response = request.timeout_ms(self.timeout_ms).send()?;
        if response.is_success() {
            return Ok(response);
        }
        Err(failure::from_response(response, &self.credential))
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }
}

/// Whether the answer is of this media type, whatever its parameters are.
pub fn is_of_type(response: &Response, media_type: &str) -> bool {
    response
        .header("content-type")
        .is_some_and(|kind| kind.trim_start().starts_with(media_type))
}

/// A text as part of an address: all but the unreserved characters of RFC 3986 as `%` and two digits.
pub fn percent_encoded(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Reads a whole answer.
pub fn read<T: DeserializeOwned>(response: Response) -> Result<T> {
    inkstone_plugin::json::parse(&text(response)?)
}

/// The whole answer as text.
pub fn text(response: Response) -> Result<String> {
    let bytes = response.bytes(ANSWER_LIMIT_BYTES)?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkstone_plugin::testing;

    #[test]
    fn slashes_at_the_end_are_dropped_and_other_schemes_refused() {
        let upstream = Upstream::new(" http://127.0.0.1:8080/v1// ", "", 1).unwrap();
        assert_eq!(upstream.base_url, "http://127.0.0.1:8080/v1");
        let error = Upstream::new("localhost:8080", "", 1).unwrap_err();
        assert!(error.message.contains("base_url"), "{}", error.message);
    }

    #[test]
    fn headers_and_the_credential_go_with_every_request() {
        testing::reset();
        testing::http(|request| {
            assert_eq!(request.url, "https://api.example.org/v1/models");
            assert_eq!(request.credential.as_deref(), Some("example"));
            assert_eq!(request.timeout_ms, Some(7));
            let sent = ("x-api-version".to_owned(), "2".to_owned());
            assert!(request.headers.contains(&sent), "{:?}", request.headers);
            Ok(testing::response(200))
        });
        let upstream = Upstream::new("https://api.example.org/v1", "example", 7).unwrap();
        let upstream = upstream.header("x-api-version", "2");
        assert!(upstream.get("/models").is_ok());
    }
}
