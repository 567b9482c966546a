;; Asked for room for its input, it calls back into the host, which is just about to call it.
(import "inkstone:plugin/clock@0.1.0" "now-ms" (func $now (result i64)))
(func $harm (param i32 i32 i32 i32) (result i32) (unreachable))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (drop (call $now))
  (i32.const 16384))
