;; An error of a kind that does not exist.
(func $harm (param i32 i32 i32 i32) (result i32) (i32.const 256))
(data (memory $main) (i32.const 256) "\01\00\00\00\63\00\00\00\30\00\00\00\04\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
