//! Where plugins are read, checked and compiled: on threads of their own that give way to every other
//! one, so that a file, whoever made it, takes no core from the calls that are served meanwhile.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::task::JoinError;

#[derive(Clone)]
pub(crate) struct Workshop(Arc<ThreadPool>);

impl Workshop {
    /// As many threads as there are cores; wasmtime compiles a component's functions on them side by side.
    pub fn new() -> Result<Self, ThreadPoolBuildError> {
        ThreadPoolBuilder::new()
            .thread_name(|number| format!("workshop-{number}"))
            .start_handler(|_number| give_way())
            .build()
            .map(|threads| Self(Arc::new(threads)))
    }

    /// The error is that of a panic in `work`.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let threads = self.0.clone();
        tokio::task::spawn_blocking(move || threads.install(work)).await
    }
}

/// From here on this thread runs where a core has nothing else to do (SCHED_IDLE of sched(7)). A mere
/// nice value is not enough: a thread that wakes up still waits until the slice of a nice one is over.
#[cfg(target_os = "linux")]
fn give_way() {
    use thread_priority::{
        NormalThreadSchedulePolicy::Idle, ThreadPriority::Min, ThreadSchedulePolicy::Normal,
        set_thread_priority_and_policy, thread_native_id,
    };
    let asked = set_thread_priority_and_policy(thread_native_id(), Min, Normal(Idle));
    if let Err(error) = asked {
        tracing::debug!(?error, "plugins are made ready at the usual priority");
    }
}

/// Other systems have no such thing for threads.
#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn work_gives_way_to_everybody_else() {
        use thread_priority::NormalThreadSchedulePolicy::{Idle, Other};
        use thread_priority::ThreadSchedulePolicy::Normal;
        let policy = || thread_priority::thread_schedule_policy().unwrap();
        let workshop = Workshop::new().unwrap();
        assert_eq!(workshop.run(policy).await.unwrap(), Normal(Idle));
        assert_eq!(policy(), Normal(Other));
    }

    #[tokio::test]
    async fn a_panic_is_told() {
        let workshop = Workshop::new().unwrap();
        let broken = workshop.run(|| panic!("on purpose")).await;
        assert!(broken.unwrap_err().is_panic());
        assert_eq!(workshop.run(|| 7).await.unwrap(), 7);
    }
}
