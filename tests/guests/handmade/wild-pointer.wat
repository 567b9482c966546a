;; The answer lies beyond the end of memory.
(func $harm (param i32 i32 i32 i32) (result i32) (i32.const 0xfffffff8))
