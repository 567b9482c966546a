;; Answers, and spins when the host has read the answer and tells it so.
(func $harm (param i32 i32 i32 i32) (result i32) (i32.const 256))
(data (memory $main) (i32.const 256) "\00\00\00\00\10\01\00\00\00\00\00\00")
(func (export "cabi_post_inkstone:plugin/analytics@0.1.0#run") (param i32)
  (loop $again (br $again)))
