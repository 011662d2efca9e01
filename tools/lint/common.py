"""What the lints share: arguments, the list of files, and how a finding is printed.

A lint is a function check(root, build) that yields (path, line, text) and returns, as its
generator's value, how many things it looked at: one that looked at nothing must not pass.
"""
import argparse
import os
import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent


def files(root):
    """Every file that is or could be committed, as a sorted list of relative paths."""
    root = pathlib.Path(root)
    if (root / ".git").exists():
        # Built as root from another user's clone, git would refuse to answer.
        listing = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-co", "-z", "--exclude-standard"],
            stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
        found = [path for path in listing if path and (root / path).is_file()]
    else:  # a tarball, or an example of the tests
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in ("build", "__pycache__")]
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def sources(root, *folders):
    """The C++ files under the folders."""
    return [path for path in files(root)
            if path.endswith((".cc", ".h")) and path.startswith(tuple(f"{f}/" for f in folders))]


def text_of(root, path):
    """The text, or None when it is not text."""
    data = (pathlib.Path(root) / path).read_bytes()
    if b"\0" in data:
        return None
    return data.decode("utf-8", "replace")


def run(check, root, build):
    """Prints the findings of one lint; True when there are none and something was checked."""
    name = pathlib.Path(sys.modules[check.__module__].__file__).stem
    findings = 0
    steps = check(pathlib.Path(root), pathlib.Path(build))
    while True:
        try:
            path, line, text = next(steps)
        except StopIteration as end:
            looked_at = end.value
            break
        findings += 1
        print(f"{path}:{line}: {name}: {text}" if line else f"{path}: {name}: {text}")
    if not looked_at:
        print(f"{name}: found nothing to look at")
        return False
    print(f"{name}: looked at {looked_at}, found {findings}")
    return findings == 0


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--root", default=str(REPOSITORY))
    parser.add_argument("--build", default=str(REPOSITORY / "build" / "release"))
    return parser.parse_args()


def main(check, doc):
    args = arguments(doc)
    sys.exit(0 if run(check, args.root, args.build) else 1)
