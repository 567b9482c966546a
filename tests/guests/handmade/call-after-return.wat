;; Answers, and calls the host when it may only clean up.
(import "inkstone:plugin/clock@0.1.0" "now-ms" (func $now (result i64)))
(func $harm (param i32 i32 i32 i32) (result i32) (i32.const 256))
(data (memory $main) (i32.const 256) "\00\00\00\00\10\01\00\00\00\00\00\00")
(func (export "cabi_post_inkstone:plugin/analytics@0.1.0#run") (param i32)
  (drop (call $now)))
