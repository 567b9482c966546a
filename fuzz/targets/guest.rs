//! The border that a guest's values cross: a generator whose memory is the input, and which hands over
//! whatever lies there, as arguments of imports and as its own results. The first byte chooses the
//! version of the contract.
#![no_main]

use std::sync::{Arc, OnceLock};

use futures::StreamExt;
use inkstone_domain::Result;
use inkstone_domain::generation::GenerationEvent;
use inkstone_domain::plugin::{LoadedPlugin, PluginBody};
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
    let mirrors = MIRRORS.get_or_init(|| {
        let mirrors = mirror::all();
        mirrors.iter().for_each(prove);
        mirrors
    });
    let plugin = &mirrors[usize::from(*version) % mirrors.len()];
    // Errors are as good as events: the host has said what is wrong.
    for event in run(plugin, memory).into_iter().flatten() {
        // As a recording writes it.
        let _ = serde_json::to_vec(&event);
    }
});

/// Everything that a run gives until it ends or fails.
fn run(plugin: &LoadedPlugin, memory: &[u8]) -> Vec<Result<GenerationEvent>> {
    let PluginBody::Generator(generator) = &plugin.body else {
        panic!("the mirror is a generator");
    };
    block_on(async {
        let call = call();
        let memory = Some(memory.to_vec().into());
        match generator.start(&call, "mirror", json!({}), memory).await {
            Ok(events) => events.take(MAX_EVENTS).collect().await,
            Err(error) => vec![Err(error)],
        }
    })
}

/// The mirror shows what it is given; otherwise nothing here would mean anything.
fn prove(mirror: &Arc<LoadedPlugin>) {
    let text = include_bytes!("../seeds/guest/text-0");
    let events = run(mirror, &text[1..]);
    let seen = events.first().and_then(|event| event.as_ref().ok());
    let wanted = GenerationEvent::Text("hello".to_owned());
    assert_eq!(seen, Some(&wanted), "{events:?}");
}
