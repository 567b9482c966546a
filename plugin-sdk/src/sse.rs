//! Server-sent events as the WHATWG HTML standard reads them: any of CR, LF and CRLF ends a line, a leading byte
//! order mark is passed over, several `data` lines are joined, comments are ignored, an event that the stream's end
//! cuts off is dropped. Bytes may be split anywhere.

use std::collections::VecDeque;

use crate::Result;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its type, `message` where none is given.
    pub event: String,
    /// Its `data` lines, joined by line feeds.
    pub data: String,
    /// The last `id` so far, empty where none was given.
    pub id: String,
}

/// Turns bytes into events.
#[derive(Default)]
pub struct Decoder {
    line: Vec<u8>,
    after_carriage_return: bool,
    past_first_line: bool,
    event: String,
    data: String,
    has_data: bool,
    id: String,
    retry_ms: Option<u64>,
    ready: VecDeque<Event>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes; what they complete is handed out by [`Self::next_event`].
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let ends_a_pair = first == b'\n' && self.after_carriage_return;
            self.after_carriage_return = false;
            if ends_a_pair {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(rest);
                return;
            };
            self.line.extend_from_slice(&rest[..end]);
            self.after_carriage_return = rest[end] == b'\r';
            self.end_line();
            rest = &rest[end + 1..];
        }
    }

    /// The next complete event.
    pub fn next_event(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// The reconnection time the server asked for last, in milliseconds.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    fn end_line(&mut self) {
        let bytes = std::mem::take(&mut self.line);
        let mut line = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        if !self.past_first_line {
            self.past_first_line = true;
            if let Some(rest) = line.strip_prefix('\u{feff}') {
                line = rest.to_owned();
            }
        }
        if line.is_empty() {
            self.dispatch();
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok();
            }
            // An empty field name is a comment; unknown fields are ignored.
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) {
            self.ready.push_back(Event {
                event: if event.is_empty() {
                    "message".to_owned()
                } else {
                    event
                },
                data,
                id: self.id.clone(),
            });
        }
    }
}

/// The events in pieces of a body; ends after the first error.
pub fn events<I: Iterator<Item = Result<Vec<u8>>>>(pieces: I) -> Events<I> {
    Events {
        pieces: Some(pieces),
        decoder: Decoder::new(),
    }
}

/// An iterator of events.
pub struct Events<I> {
    pieces: Option<I>,
    decoder: Decoder,
}

impl<I> Events<I> {
    /// Whether an event is there without reading on.
    pub fn is_ready(&self) -> bool {
        !self.decoder.ready.is_empty()
    }
}

impl<I: Iterator<Item = Result<Vec<u8>>>> Iterator for Events<I> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.decoder.next_event() {
                return Some(Ok(event));
            }
            match self.pieces.as_mut()?.next() {
                Some(Ok(bytes)) => self.decoder.push(&bytes),
                Some(Err(error)) => {
                    self.pieces = None;
                    return Some(Err(error));
                }
                None => self.pieces = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn decode(pieces: &[&[u8]]) -> Vec<Event> {
        let pieces = pieces.iter().map(|piece| Ok(piece.to_vec()));
        events(pieces).map(|event| event.unwrap()).collect()
    }

    fn datas(text: &str) -> Vec<String> {
        decode(&[text.as_bytes()])
            .into_iter()
            .map(|event| event.data)
            .collect()
    }

    #[test]
    fn every_line_end_counts() {
        assert_eq!(datas("data: a\n\ndata: b\n\n"), ["a", "b"]);
        assert_eq!(datas("data: a\r\rdata: b\r\r"), ["a", "b"]);
        assert_eq!(datas("data: a\r\n\r\ndata: b\r\n\r\n"), ["a", "b"]);
        assert_eq!(datas("data: a\r\n\ndata: b\n\r\n"), ["a", "b"]);
    }

    #[test]
    fn a_pair_split_between_pieces_is_one_end() {
        let events = decode(&[b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n"]);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].data, "a\nb");
    }

    #[test]
    fn every_split_gives_the_same_events() {
        let text = "\u{feff}: hi\r\nevent: délta\r\ndata: grüße 🦀\r\ndata:  two\r\nid: 7\r\n\r\ndata\n\nretry: 10\rdata: x\r\r";
        let whole = decode(&[text.as_bytes()]);
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[0].event, "délta");
        assert_eq!(whole[0].data, "grüße 🦀\n two");
        assert_eq!(whole[1].data, "");
        assert_eq!(whole[2].id, "7");
        for at in 0..=text.len() {
            let (head, tail) = text.as_bytes().split_at(at);
            assert_eq!(decode(&[head, tail]), whole, "split at byte {at}");
        }
        let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(decode(&single), whole);
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        assert!(datas(": ping\n\n\n\n").is_empty());
        assert!(datas("event: only-a-name\n\n").is_empty());
        assert!(datas("data: cut off").is_empty());
        assert!(datas("data: cut off\n").is_empty());
        assert_eq!(datas("foo: bar\ndata:no space\n\n"), ["no space"]);
        assert_eq!(datas("data: a:b: c\n\n"), ["a:b: c"]);
    }

    #[test]
    fn retry_needs_digits() {
        let mut decoder = Decoder::new();
        decoder.push(b"retry: 1500\n");
        assert_eq!(decoder.retry_ms(), Some(1500));
        decoder.push(b"retry: soon\n");
        assert_eq!(decoder.retry_ms(), Some(1500));
    }

    #[test]
    fn an_error_ends_the_stream() {
        let pieces = [
            Ok(b"data: a\n\n".to_vec()),
            Err(Error::upstream("gone")),
            Ok(b"data: b\n\n".to_vec()),
        ];
        let all: Vec<_> = events(pieces.into_iter()).collect();
        assert_eq!(all.len(), 2);
        assert!(all[0].is_ok() && all[1].is_err());
    }
}
