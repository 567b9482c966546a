//! A plain HTTP client for our own API: JSON in and out, server-sent events, lines. It trusts the
//! address it is given and checks no powers; plugins never get near it.

mod problem;
mod streams;

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use inkstone_domain::Result as DomainResult;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

pub use problem::{ApiError, Problem};
pub use streams::{EventStream, LineStream, PieceStream, ServerEvent};

use crate::secret::Secret;
use crate::transport;

/// How to talk to an engine.
#[derive(Debug, Clone)]
pub struct ApiClientConfig {
    /// Such as `http://127.0.0.1:8321`; paths are appended.
    pub base_url: String,
    /// Sent as a bearer token.
    pub token: Option<Secret>,
    pub connect_timeout: Duration,
    /// For a whole call, or for the head of a stream.
    pub timeout: Duration,
    /// Between two pieces of a stream.
    pub idle_timeout: Duration,
}

impl ApiClientConfig {
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            token: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(120),
        }
    }
}

/// Talks to one engine. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct ApiClient {
    http: Client,
    base_url: Url,
    token: Option<Secret>,
    timeout: Duration,
    idle_timeout: Duration,
}

impl ApiClient {
    /// # Errors
    /// `invalid_config` where the base URL is none.
    pub fn new(config: ApiClientConfig) -> DomainResult<Self> {
        let invalid = |why: String| {
            inkstone_domain::Error::new(
                &inkstone_domain::codes::INVALID_CONFIG,
                format!(
                    "`{}` is no address of an engine ({why}); write one as http://127.0.0.1:8321",
                    config.base_url
                ),
            )
        };
        let base_url = Url::parse(&config.base_url).map_err(|error| invalid(error.to_string()))?;
        if !matches!(base_url.scheme(), "http" | "https") || !base_url.has_host() {
            return Err(invalid("neither http nor https".to_owned()));
        }
        let user_agent = concat!("inkstone-cli/", env!("CARGO_PKG_VERSION"));
        Ok(Self {
            http: transport::unguarded_client(user_agent, config.connect_timeout)?,
            base_url,
            token: config.token,
            timeout: config.timeout,
            idle_timeout: config.idle_timeout,
        })
    }

    /// The same engine in another's name.
    pub fn with_token(&self, token: Secret) -> Self {
        Self {
            token: Some(token),
            ..self.clone()
        }
    }

    pub fn base_url(&self) -> &str {
        self.base_url.as_str().trim_end_matches('/')
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.json(self.request(Method::GET, path)).await
    }

    pub async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ApiError> {
        self.json(with_json(self.request(Method::POST, path), body)?)
            .await
    }

    /// A body that is no JSON.
    pub async fn post_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<T, ApiError> {
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(body.into());
        self.json(request).await
    }

    /// The same for one that is too long to hold; `body_bytes` is how long. It may take its time.
    pub async fn post_stream<T: DeserializeOwned>(
        &self,
        path: &str,
        body: impl futures::Stream<Item = std::io::Result<Bytes>> + Send + 'static,
        body_bytes: u64,
    ) -> Result<T, ApiError> {
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, body_bytes)
            .header(ACCEPT, "application/json")
            .body(reqwest::Body::wrap_stream(body));
        let sent = request.send().await.map_err(|error| self.explain(error))?;
        if !sent.status().is_success() {
            return Err(self.refusal(sent).await);
        }
        let body = sent.bytes().await.map_err(|error| self.explain(error))?;
        serde_json::from_slice(&body).map_err(|source| ApiError::Unreadable { source })
    }

    pub async fn put<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ApiError> {
        self.json(with_json(self.request(Method::PUT, path), body)?)
            .await
    }

    pub async fn patch<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ApiError> {
        self.json(with_json(self.request(Method::PATCH, path), body)?)
            .await
    }

    /// Whatever the answer holds is ignored.
    pub async fn delete(&self, path: &str) -> Result<(), ApiError> {
        self.whole(self.request(Method::DELETE, path)).await?;
        Ok(())
    }

    /// The answer as it is, for texts that are no JSON.
    pub async fn get_bytes(&self, path: &str) -> Result<Bytes, ApiError> {
        self.whole(self.request(Method::GET, path)).await
    }

    /// Server-sent events of a `GET`.
    pub async fn events(&self, path: &str) -> Result<EventStream, ApiError> {
        let request = self.request(Method::GET, path);
        self.event_stream(request).await
    }

    /// Server-sent events of a `POST`, as a streamed chat answers.
    pub async fn post_events<B: Serialize + ?Sized>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<EventStream, ApiError> {
        let request = with_json(self.request(Method::POST, path), body)?;
        self.event_stream(request).await
    }

    /// The lines of a `GET`, as they come, without their ends.
    pub async fn lines(&self, path: &str) -> Result<LineStream, ApiError> {
        let response = self.head(self.request(Method::GET, path)).await?;
        Ok(streams::lines(response, self.idle_timeout))
    }

    /// The answer of a `GET`, as it comes.
    pub async fn pieces(&self, path: &str) -> Result<PieceStream, ApiError> {
        let response = self.head(self.request(Method::GET, path)).await?;
        let base_url = self.base_url().to_owned();
        let pieces = response.bytes_stream().map(move |piece| {
            piece.map_err(|error| ApiError::Unreachable {
                base_url: base_url.clone(),
                source: error.without_url().into(),
            })
        });
        Ok(Box::pin(pieces))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/{}", self.base_url(), path.trim_start_matches('/'));
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    async fn event_stream(&self, request: RequestBuilder) -> Result<EventStream, ApiError> {
        let request = request.header(ACCEPT, "text/event-stream");
        let response = self.head(request).await?;
        Ok(streams::events(response, self.idle_timeout))
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let body = self
            .whole(request.header(ACCEPT, "application/json"))
            .await?;
        // An empty answer reads as null, so that `()` fits a 204.
        let body: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(body).map_err(|source| ApiError::Unreadable { source })
    }

    async fn whole(&self, request: RequestBuilder) -> Result<Bytes, ApiError> {
        let response = self.head(request.timeout(self.timeout)).await?;
        response.bytes().await.map_err(|error| self.explain(error))
    }

    async fn head(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        let response = tokio::time::timeout(self.timeout, request.send())
            .await
            .map_err(|_| ApiError::Timeout {
                base_url: self.base_url().to_owned(),
            })?
            .map_err(|error| self.explain(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(response).await)
    }

    async fn refusal(&self, response: Response) -> ApiError {
        let status = response.status().as_u16();
        let body = tokio::time::timeout(self.timeout, response.bytes()).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        ApiError::Refused(Box::new(Problem::parse(status, &body)))
    }

    fn explain(&self, error: reqwest::Error) -> ApiError {
        let base_url = self.base_url().to_owned();
        if error.is_timeout() {
            return ApiError::Timeout { base_url };
        }
        ApiError::Unreachable {
            base_url,
            source: error.without_url().into(),
        }
    }
}

/// `path` with a query string, every part percent-encoded.
pub fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let pairs = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    format!("{path}?{pairs}")
}

fn with_json<B: Serialize + ?Sized>(
    request: RequestBuilder,
    body: &B,
) -> Result<RequestBuilder, ApiError> {
    let body = serde_json::to_vec(body).map_err(|source| ApiError::Unwritable { source })?;
    Ok(request.header(CONTENT_TYPE, "application/json").body(body))
}
