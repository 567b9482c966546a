;; A way to the network that no plugin has.
(component
  (core module (@custom "inkstone:api-version" "0.1.0"))
  (import "wasi:http/outgoing-handler@0.2.0" (instance))
  (instance $i)
  (export "inkstone:plugin/analytics@0.1.0" (instance $i)))
