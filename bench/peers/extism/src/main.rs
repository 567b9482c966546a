//! Extism doing what the plugin call of the benchmark does: 1 KiB in and out of a guest. For each
//! line on standard input it makes so many calls, each in a fresh plugin, and prints the mean, µs.

use std::io::BufRead;
use std::time::Instant;

use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};

/// Copies its input to its output, eight bytes at a time.
const ECHO: &str = r#"(module
    (import "extism:host/env" "input_length" (func $input_length (result i64)))
    (import "extism:host/env" "input_load_u64" (func $input (param i64) (result i64)))
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (memory (export "memory") 1)
    (func (export "echo") (result i32)
        (local $length i64) (local $to i64) (local $at i64)
        (local.set $length (call $input_length))
        (local.set $to (call $alloc (local.get $length)))
        (block $done (loop $copy
            (br_if $done (i64.ge_u (local.get $at) (local.get $length)))
            (call $store
                (i64.add (local.get $to) (local.get $at))
                (call $input (local.get $at)))
            (local.set $at (i64.add (local.get $at) (i64.const 8)))
            (br $copy)))
        (call $output (local.get $to) (local.get $length))
        (i32.const 0)))"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let manifest = Manifest::new([Wasm::data(ECHO.as_bytes())]);
    let compiled = CompiledPlugin::new(PluginBuilder::new(manifest).with_wasi(false))?;
    let input = "x".repeat(1024);
    for line in std::io::stdin().lock().lines() {
        let calls: u32 = line?.trim().parse()?;
        let began = Instant::now();
        for _ in 0..calls {
            let mut plugin = Plugin::new_from_compiled(&compiled)?;
            let output: &str = plugin.call("echo", input.as_str())?;
            assert_eq!(output.len(), input.len());
        }
        println!("{}", began.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    Ok(())
}
