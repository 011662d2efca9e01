#!/usr/bin/env python3
"""Words that have no place in the tree: marks of unfinished work, paths of one machine, hosts.

What is unfinished belongs in an issue, where somebody looks.
"""
import re

import common

# Spelt in pieces, or this file would be its own first finding.
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATHS = re.compile(r"(?<![\w.-])/(wo" r"rk|ro" r"ot|ho" r"me/[a-z]+)/")
HOSTS = re.compile(r"\b(deb\.deb" r"ian\.org|security\.deb" r"ian\.org|registry\.np" r"mjs\.org|py" r"pi\.org"
                   r"|files\.python" r"hosted\.org|proxy\.go" r"lang\.org|crates" r"\.io|docker" r"\.io|gh" r"cr\.io)\b")
# A path that the guest sees is what such a test is about.
SHOWS_GUEST_PATHS = re.compile(r"^tests/|_test\.cc$|^tools/demo$")
NOT_OURS = {"LICENSE"}


def check(root, build):
    looked_at = 0
    for path in common.files(root):
        text = None if path in NOT_OURS else common.text_of(root, path)
        if text is None:
            continue
        looked_at += 1
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, what in ((MARKS, "a mark of unfinished work"), (HOSTS, "a package host"),
                                  (MACHINE_PATHS, "a path of one machine")):
                found = pattern.search(line)
                if found and not (pattern is MACHINE_PATHS and SHOWS_GUEST_PATHS.search(path)):
                    yield path, number, f"{what}: {found.group(0)}"
    return looked_at


if __name__ == "__main__":
    common.main(check, __doc__)
