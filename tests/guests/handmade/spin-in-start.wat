;; Never begins.
(func $harm (param i32 i32 i32 i32) (result i32) (unreachable))
(func $begin (loop $again (br $again)))
(start $begin)
