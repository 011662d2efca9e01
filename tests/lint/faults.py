#!/usr/bin/env python3
"""tests/fault/faults.txt says of each fault what must hold, and each test that it names exists and is run."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "tests" / "fault" / "faults.txt"
FAULT_TESTS = sorted(path for path in (ROOT / "tests" / "fault").iterdir() if path.name.endswith(("_test.cc", "_test.py")))


def rows(text):
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield [field.strip() for field in line.split("|")]


def cases_of(path):
    """What a file of tests runs, by name."""
    text = path.read_text()
    if path.suffix == ".cc":
        return {f"{suite}.{name}" for suite, name in re.findall(r"\bTEST(?:_P|_F)?\((\w+), (\w+)\)", text)}
    defined = set(re.findall(r"^def (\w+)\(", text, re.M))
    run = {name for words in re.findall(r"daemon\.run\(\[(.*?)\]\)", text, re.S) for name in re.findall(r"\w+", words)}
    run |= set(re.findall(r"^    +(\w+)\(.*\)$", text[text.rfind("\nwith "):], re.M))  # what its last lines call
    return defined & run


def is_built(path, root):
    """By the list beside it, or above it."""
    return any(path.name in (folder / "CMakeLists.txt").read_text() or path.stem.removesuffix("_test") in (folder / "CMakeLists.txt").read_text()
               for folder in (path.parent, path.parent.parent) if (folder / "CMakeLists.txt").is_file() and root in folder.parents)


def problems(text, root=ROOT):
    found = []
    for row in rows(text):
        if len(row) != 4 or not all(row):
            found.append(f"not four fields: {' | '.join(row)}")
            continue
        fault, _, file, case = row
        if (file, case) == ("-", "-"):
            continue
        path = root / file
        if not path.is_file():
            found.append(f"{fault}: no file {file}")
        elif case not in cases_of(path):
            found.append(f"{fault}: {file} runs no {case}")
        elif not is_built(path, root):
            found.append(f"{fault}: nobody runs {file}")
    named = {row[2] for row in rows(text) if len(row) == 4}
    found += [f"no fault is that of {path.name}" for path in FAULT_TESTS if str(path.relative_to(ROOT)) not in named]
    return found


class Faults(unittest.TestCase):
    def test_each_fault_has_a_test_that_exists(self):
        self.assertEqual(problems(TABLE.read_text()), [])

    def test_what_is_missing_is_seen(self):
        text = TABLE.read_text()
        for before, after, told in (("Crash.KilledAtEachStep", "Crash.KilledAtNoStep", "runs no Crash.KilledAtNoStep"),
                                    ("| beside_spinners", "| descendants", "runs no descendants"),
                                    ("| answers_while_its_disk_stops", "| promises", "runs no promises"),
                                    ("tests/fault/kill_test.cc", "tests/fault/gone_test.cc", "no file tests/fault/gone_test.cc"),
                                    ("tests/fault/goes_on_test.cc", "tests/fault/kill_test.cc", "no fault is that of goes_on_test.cc"),
                                    ("no home, zone, language;", "no home | zone;", "not four fields")):
            self.assertIn(before, text)
            self.assertTrue(any(told in each for each in problems(text.replace(before, after))), told)


if __name__ == "__main__":
    unittest.main()
