//! Fields of a plugin's log line as an object of their own in the JSON log: `{"fields":{"url":"…"}}`.
//! The host hands them over as one JSON text, because tracing's fields have fixed names; within an
//! object of their own they cannot be taken for the engine's.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// What the host logs a plugin's lines under.
const TARGET: &str = "plugin";
const FIELDS: &str = "fields";

/// A JSON format whose lines of plugins have their fields unpacked.
pub(super) struct PluginFields<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for PluginFields<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() != TARGET {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        match unpacked(&line) {
            Some(unpacked) => writeln!(writer, "{unpacked}"),
            None => writer.write_str(&line),
        }
    }
}

/// The line with its fields as an object; `None` where it has none.
fn unpacked(line: &str) -> Option<Value> {
    let mut line: Value = serde_json::from_str(line).ok()?;
    let text = line.get(FIELDS)?.as_str()?;
    let fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    line[FIELDS] = Value::Object(fields);
    Some(line)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_plugins_fields_are_unpacked() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .json()
            .flatten_event(true)
            .map_event_format(PluginFields)
            .finish();
        let fields = r#"{"level":"ERROR","url":"https://a.example"}"#;
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "plugin", plugin = "p", fields, "fetched");
            tracing::info!(target: "plugin", plugin = "p", "plain");
            tracing::info!(fields, "ours");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["message"], "fetched");
        assert_eq!(
            lines[0]["fields"],
            json!({ "level": "ERROR", "url": "https://a.example" })
        );
        assert_eq!(lines[1].get("fields"), None);
        assert_eq!(lines[2]["fields"], fields);
    }
}
