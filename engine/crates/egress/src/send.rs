//! One call to the outside, hop by hop: admit, attach, send, and perhaps follow. Every hop passes
//! the same checks as the first.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::Result;
use inkstone_domain::capability::Effective;
use inkstone_domain::outbound::{OutboundCounts, OutboundRequest, OutboundResponse, Redirects};
use inkstone_domain::ports::{Egress, OutboundTally};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, LOCATION, RANGE};
use reqwest::{Method, Response};
use tokio::time::Instant;

use crate::config::{EgressConfig, EgressMode};
use crate::credentials::{Credential, Credentials};
use crate::decode::{self, Decoded, Encoding};
use crate::failure::Failure;
use crate::policy::{Door, Target, admit, beyond_grants};
use crate::pools::Pools;
use crate::redact::Redactor;
use crate::resolve::RefusedAddress;
use crate::response::{BodyLimits, BodyOwner, body_stream};
use crate::scrubber::Scrubber;
use crate::tally::Tally;
use crate::{headers, redirect};

/// The network by reqwest, behind the checks. Cheap to share; each plugin's connections are pooled and
/// reused by that plugin alone.
pub struct HttpEgress {
    pools: Pools,
    credentials: Credentials,
    /// Of all credentials, so that no answer tells a plugin any of them.
    scrubber: Scrubber,
    tally: Arc<Tally>,
    config: Arc<EgressConfig>,
}

impl HttpEgress {
    /// Checks the credentials; opens no connection.
    ///
    /// # Errors
    /// `invalid_config` where a credential cannot be used, or is too short to be kept secret.
    pub fn new(mut config: EgressConfig) -> Result<Self> {
        let credentials = Credentials::new(std::mem::take(&mut config.credentials))?;
        let config = Arc::new(config);
        Ok(Self {
            pools: Pools::new(Arc::clone(&config)),
            scrubber: credentials.scrubber()?,
            credentials,
            tally: Arc::default(),
            config,
        })
    }

    async fn call(
        &self,
        plugin: &str,
        powers: &Effective,
        request: OutboundRequest,
    ) -> Result<OutboundResponse, Failure> {
        let mut hop = Hop {
            method: method_of(&request.method)?,
            target: Target::parse(&request.url)?,
            headers: headers::outgoing(&request.headers)?,
            body: request.body,
        };
        self.check_size(&hop)?;
        let mut door = self.admitted(plugin, powers, &hop.target, &hop.method)?;
        let mut attached = match &request.credential {
            Some(name) => Some(self.credentials.for_target(
                name,
                plugin,
                powers,
                &hop.target,
                hop.method.as_str(),
            )?),
            None => None,
        };
        let redactor = Redactor::new(self.scrubber.clone());
        let redirects = request.redirects;
        let patience = request.timeout.map_or(self.config.head_timeout, |asked| {
            asked.min(self.config.head_timeout)
        });
        let start = Instant::now();
        let head_end = Deadline {
            at: start + patience,
            patience,
        };
        let end = start + self.config.total_timeout;

        for _ in 0..=self.config.max_redirects {
            let response = self
                .send_hop(plugin, &hop, door, attached, &head_end)
                .await?;
            self.check_head(&hop.target, response.headers())?;
            let location = response.headers().get(LOCATION);
            let is_followed =
                redirects == Redirects::Follow && redirect::is_redirect(response.status());
            let (true, Some(location)) = (is_followed, location) else {
                return self.finished(plugin, hop, response, redactor, end);
            };
            let location = String::from_utf8_lossy(location.as_bytes());
            if redactor.finds_in(&location) {
                return Err(Failure::InvalidRedirect {
                    address: hop.target.address(),
                });
            }
            let next = redirect::follow(&hop.target, &location)?;
            let (method, keeps_body) = redirect::rewritten(response.status(), &hop.method);
            door = self.admitted(plugin, powers, &next, &method)?;
            if !next.same_origin(&hop.target) {
                headers::forget_identity(&mut hop.headers);
                attached = None;
            }
            // It may be bound to other methods than the one that is used from here on.
            attached = attached.filter(|credential| credential.reaches(&next, method.as_str()));
            if !keeps_body {
                headers::forget_body(&mut hop.headers);
                hop.body = None;
            }
            hop.method = method;
            hop.target = next;
        }
        Err(Failure::TooManyRedirects {
            address: hop.target.address(),
            limit: self.config.max_redirects,
        })
    }

    /// By which door the target is reached. In audit mode the missing grant is counted, and the target
    /// has to be a public one.
    fn admitted(
        &self,
        plugin: &str,
        powers: &Effective,
        target: &Target,
        method: &Method,
    ) -> Result<Door, Failure> {
        let admitted = admit(plugin, powers, target, method.as_str());
        match (self.config.mode, &admitted) {
            (EgressMode::Audit, Err(Failure::NotGranted { .. })) => {
                let door = beyond_grants(plugin, target)?;
                self.tally
                    .audited(plugin, &target.address(), method.as_str());
                Ok(door)
            }
            _ => admitted,
        }
    }

    fn check_size(&self, hop: &Hop) -> Result<(), Failure> {
        let refused = |what, limit_bytes, key| Failure::RequestTooLarge {
            what,
            address: hop.target.address(),
            limit_bytes,
            key,
        };
        let head_bytes = hop.target.url.as_str().len() + headers::size_bytes(&hop.headers);
        let max_head_bytes = self.config.max_request_header_bytes;
        if head_bytes > max_head_bytes {
            let limit_bytes = max_head_bytes as u64;
            return Err(refused("head", limit_bytes, "max_request_header_kib"));
        }
        let body_bytes = hop.body.as_ref().map_or(0, |body| body.len() as u64);
        if body_bytes > self.config.max_request_bytes {
            let limit_bytes = self.config.max_request_bytes;
            return Err(refused("body", limit_bytes, "max_request_mib"));
        }
        Ok(())
    }

    fn check_head(&self, target: &Target, headers: &HeaderMap) -> Result<(), Failure> {
        if headers.len() > self.config.max_response_headers
            || headers::size_bytes(headers) > self.config.max_response_header_bytes
        {
            return Err(self.headers_too_large(target));
        }
        Ok(())
    }

    fn headers_too_large(&self, target: &Target) -> Failure {
        Failure::HeadersTooLarge {
            address: target.address(),
            max_headers: self.config.max_response_headers,
            limit_bytes: self.config.max_response_header_bytes,
        }
    }

    async fn send_hop(
        &self,
        plugin: &str,
        hop: &Hop,
        door: Door,
        credential: Option<&Credential>,
        deadline: &Deadline,
    ) -> Result<Response, Failure> {
        let client = self.pools.client(plugin, door).await?;
        let mut headers = hop.headers.clone();
        // A part of a compressed body cannot be decoded.
        if !headers.contains_key(RANGE) {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(decode::ACCEPTED));
        }
        if let Some(credential) = credential {
            headers.insert(credential.header.clone(), credential.value.clone());
        }
        let mut request = client
            .request(hop.method.clone(), hop.target.url.clone())
            .headers(headers);
        if let Some(body) = &hop.body {
            request = request.body(body.clone());
        }
        match tokio::time::timeout_at(deadline.at, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.explain(plugin, &hop.target, error)),
            Err(_) => Err(Failure::NoAnswer {
                address: hop.target.address(),
                after: deadline.patience,
            }),
        }
    }

    fn finished(
        &self,
        plugin: &str,
        hop: Hop,
        response: Response,
        redactor: Redactor,
        end: Instant,
    ) -> Result<OutboundResponse, Failure> {
        let target = hop.target;
        let max_bytes = self.config.max_response_bytes;
        let status = response.status().as_u16();
        let has_body = hop.method != Method::HEAD && !matches!(status, 204 | 304);
        if has_body
            && response
                .content_length()
                .is_some_and(|length| length > max_bytes)
        {
            return Err(Failure::TooLarge {
                address: target.address(),
                limit_bytes: max_bytes,
            });
        }
        let encoding = if has_body {
            Encoding::of(response.headers()).map_err(|encoding| Failure::UnknownEncoding {
                address: target.address(),
                encoding,
            })?
        } else {
            Encoding::Plain
        };
        let is_decoded = encoding != Encoding::Plain;
        let headers = headers::incoming(response.headers(), is_decoded)
            .into_iter()
            .filter(|(name, _)| !redactor.finds_in(name))
            .map(|(name, value)| (name, redactor.text(value)))
            .collect();
        let limits = BodyLimits {
            address: target.address(),
            max_bytes,
            max_ratio: is_decoded.then_some(self.config.max_decompression_ratio),
            idle_timeout: self.config.idle_timeout,
            end,
            total_timeout: self.config.total_timeout,
        };
        let owner = BodyOwner {
            plugin: plugin.to_owned(),
            tally: Arc::clone(&self.tally),
        };
        Ok(OutboundResponse {
            status,
            headers,
            url: redactor.text(target.url.into()),
            body: body_stream(Decoded::new(response, encoding), redactor, limits, owner),
        })
    }

    /// Says what reqwest's error means. The URL is taken out of the source: queries may hold secrets.
    fn explain(&self, plugin: &str, target: &Target, error: reqwest::Error) -> Failure {
        let address = target.address();
        if let Some(refused) = refused_address(&error) {
            return Failure::RefusedNetwork {
                plugin: plugin.to_owned(),
                address,
                ip: refused.ip,
                network: refused.network,
            };
        }
        if is_head_too_large(&error) {
            return self.headers_too_large(target);
        }
        let error = error.without_url();
        if error.is_timeout() {
            return Failure::NoAnswer {
                address,
                after: self.config.connect_timeout,
            };
        }
        if error.is_builder() {
            return Failure::InvalidRequest(format!("{address} cannot be asked this way"));
        }
        if error.is_connect() {
            return Failure::Unreachable {
                address,
                source: error.into(),
            };
        }
        Failure::Broken {
            address,
            source: error.into(),
        }
    }
}

#[async_trait]
impl Egress for HttpEgress {
    async fn send(
        &self,
        plugin: &str,
        powers: &Effective,
        request: OutboundRequest,
    ) -> Result<OutboundResponse> {
        self.call(plugin, powers, request).await.map_err(|failure| {
            if let Some(reason) = failure.refusal() {
                self.tally.refused(plugin, reason);
            }
            failure.into()
        })
    }
}

impl OutboundTally for HttpEgress {
    fn counts(&self, plugin: &str) -> OutboundCounts {
        self.tally.of(plugin)
    }
}

/// What is sent on one hop.
struct Hop {
    method: Method,
    target: Target,
    headers: HeaderMap,
    body: Option<Bytes>,
}

/// Until when the head of the response has to be here, over all hops.
struct Deadline {
    at: Instant,
    patience: Duration,
}

fn method_of(name: &str) -> Result<Method, Failure> {
    match name {
        "GET" => Ok(Method::GET),
        "HEAD" => Ok(Method::HEAD),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        "OPTIONS" => Ok(Method::OPTIONS),
        _ => Err(Failure::InvalidRequest(format!(
            "the method `{}` is none of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            name.escape_debug()
        ))),
    }
}

fn refused_address(error: &reqwest::Error) -> Option<&RefusedAddress> {
    causes(error).find_map(|cause| cause.downcast_ref::<RefusedAddress>())
}

fn is_head_too_large(error: &reqwest::Error) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_parse_too_large)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause: &&'_ (dyn StdError + 'static)| {
        (*cause).source()
    })
}
