#!/usr/bin/env python3
"""Every script parses: sh -n, bash -n, and the Python compiler. Shell scripts stop at errors."""
import re
import subprocess

import common


def language(path, text):
    first = text.split("\n", 1)[0]
    if re.match(r"#!.*\bbash\b", first):
        return "bash"
    if re.match(r"#!.*\bsh\b", first) or path.endswith(".sh"):
        return "sh"
    if path.endswith(".py") or re.match(r"#!.*\bpython3?\b", first):
        return "python"
    return None


def check(root, build):
    looked_at = 0
    for path in common.files(root):
        text = common.text_of(root, path)
        kind = language(path, text) if text else None
        if kind is None:
            continue
        looked_at += 1
        if kind == "python":
            try:
                compile(text, path, "exec")
            except SyntaxError as error:
                yield path, error.lineno or 0, f"does not parse: {error.msg}"
            continue
        result = subprocess.run([kind, "-n", str(root / path)], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode != 0:
            yield path, 0, f"does not parse: {result.stdout.strip()}"
        if not re.search(r"^\s*set -[a-z]*e", text, re.M):
            yield path, 0, "goes on after an error: no `set -e`"
    return looked_at


if __name__ == "__main__":
    common.main(check, __doc__)
