//! The border that a stranger's file crosses first: it is inspected, and, if it calls itself a plugin,
//! compiled, linked and asked what it offers, within the limits of a call.
#![no_main]

use std::path::Path;

use inkstone_domain::plugin::PluginSpec;
use inkstone_domain::ports::PluginLoader;
use inkstone_fuzz::{block_on, host};
use inkstone_package::TrustPolicy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let name = Path::new("input");
    let Ok(inspection) = inkstone_host::inspect_bytes(name, data.to_vec(), &TrustPolicy::default())
    else {
        return;
    };
    let file = tempfile::NamedTempFile::new().expect("there is a place for files");
    std::fs::write(file.path(), data).expect("which can be written");
    let spec = PluginSpec::new(inspection.manifest.id, file.path());
    // Most are refused; what counts is that nothing breaks.
    let _ = block_on(host().prepare(&spec));
});
