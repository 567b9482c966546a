//! One request for a package or a part of it: redirects followed by hand, so that a sign-in never
//! leaves its origin and TLS is never given up, and bodies that cannot grow without end.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use inkstone_domain::{Error, Result, codes};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use url::Url;

const MAX_REDIRECTS: u32 = 5;
/// Of a refusal's text, which goes into our own message.
const MAX_REASON_BYTES: u64 = 16 << 10;
const MAX_REASON_CHARS: usize = 300;

#[derive(Clone, Copy)]
pub(super) struct Download<'a> {
    pub http: &'a Client,
    pub idle_timeout: Duration,
}

/// The head of an answer, of any status.
pub(super) struct Answer {
    pub response: Response,
    /// Without query: it may hold a signature.
    address: String,
    idle_timeout: Duration,
}

impl Download<'_> {
    /// A `GET` whose answer is a success.
    pub(super) async fn get(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Answer> {
        self.get_any(url, headers).await?.success().await
    }

    /// A `GET` to the end of its redirects.
    pub(super) async fn get_any(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Answer> {
        let first = parse(url)?;
        let mut target = first.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.http.get(target.clone());
            for (name, value) in headers {
                // A sign-in is for the origin it was made for.
                if *name != AUTHORIZATION || target.origin() == first.origin() {
                    request = request.header(name, value);
                }
            }
            let answer = self.send(request).await?;
            if !answer.response.status().is_redirection() {
                return Ok(answer);
            }
            target = answer.next(&target)?;
        }
        Err(upstream(format!(
            "{} redirected more than {MAX_REDIRECTS} times",
            shown(&first)
        )))
    }

    /// Sends one request; redirects are the caller's.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let request = request.build().map_err(|error| {
            Error::new(
                &codes::INVALID_INPUT,
                "the address of the package is not valid",
            )
            .with_source(error.without_url())
        })?;
        let address = shown(request.url());
        // An upload's time grows with its size; its answer's head comes only after it.
        let patience = match request.body() {
            Some(_) => self.idle_timeout * 10,
            None => self.idle_timeout,
        };
        let response = tokio::time::timeout(patience, self.http.execute(request))
            .await
            .map_err(|_| slow(&address, patience))?
            .map_err(|error| unreachable(&address, error))?;
        Ok(Answer {
            response,
            address,
            idle_timeout: self.idle_timeout,
        })
    }
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A header as text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Itself, or the refusal as an error.
    pub(super) async fn success(self) -> Result<Self> {
        let status = self.status();
        if status.is_success() {
            return Ok(self);
        }
        let address = self.address.clone();
        let reason = self.body(MAX_REASON_BYTES).await.unwrap_or_default();
        let reason = String::from_utf8_lossy(&reason);
        let reason: String = reason
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MAX_REASON_CHARS)
            .collect();
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::new(
                &codes::UPSTREAM_UNAUTHORIZED,
                format!(
                    "{address} refuses access ({status}); a sign-in for its registry belongs into [plugins.registries] of engine.toml"
                ),
            ),
            _ => upstream(format!("{address} answered {status}: {}", reason.trim())),
        })
    }

    /// The whole body, at most so long.
    pub(super) async fn body(mut self, max_bytes: u64) -> Result<Bytes> {
        if self
            .response
            .content_length()
            .is_some_and(|length| length > max_bytes)
        {
            return Err(too_large(&self.address, max_bytes));
        }
        let mut body = BytesMut::new();
        loop {
            let piece = tokio::time::timeout(self.idle_timeout, self.response.chunk())
                .await
                .map_err(|_| slow(&self.address, self.idle_timeout))?
                .map_err(|error| unreachable(&self.address, error))?;
            let Some(piece) = piece else {
                return Ok(body.freeze());
            };
            if (body.len() + piece.len()) as u64 > max_bytes {
                return Err(too_large(&self.address, max_bytes));
            }
            body.extend_from_slice(&piece);
        }
    }

    /// Where a redirect leads.
    fn next(&self, from: &Url) -> Result<Url> {
        let target = self
            .header(&LOCATION)
            .and_then(|location| from.join(location).ok())
            .filter(|target| matches!(target.scheme(), "http" | "https"))
            .ok_or_else(|| {
                upstream(format!(
                    "{} redirected to an address that is not valid",
                    self.address
                ))
            })?;
        if from.scheme() == "https" && target.scheme() == "http" {
            return Err(upstream(format!(
                "{} redirected from https to http, which is not followed",
                self.address
            )));
        }
        Ok(target)
    }
}

pub(super) fn parse(url: &str) -> Result<Url> {
    Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            Error::new(
                &codes::INVALID_INPUT,
                format!(
                    "`{url}` is no address, such as https://example.org/research-x-1.2.0.inkplug"
                ),
            )
        })
}

pub(super) fn upstream(message: String) -> Error {
    Error::new(&codes::UPSTREAM_ERROR, message)
}

/// Without what may be secret.
fn shown(url: &Url) -> String {
    let mut bare = url.clone();
    // Both fail only for addresses without a host.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    bare.set_query(None);
    bare.set_fragment(None);
    bare.to_string()
}

fn too_large(address: &str, max_bytes: u64) -> Error {
    Error::new(
        &codes::PLUGIN_REJECTED,
        format!("{address} is larger than {max_bytes} bytes"),
    )
}

fn slow(address: &str, after: Duration) -> Error {
    Error::new(
        &codes::UPSTREAM_TIMEOUT,
        format!("{address} sent nothing for {} ms", after.as_millis()),
    )
}

fn unreachable(address: &str, error: reqwest::Error) -> Error {
    Error::new(
        &codes::UPSTREAM_UNREACHABLE,
        format!("{address} cannot be reached; see that the address is right and that it is up"),
    )
    .with_source(error.without_url())
}
