//! An answer as it comes: as server-sent events, or in one piece. A [`Reader`] knows what one API means by it; the
//! pulling is here.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use inkstone_plugin::http::{Body, Response};
use inkstone_plugin::provider::Chunk;
use inkstone_plugin::sse::{Event, Events};
use inkstone_plugin::{Error, Result};

use crate::upstream;

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

/// The media type to ask for.
pub fn accept(is_stream_wanted: bool) -> &'static str {
    if is_stream_wanted { EVENTS } else { JSON }
}

/// The chunks of an answer, however it comes: a server that cannot stream answers in one piece, and one may stream
/// though nobody asked it to. What is wrong with an answer in one piece is told at once.
pub fn read<R: Reader>(
    response: Response,
    is_stream_wanted: bool,
    mut reader: R,
) -> Result<Chunks<R>> {
    let is_stream = if is_stream_wanted {
        !upstream::is_of_type(&response, JSON)
    } else {
        upstream::is_of_type(&response, EVENTS)
    };
    if is_stream {
        return Ok(Chunks::of(reader, response.events()));
    }
    reader.whole(&upstream::text(response)?)?;
    Ok(Chunks::whole(reader))
}

/// Turns one answer into chunks.
pub trait Reader {
    /// Takes in an answer that came in one piece, to its end.
    fn whole(&mut self, answer: &str) -> Result<()>;

    /// Takes in one event, and says whether the answer is over with it.
    fn event(&mut self, event: &Event) -> Result<ControlFlow<()>>;

    /// The connection is at its end, and no event said that the answer is.
    fn end(&mut self) -> Result<()>;

    /// What is ready to be handed out, oldest first.
    fn ready(&mut self) -> &mut VecDeque<Chunk>;

    /// How many are ready.
    fn queued(&self) -> usize;
}

/// The chunks of one answer; ends after the first error.
pub struct Chunks<R> {
    /// `None` once nothing more is read.
    events: Option<Events<Body>>,
    /// Handed out after what the same event said before it failed.
    failed: Option<Error>,
    reader: R,
}

impl<R: Reader> Chunks<R> {
    /// What the reader makes of these events.
    fn of(reader: R, events: Events<Body>) -> Self {
        Self {
            events: Some(events),
            failed: None,
            reader,
        }
    }

    /// What the reader has ready: it has read an answer that came in one piece.
    fn whole(reader: R) -> Self {
        Self {
            events: None,
            failed: None,
            reader,
        }
    }

    /// Reads one event more; false where there is none.
    fn step(&mut self) -> bool {
        let Some(events) = &mut self.events else {
            return false;
        };
        let step = match events.next() {
            Some(Ok(event)) => self.reader.event(&event),
            Some(Err(error)) => Err(error),
            None => self.reader.end().map(ControlFlow::Break),
        };
        if !matches!(step, Ok(ControlFlow::Continue(()))) {
            self.events = None;
        }
        self.failed = step.err();
        true
    }
}

impl<R: Reader> Iterator for Chunks<R> {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(chunk) = self.reader.ready().pop_front() {
                return Some(Ok(chunk));
            }
            if let Some(error) = self.failed.take() {
                return Some(Err(error));
            }
            if !self.step() {
                return None;
            }
            // What came with the same piece is taken in too, so that it can be handed over in one go.
            while self.failed.is_none() && self.events.as_ref().is_some_and(Events::is_ready) {
                self.step();
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.reader.queued(), None)
    }
}
