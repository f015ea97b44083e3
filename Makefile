# Two commands do everything on a bare Debian 12 or 13: `make run` and `make test`.
.PHONY: run test build setup demo format clean

run: build
	@scripts/demo build/release/meantime

test: build
	@cd build/release && ctest --output-on-failure -j $$(($$(nproc) + 1))

build: setup
	@cmake --preset release >/dev/null
	@cmake --build --preset release

setup:
	@scripts/setup

format:
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 -i

clean:
	@rm -rf build
