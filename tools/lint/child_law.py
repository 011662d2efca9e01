#!/usr/bin/env python3
"""The law of src/child, on its object files: they stand alone.

Between clone and exec there is no C library that could be called safely: no undefined symbol
(what the compiler calls by itself, memcpy and memset, is defined inside), no writable data,
nothing thread-local, no exception tables, no stack protector, no sanitizer.
"""
import json
import re
import shlex
import subprocess

import common

REQUIRED_FLAGS = ["-fno-exceptions", "-fno-rtti", "-fno-stack-protector", "-fno-sanitize=all"]
TARGET = re.compile(r"/moat_child(_core)?\.dir/")
# Undefined in an object and yet no call: the linker resolves it.
LINKER_SYMBOLS = {"_GLOBAL_OFFSET_TABLE_"}
BAD_SECTIONS = re.compile(r"^\.(data|bss|tdata|tbss|init_array|fini_array|ctors|gcc_except_table|eh_frame)\b")
# Constant after relocation; the child's objects are linked without relocation at run time.
GOOD_SECTIONS = re.compile(r"^\.data\.rel\.ro\b")


def objects(build):
    """The builds of src/child that are executed between clone and exec. Other targets are tests."""
    return sorted(path for path in (build / "src" / "child" / "CMakeFiles").glob("*/**/*.o")
                  if TARGET.search(str(path)))


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def symbols(path):
    """(defined, undefined) names."""
    defined, undefined = set(), set()
    for line in run("nm", "-P", str(path)).splitlines():
        name, kind = line.split()[:2]
        (undefined if kind in "Uwv" else defined).add(name)
    return defined, undefined


def sections(path):
    """(name, size, flags) of each section. readelf's wide rows: [n] name type addr off size es flg."""
    for row in re.finditer(r"^\s*\[\s*\d+\]\s(\S+)\s+\S+\s+[0-9a-f]+\s[0-9a-f]+\s([0-9a-f]+)\s[0-9a-f]+\s+([A-Za-z]*)",
                           run("readelf", "-SW", str(path)), re.M):
        yield row.group(1), int(row.group(2), 16), row.group(3)


def check_objects(paths):
    tables = {path: symbols(path) for path in paths}
    defined = set().union(*(table[0] for table in tables.values())) | LINKER_SYMBOLS
    for path in paths:
        for name in sorted(tables[path][1] - defined):
            yield path.name, 0, f"undefined symbol {name}"
        for name, size, flags in sections(path):
            bad = BAD_SECTIONS.match(name) and not GOOD_SECTIONS.match(name)
            if size and (bad or "T" in flags):
                yield path.name, 0, f"section {name} of {size} bytes: globals, tables or thread-local data"


def check_flags(build):
    """The compile commands, where ninja keeps them."""
    seen = 0
    database = build / "compile_commands.json"
    for entry in json.loads(database.read_text()) if database.exists() else []:
        if not TARGET.search(entry.get("command", "")):
            continue
        seen += 1
        words = shlex.split(entry["command"])
        for flag in REQUIRED_FLAGS:
            # The last word on a subject is the one that counts.
            opposite = flag.replace("-fno-", "-f", 1).replace("=all", "")
            turned_on = [n for n, word in enumerate(words) if word.startswith(opposite)]
            if flag not in words:
                yield entry["file"], 0, f"is compiled without {flag}"
            elif turned_on and turned_on[-1] > len(words) - 1 - words[::-1].index(flag):
                yield entry["file"], 0, f"{words[turned_on[-1]]} comes after {flag}"
    if not seen:
        yield str(build), 0, "no compile command for src/child"


def check(root, build):
    paths = objects(build)
    yield from check_objects(paths)
    yield from check_flags(build)
    return len(paths)


if __name__ == "__main__":
    common.main(check, __doc__)
