//! What is seen of plugin calls: a span for each, counters and histograms for operators, the
//! statistics of the version, and the recording where the call is recorded. The handles of the
//! common case are made once per function, so that a call costs a few atomic updates.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inkstone_domain::codes::{self, Code};
use inkstone_domain::ids::UserId;
use inkstone_domain::plugin::CallEnd;
use inkstone_domain::ports::GuestCall;
use inkstone_domain::recording::{RECORDING_FORMAT, Recording};
use inkstone_domain::{Error, Result};
use metrics::{Counter, Gauge, Histogram};
use serde::Serialize;
use serde_json::Value;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::meter::Meter;
use crate::plugin::Plugin;
use crate::tape::Tape;

const CALLS: &str = "inkstone_plugin_calls_total";
const SECONDS: &str = "inkstone_plugin_call_duration_seconds";

/// Counters of a whole version; one set for all its functions.
pub(crate) struct Gauges {
    cpu_us: Counter,
    host_calls: Counter,
    sent_bytes: Counter,
    received_bytes: Counter,
    peak_memory_bytes: Gauge,
    pub running: Gauge,
    pub queued: Gauge,
}

impl Gauges {
    pub fn new(id: &str, version: &str) -> Self {
        let labels = [("plugin", id.to_owned()), ("version", version.to_owned())];
        Self {
            cpu_us: metrics::counter!("inkstone_plugin_cpu_microseconds_total", &labels),
            host_calls: metrics::counter!("inkstone_plugin_host_calls_total", &labels),
            sent_bytes: metrics::counter!("inkstone_plugin_sent_bytes_total", &labels),
            received_bytes: metrics::counter!("inkstone_plugin_received_bytes_total", &labels),
            peak_memory_bytes: metrics::gauge!("inkstone_plugin_peak_memory_bytes", &labels),
            running: metrics::gauge!("inkstone_plugin_instances", &labels),
            queued: metrics::gauge!("inkstone_plugin_queued", &labels),
        }
    }
}

/// One exported function of one plugin.
pub(crate) struct Function {
    seen: Arc<Seen>,
}

struct Seen {
    plugin: Arc<Plugin>,
    name: &'static str,
    succeeded: Counter,
    seconds: Histogram,
}

impl Function {
    pub fn new(plugin: &Arc<Plugin>, name: &'static str) -> Self {
        let labels = [
            ("plugin", plugin.id.to_string()),
            ("version", plugin.version.clone()),
            ("function", name.to_owned()),
        ];
        let outcome = [("outcome", "ok".to_owned())];
        let with_outcome: Vec<_> = labels.iter().chain(&outcome).cloned().collect();
        Self {
            seen: Arc::new(Seen {
                plugin: plugin.clone(),
                name,
                succeeded: metrics::counter!(CALLS, &with_outcome),
                seconds: metrics::histogram!(SECONDS, &labels),
            }),
        }
    }

    /// The host's own question what a plugin offers: seen by operators, and no call of a user.
    pub fn begin_own(&self, call: &GuestCall) -> Observation {
        let mut observation = self.watch(call, None);
        observation.is_own = true;
        observation
    }

    /// Begins to watch one call. The arguments are written down only where the call is recorded.
    pub fn begin(&self, call: &GuestCall, arguments: &impl Serialize) -> Observation {
        let tape = self.seen.plugin.tape(self.seen.name, call, arguments);
        self.watch(call, tape)
    }

    fn watch(&self, call: &GuestCall, tape: Option<(Arc<Tape>, TapeHead)>) -> Observation {
        let seen = &self.seen;
        let plugin = &seen.plugin;
        let span = tracing::info_span!(
            "plugin_call",
            plugin = &*plugin.id,
            version = plugin.version,
            function = seen.name,
            request_id = call.request_id,
            outcome = Empty,
            cpu_us = Empty,
            memory_bytes = Empty,
            host_calls = Empty,
        );
        let meter = Arc::new(Meter::new(plugin.limits.cpu, plugin.limits.host_calls));
        Observation {
            tape,
            seen: Some(seen.clone()),
            span,
            began: Instant::now(),
            latency: None,
            meter,
            caller: call.caller,
            is_own: false,
            settled: false,
        }
    }
}

/// What is written down of a recorded call before it begins.
pub(crate) struct TapeHead {
    function: &'static str,
    request_id: String,
    arguments: Value,
    /// A replay's tape is read by whoever armed it.
    pub is_kept: bool,
}

impl TapeHead {
    pub fn new(
        function: &'static str,
        call: &GuestCall,
        arguments: &impl Serialize,
        is_kept: bool,
    ) -> Self {
        Self {
            function,
            request_id: call.request_id.clone(),
            arguments: serde_json::to_value(arguments).unwrap_or_default(),
            is_kept,
        }
    }
}

/// What a call's store measures itself with, and where its imports are written down.
pub(crate) struct Instruments {
    pub meter: Arc<Meter>,
    pub tape: Option<Arc<Tape>>,
}

/// One call being watched. Dropped before its end, it counts as cancelled.
pub(crate) struct Observation {
    seen: Option<Arc<Seen>>,
    span: Span,
    began: Instant,
    /// Of a stream, to its first item.
    latency: Option<Duration>,
    meter: Arc<Meter>,
    caller: Option<UserId>,
    tape: Option<(Arc<Tape>, TapeHead)>,
    /// The host's own question, not a user's call.
    is_own: bool,
    settled: bool,
}

impl Observation {
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// What the call's store works with.
    pub fn instruments(&self) -> Instruments {
        Instruments {
            meter: self.meter.clone(),
            tape: self.tape.as_ref().map(|(tape, _)| tape.clone()),
        }
    }

    /// Runs a whole call within the span and counts how it ended.
    pub async fn around<T: Serialize>(
        mut self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let outcome = work.instrument(self.span.clone()).await;
        self.answered(&outcome);
        self.ended(outcome)
    }

    /// The same for the host's own question, which is never written down.
    pub async fn around_own<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let outcome = work.instrument(self.span.clone()).await;
        self.ended(outcome)
    }

    fn ended<T>(mut self, outcome: Result<T>) -> Result<T> {
        match &outcome {
            Ok(_) => self.succeeded(),
            Err(error) => self.failed(error),
        }
        outcome
    }

    /// An answer, or the next item of a stream; none marks its end.
    pub fn answered<T: Serialize>(&mut self, outcome: &Result<T>) {
        if self.latency.is_none() {
            self.latency = Some(self.began.elapsed());
        }
        if let Some((tape, _)) = &self.tape {
            tape.answer(outcome);
        }
    }

    /// A stream that did not even begin.
    pub fn refused(mut self, error: Error) -> Error {
        let outcome = Err::<(), _>(error.clone());
        self.answered(&outcome);
        self.failed(&error);
        error
    }

    pub fn succeeded(&mut self) {
        self.settle(None);
    }

    pub fn failed(&mut self, error: &Error) {
        self.settle(Some(error.code()));
    }

    fn settle(&mut self, error: Option<&'static Code>) {
        self.settled = true;
        let Some(seen) = &self.seen else {
            return;
        };
        let plugin = &seen.plugin;
        let used = self.meter.reading();
        let cpu_us = u64::try_from(used.cpu.as_micros()).unwrap_or(u64::MAX);
        self.span
            .record("outcome", error.map_or("ok", |code| code.name));
        self.span.record("cpu_us", cpu_us);
        self.span.record("memory_bytes", used.memory_bytes);
        self.span.record("host_calls", used.host_calls);
        match error {
            None => seen.succeeded.increment(1),
            Some(code) => metrics::counter!(
                CALLS,
                "plugin" => plugin.id.to_string(),
                "version" => plugin.version.clone(),
                "function" => seen.name,
                "outcome" => code.name,
            )
            .increment(1),
        }
        seen.seconds.record(self.began.elapsed());
        if self.is_own {
            return;
        }
        if error.is_some_and(Code::depends_on_input) {
            plugin.stats.overtaxed(self.caller);
        }
        plugin.stats.ended(&CallEnd {
            error,
            latency: self.latency.unwrap_or_else(|| self.began.elapsed()),
            cpu: used.cpu,
            memory_bytes: used.memory_bytes,
            sent_bytes: used.sent_bytes,
            received_bytes: used.received_bytes,
            host_calls: used.host_calls,
        });
        let gauges = &plugin.gauges;
        gauges.cpu_us.increment(cpu_us);
        gauges.host_calls.increment(used.host_calls);
        gauges.sent_bytes.increment(used.sent_bytes);
        gauges.received_bytes.increment(used.received_bytes);
        gauges
            .peak_memory_bytes
            .set(plugin.stats.peak_memory_bytes() as f64);
        if let Some((tape, head)) = self.tape.take()
            && head.is_kept
        {
            let is_cut_off = error.is_some_and(|code| std::ptr::eq(code, &codes::CANCELLED));
            keep(plugin, &tape, head, is_cut_off);
        }
    }

    /// One that nobody looks at.
    #[cfg(test)]
    pub fn unseen() -> Self {
        Self {
            seen: None,
            span: Span::none(),
            began: Instant::now(),
            latency: None,
            meter: Arc::new(Meter::new(Duration::MAX, u32::MAX)),
            caller: None,
            tape: None,
            is_own: false,
            settled: false,
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(Some(&codes::CANCELLED));
        }
    }
}

/// Hands a recording to its sink.
fn keep(plugin: &Plugin, tape: &Tape, head: TapeHead, is_cut_off: bool) {
    let taped = tape.end();
    if taped.is_too_long {
        tracing::warn!(
            plugin = &*plugin.id,
            function = head.function,
            "a recorded call grew too long, and its recording is dropped"
        );
        return;
    }
    let Some(sink) = &plugin.ports.recordings else {
        return;
    };
    sink.keep(Recording {
        format: RECORDING_FORMAT,
        plugin: plugin.id.to_string(),
        version: plugin.version.clone(),
        digest: plugin.digest.clone(),
        request_id: head.request_id,
        recorded_at: plugin.ports.clock.now(),
        settings: serde_json::from_str(&plugin.settings).unwrap_or_default(),
        function: head.function.to_owned(),
        arguments: head.arguments,
        imports: taped.imports,
        answers: taped.answers,
        is_cut_off,
        took_us: taped.took_us,
    });
}
