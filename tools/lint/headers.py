#!/usr/bin/env python3
"""Public headers: each compiles alone, opens with a comment that has an example, is ours only."""
import os
import re
import subprocess
import tempfile

import common

# An example is code, indented within the opening comment.
EXAMPLE = re.compile(r"^//   +\S.*[;{}\\]", re.M)


def opening_comment(text):
    lines = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        lines.append(line)
    return "\n".join(lines)


def compiles_alone(root, path):
    """The compiler's first complaint, or None."""
    compiler = os.environ.get("CXX", "c++")
    with tempfile.NamedTemporaryFile("w", suffix=".cc") as file:
        # Twice: the guard is tried as well.
        name = path.removeprefix("include/")
        file.write(f'#include "{name}"\n#include "{name}"\n')
        file.flush()
        result = subprocess.run(
            [compiler, "-std=gnu++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{root}/include", file.name],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode == 0:
        return None
    return next((line for line in result.stdout.splitlines() if "error" in line), "the compiler failed")


def check(root, build):
    headers = [path for path in common.sources(root, "include") if path.endswith(".h")]
    for path in headers:
        text = common.text_of(root, path)
        if not EXAMPLE.search(opening_comment(text)):
            yield path, 1, "a public header opens with a comment that has an example"
        for number, line in enumerate(text.splitlines(), 1):
            include = re.match(r'\s*#\s*include\s*(?:"(?!moat/)|<[^>]*[/.])', line)
            if include:
                yield path, number, f"only moat/ headers and the C++ library: {line.strip()}"
        complaint = compiles_alone(root, path)
        if complaint:
            yield path, 0, f"does not compile alone: {complaint}"
    return len(headers)


if __name__ == "__main__":
    common.main(check, __doc__)
