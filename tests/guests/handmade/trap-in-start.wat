;; Ends before it begins.
(func $harm (param i32 i32 i32 i32) (result i32) (unreachable))
(func $begin (unreachable))
(start $begin)
