#!/usr/bin/env python3
"""Turns spec/syscalls/*.tbl and spec/groups.toml into C++ arrays.

gen_syscalls.py [--spec DIR] --check            validates only
gen_syscalls.py [--spec DIR] --out FILE.cc      validates and writes the arrays
gen_syscalls.py --numbers FILE.inc --compiler CXX
                                                writes what the system's headers say, for the test
"""

import argparse
import dataclasses
import pathlib
import re
import subprocess
import sys
import tomllib

SPEC = pathlib.Path(__file__).resolve().parent.parent / "spec"
ABIS = ("x86_64", "aarch64")
KINDS = {
    "int": "kInt",
    "uint": "kUint",
    "fd": "kFd",
    "long": "kLong",
    "ulong": "kUlong",
    "ptr": "kPointer",
}
FIELDS = ("group", "tier", "args", "since", "reason")
MAX_ARGS = 6
MAX_TIER = 4
FIRST_GRANTED_TIER = 3  # from here on a call needs a reason of its own, so groups split here
MIN_REASON, MAX_REASON = 15, 100


class SpecError(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Call:
    number: int
    name: str
    group: str
    tier: int
    args: tuple  # of (kind, name)
    since: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Group:
    name: str
    doc: str
    max_tier: int


def rows(path):
    """Yields (where, columns) of each line that is neither blank nor a comment."""
    for index, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield f"{path.name}:{index}", [column.strip() for column in line.split("|")]


def parse_args(where, text):
    if text == "-":
        return ()
    args = []
    for word in text.split():
        kind, colon, name = word.partition(":")
        if kind not in KINDS:
            raise SpecError(f"{where}: unknown argument kind '{kind}'")
        if not colon or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise SpecError(f"{where}: bad argument name in '{word}'")
        args.append((kind, name))
    if len(args) > MAX_ARGS:
        raise SpecError(f"{where}: more than {MAX_ARGS} arguments")
    if len({name for _, name in args}) != len(args):
        raise SpecError(f"{where}: two arguments of one name")
    return tuple(args)


def make_call(where, number, name, facts):
    if not re.fullmatch(r"\d+", number):
        raise SpecError(f"{where}: '{number}' is not a number")
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        raise SpecError(f"{where}: bad name '{name}'")
    missing = [field for field in FIELDS if not facts.get(field)]
    if missing:
        raise SpecError(f"{where}: {name} lacks {', '.join(missing)}")
    if not re.fullmatch(rf"[0-{MAX_TIER}]", facts["tier"]):
        raise SpecError(f"{where}: tier of {name} is not 0 to {MAX_TIER}")
    if not re.fullmatch(r"-|\d+\.\d+", facts["since"]):
        raise SpecError(f"{where}: '{facts['since']}' is not a kernel release")
    reason = facts["reason"]
    if not MIN_REASON <= len(reason) <= MAX_REASON or not reason.isascii():
        raise SpecError(f"{where}: reason of {name} has {len(reason)} characters, "
                        f"wanted {MIN_REASON} to {MAX_REASON} of ASCII")
    return Call(int(number), name, facts["group"], int(facts["tier"]),
                parse_args(where, facts["args"]), facts["since"].strip("-"), reason)


def read_full_table(path):
    calls = []
    for where, columns in rows(path):
        if len(columns) != 2 + len(FIELDS):
            raise SpecError(f"{where}: {len(columns)} columns, wanted {2 + len(FIELDS)}")
        calls.append(make_call(where, *columns[:2], dict(zip(FIELDS, columns[2:]))))
    return calls


def facts_of(call):
    args = " ".join(f"{kind}:{name}" for kind, name in call.args)
    return {"group": call.group, "tier": str(call.tier), "args": args or "-",
            "since": call.since or "-", "reason": call.reason}


def read_derived_table(path, base):
    shared = {call.name: facts_of(call) for call in base}
    calls = []
    for where, columns in rows(path):
        if len(columns) < 2:
            raise SpecError(f"{where}: wanted a number and a name")
        number, name, *overrides = columns
        facts = dict(shared.get(name, {}))
        for override in overrides:
            key, equals, value = override.partition("=")
            if key not in FIELDS or not equals:
                raise SpecError(f"{where}: '{override}' is not field=value")
            if facts.get(key) == value:
                raise SpecError(f"{where}: {key} repeats what x86_64 says already")
            facts[key] = value
        calls.append(make_call(where, number, name, facts))
    return calls


def read_groups(path):
    with path.open("rb") as file:
        data = tomllib.load(file)
    groups = []
    for name, table in data.items():
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise SpecError(f"{path.name}: bad group name '{name}'")
        if not isinstance(table, dict) or set(table) != {"doc", "max_tier"}:
            raise SpecError(f"{path.name}: [{name}] wants doc and max_tier, nothing else")
        tier = table["max_tier"]
        if not table["doc"] or type(tier) is not int or not 0 <= tier <= MAX_TIER:
            raise SpecError(f"{path.name}: bad doc or max_tier in [{name}]")
        groups.append(Group(name, table["doc"], tier))
    return groups


def check_table(abi, calls):
    for before, after in zip(calls, calls[1:]):
        if before.number >= after.number:
            raise SpecError(f"{abi}: {after.name} ({after.number}) is a duplicate or out of order")
    names = [call.name for call in calls]
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"{abi}: {name} is listed twice")


def check_groups(groups, tables):
    known = {group.name: group for group in groups}
    calls = [call for table in tables.values() for call in table]
    placed = {}
    for call in calls:
        if call.group not in known:
            raise SpecError(f"{call.name}: no group '{call.group}' in groups.toml")
        if placed.setdefault(call.name, call.group) != call.group:
            raise SpecError(f"{call.name}: one group on one ABI, another on the next")
    for group in groups:
        tiers = [call.tier for call in calls if call.group == group.name]
        if not tiers:
            raise SpecError(f"group {group.name} is empty")
        if max(tiers) != group.max_tier:
            raise SpecError(f"group {group.name}: max_tier {group.max_tier}, calls reach {max(tiers)}")
        if min(tiers) < FIRST_GRANTED_TIER <= max(tiers):
            raise SpecError(f"group {group.name} mixes harmless and dangerous calls")


def load(spec):
    x86_64 = read_full_table(spec / "syscalls/x86_64.tbl")
    aarch64 = read_derived_table(spec / "syscalls/aarch64.tbl", x86_64)
    tables = dict(zip(ABIS, (x86_64, aarch64)))
    for abi, calls in tables.items():
        check_table(abi, calls)
    groups = read_groups(spec / "groups.toml")
    check_groups(groups, tables)
    return tables, groups


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def call_literal(call):
    args = ", ".join(f"{{ArgKind::{KINDS[kind]}, {quote(name)}}}" for kind, name in call.args)
    return (f"    {{{call.number}, {quote(call.name)}, {quote(call.group)}, {call.tier}, "
            f"{len(call.args)},\n     {{{args}}},\n"
            f"     {quote(call.since)}, {quote(call.reason)}}},\n")


def table_source(abi, calls):
    by_name = sorted(range(len(calls)), key=lambda index: calls[index].name)
    symbol = abi.capitalize()
    out = [f"constexpr SyscallInfo k{symbol}Calls[] = {{\n", *map(call_literal, calls), "};\n\n"]
    out.append(f"constexpr std::uint16_t k{symbol}ByName[] = {{")
    for position, index in enumerate(by_name):
        out.append(("\n    " if position % 16 == 0 else " ") + f"{index},")
    out.append("\n};\n\n")
    table = f"constinit const SyscallTable k{symbol}Table = {{k{symbol}Calls, k{symbol}ByName}};\n\n"
    return "".join(out), table


def source(tables, groups):
    arrays, symbols = zip(*(table_source(abi, tables[abi]) for abi in ABIS))
    group_lines = [f"    {{{quote(g.name)}, {quote(g.doc)}, {g.max_tier}}},\n" for g in groups]
    return "".join([
        "// Generated by tools/gen_syscalls.py from spec/syscalls and spec/groups.toml.\n",
        '#include "bpf/syscall_table_data.h"\n\n',
        "namespace moat::bpf {\nnamespace {\n\n",
        *arrays,
        "constexpr GroupInfo kGroupList[] = {\n", *group_lines, "};\n\n",
        "}  // namespace\n\n",
        *symbols,
        "constinit const std::span<const GroupInfo> kGroups = kGroupList;\n\n",
        "}  // namespace moat::bpf\n",
    ])


# What arm64 selects of the generic list, spelled as in arch/arm64/include/asm/unistd.h.
AARCH64_SELECTION = ("RENAMEAT", "NEW_STAT", "SET_GET_RLIMIT", "TIME32_SYSCALLS", "SYS_CLONE3",
                     "MEMFD_SECRET")
NOT_CALLS = {"syscalls", "arch_specific_syscall"}


def header_numbers(compiler, text):
    """{name: number} of the headers, {} where this system has them not."""
    run = subprocess.run([compiler, "-E", "-dM", "-x", "c", "-"], input=text,
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        return {}
    macros = dict(re.findall(r"^#define (__NR\w+) (\w+)$", run.stdout, re.MULTILINE))
    numbers = {}
    for macro, value in macros.items():
        value = macros.get(value, value)  # the generic list names its 64-bit choices indirectly
        if macro.startswith("__NR_") and macro[5:] not in NOT_CALLS and value.isdigit():
            numbers[macro[5:]] = int(value)
    return numbers


def numbers_source(compiler):
    headers = {
        # On another machine the file of this name lists other numbers.
        "x86_64": "#ifndef __x86_64__\n#error\n#endif\n#include <asm/unistd_64.h>\n",
        "aarch64": "".join(f"#define __ARCH_WANT_{name}\n" for name in AARCH64_SELECTION)
                   + "#include <asm-generic/unistd.h>\n",
    }
    out = ["// Generated by tools/gen_syscalls.py from the system's headers.\n"]
    for abi in ABIS:
        numbers = header_numbers(compiler, headers[abi])
        for name, number in sorted(numbers.items(), key=lambda item: item[1]):
            out.append(f'{{Abi::k{abi.capitalize()}, "{name}", {number}}},\n')
    return "".join(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--spec", type=pathlib.Path, default=SPEC)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--numbers", type=pathlib.Path)
    parser.add_argument("--compiler", default="c++")
    options = parser.parse_args()
    if not (options.check or options.out or options.numbers):
        parser.error("wanted --check, --out or --numbers")
    try:
        if options.check or options.out:
            tables, groups = load(options.spec)
            if options.out and not options.check:
                options.out.write_text(source(tables, groups), encoding="utf-8")
        if options.numbers:
            options.numbers.write_text(numbers_source(options.compiler), encoding="utf-8")
    except (OSError, SpecError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"gen_syscalls: {error}")


if __name__ == "__main__":
    main()
