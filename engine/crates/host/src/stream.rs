//! Streams out of a guest. One task owns the store, pulls item after item and sends each through a
//! small bounded channel: a slow reader slows the guest, and a reader that leaves ends the task, and
//! with it the store and everything the guest had open.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use inkstone_domain::{Error, Result, codes};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::observe::Observation;

/// Items between guest and reader: one being read, one being made.
const CHANNEL_ITEMS: usize = 2;

/// Something a guest hands over piece by piece.
pub(crate) trait Pull: Send + 'static {
    type Item: Serialize + Send + 'static;

    /// The next piece, or none at the end.
    fn pull(&mut self) -> impl Future<Output = Result<Option<Self::Item>>> + Send;
}

/// Runs the guest in a task of its own. The observation ends with the stream.
pub(crate) fn spawn<P: Pull>(
    tasks: &TaskTracker,
    mut guest: P,
    mut observation: Observation,
) -> Pin<Box<dyn Stream<Item = Result<P::Item>> + Send>> {
    let (sender, items) = mpsc::channel(CHANNEL_ITEMS);
    let span = observation.span().clone();
    let pulling = async move {
        // Room first: the guest is not asked for what nobody takes.
        while let Ok(room) = sender.reserve().await {
            let pulled = guest.pull().await;
            observation.answered(&pulled);
            match pulled {
                Ok(Some(item)) => room.send(Ok(Some(item))),
                Ok(None) => {
                    observation.succeeded();
                    room.send(Ok(None));
                    return;
                }
                Err(error) => {
                    observation.failed(&error);
                    room.send(Err(error));
                    return;
                }
            }
        }
    };
    let task = tasks.spawn(pulling.instrument(span));
    Box::pin(Pulled {
        items,
        task,
        ended: false,
    })
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

/// The reader's end.
struct Pulled<T> {
    /// `None` is the marked end: a task that broke off leaves no mark.
    items: mpsc::Receiver<Result<Option<T>>>,
    task: JoinHandle<()>,
    ended: bool,
}

impl<T> Stream for Pulled<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match std::task::ready!(self.items.poll_recv(context)) {
            Some(Ok(Some(item))) => return Poll::Ready(Some(Ok(item))),
            Some(Ok(None)) => None,
            Some(Err(error)) => Some(Err(error)),
            None => Some(Err(Error::new(
                &codes::INTERNAL,
                "the plugin's stream broke off; the log says why",
            ))),
        };
        self.ended = true;
        Poll::Ready(item)
    }
}

impl<T> Drop for Pulled<T> {
    fn drop(&mut self) {
        self.task.abort();
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
        let stream = spawn(&TaskTracker::new(), guest, Observation::unseen());
        let all: Vec<usize> = stream.map(|item| item.unwrap()).collect().await;
        assert_eq!(all, [1, 2, 3, 4, 5]);
    }

    #[tokio::test]
    async fn an_unread_guest_is_not_pulled_and_a_dropped_stream_ends_it() {
        let (guest, pulls, dropped) = counting(usize::MAX);
        let tasks = TaskTracker::new();
        let mut stream = spawn(&tasks, guest, Observation::unseen());
        assert_eq!(stream.next().await.unwrap().unwrap(), 1);
        tokio::task::yield_now().await;
        assert!(pulls.load(Ordering::SeqCst) <= 1 + CHANNEL_ITEMS + 1);
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
        let mut stream = spawn(&TaskTracker::new(), Broken, Observation::unseen());
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.code().name, "internal");
        assert!(stream.next().await.is_none());
    }
}
