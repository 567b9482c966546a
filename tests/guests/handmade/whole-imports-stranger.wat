;; Something that nobody offers.
(component
  (core module (@custom "inkstone:api-version" "0.1.0"))
  (import "host:system/exec@1.0.0" (instance))
  (instance $i)
  (export "inkstone:plugin/analytics@0.1.0" (instance $i)))
