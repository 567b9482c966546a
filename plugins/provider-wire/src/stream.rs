//! An answer that comes as server-sent events. A [`Reader`] knows what one API's events mean; the pulling is here.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use inkstone_plugin::http::Body;
use inkstone_plugin::provider::Chunk;
use inkstone_plugin::sse::{Event, Events};
use inkstone_plugin::{Error, Result};

/// Turns the events of one answer into chunks.
pub trait Reader {
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
    pub fn of(reader: R, events: Events<Body>) -> Self {
        Self {
            events: Some(events),
            failed: None,
            reader,
        }
    }

    /// What the reader has ready: it has read an answer that came in one piece.
    pub fn whole(reader: R) -> Self {
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
