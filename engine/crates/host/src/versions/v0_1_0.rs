//! Version 0.1.0 of the contract. An error had no `code`, a line of the log no fields; `chat` knew
//! neither log probabilities nor thoughts, a completion gave one chunk at a time, and there was no
//! `rerank`. Nothing is checked here: words are converted and calls handed on to the latest version,
//! which is where powers and limits are.

mod imports;
mod words;

use inkstone_bindings::latest::imports::{clock, random, settings};
use inkstone_bindings::v0_1_0::imports::{
    ai, chat, http, inference, kv, log, search, tools, types,
};
use inkstone_domain::plugin::PluginKind;
use wasmtime::component::{HasSelf, Linker};

use super::ApiVersion;
use crate::state::CallState;

pub(super) use words::Same;

type Own = HasSelf<CallState>;

/// Gives a linker the imports of this kind's world.
pub(super) fn add_imports(
    kind: PluginKind,
    linker: &mut Linker<CallState>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<_, Own>(linker, |state| state)?;
    chat::add_to_linker::<_, Own>(linker, |state| state)?;
    log::add_to_linker::<_, Own>(linker, |state| state)?;
    // These are as they were: the latest, under the old name.
    let name = |interface| ApiVersion::V0_1_0.interface(interface);
    let l = linker;
    settings::add_to_linker_instance::<_, Own>(&mut l.instance(&name("settings"))?, |state| state)?;
    clock::add_to_linker_instance::<_, Own>(&mut l.instance(&name("clock"))?, |state| state)?;
    random::add_to_linker_instance::<_, Own>(&mut l.instance(&name("random"))?, |state| state)?;
    match kind {
        PluginKind::Provider => {
            http::add_to_linker::<_, Own>(l, |state| state)?;
            inference::add_to_linker::<_, Own>(l, |state| state)
        }
        PluginKind::Generator => {
            ai::add_to_linker::<_, Own>(l, |state| state)?;
            tools::add_to_linker::<_, Own>(l, |state| state)?;
            search::add_to_linker::<_, Own>(l, |state| state)?;
            kv::add_to_linker::<_, Own>(l, |state| state)
        }
        PluginKind::Research => {
            http::add_to_linker::<_, Own>(l, |state| state)?;
            ai::add_to_linker::<_, Own>(l, |state| state)?;
            kv::add_to_linker::<_, Own>(l, |state| state)
        }
        PluginKind::Analytics => {
            ai::add_to_linker::<_, Own>(l, |state| state)?;
            search::add_to_linker::<_, Own>(l, |state| state)?;
            kv::add_to_linker::<_, Own>(l, |state| state)
        }
        // There were none; its exports are refused.
        PluginKind::Subscriber => Ok(()),
    }
}
