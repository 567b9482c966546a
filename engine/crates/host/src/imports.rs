//! What guests may call: one file per interface of the contract, each implemented on the data of the
//! call's store. A power is checked here, at the door, before anything behind a port is asked.

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

use inkstone_bindings::v0_1_0::imports::{chat, types};
use inkstone_domain::{Error, Result, codes};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use wasmtime::component::Resource;

use crate::convert;
use crate::state::CallState;

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
