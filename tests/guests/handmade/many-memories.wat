;; Fifty memories in one module.
(func $harm (param i32 i32 i32 i32) (result i32) (unreachable))
(memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16)
(memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16)
(memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16)
(memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16)
(memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16) (memory 16)
