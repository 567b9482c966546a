;; Exports the right name, and nothing under it.
(component
  (core module (@custom "inkstone:api-version" "0.1.0"))
  (instance $i)
  (export "inkstone:plugin/analytics@0.1.0" (instance $i)))
