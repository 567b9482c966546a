//! One dedicated thread that does one job at a time, with a bounded queue. The thread ends when
//! its [`Worker`] is dropped and the queue is empty; a job that panics does not take it along.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::threads;

pub(crate) struct Worker<J> {
    jobs: mpsc::Sender<Queued<J>>,
    /// One for the running job, the rest for those that wait.
    places: Arc<Semaphore>,
}

struct Queued<J> {
    job: J,
    _place: OwnedSemaphorePermit,
}

/// Every place is taken.
#[derive(Debug)]
pub(crate) struct Full;

impl<J: Send + 'static> Worker<J> {
    /// Starts the thread; `handle` is called on it, job by job.
    pub fn start(
        name: &str,
        max_waiting: usize,
        mut handle: impl FnMut(J) + Send + 'static,
    ) -> std::io::Result<Self> {
        let places = max_waiting.saturating_add(1).min(Semaphore::MAX_PERMITS);
        let (jobs, mut queue) = mpsc::channel::<Queued<J>>(places);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _one_thread = threads::stay_on_this_thread();
                while let Some(queued) = queue.blocking_recv() {
                    // The job's own channel closes as it unwinds, which is how its caller learns;
                    // the message was printed by the panic hook.
                    let _ = catch_unwind(AssertUnwindSafe(|| handle(queued.job)));
                }
            })?;
        Ok(Self {
            jobs,
            places: Arc::new(Semaphore::new(places)),
        })
    }

    /// Queues a job, or says at once that there is no place.
    pub fn submit(&self, job: J) -> Result<(), Full> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Full)?;
        self.jobs
            .try_send(Queued { job, _place: place })
            .map_err(|_| Full)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;

    use super::*;

    #[tokio::test]
    async fn places_are_counted_and_given_back() {
        let (started, on_start) = std_mpsc::channel();
        let worker = Worker::start("test", 1, move |release: std_mpsc::Receiver<()>| {
            started.send(()).unwrap();
            let _ = release.recv();
        })
        .unwrap();
        let job = || std_mpsc::channel::<()>();

        let (release_first, first) = job();
        let (release_second, second) = job();
        worker.submit(first).unwrap();
        on_start.recv().unwrap();
        worker.submit(second).unwrap();
        assert!(worker.submit(job().1).is_err());

        drop(release_first);
        on_start.recv().unwrap();
        let (release_third, third) = job();
        worker.submit(third).unwrap();
        drop((release_second, release_third));
        on_start.recv().unwrap();
    }

    #[tokio::test]
    async fn a_panic_ends_the_job_and_not_the_worker() {
        let worker = Worker::start("test", 4, |job: tokio::sync::oneshot::Sender<u32>| {
            assert!(job.send(1).is_ok_and(|()| false), "as intended");
        })
        .unwrap();
        for _ in 0..3 {
            let (reply, answer) = tokio::sync::oneshot::channel();
            worker.submit(reply).unwrap();
            assert_eq!(answer.await.unwrap(), 1);
        }
    }
}
