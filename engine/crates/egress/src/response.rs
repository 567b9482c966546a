//! The body of a response as a stream: with a byte cap, a deadline between pieces, and the
//! credential's value taken out. Dropping the stream closes the connection.

use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use inkstone_domain::Result;
use inkstone_domain::outbound::BodyStream;
use reqwest::Response;

use crate::failure::Failure;
use crate::redact::Redactor;

/// What a body is held to.
pub(crate) struct BodyLimits {
    /// For messages.
    pub address: String,
    pub max_bytes: u64,
    pub idle_timeout: Duration,
}

pub(crate) fn body_stream(
    response: Response,
    redactor: Redactor,
    limits: BodyLimits,
) -> BodyStream {
    let reading = Reading {
        response,
        redactor,
        limits,
        read_bytes: 0,
    };
    Box::pin(stream::unfold(Some(reading), |reading| async move {
        let mut reading = reading?;
        match reading.next().await {
            Ok(Step::Piece(piece)) => Some((Ok(piece), Some(reading))),
            Ok(Step::Last(piece)) => Some((Ok(piece), None)),
            Ok(Step::End) => None,
            Err(failure) => Some((Err(failure.into()) as Result<Bytes>, None)),
        }
    }))
}

struct Reading {
    response: Response,
    redactor: Redactor,
    limits: BodyLimits,
    read_bytes: u64,
}

enum Step {
    Piece(Bytes),
    Last(Bytes),
    End,
}

impl Reading {
    async fn next(&mut self) -> Result<Step, Failure> {
        loop {
            let Some(piece) = self.read().await? else {
                let held = self.redactor.finish();
                return Ok(if held.is_empty() {
                    Step::End
                } else {
                    Step::Last(held)
                });
            };
            let piece = self.redactor.push(piece);
            if !piece.is_empty() {
                return Ok(Step::Piece(piece));
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Bytes>, Failure> {
        let BodyLimits {
            address,
            max_bytes,
            idle_timeout,
        } = &self.limits;
        let piece = tokio::time::timeout(*idle_timeout, self.response.chunk())
            .await
            .map_err(|_| Failure::Stalled {
                address: address.clone(),
                after: *idle_timeout,
            })?
            .map_err(|error| Failure::Broken {
                address: address.clone(),
                source: error.without_url().into(),
            })?;
        self.read_bytes += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        if self.read_bytes > *max_bytes {
            return Err(Failure::TooLarge {
                address: address.clone(),
                limit_bytes: *max_bytes,
            });
        }
        Ok(piece)
    }
}
