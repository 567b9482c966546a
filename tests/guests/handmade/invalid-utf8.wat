;; A chart whose specification is no UTF-8.
(func $harm (param i32 i32 i32 i32) (result i32) (i32.const 256))
(data (memory $main) (i32.const 256) "\00\00\00\00\10\01\00\00\01\00\00\00")
(data (memory $main) (i32.const 272) "\03\00\00\00\00\00\00\00")
(data (memory $main) (i32.const 280)
  "\30\00\00\00\04\00\00\00" "\30\00\00\00\04\00\00\00" "\00\04\00\00\06\00\00\00")
(data (memory $main) (i32.const 1024) "\22\ff\c0\80\fe\22")
