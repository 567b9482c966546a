;; A block that is none of the four there are.
(func $harm (param i32 i32 i32 i32) (result i32) (i32.const 256))
(data (memory $main) (i32.const 256) "\00\00\00\00\10\01\00\00\01\00\00\00")
(data (memory $main) (i32.const 272) "\2a\00\00\00\00\00\00\00")
