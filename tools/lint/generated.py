#!/usr/bin/env python3
"""Generated files are what their generators would write now (tools/gen_*.py --check).

A generator whose files are all made during the build cannot be behind: it shows by refusing
(exit 2) to go without an --out argument, and is passed over.
"""
import subprocess
import sys

import common


def check(root, build):
    compared = 0
    for generator in sorted((root / "tools").glob("gen_*.py")):
        result = subprocess.run([sys.executable, str(generator), "--check"], cwd=root, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode == 2 and "--out" in result.stdout:
            continue
        compared += 1
        if result.returncode != 0:
            yield f"tools/{generator.name}", 0, f"says that a file is not up to date: {result.stdout.strip()}"
    return compared


if __name__ == "__main__":
    common.main(check, __doc__)
