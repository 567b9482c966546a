;; Does no harm: an answer without a block.
(func $harm (param i32 i32 i32 i32) (result i32) (i32.const 256))
(data (memory $main) (i32.const 256) "\00\00\00\00\10\01\00\00\00\00\00\00")
