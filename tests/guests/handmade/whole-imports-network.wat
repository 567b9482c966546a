;; Analytics with a way to the network, which its kind does not have.
(component
  (core module (@custom "inkstone:api-version" "0.1.0"))
  (import "inkstone:plugin/http@0.1.0" (instance))
  (instance $i)
  (export "inkstone:plugin/analytics@0.1.0" (instance $i)))
