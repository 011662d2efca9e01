#!/usr/bin/env python3
"""The examples do their work sealed as bare; taken over, they reach out bare and die sealed."""
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

BUILD = pathlib.Path(sys.argv.pop(1)) / "examples"


def png(width, height, text=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x * y) & 255 for x in range(width * 3)) for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + (chunk(b"tEXt", b"Comment\0" + text) if text else b"") + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def ppm(width, height, text=b"none"):
    return b"P6 #" + text + b"\n%d %d 255\n" % (width, height) + bytes(i * 7 & 255 for i in range(width * height * 3))


def zstd(text):
    # One frame, one raw block: RFC 8878.
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(text)) + (len(text) << 3 | 1).to_bytes(3, "little") + text


class Example(unittest.TestCase):
    def run_it(self, name, data, *flags):
        """(status, standard output, the result's bytes)"""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "in").write_bytes(data)
            paths = [] if name == "json_validate" else [folder / "in", folder / "out"]
            with open(folder / "in", "rb") as stdin:
                done = subprocess.run([BUILD / (name + "_test"), *flags, *paths], stdin=stdin, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, timeout=300, check=False)
            out = (folder / "out").read_bytes() if paths and (folder / "out").exists() else done.stdout
            return done.returncode, done.stdout, out

    def work(self, name, data):
        bare = self.run_it(name, data, "--bare")
        sealed = self.run_it(name, data)
        self.assertEqual(bare[0], 0, bare)
        self.assertEqual(sealed, bare)
        self.assertTrue(sealed[2])
        return sealed[2]

    def attack(self, name, make):
        for what in (b"open", b"connect", b"exec"):
            with self.subTest(name=name, what=what):
                data = make(b"MOAT-COMPROMISE:" + what)
                bare = self.run_it(name, data, "--bare")
                self.assertEqual(bare[1], b"compromised\n", bare)
                sealed = self.run_it(name, data)
                self.assertEqual(sealed[0], -signal.SIGSYS, sealed)
                self.assertNotIn(b"compromised", sealed[1])

    def test_png(self):
        out = self.work("png_thumbnail", png(200, 100))
        self.assertEqual(struct.unpack(">II", out[16:24]), (64, 32))
        self.attack("png_thumbnail", lambda text: png(8, 8, text))

    def test_json(self):
        self.assertEqual(self.work("json_validate", b'{"a": [1, 2], "b": null}'), b"valid: object with 2 members\n")
        self.assertEqual(self.run_it("json_validate", b'{"a": }')[0], 1)  # an exception, behind the seal
        self.attack("json_validate", lambda text: b'{"a": "%s"}' % text)

    def test_zstd(self):
        text = b"0123456789" * 100
        self.assertEqual(self.work("zstd_decompress", zstd(text)), text)
        self.assertEqual(self.run_it("zstd_decompress", b"not zstd at all")[0], 1)
        self.attack("zstd_decompress", lambda text: zstd(text + b" " * 100))

    def test_image_filter(self):
        self.work("image_filter", ppm(300, 200))
        self.attack("image_filter", lambda text: ppm(8, 8, text))


if __name__ == "__main__":
    unittest.main()
