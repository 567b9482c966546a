//! Server-sent events, written one after another straight into the bytes that go out together.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

/// Room for the events of one piece of an answer; grows where that is not enough.
const USUAL_BYTES: usize = 4 * 1024;

/// Events that go out together.
#[derive(Debug)]
pub(crate) struct EventFrame {
    bytes: BytesMut,
    is_muted: bool,
}

impl EventFrame {
    pub(crate) fn new() -> Self {
        Self {
            bytes: BytesMut::with_capacity(USUAL_BYTES),
            is_muted: false,
        }
    }

    /// One that drops everything: for answers that nobody wants as events.
    pub(crate) fn muted() -> Self {
        Self {
            bytes: BytesMut::new(),
            is_muted: true,
        }
    }

    /// An event without a name.
    pub(crate) fn data<T: Serialize>(&mut self, value: &T) {
        if self.is_muted {
            return;
        }
        let begin = self.bytes.len();
        self.bytes.put_slice(b"data: ");
        self.json(begin, value);
    }

    /// An event with a name.
    pub(crate) fn event<T: Serialize>(&mut self, name: &str, value: &T) {
        if self.is_muted {
            return;
        }
        let begin = self.bytes.len();
        self.bytes.put_slice(b"event: ");
        self.bytes.put_slice(name.as_bytes());
        self.bytes.put_slice(b"\ndata: ");
        self.json(begin, value);
    }

    /// The event with which OpenAI's chat ends.
    pub(crate) fn done(&mut self) {
        if !self.is_muted {
            self.bytes.put_slice(b"data: [DONE]\n\n");
        }
    }

    /// A line that clients pass over.
    pub(crate) fn comment(&mut self) {
        if !self.is_muted {
            self.bytes.put_slice(b":\n\n");
        }
    }

    /// Whether nobody sees the order in which things are told.
    pub(crate) fn is_muted(&self) -> bool {
        self.is_muted
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What was written since the last time.
    pub(crate) fn take(&mut self) -> Bytes {
        self.bytes.split().freeze()
    }

    /// JSON has no line breaks of its own, so an event is one line of data.
    fn json<T: Serialize>(&mut self, begin: usize, value: &T) {
        match serde_json::to_writer((&mut self.bytes).writer(), value) {
            Ok(()) => self.bytes.put_slice(b"\n\n"),
            // Strings, numbers and JSON, which always can be written; half an event never goes out.
            Err(_) => self.bytes.truncate(begin),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_stand_behind_each_other() {
        let mut frame = EventFrame::new();
        frame.data(&json!({"text": "one\ntwo \u{2028} 😀"}));
        frame.event("ping", &json!({}));
        frame.comment();
        frame.done();
        let text = "data: {\"text\":\"one\\ntwo \u{2028} 😀\"}\n\nevent: ping\ndata: {}\n\n:\n\ndata: [DONE]\n\n";
        assert_eq!(frame.take(), text);
        assert_eq!(frame.len(), 0);
        frame.comment();
        assert_eq!(frame.take(), ":\n\n");
    }

    #[test]
    fn a_muted_frame_stays_empty() {
        let mut frame = EventFrame::muted();
        frame.data(&1);
        frame.event("a", &1);
        frame.comment();
        frame.done();
        assert_eq!(frame.len(), 0);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let mut frame = EventFrame::new();
        frame.data(&[1]);
        frame.event("a", &std::collections::BTreeMap::from([((1, 2), 3)]));
        assert_eq!(frame.take(), "data: [1]\n\n");
    }
}
