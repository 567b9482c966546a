;; Declares a second table so large that no instance fits.
(table $bomb 100000000 funcref)
(func $harm (param i32 i32 i32 i32) (result i32) (unreachable))
