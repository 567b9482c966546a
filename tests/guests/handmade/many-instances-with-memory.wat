;; Six memories in six instances: each small enough, together too much.
(component
  (core module $hoard
    (memory 64)
    (func $begin (memory.fill (i32.const 0) (i32.const 1) (i32.const 4194304)))
    (start $begin))
  (core instance (instantiate $hoard))
  (core instance (instantiate $hoard))
  (core instance (instantiate $hoard))
  (core instance (instantiate $hoard))
  (core instance (instantiate $hoard))
  (core instance (instantiate $hoard)))
