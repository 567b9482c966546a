//! `http`: requests through the egress port, which alone checks the target and attaches credentials.
//! Response bodies are handed over in bounded pieces up to a bounded sum.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use inkstone_bindings::latest::imports::http;
use inkstone_domain::outbound::{BodyStream, OutboundRequest, Redirects};
use inkstone_domain::recording::Blob;
use inkstone_domain::{Error, codes};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use wasmtime::component::Resource;

use super::entry;
use crate::state::CallState;

/// Largest piece handed over at once: it is copied into the guest's memory.
const PIECE_BYTES: usize = 256 << 10;

/// An open response.
struct OpenBody {
    stream: BodyStream,
    /// What is left of the last piece.
    rest: Bytes,
    bytes_left: u64,
}

impl OpenBody {
    /// The next piece, or none at the end. `cap_bytes` is told where it is passed.
    async fn next(&mut self, cap_bytes: u64) -> Result<Option<Bytes>, Error> {
        while self.rest.is_empty() {
            match self.stream.next().await {
                None => return Ok(None),
                Some(piece) => self.rest = piece?,
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        let Some(bytes_left) = self.bytes_left.checked_sub(piece.len() as u64) else {
            let cap_mib = cap_bytes >> 20;
            return Err(Error::new(
                &codes::UPSTREAM_ERROR,
                format!("the upstream's answer is larger than {cap_mib} MiB"),
            ));
        };
        self.bytes_left = bytes_left;
        Ok(Some(piece))
    }
}

/// A request as a recording tells it.
struct Asked<'request>(&'request http::Request);

impl Serialize for Asked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let http::Request {
            method,
            url,
            headers,
            body,
            credential,
            timeout_ms,
        } = self.0;
        let mut fields = serializer.serialize_struct("Request", 6)?;
        fields.serialize_field("method", method)?;
        fields.serialize_field("url", url)?;
        fields.serialize_field("headers", headers)?;
        fields.serialize_field("body", &body.clone().map(Blob))?;
        fields.serialize_field("credential", credential)?;
        fields.serialize_field("timeout_ms", timeout_ms)?;
        fields.end()
    }
}

/// The head of a response as a recording tells it.
#[derive(Serialize, Deserialize)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    url: String,
}

impl http::Host for CallState {
    async fn send(&mut self, request: http::Request) -> wasmtime::Result<http::Response> {
        let mut stream = None;
        let head: Head = import!(self, "http.send", Asked(&request), async |own| {
            let plugin = &own.plugin;
            let body_bytes = request.body.as_ref().map_or(0, Vec::len);
            own.meter.sent(body_bytes);
            let handed = own.call.handed.clone();
            if let Some(handed) = &handed {
                handed.begun(body_bytes);
            }
            let egress = &plugin.ports.egress;
            let sent = egress.send(&plugin.id, &plugin.effective, outbound(request));
            let response = sent.await;
            if let Some(handed) = &handed {
                handed.answered(body_bytes, &response);
            }
            let response = response?;
            stream = Some(response.body);
            Ok(Head {
                status: response.status,
                headers: response.headers,
                url: response.url,
            })
        })?;
        let body = self.table.push(OpenBody {
            // A replayed response has no body of its own: every piece comes from the recording.
            stream: stream.unwrap_or_else(|| Box::pin(futures::stream::empty())),
            rest: Bytes::new(),
            bytes_left: self.plugin.max_http_body_bytes,
        })?;
        Ok(http::Response {
            status: head.status,
            headers: head.headers,
            body: entry(&body),
            url: head.url,
        })
    }
}

impl http::HostBody for CallState {
    async fn read(&mut self, body: Resource<http::Body>) -> wasmtime::Result<Option<Vec<u8>>> {
        let handle = body.rep();
        let piece: Option<Blob> = import!(self, "http.body.read", [handle], async |own| {
            let body: &mut OpenBody = own.table.get_mut(&entry(&body))?;
            let piece = body.next(own.plugin.max_http_body_bytes).await?;
            own.meter
                .received(piece.as_ref().map_or(0, |piece| piece.len()));
            Ok(piece.map(|piece| Blob(piece.into())))
        })?;
        Ok(piece.map(|piece| piece.0))
    }

    async fn drop(&mut self, body: Resource<http::Body>) -> wasmtime::Result<()> {
        self.table.delete::<OpenBody>(entry(&body))?;
        Ok(())
    }
}

fn outbound(request: http::Request) -> OutboundRequest {
    OutboundRequest {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body.map(Bytes::from),
        credential: request.credential,
        timeout: request
            .timeout_ms
            .map(|ms| Duration::from_millis(u64::from(ms))),
        redirects: Redirects::Follow,
    }
}
