#!/usr/bin/env python3
"""Every sample scene as SVG: well-formed XML, every reference leads somewhere, no id twice, and
rsvg-convert draws what our own painter draws.

    samples_test.py SAMPLES COMPARE    (renderserver_svg_samples and picture_compare)
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

SAMPLES = pathlib.Path(sys.argv.pop(1))
COMPARE = pathlib.Path(sys.argv.pop(1))
HREF = "{http://www.w3.org/1999/xlink}href"


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        done = subprocess.run([SAMPLES, cls.folder.name], stdout=subprocess.PIPE, text=True, check=True, timeout=300)
        cls.least = {name: float(least) for name, least in (line.split() for line in done.stdout.splitlines())}

    def path(self, name):
        return pathlib.Path(self.folder.name) / name

    def test_there_are_samples(self):
        self.assertGreater(len(self.least), 30)

    def test_references(self):
        for name in self.least:
            with self.subTest(name):
                root = xml.parse(self.path(name + ".svg")).getroot()
                ids, wanted = [], set()
                for element in root.iter():
                    ids += [element.get("id")] if element.get("id") else []
                    for key, value in element.attrib.items():
                        wanted |= set(re.findall(r"url\(#([^)]*)\)", value))
                        if key == HREF and not value.startswith("data:"):
                            self.assertEqual(value[0], "#")
                            wanted.add(value[1:])
                self.assertEqual(len(ids), len(set(ids)), "an id twice")
                self.assertLessEqual(wanted, set(ids), "a reference to nothing")

    def test_rsvg_agrees(self):
        if not shutil.which("rsvg-convert"):
            self.skipTest("no rsvg-convert")
        for name, least in self.least.items():
            with self.subTest(name):
                drawn = self.path(name + "-rsvg.png")
                done = subprocess.run(["rsvg-convert", self.path(name + ".svg"), "-o", drawn], stderr=subprocess.PIPE, text=True, check=False, timeout=300)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                score = subprocess.run([COMPARE, self.path(name + ".png"), drawn], stdout=subprocess.PIPE, text=True, check=True, timeout=300)
                self.assertGreaterEqual(float(score.stdout.split()[0]), least, score.stdout)
                self.assertNotIn("(", score.stdout, "of another size")


if __name__ == "__main__":
    unittest.main()
