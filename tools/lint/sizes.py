#!/usr/bin/env python3
"""Length of functions (90 lines at most, 60 without a warning) and of files (500 lines).

Where one grows beyond that, a concept is hiding in it. Generated files say so in their first
line and are left out.
"""
import re

import common

WARN_FUNCTION, MAX_FUNCTION, MAX_FILE = 60, 90, 500
GENERATED = re.compile(r"generated", re.I)

RAW_STRING = re.compile(r'R"([^\s()\\]{0,16})\(.*?\)\1"', re.S)
TOKEN = re.compile(r'//(?:\\\n|[^\n])*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)


def blank(match):
    """As many lines, nothing on them."""
    return '""' + "\n" * match.group(0).count("\n")


def strip(text):
    """The code without comments, literals and directives; every line keeps its number."""
    text = RAW_STRING.sub(blank, text)
    # 1'000'000 would open a character literal.
    text = re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "", text)
    text = TOKEN.sub(blank, text)
    return DIRECTIVE.sub(lambda match: "\n" * match.group(0).count("\n"), text)


def opens_function(before):
    """Whether the text between the last `;`, `{` or `}` and a `{` is a function's head."""
    head = " ".join(before.split())
    if not head or re.search(r"(=|\breturn|,|\()$", head):
        return False
    if re.match(r"(template ?<.*> ?)?(inline |export )*(namespace|class|struct|union|enum|extern)\b(?!.*\) ?(const|noexcept|override)*$)", head):
        return False
    return ")" in head


def functions(code):
    """(name, first line, lines) of each function at namespace or class scope."""
    depth_of_function = None
    depth = 0
    start = head_start = 0
    head = ""
    for match in re.finditer(r"[{};]", code):
        what, at = match.group(0), match.start()
        if what == "{":
            before = code[head_start:at]
            if depth_of_function is None and opens_function(before):
                depth_of_function, head = depth, before
                start = at - len(re.sub(r"^\s*((public|protected|private):\s*)*", "", before))
            depth += 1
        elif what == "}":
            depth -= 1
            if depth_of_function is not None and depth <= depth_of_function:
                first = code.count("\n", 0, start) + 1
                last = code.count("\n", 0, at) + 1
                name = re.search(r"([\w:~]+(?: ?operator\S+)?)\s*\(", head)
                yield (name.group(1) if name else "?"), first, last - first + 1
                depth_of_function = None
        head_start = at + 1


def check(root, build):
    looked_at = 0
    for path in common.sources(root, "src", "include"):
        text = common.text_of(root, path)
        lines = text.count("\n")
        if GENERATED.search(text.split("\n", 1)[0]):
            continue
        looked_at += 1
        if lines > MAX_FILE:
            yield path, lines, f"{lines} lines, more than {MAX_FILE}"
        for name, first, length in functions(strip(text)):
            if length > MAX_FUNCTION:
                yield path, first, f"{name} has {length} lines, more than {MAX_FUNCTION}"
            elif length > WARN_FUNCTION:
                print(f"{path}:{first}: warning: {name} has {length} lines, more than {WARN_FUNCTION}")
    return looked_at


if __name__ == "__main__":
    common.main(check, __doc__)
