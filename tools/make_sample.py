#!/usr/bin/env python3
"""Paints samples/photo.png, the picture that the demonstration and the tests convert.

Computed, so that nobody has rights in it: an evening over hills, with some grain so that a
decoder has work to do. Usage: tools/make_sample.py [FILE]
"""
import math
import pathlib
import random
import struct
import sys
import zlib

WIDTH, HEIGHT = 640, 400
SUN = (430, 150, 42)  # x, y, radius


def blend(a, b, t):
    t = min(1.0, max(0.0, t))
    return tuple(x + (y - x) * t for x, y in zip(a, b))


def sky(x, y):
    color = blend((38, 56, 110), (250, 176, 110), (y / (0.72 * HEIGHT)) ** 1.4)
    distance = math.hypot(x - SUN[0], y - SUN[1])
    if distance < SUN[2]:
        return (255, 240, 200)
    return blend((255, 226, 160), color, (distance - SUN[2]) / 190)


def ridge(layer, x):
    """The height of the hills of one layer at x, from the top."""
    base = HEIGHT * (0.56 + 0.13 * layer)
    return base + 22 * math.sin(x / (95 - 14 * layer) + 2.1 * layer) + 9 * math.sin(x / (31 + 5 * layer) + layer)


def pixel(x, y):
    color = sky(x, y)
    for layer, hill in enumerate(((96, 84, 128), (58, 62, 98), (26, 36, 58))):
        if y > ridge(layer, x):
            color = blend(hill, (14, 20, 34), (y - ridge(layer, x)) / 220)
    return color


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png():
    grain = random.Random(1)
    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(1)  # each byte as the difference to the pixel on its left
        left = (0, 0, 0)
        for x in range(WIDTH):
            noise = grain.randint(-2, 2)
            color = tuple(min(255, max(0, round(value) + noise)) for value in pixel(x, y))
            rows += bytes((value - before) & 255 for value, before in zip(color, left))
            left = color
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(rows), 9))
            + chunk(b"IEND", b""))


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1
                          else pathlib.Path(__file__).resolve().parent.parent / "samples" / "photo.png")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(png())
