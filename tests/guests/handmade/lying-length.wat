;; A chart whose specification is said to be 2 GiB long, in a memory of 64 KiB.
(func $harm (param i32 i32 i32 i32) (result i32) (i32.const 256))
(data (memory $main) (i32.const 256) "\00\00\00\00\10\01\00\00\01\00\00\00")
(data (memory $main) (i32.const 272) "\03\00\00\00\00\00\00\00")
(data (memory $main) (i32.const 280)
  "\30\00\00\00\04\00\00\00" "\30\00\00\00\04\00\00\00" "\00\04\00\00\ff\ff\ff\7f")
