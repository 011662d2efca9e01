#!/usr/bin/env python3
"""Pictures by renderserver beside those that Figma made of the same files.

    oracle_test.py BUILD-FOLDER CORPUS

MANIFEST.tsv says how close a prototype came to each thumbnail; that is the floor. What has another one
has its reason here.
"""
import csv
import pathlib
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
CORPUS = pathlib.Path(sys.argv.pop(1))
PROGRAM = BUILD / "bin" / "renderserver"
COMPARE = BUILD / "tests" / "picture_compare"

# Of the pixels, how many may be off by more than a quarter of the range.
MOST_FAR = .02

THUMBNAILS = {
    # Its images were replaced by seven bytes each after the thumbnail was made: there is nothing to draw.
    "fig2sketch-broken_images.fig": {"far": 1},
    # All of it is icons of a few pixels, drawn in 2016 by a painter with finer edges than four samples and
    # not quite ours; what is left of the difference is a step or two of 255 along each edge.
    "verdandi-icons.fig": {"ssim": .9965},
}

FRAME = .985
# The slides were exported and then brought to 1920 x 1080 from some other size: there are values beyond the
# colours on both sides of every line, and letters lie .31 of a pixel to the right of where the file has them
# at the left edge, .31 to the left at the right edge and evenly between (seen on 1, 4 and 5): the page is .65 of a
# pixel narrower about its middle. That is no rendering of ours to mend: nothing in a design scales its letters so.
# The photographs, tiles of 740 x 452 at half their size, lie a further third of a pixel beside (.35 left, .15 to
# .25 down), all tiles alike, as if a larger raster had put them on whole pixels of its own. (A least-squares fit
# of the photographs' pixels by those of the file finds a kernel with negative lobes, whose middle moves from .42
# to .47 of a pixel along slide 4, from .36 to .65 along slide 5. No filter for images has that: of all that were
# tried, none gives more than .972. The same slides drawn by us at 5334 x 3000 and brought to size by a cubic
# kernel have .983 and .979, as that moves the photographs by .2 of a pixel the right way; the plain letters of
# the other deck lose by it.) What has many fine edges (the tiled photographs of 4 and 5, small text) cannot be as
# close as a frame that was exported plainly. At half the size, where the shift is half as long, it is.
RESAMPLED_TEXT, RESAMPLED_PHOTOGRAPHS, RESAMPLED_HALVED = .98, .955, .98

DECK, TEXT, FIGURES = "openfig-oil-machinations.deck", "openfig-4-text-column.deck", "openfig-medium-complex.fig"
# reference -> file, node, scale, floor
EXPORTS = {
    "figs__reference__basic-shapes__basic_shapes": ("openfig-basic-shapes.fig", "basic_shapes", 1, FRAME),
    "figs__reference__clip-test__clip_off": ("openfig-clip-test.fig", "clip_off", 1, FRAME),
    "figs__reference__clip-test__clip_on": ("openfig-clip-test.fig", "clip_on", 1, FRAME),
    "figs__reference__medium-complex__great_seal_page-greatseal": (FIGURES, "GreatSeal", 1, FRAME),
    "figs__reference__medium-complex__page_2-how-to": (FIGURES, "how-to", 3960 / 1247, FRAME),
    "figs__reference__medium-complex__page_2-lady": (FIGURES, "Lady", 1, FRAME),
    "figs__reference__medium-complex__page_3-bike_lady": (FIGURES, "bike lady", 1, FRAME),
    "decks__reference__4-text-column__page-1": (TEXT, "1:910", 1, RESAMPLED_TEXT),
    "decks__reference__oil-machinations__page-1": (DECK, "200:645", 1, FRAME),
    "decks__reference__oil-machinations__page-2": (DECK, "200:651", 1, FRAME),
    "decks__reference__oil-machinations__page-3": (DECK, "200:686", 1, FRAME),
    "decks__reference__oil-machinations__page-4": (DECK, "200:715", 1, RESAMPLED_PHOTOGRAPHS),
    "decks__reference__oil-machinations__page-5": (DECK, "200:730", 1, RESAMPLED_PHOTOGRAPHS),
    "decks__reference__oil-machinations__page-6": (DECK, "200:743", 1, FRAME),
    "decks__reference__oil-machinations__page-7": (DECK, "200:765", 1, FRAME),
}


def run(*words):
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)


class Oracles(unittest.TestCase):
    def setUp(self):
        if not (CORPUS / "MANIFEST.tsv").exists():
            print("SKIP: no corpus of design files beside the source")
            self.skipTest("no corpus")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.picture = pathlib.Path(folder.name) / "a.png"

    def check(self, file, words, oracle, ssim, far=MOST_FAR):
        done = run(PROGRAM, "render", CORPUS / file, *words, "-o", self.picture)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.compare(oracle, ssim, far)

    def compare(self, oracle, ssim, far, *options):
        score = run(COMPARE, *options, self.picture, oracle).stdout.decode().strip()
        self.assertNotIn("(", score, "of another size")
        alike, _, off = map(float, score.split())
        self.assertGreaterEqual(alike, ssim, score)
        self.assertLessEqual(off, far, score)

    def test_thumbnails(self):
        with open(CORPUS / "MANIFEST.tsv", encoding="utf-8") as manifest:
            rows = [row for row in csv.DictReader(manifest, delimiter="\t") if row["proto_ssim"]]
        self.assertGreater(len(rows), 10)
        for row in rows:
            with self.subTest(row["file"]):
                floor = {"ssim": float(row["proto_ssim"]), **THUMBNAILS.get(row["file"], {})}
                self.check(row["file"], [], CORPUS / f"{row['file']}.thumb.png", **floor)

    def test_exports(self):
        self.assertEqual({path.stem for path in (CORPUS / "ref").glob("*.png")}, set(EXPORTS))
        for reference, (file, node, scale, floor) in EXPORTS.items():
            with self.subTest(reference):
                self.check(file, ["--node", node, "--scale", scale], CORPUS / "ref" / f"{reference}.png", floor)
                if floor < FRAME:
                    self.compare(CORPUS / "ref" / f"{reference}.png", RESAMPLED_HALVED, MOST_FAR, "--halved")


if __name__ == "__main__":
    unittest.main()
