//! `http`: requests through the egress port, which alone checks the target and attaches credentials.
//! Response bodies are handed over in bounded pieces up to a bounded sum.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use inkstone_bindings::v0_1_0::imports::http;
use inkstone_domain::outbound::{BodyStream, OutboundRequest};
use inkstone_domain::{Error, codes};
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

impl http::Host for CallState {
    async fn send(&mut self, request: http::Request) -> wasmtime::Result<http::Response> {
        let plugin = &self.plugin;
        let outbound = OutboundRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body.map(Bytes::from),
            credential: request.credential,
            timeout: request
                .timeout_ms
                .map(|ms| Duration::from_millis(u64::from(ms))),
        };
        let response = plugin
            .ports
            .egress
            .send(&plugin.id, &plugin.effective, outbound)
            .await?;
        let body = self.table.push(OpenBody {
            stream: response.body,
            rest: Bytes::new(),
            bytes_left: plugin.max_http_body_bytes,
        })?;
        Ok(http::Response {
            status: response.status,
            headers: response.headers,
            body: entry(&body),
            url: response.url,
        })
    }
}

impl http::HostBody for CallState {
    async fn read(&mut self, body: Resource<http::Body>) -> wasmtime::Result<Option<Vec<u8>>> {
        let body: &mut OpenBody = self.table.get_mut(&entry(&body))?;
        while body.rest.is_empty() {
            match body.stream.next().await {
                None => return Ok(None),
                Some(piece) => body.rest = piece?,
            }
        }
        let piece = body.rest.split_to(body.rest.len().min(PIECE_BYTES));
        let Some(bytes_left) = body.bytes_left.checked_sub(piece.len() as u64) else {
            let cap_mib = self.plugin.max_http_body_bytes >> 20;
            return Err(Error::new(
                &codes::UPSTREAM_ERROR,
                format!("the upstream's answer is larger than {cap_mib} MiB"),
            )
            .into());
        };
        body.bytes_left = bytes_left;
        Ok(Some(piece.into()))
    }

    async fn drop(&mut self, body: Resource<http::Body>) -> wasmtime::Result<()> {
        self.table.delete::<OpenBody>(entry(&body))?;
        Ok(())
    }
}
