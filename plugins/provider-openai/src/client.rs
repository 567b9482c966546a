//! One configured server: addresses, headers and the credential's name. It knows no message's shape.

use inkstone_plugin::Result;
use inkstone_plugin::http::{self, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure;
use crate::settings::Settings;

/// What one answer that is no stream may weigh, in bytes.
const ANSWER_LIMIT_BYTES: usize = 48 * 1024 * 1024;

/// A server and how to reach it.
pub struct Client {
    /// What the admin set.
    pub settings: Settings,
}

impl Client {
    /// The server that the settings name.
    pub fn from_settings() -> Result<Self> {
        Ok(Self {
            settings: Settings::load()?,
        })
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

    fn send(&self, mut request: http::Request) -> Result<Response> {
        if !self.settings.organization.is_empty() {
            request = request.header("openai-organization", &self.settings.organization);
        }
        if !self.settings.credential.is_empty() {
            request = request.credential(&self.settings.credential);
        }
        let response = request.timeout_ms(self.settings.timeout_ms).send()?;
        if response.is_success() {
            return Ok(response);
        }
        Err(failure::from_response(response, &self.settings))
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.settings.base_url)
    }
}

/// Reads a whole answer.
pub fn read<T: DeserializeOwned>(response: Response) -> Result<T> {
    let bytes = response.bytes(ANSWER_LIMIT_BYTES)?;
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    inkstone_plugin::json::parse(&text)
}
