//! Where plugins are read, checked and compiled: on threads of their own with a low priority, so
//! that a file, whoever made it, takes no core from the calls that are served meanwhile.

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::sync::Arc;
use tokio::task::JoinError;

/// Behind every serving thread, and before nothing.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

#[derive(Clone)]
pub(crate) struct Workshop(Arc<ThreadPool>);

impl Workshop {
    /// As many threads as there are cores; wasmtime compiles a component's functions on them side by side.
    pub fn new() -> Result<Self, ThreadPoolBuildError> {
        ThreadPoolBuilder::new()
            .thread_name(|number| format!("workshop-{number}"))
            .start_handler(|_number| step_back())
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

/// Lowers the priority of this thread. Where only whole processes have one, nothing is changed.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "plugins are made ready at the usual priority");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn work_is_done_behind_everybody_else() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let workshop = Workshop::new().unwrap();
        assert_eq!(workshop.run(niceness).await.unwrap(), NICENESS);
        assert!(niceness() < NICENESS);
    }

    #[tokio::test]
    async fn a_panic_is_told() {
        let workshop = Workshop::new().unwrap();
        assert!(
            workshop
                .run(|| panic!("on purpose"))
                .await
                .unwrap_err()
                .is_panic()
        );
        assert_eq!(workshop.run(|| 7).await.unwrap(), 7);
    }
}
