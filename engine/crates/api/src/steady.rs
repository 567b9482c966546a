//! Bodies that must keep coming: whoever sends next to nothing for a while is cut off, and whoever is slow but
//! steady is not. Only time in which we wait for the client counts, so a slow disk of ours cuts off nobody.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// What must come of a body while we wait for it that long, if it does not end.
const LEAST_BYTES: u64 = 8 * 1024;

/// A body of a request, watched.
pub(crate) struct SteadyBody<B> {
    inner: B,
    pace: Pace,
    wait: Option<Wait>,
}

/// How fast a body comes.
struct Pace {
    /// For how much waiting [`LEAST_BYTES`] must come.
    patience: Duration,
    /// Since the last time that enough had come.
    waited: Duration,
    bytes: u64,
}

/// For the next piece.
struct Wait {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

/// Why a body ended early.
#[derive(Debug)]
pub(crate) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body came too slowly")
    }
}

impl Error for TooSlow {}

impl TooSlow {
    /// Whether that is at the root of an error.
    pub(crate) fn is_cause_of(error: &(dyn Error + 'static)) -> bool {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl Pace {
    fn new(patience: Duration) -> Self {
        Self {
            patience,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// How long the next piece may take.
    fn left(&self) -> Duration {
        self.patience.saturating_sub(self.waited)
    }

    /// Takes note of a piece, and of how long it was waited for.
    fn came(&mut self, bytes: usize, waited: Duration) {
        self.waited += waited;
        self.bytes += bytes as u64;
        if self.bytes >= LEAST_BYTES {
            *self = Self::new(self.patience);
        }
    }
}

impl<B> SteadyBody<B> {
    pub(crate) fn new(inner: B, patience: Duration) -> Self {
        Self {
            inner,
            pace: Pace::new(patience),
            wait: None,
        }
    }
}

impl<B> Body for SteadyBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok());
            let bytes = data.and_then(Frame::data_ref).map_or(0, Bytes::len);
            let waited = this.wait.take().map(|wait| wait.since.elapsed());
            this.pace.came(bytes, waited.unwrap_or_default());
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let left = this.pace.left();
        let wait = this.wait.get_or_insert_with(|| Wait {
            since: Instant::now(),
            end: Box::pin(sleep(left)),
        });
        ready!(wait.end.as_mut().poll(cx));
        Poll::Ready(Some(Err(Box::new(TooSlow))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body as AnyBody, to_bytes};
    use futures::{StreamExt, stream};

    use super::*;

    /// Whether a body that comes like this is read to its end.
    fn is_read(pieces: usize, bytes: usize, every: Duration) -> bool {
        let mut pace = Pace::new(Duration::from_secs(30));
        (0..pieces).all(|_| {
            let is_in_time = every < pace.left();
            pace.came(bytes, every);
            is_in_time
        })
    }

    #[test]
    fn slow_and_steady_is_fine_and_drops_are_not() {
        let second = Duration::from_secs(1);
        for (pieces, bytes, every, expected) in [
            // An hour at 300 bytes a second.
            (3_600, 300, second, true),
            // Much, just before the patience ends, each time.
            (100, 10_000, second * 29, true),
            // Little, and it ends in time.
            (10, 1, second * 2, true),
            // A byte now and then.
            (1_000, 1, second, false),
            (1_000, 200, second, false),
            (2, 10_000, second * 31, false),
        ] {
            let read = is_read(pieces, bytes, every);
            assert_eq!(read, expected, "{pieces} × {bytes} every {every:?}");
        }
    }

    #[tokio::test]
    async fn what_never_comes_is_not_waited_for() {
        let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"a"))]);
        let body = AnyBody::from_stream(begun.chain(stream::pending()));
        let body = AnyBody::new(SteadyBody::new(body, Duration::from_millis(10)));
        let error = to_bytes(body, usize::MAX).await.unwrap_err();
        assert!(TooSlow::is_cause_of(&error), "{error}");
    }

    #[tokio::test]
    async fn what_is_there_is_not_waited_for() {
        let pieces = (0..100).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"a")));
        let body = AnyBody::from_stream(stream::iter(pieces));
        let body = AnyBody::new(SteadyBody::new(body, Duration::ZERO));
        let mut pieces = body.into_data_stream();
        let mut came = 0;
        while let Some(piece) = pieces.next().await {
            came += piece.unwrap().len();
            // Whatever we do with a piece.
            tokio::task::yield_now().await;
        }
        assert_eq!(came, 100);
    }

    #[test]
    fn the_cause_is_found_behind_others() {
        let slow: Box<dyn Error + Send + Sync> = Box::new(TooSlow);
        assert!(TooSlow::is_cause_of(&axum::Error::new(slow)));
        assert!(!TooSlow::is_cause_of(&axum::Error::new("gone")));
    }
}
