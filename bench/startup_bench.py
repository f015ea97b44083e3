#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What meantime costs before it does anything: start-up, memory at rest, size. Each figure beside its limit, measured
in turn in the same run. Usage: startup_bench.py PROGRAM [ROUNDS]. Exit code 1 when a goal is missed by far."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

FAR = 5  # a busy machine may miss a goal; only a fault misses it this far

UPSTREAM = r"""
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "initialize":
        answer = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "empty", "version": "1"}}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": answer}), flush=True)
"""

INITIALIZE = json.dumps({
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {},
               "clientInfo": {"name": "startup_bench", "version": "1"}}}) + "\n"


def milliseconds(argv, environment):
    began = time.perf_counter()
    subprocess.run(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return (time.perf_counter() - began) * 1000


def in_turn(commands, rounds, environment):
    """Median of each, one after the other in every round, so that a busy moment hits all of them."""
    times = [[] for _ in commands]
    for _ in range(rounds):
        for at, argv in enumerate(commands):
            times[at].append(milliseconds(argv, environment))
    return [statistics.median(each) for each in times]


def memory_mb(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="ascii") as file:
        for line in file:
            if line.startswith(("VmRSS:", "Pss:")):
                return int(line.split()[1]) / 1024
    raise RuntimeError(f"no figure in {name}")


def first_answer(argv, environment):
    """Time from the start to the answer of `initialize`, and memory then."""
    began = time.perf_counter()
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        process.stdin.write(INITIALIZE)
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        took = (time.perf_counter() - began) * 1000
        if "result" not in answer:
            raise RuntimeError(f"no proper answer: {answer}")
        memory = memory_mb(process.pid, "status"), memory_mb(process.pid, "smaps_rollup")
        process.stdin.close()
        process.wait()
    return took, *memory


def main():
    program = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    missed = []

    def row(what, figure, limit, goal, unit, goal_value):
        verdict = "" if figure <= goal_value else "  MISSED"
        print(f"{what:44} {figure:9.2f} {unit}   {limit:22} goal {goal}{verdict}")
        if figure > goal_value * FAR:
            missed.append(what)

    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, MEANTIME_STATE_DIR=folder)
        task = subprocess.run([program, "run", "--quiet", "--budget", "0", "--", "true"], env=environment,
                              stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
        subprocess.run([program, "await", "--quiet", task], env=environment, check=True)

        shell, run, check, version = in_turn(
            [["sh", "-c", "true"], [program, "run", "--", "true"], [program, "check", task], [program, "version"]],
            rounds, environment)
        row("meantime run -- true", run, f"sh -c true {shell:.2f} ms", "limit + 20 ms", "ms", shell + 20)
        row("meantime check ID", check, f"meantime version {version:.2f} ms", "limit + 20 ms", "ms", version + 20)

        upstream = [sys.executable, "-S", "-c", UPSTREAM]
        wrapped = [program, "wrap", "--", *upstream]
        pairs = [(first_answer(upstream, environment)[0], first_answer(wrapped, environment))
                 for _ in range(max(3, rounds // 4))]
        bare, ours = zip(*pairs)
        limit = statistics.median(bare)
        took = statistics.median(each[0] for each in ours)
        row("wrap: start to first answer, over upstream", took - limit, f"upstream {limit:.2f} ms", "20 ms", "ms", 20)
        row("wrap: memory at rest (RSS)", statistics.median(each[1] for each in ours), "", "15 MB", "MB", 15)
        row("wrap: memory at rest (PSS)", statistics.median(each[2] for each in ours), "", "15 MB", "MB", 15)
        row("size of the program", os.path.getsize(program) / 1e6, "with -g1 symbols", "20 MB stripped", "MB", 100)
        stripped = os.path.join(folder, "stripped")
        for strip in ("llvm-strip-19", "strip"):
            try:
                subprocess.run([strip, "-o", stripped, program], check=True)
            except FileNotFoundError:
                continue
            row("size of the program, stripped", os.path.getsize(stripped) / 1e6, "", "20 MB", "MB", 20)
            break
    if missed:
        sys.exit("missed by far: " + ", ".join(missed))


if __name__ == "__main__":
    main()
