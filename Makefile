# One line each; the logic lives in xtask/. `make run TOPIC="…" SOURCE=file.md ONCE=1`

.PHONY: run test bench fuzz lint setup release

run:
	@cargo xtask run $(if $(TOPIC),--topic "$$TOPIC") $(if $(SOURCE),--source "$$SOURCE") $(if $(ONCE),--once)

test:
	@cargo xtask test

bench:
	@cargo xtask bench

fuzz:
	@cargo xtask fuzz $(FUZZ_ARGS)

lint:
	@cargo xtask lint

setup:
	@cargo xtask setup --tests

release:
	@cargo xtask release

export TOPIC SOURCE
