//! A runtime for tests that reach a real database.

use std::future::Future;

/// What SurrealDB's parser and executor need, and the engine gives its own threads.
const STACK_BYTES: usize = 10 * 1024 * 1024;

/// Runs a test on threads with a deep stack, all of it: the thread of the test itself has too small a one.
pub fn run_on_deep_stack<F>(test: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .unwrap();
    match runtime.block_on(runtime.spawn(test)) {
        Ok(output) => output,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
