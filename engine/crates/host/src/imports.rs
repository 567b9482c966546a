//! What guests may call: one file per interface of the contract, each implemented on the data of the
//! call's store. A power is checked here, at the door, before anything behind a port is asked.

/// Passes one import by the meter and the tape: counted, and its result noted, or on a replay taken
/// from the recording. Results are domain values; handles stay behind.
macro_rules! import {
    ($state:ident, $name:literal, $arguments:expr, async |$own:ident| $work:block) => {
        import!($state, $name, $arguments, {
            // A unique borrow: the state is sent between threads, and never shared.
            async {
                let $own: &mut CallState = &mut *$state;
                $work
            }
            .await
        })
    };
    ($state:ident, $name:literal, $arguments:expr, $work:expr) => {{
        let mut entry = $state.enter($name, &$arguments)?;
        let outcome = match entry.as_mut().and_then(|entry| entry.recorded()) {
            Some(recorded) => recorded,
            None => $work,
        };
        $state.leave(entry, outcome)
    }};
}

mod ai;
mod clock;
mod http;
mod inference;
mod kv;
mod log;
mod random;
mod search;
mod settings;
mod tools;

use std::future::Future;

use inkstone_bindings::latest::imports::{chat, types};
use inkstone_domain::{Error, Result, codes};
use serde::Serialize;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use wasmtime::component::Resource;

use crate::convert;
use crate::failure::HostCallsSpent;
use crate::state::CallState;
use crate::tape::Entry;

pub(crate) use random::MAX_RANDOM_BYTES;

impl types::Host for CallState {
    /// A domain error goes to the guest as a typed one, and is remembered in case the guest hands it
    /// on; anything else ends the guest.
    fn convert_error(&mut self, error: wasmtime::Error) -> wasmtime::Result<types::Error> {
        let error = error.downcast::<Error>()?;
        let typed = convert::error::to_guest(&error);
        self.passing = Some(error);
        Ok(typed)
    }
}

impl chat::Host for CallState {}

impl CallState {
    /// An import begins: the guest may have used up its calls, or go another way than was recorded.
    fn enter(
        &self,
        import: &'static str,
        arguments: &impl Serialize,
    ) -> wasmtime::Result<Option<Entry>> {
        if !self.meter.host_call() {
            return Err(HostCallsSpent.into());
        }
        match &self.tape {
            None => Ok(None),
            Some(tape) => Ok(Some(tape.enter(import, arguments)?)),
        }
    }

    /// An import ends.
    fn leave<T: Serialize>(
        &self,
        entry: Option<Entry>,
        outcome: wasmtime::Result<T>,
    ) -> wasmtime::Result<T> {
        if let (Some(tape), Some(entry)) = (&self.tape, entry) {
            tape.leave(entry, &outcome);
        }
        outcome
    }
}

/// Runs work that may call other guests in a task of its own: it costs this guest no computing time
/// and none of its stack. Dropping the future ends the task.
async fn aside<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    AbortOnDropHandle::new(tokio::spawn(work.in_current_span()))
        .await
        .unwrap_or_else(|broken| {
            Err(Error::new(
                &codes::INTERNAL,
                "a call on behalf of a plugin broke off; the log says why",
            )
            .with_source(broken))
        })
}

/// The same handle under the type that really stands in the table.
fn entry<Held: 'static, Named: 'static>(handle: &Resource<Named>) -> Resource<Held> {
    Resource::new_own(handle.rep())
}
