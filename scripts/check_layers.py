#!/usr/bin/env python3
"""Fails when a file includes what does not lie below its layer.

The order is the one of CMakeLists.txt: a layer sees itself, what is listed for it here, and the public headers.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BELOW = {
    "core": [],
    "engine": ["core"],
    "schema": ["core"],
    "telemetry": ["core"],
    "mcp": ["core"],
    "process": ["engine", "core"],
    "http": ["engine", "core"],
    "auth": ["http", "mcp", "engine", "core"],
    "client": ["auth", "http", "process", "mcp", "engine", "core"],
    "store": ["engine", "core"],
    "delivery": ["store", "telemetry", "auth", "http", "process", "mcp", "engine", "core"],
    "registry": ["store", "telemetry", "engine", "core"],
    "executor": ["registry", "schema", "store", "telemetry", "engine", "core"],
    "tools": ["executor", "client", "auth", "http", "process", "mcp", "schema", "telemetry", "engine", "core"],
    "config": ["tools", "client", "auth", "http", "delivery", "executor", "store", "process", "mcp", "schema", "telemetry", "engine", "core"],
    "serve": ["config", "tools", "client", "auth", "http", "delivery", "executor", "store", "process", "mcp", "telemetry", "engine", "core"],
    "cli": ["serve", "config", "tools", "client", "auth", "http", "delivery", "executor", "process", "mcp", "store", "telemetry", "engine", "core"],
    "app": ["cli", "core"],
}
# Heavy headers, each kept in the places that are there for it.
ONLY_IN = {
    "boost/beast": ["http"],
    "CLI/": ["cli/arguments.cpp"],
    "toml++": ["config"],
    "spdlog/": ["telemetry/log.cpp"],
    "prometheus/": ["telemetry/metrics.cpp"],
    "sqlite3.h": ["store/sqlite", "store/journal"],
    "boost/redis": ["store/redis"],
    "openssl/": ["store/redis", "http", "auth", "delivery"],
    "cjose/": ["auth/jose.cpp"],
    "re2/": ["schema", "delivery/render/secrets.cpp"],
    "utf8proc.h": ["delivery/render/breaks.cpp"],
    "curl/": ["store/redis/redis_url.cpp", "http", "auth/url.cpp", "delivery/adapters"],
}
# Ports and values that every layer may name; the others belong to layers and are listed with them.
PUBLIC_OF = {
    "manager.hpp": "executor",
    "memory_store.hpp": "store",
    "sqlite_store.hpp": "store",
    "redis_store.hpp": "store",
    "system_clock.hpp": "engine",
    "asio.hpp": "engine",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def main() -> int:
    faults = []
    checked = 0
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix not in (".hpp", ".cpp") or path.name.endswith("_test.cpp"):
            continue
        place = path.relative_to(ROOT / "src").as_posix()
        layer = place.split("/")[0]
        if layer not in BELOW:
            faults.append(f"src/{place}: '{layer}' is no layer: put it into scripts/check_layers.py and CMakeLists.txt")
            continue
        checked += 1
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            kind, name = found.groups()
            used = name.split("/")[0]
            if name.startswith("meantime/"):
                used = PUBLIC_OF.get(name.removeprefix("meantime/"), "core")
            if used in BELOW and used != layer and used not in BELOW[layer]:
                faults.append(f"src/{place}:{number}: {layer} may not include {name}: {used} does not lie below it")
            for prefix, places in ONLY_IN.items():
                if name.startswith(prefix) and not any(place.startswith(each) for each in places):
                    faults.append(f"src/{place}:{number}: {name} belongs into {', '.join(places)} only")
    lengths = [(len(p.read_text(encoding="utf-8").splitlines()), p) for p in (ROOT / "src").rglob("*.?pp")]
    faults += [f"{p.relative_to(ROOT)}: {n} lines; split it (600 at most)" for n, p in lengths if n > 600]
    for fault in faults:
        print(fault)
    print(f"layers: {checked} files checked, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
