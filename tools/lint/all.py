#!/usr/bin/env python3
"""Runs every lint: tools/lint/all.py [--root DIR] [--build DIR]"""
import sys

import child_law
import common
import generated
import headers
import layers
import scripts
import sizes
import words

if __name__ == "__main__":
    arguments = common.arguments(__doc__)
    lints = (layers, child_law, sizes, words, generated, headers, scripts)
    results = [common.run(lint.check, arguments.root, arguments.build) for lint in lints]
    sys.exit(0 if all(results) else 1)
