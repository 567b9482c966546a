;; The answer begins where none may begin.
(func $harm (param i32 i32 i32 i32) (result i32) (i32.const 257))
