//! Undoes the compression of an answer, and keeps count of both sides: what a few bytes may grow to
//! is bounded by their number.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio_util::io::{ReaderStream, StreamReader};

/// What we ask for, and can undo.
pub(crate) const ACCEPTED: &str = "gzip, br";

/// Of what is undone at once.
const PIECE_BYTES: usize = 16 * 1024;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Gzip,
    Brotli,
}

impl Encoding {
    /// The one that the headers name; an error is one that nobody asked for.
    pub fn of(headers: &HeaderMap) -> Result<Self, String> {
        let mut encoding = Self::Plain;
        for value in headers.get_all(CONTENT_ENCODING) {
            let value = String::from_utf8_lossy(value.as_bytes());
            let one = match value.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Self::Gzip,
                "br" => Self::Brotli,
                other => return Err(other.escape_debug().to_string()),
            };
            if encoding != Self::Plain {
                return Err("several at once".to_owned());
            }
            encoding = one;
        }
        Ok(encoding)
    }
}

/// A body in the clear. An error that holds reqwest's own is the connection's, any other the body's.
pub(crate) struct Decoded {
    pieces: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    /// As they came over the wire.
    received_bytes: Arc<AtomicU64>,
}

impl Decoded {
    pub fn new(response: Response, encoding: Encoding) -> Self {
        let received_bytes = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&received_bytes);
        let received = response
            .bytes_stream()
            .inspect_ok(move |piece| {
                counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
            })
            .map_err(|error| io::Error::other(error.without_url()));
        let pieces = match encoding {
            Encoding::Plain => received.boxed(),
            Encoding::Gzip => {
                let mut decoder = GzipDecoder::new(StreamReader::new(received));
                decoder.multiple_members(true);
                ReaderStream::with_capacity(decoder, PIECE_BYTES).boxed()
            }
            Encoding::Brotli => {
                let decoder = BrotliDecoder::new(StreamReader::new(received));
                ReaderStream::with_capacity(decoder, PIECE_BYTES).boxed()
            }
        };
        Self {
            pieces,
            received_bytes,
        }
    }

    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Ordering::Relaxed)
    }

    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match self.pieces.next().await {
            None => Ok(None),
            Some(Ok(piece)) => Ok(Some(piece)),
            // Servers name an encoding for empty bodies, too.
            Some(Err(error))
                if error.kind() == io::ErrorKind::UnexpectedEof && self.received_bytes() == 0 =>
            {
                Ok(None)
            }
            Some(Err(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_taken() {
        for (values, want) in [
            (&[][..], Ok(Encoding::Plain)),
            (&["identity"], Ok(Encoding::Plain)),
            (&["GZIP"], Ok(Encoding::Gzip)),
            (&["x-gzip"], Ok(Encoding::Gzip)),
            (&["br"], Ok(Encoding::Brotli)),
            (&["zstd"], Err("zstd")),
            (&["gzip, br"], Err("gzip, br")),
            (&["gzip", "gzip"], Err("several at once")),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, value.parse().expect(value));
            }
            let got = Encoding::of(&headers);
            assert_eq!(got, want.map_err(str::to_owned), "{values:?}");
        }
    }
}
