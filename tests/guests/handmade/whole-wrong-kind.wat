;; Says it is analytics, and is a research plugin.
(component
  (core module (@custom "inkstone:api-version" "0.1.0"))
  (instance $i)
  (export "inkstone:plugin/research@0.1.0" (instance $i)))
