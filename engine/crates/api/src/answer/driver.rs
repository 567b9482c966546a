//! Drives answers as server-sent events. The connection pulls: everything that is ready goes out in one
//! piece, a quiet stream is kept alive, a failure is logged once and ends it. When the client leaves, the
//! driver is dropped, and the calls of the models with it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use inkstone_domain::Error;
use inkstone_domain::chat::ChunkStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::pairing::Pairing;
use super::{AnswerWriter, EventFrame};
use crate::middleware::RequestId;
use crate::middleware::failure::log_failure;

/// A sign of life this often keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A piece that is longer goes out before more is read.
const LARGE_FRAME_BYTES: usize = 32 * 1024;

/// The bytes of a streamed answer.
pub(super) struct Driver<W> {
    choices: Vec<Choice>,
    writer: W,
    frame: EventFrame,
    stage: Stage,
    quiet: Quiet,
    request_id: RequestId,
}

/// One of the answers.
struct Choice {
    /// `None` after its end.
    chunks: Option<ChunkStream>,
    pairing: Pairing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Opening,
    Chunks,
    Over,
}

/// Notices when nothing was sent for a while. The timer is set anew only when it rings: that costs
/// nothing per chunk.
struct Quiet {
    longest: Duration,
    since: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<W: AnswerWriter> Driver<W> {
    pub(super) fn new(
        streams: Vec<ChunkStream>,
        has_logprobs: bool,
        writer: W,
        request_id: RequestId,
    ) -> Self {
        let choice = |chunks| Choice {
            chunks: Some(chunks),
            pairing: Pairing::new(has_logprobs),
        };
        Self {
            choices: streams.into_iter().map(choice).collect(),
            writer,
            frame: EventFrame::new(),
            stage: Stage::Opening,
            quiet: Quiet::new(KEEP_ALIVE),
            request_id,
        }
    }

    /// Writes everything that is ready, a chunk of each choice in turn.
    fn write_ready(&mut self, context: &mut Context<'_>) {
        while self.stage == Stage::Chunks {
            match self.write_round(context) {
                Ok(true) if self.frame.len() < LARGE_FRAME_BYTES => {}
                Ok(_) => break,
                Err(error) => return self.fail(&error),
            }
        }
        if let Err(error) = self.write_held_back() {
            self.fail(&error);
        }
        if self.choices.iter().all(|choice| choice.chunks.is_none()) && self.stage == Stage::Chunks
        {
            self.writer.close(&mut self.frame);
            self.stage = Stage::Over;
        }
    }

    /// One chunk of each choice that has one; false where none has.
    fn write_round(&mut self, context: &mut Context<'_>) -> Result<bool, Error> {
        let mut is_any_ready = false;
        for (index, choice) in self.choices.iter_mut().enumerate() {
            let Some(chunks) = &mut choice.chunks else {
                continue;
            };
            match chunks.as_mut().poll_next(context) {
                Poll::Pending => continue,
                Poll::Ready(None) => choice.chunks = None,
                Poll::Ready(Some(chunk)) => {
                    for said in choice.pairing.push(chunk?) {
                        self.writer.write(index, said, &mut self.frame)?;
                    }
                }
            }
            is_any_ready = true;
        }
        Ok(is_any_ready)
    }

    /// Nobody waits for log probabilities that are not there yet.
    fn write_held_back(&mut self) -> Result<(), Error> {
        if self.stage != Stage::Chunks {
            return Ok(());
        }
        for (index, choice) in self.choices.iter_mut().enumerate() {
            if let Some(said) = choice.pairing.rest() {
                self.writer.write(index, said, &mut self.frame)?;
            }
        }
        Ok(())
    }

    fn fail(&mut self, error: &Error) {
        log_failure(error, &self.request_id);
        // What was said before it broke; another failure would say nothing new.
        let _ = self.write_held_back();
        self.choices.clear();
        self.writer.fail(error, &mut self.frame);
        self.stage = Stage::Over;
    }
}

impl<W: AnswerWriter> Stream for Driver<W> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let driver = self.get_mut();
        if driver.stage == Stage::Opening {
            driver.writer.open(&mut driver.frame);
            driver.stage = Stage::Chunks;
        }
        driver.write_ready(context);
        if driver.frame.len() == 0 && driver.stage == Stage::Over {
            return Poll::Ready(None);
        }
        if driver.frame.len() == 0 && driver.quiet.poll_too_long(context).is_ready() {
            driver.writer.keep_alive(&mut driver.frame);
        }
        if driver.frame.len() == 0 {
            return Poll::Pending;
        }
        driver.quiet.since = Instant::now();
        Poll::Ready(Some(Ok(driver.frame.take())))
    }
}

impl Quiet {
    fn new(longest: Duration) -> Self {
        let since = Instant::now();
        Self {
            longest,
            since,
            timer: Box::pin(sleep_until(since + longest)),
        }
    }

    fn poll_too_long(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            let end = self.since + self.longest;
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
