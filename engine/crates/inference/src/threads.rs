//! How many threads a model computes on. One by default: on a shared machine a second one makes
//! every step wait for whichever was scheduled last, and generation falls to a fraction.

/// What candle reads, once, when it computes for the first time.
const CANDLE_THREADS: &str = "CANDLE_NUM_THREADS";

/// Sets how many threads candle's matrix products use, unless the environment says it already.
///
/// # Safety
/// It changes the environment: call it first thing in `main`, before any other thread runs.
#[allow(unsafe_code)] // the only way to tell candle, which offers no setting
pub unsafe fn limit_threads(threads: usize) {
    if std::env::var_os(CANDLE_THREADS).is_none() {
        // SAFETY: the caller promises that no other thread runs.
        unsafe { std::env::set_var(CANDLE_THREADS, threads.to_string()) };
    }
}

/// Logs a warning where nobody has chosen how many threads candle uses: [`limit_threads`] was
/// forgotten, and generation will crawl.
pub(crate) fn warn_if_unlimited() {
    if std::env::var_os(CANDLE_THREADS).is_none() {
        tracing::warn!("{CANDLE_THREADS} is not set: on a busy machine local models will be slow");
    }
}

/// Binds the calling thread's parallel loops to itself. The guard has to live as long as it computes.
pub(crate) fn stay_on_this_thread() -> Result<OneThread, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build()
        .map(OneThread)
}

pub(crate) struct OneThread(#[allow(dead_code)] rayon::ThreadPool);
