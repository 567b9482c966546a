//! The border that a guest's values cross: a generator whose memory is the input, and which hands over
//! whatever lies there, as arguments of imports and as its own results. The first byte chooses the
//! version of the contract.
#![no_main]

use std::sync::{Arc, OnceLock};

use futures::StreamExt;
use inkstone_domain::plugin::{LoadedPlugin, PluginBody};
use inkstone_domain::ports::Generator;
use inkstone_fuzz::{block_on, call, mirror};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// Steps of one run that are asked for.
const MAX_EVENTS: usize = 16;

fuzz_target!(|data: &[u8]| {
    let Some((version, memory)) = data.split_first() else {
        return;
    };
    static MIRRORS: OnceLock<Vec<Arc<LoadedPlugin>>> = OnceLock::new();
    let mirrors = MIRRORS.get_or_init(mirror::all);
    let plugin = &mirrors[usize::from(*version) % mirrors.len()];
    let PluginBody::Generator(generator) = &plugin.body else {
        panic!("the mirror is a generator");
    };
    block_on(run(generator.as_ref(), memory.to_vec()));
});

async fn run(generator: &dyn Generator, memory: Vec<u8>) {
    let call = call();
    let started = generator.start(&call, "mirror", json!({}), Some(memory.into()));
    // Errors are as good as events: the host has said what is wrong.
    let Ok(events) = started.await else {
        return;
    };
    let mut events = events.take(MAX_EVENTS);
    while let Some(Ok(event)) = events.next().await {
        // As a recording writes it.
        let _ = serde_json::to_vec(&event);
    }
}
