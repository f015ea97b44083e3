#!/usr/bin/env python3
"""Fails when a document names a test that is not there, or claims something without naming one.

    check_named_tests.py BUILD_FOLDER

In docs/*.md a test stands in backticks: `Suite.*`, `Suite.Test`, `Suite.Beginning...`, `Su*.*`. It must be in the
sources. Each row of a table whose last column is headed "shown by" must name one; in documents with such tables the
names of ctest, `mcp.messages`, `mcp.conformance_*`, must be in the build folder, if that was configured with Node.
"""
import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
GTEST = re.compile(r"^(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)", re.M)
CTEST = re.compile(r"^add_test\(\[=*\[(.+?)\]=*\]|^add_test\((\w[\w.]*)", re.M)
NAMED = re.compile(r"`([A-Z]\w*\*?\.(?:\*|\w+(?:\.\.\.)?)|mcp\.\w+\*?)`")
FILES = re.compile(r"\.(md|cpp|hpp|json|toml|txt|py|mjs)$")


def tests_of_sources():
    found = set()
    for folder in ("src", "tests", "examples"):
        for file in (ROOT / folder).rglob("*.cpp"):
            found.update(".".join(each) for each in GTEST.findall(file.read_text()))
    return found


def tests_of_build(folder):
    found = set()
    for file in folder.rglob("CTestTestfile.cmake"):
        found.update(quoted or plain for quoted, plain in CTEST.findall(file.read_text()))
    return found


def main():
    built = tests_of_build(pathlib.Path(sys.argv[1]))
    tests = tests_of_sources() | built
    with_node = any(test.startswith("mcp.") for test in built)
    faults = []
    names = 0
    for document in sorted((ROOT / "docs").glob("*.md")):
        text = document.read_text()
        claims = re.search(r"\| shown by \|$", text, re.M) is not None
        shown_by = False
        for number, line in enumerate(text.splitlines(), 1):
            place = f"docs/{document.name}:{number}"
            named = [name for name in NAMED.findall(line) if not FILES.search(name)]
            for name in named:
                if name.startswith("mcp.") and not (claims and with_node):
                    continue
                names += 1
                pattern = name[:-3] + "*" if name.endswith("...") else name
                if not any(fnmatch.fnmatchcase(test, pattern) for test in tests):
                    faults.append(f"{place}: there is no test '{name}'")
            if line.startswith("|") and not shown_by:
                shown_by = line.rstrip(" |").endswith("shown by")
                continue
            if not line.startswith("|"):
                shown_by = False
            elif not set(line) <= set("|- :") and not named and "the same" not in line:
                faults.append(f"{place}: names no test that shows it")
    print("\n".join(faults) or f"{names} tests are named, and are there")
    return 1 if faults else 0


sys.exit(main())
