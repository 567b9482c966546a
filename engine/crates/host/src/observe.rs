//! What operators see of plugin calls: a span for each, a counter by outcome and a histogram of
//! durations. The handles of the common case are made once per plugin, so that a call costs two
//! atomic updates.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use inkstone_domain::ports::GuestCall;
use inkstone_domain::{Error, Result};
use metrics::{Counter, Histogram};
use tracing::{Instrument, Span};

use crate::plugin::Plugin;

const CALLS: &str = "inkstone_plugin_calls_total";
const SECONDS: &str = "inkstone_plugin_call_duration_seconds";

/// One exported function of one plugin.
pub(crate) struct Function {
    seen: Arc<Seen>,
}

struct Seen {
    plugin: Arc<str>,
    version: String,
    name: &'static str,
    succeeded: Counter,
    seconds: Histogram,
}

impl Function {
    pub fn new(plugin: &Plugin, name: &'static str) -> Self {
        let id = plugin.id.to_string();
        Self {
            seen: Arc::new(Seen {
                plugin: plugin.id.clone(),
                version: plugin.version.clone(),
                name,
                succeeded: metrics::counter!(CALLS, "plugin" => id.clone(), "function" => name, "outcome" => "ok"),
                seconds: metrics::histogram!(SECONDS, "plugin" => id, "function" => name),
            }),
        }
    }

    /// Begins to watch one call.
    pub fn begin(&self, call: &GuestCall) -> Observation {
        let seen = &self.seen;
        let span = tracing::info_span!(
            "plugin_call",
            plugin = &*seen.plugin,
            version = seen.version,
            function = seen.name,
            request_id = call.request_id,
        );
        Observation {
            seen: seen.clone(),
            span,
            began: Instant::now(),
            settled: false,
        }
    }
}

/// One call being watched. Dropped before its end, it counts as cancelled.
pub(crate) struct Observation {
    seen: Arc<Seen>,
    span: Span,
    began: Instant,
    settled: bool,
}

impl Observation {
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Runs a whole call within the span and counts how it ended.
    pub async fn around<T>(mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let span = self.span.clone();
        let outcome = work.instrument(span).await;
        match &outcome {
            Ok(_) => self.succeeded(),
            Err(error) => self.failed(error),
        }
        outcome
    }

    pub fn succeeded(&mut self) {
        self.settled = true;
        self.seen.succeeded.increment(1);
        self.seen.seconds.record(self.began.elapsed());
    }

    pub fn failed(&mut self, error: &Error) {
        self.count(error.code().name);
    }

    fn count(&mut self, outcome: &'static str) {
        self.settled = true;
        let plugin = self.seen.plugin.to_string();
        metrics::counter!(CALLS, "plugin" => plugin, "function" => self.seen.name, "outcome" => outcome)
            .increment(1);
        self.seen.seconds.record(self.began.elapsed());
    }

    /// One that nobody looks at.
    #[cfg(test)]
    pub fn unseen() -> Self {
        Self {
            seen: Arc::new(Seen {
                plugin: "test".into(),
                version: String::new(),
                name: "test",
                succeeded: Counter::noop(),
                seconds: Histogram::noop(),
            }),
            span: Span::none(),
            began: Instant::now(),
            settled: false,
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.settled {
            self.count("cancelled");
        }
    }
}
