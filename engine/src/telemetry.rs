//! Logs and metrics: pretty on a terminal, JSON otherwise, always on standard error. Whatever is
//! written there passes the scrubber, so that no secret is, whoever put it into a line.

mod plugin_fields;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use inkstone_config::LogFormat;
use inkstone_egress::Scrubber;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use plugin_fields::PluginFields;

/// Seconds; from one tenth of a millisecond to two minutes.
const DURATION_BUCKETS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0, 120.0,
];

/// What is said after the logs have begun is scrubbed; before, no secret has been read.
static SCRUBBER: OnceLock<Scrubber> = OnceLock::new();

/// Begins logging. `filter` is in the words of `tracing_subscriber::EnvFilter`, such as `info,inkstone=debug`;
/// the variable `RUST_LOG` goes before it. From here on neither log lines nor panics nor the
/// command's own last words hold a secret that `scrubber` knows.
pub(crate) fn start_logs(
    format: LogFormat,
    filter: &str,
    scrubber: Scrubber,
) -> Result<(), String> {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| filter.to_owned());
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| format!("log filter `{filter}` is not valid: {error}"))?;
    let is_json = match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Pretty => false,
    };
    let scrubber = SCRUBBER.get_or_init(|| scrubber);
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal() && !is_plain)
        .with_writer(|| ScrubbedWriter {
            to: io::stderr(),
            scrubber,
        });
    let started = if is_json {
        let builder = builder.json().flatten_event(true);
        builder.map_event_format(PluginFields).try_init()
    } else {
        builder.compact().with_target(false).try_init()
    };
    started.map_err(|error| format!("logging cannot begin: {error}"))?;
    std::panic::set_hook(Box::new(|panic| {
        // Nobody is left to be told that standard error is gone.
        let _ = io::stderr().write_all(last_words(panic, scrubber).as_bytes());
    }));
    Ok(())
}

/// The text without secrets.
pub(crate) fn scrub(text: &str) -> Cow<'_, str> {
    match SCRUBBER.get() {
        Some(scrubber) => scrubber.scrub(text),
        None => Cow::Borrowed(text),
    }
}

/// Begins counting. What it returns renders the Prometheus text.
pub(crate) fn start_metrics() -> Result<PrometheusHandle, String> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), DURATION_BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| format!("metrics cannot begin: {error}"))
}

/// What is printed when a thread panics: as the standard library does it, without secrets.
fn last_words(panic: &PanicHookInfo<'_>, scrubber: &Scrubber) -> String {
    let thread = std::thread::current();
    let mut told = format!("thread `{}` {panic}\n", thread.name().unwrap_or("unnamed"));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        told.push_str(&backtrace.to_string());
    }
    scrubber.scrub(&told).into_owned()
}

/// Log lines come whole, one to a write, so none is torn apart here.
struct ScrubbedWriter<'s, W> {
    to: W,
    scrubber: &'s Scrubber,
}

impl<W: Write> Write for ScrubbedWriter<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.to.write_all(&self.scrubber.scrub_bytes(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_panic_tells_a_secret() {
        let scrubber = Scrubber::new([("openai", "sk-0123456789")]).expect("valid");
        let told = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&told);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Ok(mut told) = heard.lock() {
                told.push_str(&last_words(panic, &scrubber));
            }
        }));
        let caught = std::panic::catch_unwind(|| panic!("header `Bearer sk-0123456789` is wrong"));
        std::panic::set_hook(before);
        assert!(caught.is_err());
        let told = told.lock().expect("no panic within");
        assert!(
            told.contains("header `Bearer [redacted:openai]` is wrong"),
            "{told}"
        );
        assert!(!told.contains("0123456789"), "{told}");
    }

    #[test]
    fn no_log_line_holds_a_secret() {
        let scrubber = Scrubber::new([("openai", "sk-\"quoted\"/0123456789")]).expect("valid");
        let scrubber: &'static Scrubber = Box::leak(Box::new(scrubber));
        let log = |json: bool| {
            let lines = Lines::default();
            let to = lines.clone();
            let builder = tracing_subscriber::fmt().with_writer(move || ScrubbedWriter {
                to: to.clone(),
                scrubber,
            });
            let key = "sk-\"quoted\"/0123456789";
            let say = || {
                // As a plugin's line passes through the host, and in every place of a line.
                tracing::warn!(plugin = "p", field = key, debug = ?key, "the key is {key}");
                let span = tracing::info_span!("call", header = %format!("Bearer {key}"));
                span.in_scope(|| tracing::info!("within"));
            };
            if json {
                tracing::subscriber::with_default(builder.json().finish(), say);
            } else {
                tracing::subscriber::with_default(builder.compact().finish(), say);
            }
            let bytes = lines.0.lock().expect("no panic").clone();
            String::from_utf8(bytes).expect("text")
        };
        for json in [true, false] {
            let lines = log(json);
            assert!(!lines.contains("0123456789"), "{lines}");
            assert!(lines.contains("the key is [redacted:openai]"), "{lines}");
            assert!(lines.contains("Bearer [redacted:openai]"), "{lines}");
            assert!(lines.matches("[redacted:openai]").count() >= 4, "{lines}");
        }
    }
}
