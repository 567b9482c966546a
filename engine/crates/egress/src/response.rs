//! The body of a response as a stream: in the clear, with limits in bytes, time and growth, and with
//! secrets taken out. Dropping the stream closes the connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use inkstone_domain::Result;
use inkstone_domain::outbound::BodyStream;
use tokio::time::Instant;

use crate::decode::Decoded;
use crate::failure::Failure;
use crate::redact::Redactor;
use crate::tally::Tally;

/// So much may be unpacked whatever it was packed from.
const FREE_OF_RATIO_BYTES: u64 = 1024 * 1024;

/// What a body is held to.
pub(crate) struct BodyLimits {
    /// For messages.
    pub address: String,
    pub max_bytes: u64,
    /// `None` where nothing was compressed.
    pub max_ratio: Option<u64>,
    pub idle_timeout: Duration,
    /// When the whole call has to be over, and how long it was given.
    pub end: Instant,
    pub total_timeout: Duration,
}

/// Where a body that ends at a limit is counted.
pub(crate) struct BodyOwner {
    pub plugin: String,
    pub tally: Arc<Tally>,
}

pub(crate) fn body_stream(
    body: Decoded,
    redactor: Redactor,
    limits: BodyLimits,
    owner: BodyOwner,
) -> BodyStream {
    let reading = Reading {
        body,
        redactor,
        limits,
        read_bytes: 0,
    };
    Box::pin(stream::unfold(
        Some((reading, owner)),
        |reading| async move {
            let (mut reading, owner) = reading?;
            match reading.next().await {
                Ok(Step::Piece(piece)) => Some((Ok(piece), Some((reading, owner)))),
                Ok(Step::Last(piece)) => Some((Ok(piece), None)),
                Ok(Step::End) => None,
                Err(failure) => {
                    if let Some(reason) = failure.refusal() {
                        owner.tally.refused(&owner.plugin, reason);
                    }
                    Some((Err(failure.into()) as Result<Bytes>, None))
                }
            }
        },
    ))
}

struct Reading {
    body: Decoded,
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
        let limits = &self.limits;
        let address = || limits.address.clone();
        let idle_end = Instant::now() + limits.idle_timeout;
        let piece = tokio::time::timeout_at(idle_end.min(limits.end), self.body.next())
            .await
            .map_err(|_| {
                if limits.end <= idle_end {
                    Failure::TooSlow {
                        address: address(),
                        after: limits.total_timeout,
                    }
                } else {
                    Failure::Stalled {
                        address: address(),
                        after: limits.idle_timeout,
                    }
                }
            })?
            .map_err(|error| explained(address(), error))?;
        self.read_bytes += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        let received_bytes = self.body.received_bytes();
        if self.read_bytes.max(received_bytes) > limits.max_bytes {
            return Err(Failure::TooLarge {
                address: address(),
                limit_bytes: limits.max_bytes,
            });
        }
        match limits.max_ratio {
            Some(ratio)
                if self.read_bytes > FREE_OF_RATIO_BYTES
                    && self.read_bytes > received_bytes.saturating_mul(ratio) =>
            {
                Err(Failure::Inflated {
                    address: address(),
                    ratio,
                })
            }
            _ => Ok(piece),
        }
    }
}

fn explained(address: String, error: io::Error) -> Failure {
    let is_of_connection = error
        .get_ref()
        .is_some_and(|source| source.is::<reqwest::Error>());
    if is_of_connection {
        Failure::Broken {
            address,
            source: error.into(),
        }
    } else {
        Failure::Damaged {
            address,
            source: error.into(),
        }
    }
}
