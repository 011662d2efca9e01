#!/usr/bin/env python3
"""tests/log_entries.txt is complete, and each test that it names exists."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "tests" / "log_entries.txt"
COLLECTION = ROOT.parent / "shared" / "pains.md"  # beside the source, and not everywhere

THEMES = {1: "1 3 4 5 6 7 8", 2: "9 11 12 14 15", 3: "16 18 19", 5: "26 27 29", 6: "30 31 33 35 36 37", 7: "38 39 40 42 43",
          8: "44 46 47", 9: "48 49 51 52 53", 11: "62 63 64 65 67", 15: "85 87 88 89", 16: "90 92 93 94"}
WANTED = {f"T{theme}.{number}" for theme, numbers in THEMES.items() for number in numbers.split()}


def rows(text):
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.split()


def problems(text, root=ROOT):
    found = []
    seen = set()
    for row in rows(text):
        if len(row) != 4:
            found.append(f"not four words: {' '.join(row)}")
            continue
        entry, _, file, case = row
        seen.add(entry)
        path = root / file
        if not path.is_file():
            found.append(f"{entry}: no file {file}")
        elif case != "-":
            suite, name = case.split(".")
            if not re.search(rf"\bTEST(_P|_F)?\({suite}, {name}\)", path.read_text()):
                found.append(f"{entry}: no test {case} in {file}")
    found += [f"{entry} has no test" for entry in sorted(WANTED - seen)]
    found += [f"{entry} is no entry" for entry in sorted(seen - WANTED)]
    return found


class LogEntries(unittest.TestCase):
    def test_each_entry_has_a_test_that_exists(self):
        self.assertEqual(problems(TABLE.read_text()), [])

    def test_what_is_missing_is_seen(self):
        text = TABLE.read_text()
        self.assertIn("T6.33 has no test", problems(text.replace("T6.33 ", "# ")))
        self.assertTrue(any("no test Cancel.TheProgramIsNotPid2" in each
                            for each in problems(text.replace("TheProgramIsNotPid1", "TheProgramIsNotPid2"))))
        self.assertTrue(any("no file" in each for each in problems(text.replace("cancel_test.cc", "gone_test.cc"))))

    def test_the_numbers_are_those_of_the_collection(self):
        if not COLLECTION.is_file():
            self.skipTest("the collection is not beside the source")
        theme, numbers = None, {}
        for line in COLLECTION.read_text().splitlines():
            if heading := re.match(r"\*\*T(\d+) ", line):
                theme = int(heading[1])
            elif line.startswith("## "):
                theme = None
            elif theme and (entry := re.match(r"(\d+)\. ", line)):
                numbers.setdefault(theme, []).append(entry[1])
        self.assertEqual({each: " ".join(numbers[each]) for each in THEMES}, THEMES)


if __name__ == "__main__":
    unittest.main()
