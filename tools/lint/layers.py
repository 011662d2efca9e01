#!/usr/bin/env python3
"""Which folder may include what; the table is the one in docs/architecture.md.

Ours are included by quotes and their full name ("base/text.h"), all others by angle
brackets. Pure folders get no header through which a system call can be made, core code none
that drags in the C++ runtime library, and each third-party library has its few places.
"""
import re

import common

# The table of docs/architecture.md, cell for cell; the lint fails when the two differ.
MAY_INCLUDE = {
    "uapi": "-",
    "base": "uapi",
    "bpf": "base uapi",
    "policy": "bpf base uapi",
    "profile": "policy base uapi",
    "plan": "policy bpf base uapi",
    "lint": "plan policy bpf base uapi",
    "sys": "base uapi",
    "watch": "sys plan policy bpf base uapi",
    "learn": "watch sys plan policy bpf base uapi",
    "seal": "sys bpf base uapi",
    "probe": "sys plan/host_facts.h base uapi",
    "attack": "sys base uapi",
    "child": "uapi plan/abi.h",
    "run": "child sys base uapi plan/abi.h",
    "observe": "sys base uapi",
    "pool": "run api seal plan bpf sys base uapi",
    "serve": "observe pool run api policy plan sys base uapi",
    "web": "observe policy sys base uapi",
    "cli": "all",
}
PURE = {"base", "bpf", "policy", "plan", "lint"}
# Folders of which all is linked into the launcher, and single files of others.
CORE = {"base", "bpf", "uapi", "sys", "seal", "child", "run"}
CORE_FILES = {"plan/abi.h"}

# Everyone but uapi and child may name these: they are how results and errors are spoken of.
VOCABULARY = {"moat/result.h"}

FREESTANDING = set("""array atomic bit compare concepts cstddef cstdint initializer_list limits new span
type_traits utility""".split())
NOT_PURE = set("""condition_variable csetjmp csignal cstdio filesystem fstream future iostream mutex
semaphore stop_token thread""".split())
# iostream and its family bring locales; map and friends bring the runtime library's tree code.
NOT_CORE = set("""any filesystem fstream future iomanip ios iosfwd iostream istream locale map ostream
regex set sstream stdexcept streambuf thread typeindex typeinfo""".split())

# Layouts and constants only, though they lie among the C library's headers.
DATA_ONLY = {"elf.h"}

# Test files: those that say so, what is in tests/ and bench/, and helpers called testing.
TEST = r"src/\w+/testing\.(cc|h)|.*_(test|fuzz|bench)\.cc|(tests|bench)/.*"

THIRD_PARTY = {
    "toml++/": r"src/policy/\w+\.cc",
    "nlohmann/": r"src/(cli|api|web)/.*|" + TEST,
    "httplib.h": r"src/web/http/.*|" + TEST,
    "sqlite3.h": r"src/web/database\.(cc|h)|" + TEST,
    "prometheus/": r"src/observe/metrics\.cc",
    "archive": r"src/web/http/archive\.cc",
    "CLI/": r"src/cli/.*",
    "gtest/": TEST,
    "gmock/": TEST,
    "rapidcheck": TEST,
    "benchmark/": r".*_bench\.cc|bench/.*",
    "seccomp.h": TEST,
}

# Compiled once, and hidden behind our own types: these may be named by one file only.
ONE_FILE = ("toml++/",)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
OURS = re.compile(r"^(" + "|".join([*MAY_INCLUDE, "api", "moat"]) + r")/")


def documented_table(root):
    """The rows of the table under `## Layers` in docs/architecture.md, folder -> cell."""
    text = (root / "docs" / "architecture.md").read_text()
    section = re.search(r"^## Layers\n(.*?)(?=^## )", text, re.M | re.S)
    rows = {}
    for line in section.group(1).splitlines() if section else []:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] != "folder" and not cells[0].startswith("-"):
            rows[cells[0]] = cells[1]
    return rows


def is_test(path):
    return re.fullmatch(TEST, path) is not None


def check_ours(folder, path, name):
    """A header of ours, included by a file of src/FOLDER."""
    allowed = MAY_INCLUDE[folder].split()
    owner = name.split("/")[0]
    if owner == folder or allowed == ["all"] or owner in allowed or name in allowed:
        return None
    if owner == "moat" and folder not in ("uapi", "child"):
        if name in VOCABULARY or folder not in PURE:
            return None
    return f'{folder} must not include "{name}" (it may include: {MAY_INCLUDE[folder]})'


def check_system(folder, path, name):
    """A header of the system or of the C++ library, included by a file of src/FOLDER."""
    kernel = name.startswith(("linux/", "asm/", "asm-generic/"))
    cxx = "/" not in name and not name.endswith(".h")
    if folder in ("uapi", "child"):
        if not kernel and name not in FREESTANDING:
            return f"{folder} is freestanding: not <{name}>"
    elif folder in PURE:
        if not kernel and not cxx and name not in DATA_ONLY:
            return f"{folder} is pure: <{name}> offers system calls; constants come from <linux/...>"
        if name in NOT_PURE:
            return f"{folder} is pure: not <{name}>"
    if name in NOT_CORE and (folder in CORE or path.removeprefix("src/") in CORE_FILES):
        return f"core code (it is linked into the static launcher): not <{name}>"
    return None


def check_include(root, path, quote, name):
    for library, places in THIRD_PARTY.items():
        if name.startswith(library):
            return None if re.fullmatch(places, path) else f"{library} has no place in this file"
    if ".." in name.split("/"):
        return f"no .. in an include: {name}"
    folder = path.split("/")[1]
    # src/sys shares its name with the C library's folder: what is in angle brackets is ours
    # only when the file is there.
    if quote == "<" and any((root / top / name).exists() for top in ("src", "include")):
        return f'our own headers are included by quotes: "{name}"'
    if quote == '"' and OURS.match(name):
        if path.startswith("include/"):
            return None if name.startswith("moat/") else f'a public header must not include "{name}"'
        if is_test(path) or folder not in MAY_INCLUDE:
            return None
        if name.endswith("/testing.h"):
            return f'"{name}" is for tests'
        return check_ours(folder, path, name)
    if quote == '"':
        if is_test(path) and (name.endswith(".inc") or not path.startswith("src/")):
            return None  # a table or a helper that only this test has
        return f'write the folder too ("folder/{name}"), or angle brackets when it is not ours'
    if path.startswith("include/"):
        return None if "/" not in name else f"a public header gets by with the C++ library: not <{name}>"
    return None if is_test(path) or folder not in MAY_INCLUDE else check_system(folder, path, name)


def check(root, build):
    documented = documented_table(root)
    if documented != MAY_INCLUDE:
        differing = sorted(set(documented.items()) ^ set(MAY_INCLUDE.items()))
        yield "docs/architecture.md", 0, f"its table of layers and tools/lint/layers.py differ: {differing}"
    looked_at = 0
    users = {library: set() for library in ONE_FILE}
    for path in common.sources(root, "src", "include", "tests", "bench"):
        folder = path.split("/")[1]
        if path.startswith("src/") and folder not in MAY_INCLUDE and folder != "api":
            yield path, 0, f"src/{folder} is not in the table of layers"
        for number, line in enumerate(common.text_of(root, path).splitlines(), 1):
            include = INCLUDE.match(line)
            if include:
                looked_at += 1
                finding = check_include(root, path, *include.groups())
                if finding:
                    yield path, number, finding
                for library in ONE_FILE:
                    if include.group(2).startswith(library):
                        users[library].add(path)
    for library, paths in users.items():
        if len(paths) > 1:
            yield sorted(paths)[1], 0, f"{library} is for one file only: {', '.join(sorted(paths))}"
    return looked_at


if __name__ == "__main__":
    common.main(check, __doc__)
