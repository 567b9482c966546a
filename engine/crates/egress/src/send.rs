//! One call to the outside, hop by hop: admit, attach, send, and perhaps follow. Every hop passes
//! the same checks as the first.

use std::error::Error as StdError;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::Result;
use inkstone_domain::capability::Effective;
use inkstone_domain::outbound::{OutboundRequest, OutboundResponse};
use inkstone_domain::ports::Egress;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Method, Response};
use tokio::time::Instant;

use crate::config::EgressConfig;
use crate::credentials::{Credential, Credentials};
use crate::failure::Failure;
use crate::policy::{Door, Target, admit};
use crate::redact::Redactor;
use crate::resolve::RefusedAddress;
use crate::response::{BodyLimits, body_stream};
use crate::{headers, redirect, transport};

/// The network by reqwest, behind the checks. Cheap to share; connections are pooled and reused.
pub struct HttpEgress {
    /// Leads to public addresses only.
    public: Client,
    /// For hosts that a grant names exactly.
    named: Client,
    credentials: Credentials,
    limits: Limits,
}

struct Limits {
    connect_timeout: Duration,
    head_timeout: Duration,
    idle_timeout: Duration,
    max_redirects: u32,
    max_response_bytes: u64,
}

impl HttpEgress {
    /// Checks the credentials and makes the clients; opens no connection.
    pub fn new(config: EgressConfig) -> Result<Self> {
        Ok(Self {
            public: transport::guarded_client(&config, Door::Public)?,
            named: transport::guarded_client(&config, Door::Named)?,
            credentials: Credentials::new(config.credentials)?,
            limits: Limits {
                connect_timeout: config.connect_timeout,
                head_timeout: config.head_timeout,
                idle_timeout: config.idle_timeout,
                max_redirects: config.max_redirects,
                max_response_bytes: config.max_response_bytes,
            },
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
        let mut door = admit(plugin, powers, &hop.target)?;
        let credential = match &request.credential {
            Some(name) => Some(
                self.credentials
                    .for_target(name, plugin, powers, &hop.target)?,
            ),
            None => None,
        };
        let mut attached = credential;
        let redactor = Redactor::new(credential.map(|credential| credential.secret.clone()));
        let patience = request.timeout.map_or(self.limits.head_timeout, |asked| {
            asked.min(self.limits.head_timeout)
        });
        let deadline = Deadline {
            at: Instant::now() + patience,
            patience,
        };

        for _ in 0..=self.limits.max_redirects {
            let response = self
                .send_hop(plugin, &hop, door, attached, &deadline)
                .await?;
            let location = response.headers().get(LOCATION);
            let (true, Some(location)) = (redirect::is_redirect(response.status()), location)
            else {
                return self.finished(hop.target, response, redactor);
            };
            let location = String::from_utf8_lossy(location.as_bytes());
            if redactor.finds_in(&location) {
                return Err(Failure::InvalidRedirect {
                    address: hop.target.address(),
                });
            }
            let next = redirect::follow(&hop.target, &location)?;
            door = admit(plugin, powers, &next)?;
            if !next.same_origin(&hop.target) {
                headers::forget_identity(&mut hop.headers);
                attached = None;
            }
            let (method, keeps_body) = redirect::rewritten(response.status(), &hop.method);
            if !keeps_body {
                headers::forget_body(&mut hop.headers);
                hop.body = None;
            }
            hop.method = method;
            hop.target = next;
        }
        Err(Failure::TooManyRedirects {
            address: hop.target.address(),
            limit: self.limits.max_redirects,
        })
    }

    async fn send_hop(
        &self,
        plugin: &str,
        hop: &Hop,
        door: Door,
        credential: Option<&Credential>,
        deadline: &Deadline,
    ) -> Result<Response, Failure> {
        let client = match door {
            Door::Public => &self.public,
            Door::Named => &self.named,
        };
        let mut headers = hop.headers.clone();
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
        target: Target,
        response: Response,
        redactor: Redactor,
    ) -> Result<OutboundResponse, Failure> {
        let max_bytes = self.limits.max_response_bytes;
        if response
            .content_length()
            .is_some_and(|length| length > max_bytes)
        {
            return Err(Failure::TooLarge {
                address: target.address(),
                limit_bytes: max_bytes,
            });
        }
        let headers = headers::incoming(response.headers())
            .into_iter()
            .map(|(name, value)| (name, redactor.text(value)))
            .collect();
        let limits = BodyLimits {
            address: target.address(),
            max_bytes,
            idle_timeout: self.limits.idle_timeout,
        };
        Ok(OutboundResponse {
            status: response.status().as_u16(),
            headers,
            url: redactor.text(target.url.into()),
            body: body_stream(response, redactor, limits),
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
        let error = error.without_url();
        if error.is_timeout() {
            return Failure::NoAnswer {
                address,
                after: self.limits.connect_timeout,
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
        Ok(self.call(plugin, powers, request).await?)
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
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<RefusedAddress>() {
            return Some(refused);
        }
        source = cause.source();
    }
    None
}
