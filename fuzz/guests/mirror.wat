;; A generator that reflects. `start` copies what it was given to resume from to address 0, so that
;; addresses in it are places in the input. It is then a list of steps of 12 bytes: an operation, a mode
;; byte, two bytes of nothing, and two addresses. `next` follows it: operation 0 gives what lies at the
;; first address as its result; the others call an import with what lies there.
(module
  (import "[export]inkstone:plugin/generator@{VERSION}" "[resource-new]run"
    (func $new (param i32) (result i32)))
  (import "inkstone:plugin/ai@{VERSION}" "complete" (func $complete (param i32 i32)))
  (import "inkstone:plugin/ai@{VERSION}" "stream" (func $stream (param i32 i32)))
  (import "inkstone:plugin/tools@{VERSION}" "call" (func $call (param i32 i32 i32 i32 i32)))
  (import "inkstone:plugin/search@{VERSION}" "find"
    (func $find (param i32 i32 i32 i32 i32 i32 i32)))
  (import "inkstone:plugin/kv@{VERSION}" "put" (func $put (param i32 i32 i32 i32 i32)))
  (import "inkstone:plugin/log@{VERSION}" "write"
    (func $write (param i32 i32 i32 {FIELD_PARAMETERS})))

  ;; 0: the input; 48 KiB: the template; 56 KiB: results of imports; 60 KiB: of `start`; 64 KiB: free.
  (memory (export "memory") 4)
  (global $free (mut i32) (i32.const 65536))
  (global $end (mut i32) (i32.const 0))
  (global $at (mut i32) (i32.const 0))

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $start i32)
    (local.set $start
      (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
    (global.set $free (i32.add (local.get $start) (local.get 3)))
    (block $fits
      (br_if $fits
        (i32.le_u (global.get $free) (i32.shl (memory.size) (i32.const 16))))
      (drop (memory.grow
        (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 1)))))
    (local.get $start))

  ;; One template: id, title, description, schema.
  (data (i32.const 49152) "\08\c0\00\00\01\00\00\00")
  (data (i32.const 49160)
    "\40\c0\00\00\06\00\00\00" "\40\c0\00\00\06\00\00\00"
    "\40\c0\00\00\06\00\00\00" "\46\c0\00\00\02\00\00\00")
  (data (i32.const 49216) "mirror{}")
  (func (export "inkstone:plugin/generator@{VERSION}#templates") (result i32) (i32.const 49152))

  (func (export "inkstone:plugin/generator@{VERSION}#start")
    (param $template i32) (param i32) (param i32 i32)
    (param $is_resumed i32) (param $data i32) (param $length i32) (result i32)
    (local $kept i32)
    (local.set $kept (local.get $length))
    (if (i32.gt_u (local.get $kept) (i32.const 49152))
      (then (local.set $kept (i32.const 49152))))
    (memory.copy (i32.const 0) (local.get $data) (local.get $kept))
    (global.set $end (local.get $kept))
    (i32.store8 (i32.const 61440) (i32.const 0))
    (i32.store (i32.const 61444) (call $new (i32.const 1)))
    (i32.const 61440))

  (func (export "inkstone:plugin/generator@{VERSION}#[method]run.next")
    (param i32) (result i32)
    (local $operation i32) (local $mode i32) (local $first i32) (local $second i32)
    (loop $steps
      ;; Beyond the end: no more events.
      (if (i32.gt_u (i32.add (global.get $at) (i32.const 12)) (global.get $end))
        (then
          (i64.store (i32.const 57344) (i64.const 0))
          (i64.store (i32.const 57352) (i64.const 0))
          (return (i32.const 57344))))
      (local.set $operation (i32.load8_u (global.get $at)))
      (local.set $mode (i32.load8_u offset=1 (global.get $at)))
      (local.set $first (i32.load offset=4 (global.get $at)))
      (local.set $second (i32.load offset=8 (global.get $at)))
      (global.set $at (i32.add (global.get $at) (i32.const 12)))
      (if (i32.eqz (local.get $operation))
        (then (return (local.get $first))))
      (if (i32.eq (local.get $operation) (i32.const 1))
        (then (call $complete (local.get $first) (i32.const 57344))))
      (if (i32.eq (local.get $operation) (i32.const 2))
        (then (call $stream (local.get $first) (i32.const 57344))))
      (if (i32.eq (local.get $operation) (i32.const 3))
        (then (call $call
          (local.get $first) (local.get $mode)
          (local.get $second) (local.get $mode) (i32.const 57344))))
      (if (i32.eq (local.get $operation) (i32.const 4))
        (then (call $find
          (local.get $first) (local.get $mode) (local.get $second)
          (i32.and (local.get $mode) (i32.const 3))
          (local.get $second) (local.get $mode) (i32.const 57344))))
      (if (i32.eq (local.get $operation) (i32.const 5))
        (then (call $put
          (local.get $first) (local.get $mode)
          (local.get $second) (local.get $mode) (i32.const 57344))))
      (if (i32.eq (local.get $operation) (i32.const 6))
        (then (call $write
          (i32.and (local.get $first) (i32.const 7))
          (local.get $second) (local.get $mode) {FIELD_ARGUMENTS})))
      (br $steps))
    (unreachable))

  (@custom "inkstone:api-version" "{VERSION}"))
