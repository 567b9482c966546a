//! Streams out of a guest. Who reads is who pulls: there is no task and no channel between, so a slow
//! reader slows the guest, an unread guest does nothing, and a reader that leaves ends the store and
//! everything the guest had open.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{FutureExt, Stream};
use inkstone_domain::{Error, Result, codes};
use serde::Serialize;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument;

use crate::observe::Observation;

/// Something a guest hands over piece by piece.
pub(crate) trait Pull: Send + 'static {
    type Item: Serialize + Send + 'static;

    /// The next piece, or none at the end.
    fn pull(&mut self) -> impl Future<Output = Result<Option<Self::Item>>> + Send;
}

/// The items of a guest. The observation ends with the stream, and a shutdown that waits for `tasks`
/// waits for it.
pub(crate) fn pulled<P: Pull>(
    tasks: &TaskTracker,
    guest: P,
    observation: Observation,
) -> Pin<Box<dyn Stream<Item = Result<P::Item>> + Send>> {
    let open = Open {
        guest,
        observation,
        _counted: tasks.token(),
    };
    Box::pin(futures::stream::unfold(Some(open), next))
}

/// A guest that has more, and what lives as long as it.
struct Open<P> {
    guest: P,
    observation: Observation,
    _counted: TaskTrackerToken,
}

async fn next<P: Pull>(open: Option<Open<P>>) -> Option<(Result<P::Item>, Option<Open<P>>)> {
    let mut open = open?;
    let span = open.observation.span().clone();
    // A fault of ours in one stream is no reason to end the connection of its reader without a word.
    let pulling = AssertUnwindSafe(open.guest.pull().instrument(span)).catch_unwind();
    let pulled = pulling.await.unwrap_or_else(|_panic| Err(broken_off()));
    open.observation.answered(&pulled);
    match pulled {
        Ok(Some(item)) => Some((Ok(item), Some(open))),
        Ok(None) => {
            open.observation.succeeded();
            None
        }
        Err(error) => {
            open.observation.failed(&error);
            Some((Err(error), None))
        }
    }
}

fn broken_off() -> Error {
    Error::new(
        &codes::INTERNAL,
        "the plugin's stream broke off; the log says why",
    )
}

/// The items of batches, one by one. Those of one batch are ready at once.
pub(crate) fn flatten<T: Send + Unpin + 'static>(
    batches: Pin<Box<dyn Stream<Item = Result<Vec<T>>> + Send>>,
) -> impl Stream<Item = Result<T>> + Send {
    Flattened {
        batches,
        ready: Vec::new().into_iter(),
    }
}

struct Flattened<T> {
    batches: Pin<Box<dyn Stream<Item = Result<Vec<T>>> + Send>>,
    ready: std::vec::IntoIter<T>,
}

impl<T: Unpin> Stream for Flattened<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.ready.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match std::task::ready!(self.batches.as_mut().poll_next(context)) {
                Some(Ok(batch)) => self.ready = batch.into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    /// Counts up; says when it is dropped.
    struct Counting {
        next: usize,
        end: usize,
        pulls: Arc<AtomicUsize>,
        dropped: Arc<Notify>,
    }

    impl Pull for Counting {
        type Item = usize;

        async fn pull(&mut self) -> Result<Option<usize>> {
            self.pulls.fetch_add(1, Ordering::SeqCst);
            self.next += 1;
            Ok((self.next <= self.end).then_some(self.next))
        }
    }

    impl Drop for Counting {
        fn drop(&mut self) {
            self.dropped.notify_one();
        }
    }

    fn counting(end: usize) -> (Counting, Arc<AtomicUsize>, Arc<Notify>) {
        let pulls = Arc::new(AtomicUsize::new(0));
        let dropped = Arc::new(Notify::new());
        let guest = Counting {
            next: 0,
            end,
            pulls: pulls.clone(),
            dropped: dropped.clone(),
        };
        (guest, pulls, dropped)
    }

    #[tokio::test]
    async fn everything_arrives_in_order_and_then_the_end() {
        let (guest, ..) = counting(5);
        let stream = pulled(&TaskTracker::new(), guest, Observation::unseen());
        let all: Vec<usize> = stream.map(|item| item.unwrap()).collect().await;
        assert_eq!(all, [1, 2, 3, 4, 5]);
    }

    #[tokio::test]
    async fn an_unread_guest_is_not_pulled_and_a_dropped_stream_ends_it() {
        let (guest, pulls, dropped) = counting(usize::MAX);
        let tasks = TaskTracker::new();
        let mut stream = pulled(&tasks, guest, Observation::unseen());
        assert_eq!(stream.next().await.unwrap().unwrap(), 1);
        tokio::task::yield_now().await;
        assert_eq!(pulls.load(Ordering::SeqCst), 1);
        drop(stream);
        dropped.notified().await;
        tasks.close();
        tasks.wait().await;
    }

    struct Broken;

    impl Pull for Broken {
        type Item = ();

        async fn pull(&mut self) -> Result<Option<()>> {
            panic!("a fault of ours");
        }
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_is_an_error_and_no_end() {
        let mut stream = pulled(&TaskTracker::new(), Broken, Observation::unseen());
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.code().name, "internal");
        assert!(stream.next().await.is_none());
    }
}
