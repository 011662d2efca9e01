#!/usr/bin/env python3
"""renderserver as somebody at a shell uses it: bare, sealed, in a jail.

    program_test.py BUILD-FOLDER CORPUS [CLASS]...
"""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

import design

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
CORPUS = pathlib.Path(sys.argv.pop(1))
PROGRAM = BUILD / "bin" / "renderserver"
TAKEN_OVER = BUILD / "tests" / "renderserver_test"
FIGGEN = BUILD / "bin" / "figgen"
COMPARE = BUILD / "tests" / "picture_compare"
MOAT = BUILD / "bin" / "moat"
IMAGE = design.png(8, 8, (10, 200, 30))
OTHER = design.png(8, 8, (200, 10, 30))


def run(*words, **more):
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False, **more)


def simple():
    made = design.Design()
    made.frame("Red", (0, 0, 40, 30), design.solid(1, 0, 0))
    made.frame("Half <green>", (20, 10, 40, 30), design.solid(0, 1, 0, .5))
    made.frame("Picture", (70, 0, 20, 20), design.picture(IMAGE))
    return made


def corpus(test, folder=""):
    """Real files, where they are."""
    files = sorted(path for path in (CORPUS / folder).glob("*.*") if path.suffix in (".fig", ".deck", ".jam"))
    if not files:
        print("SKIP: no corpus of design files beside the source")
        test.skipTest("no corpus")
    return files


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir="/tmp")  # the jail must be able to show it
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def samples(self):
        """The project's own: each shows one thing."""
        folder = self.folder / "samples"
        folder.mkdir()
        self.assertEqual(run(FIGGEN, "--all", folder).returncode, 0)
        return sorted(folder.iterdir())

    def as_folder(self, made, images):
        folder = self.folder / "design"
        (folder / "images").mkdir(parents=True)
        (folder / "canvas.fig").write_bytes(made.canvas())
        for image in images:
            (folder / "images" / design.image_hash(image)).write_bytes(image)
        return folder

    def assert_line(self, done, code, start=None):
        """One line that says what, and nothing else."""
        self.assertEqual(done.returncode, code, done)
        self.assertEqual(done.stdout, b"")
        self.assertRegex(done.stderr.decode(), r"\Arenderserver: [^\n]*\n\Z")
        if start:
            self.assertIn(start, done.stderr.decode())


class Answers(Case):
    def test_list(self):
        file = self.file("a.fig", simple().zip([IMAGE]))
        plain = run(PROGRAM, "list", file)
        self.assertEqual(plain.returncode, 0, plain)
        self.assertEqual(plain.stdout.decode().splitlines(),
                         ["0:1  Page 1", "  1:2  FRAME  40x30  Red", "  1:3  FRAME  40x30  Half <green>", "  1:4  FRAME  20x20  Picture"])
        pages = json.loads(run(PROGRAM, "list", "--json", file).stdout)
        self.assertEqual(pages[0]["name"], "Page 1")
        self.assertEqual(pages[0]["nodes"][1], {"id": "1:3", "name": "Half <green>", "type": "FRAME", "width": 40, "height": 30})

    def test_info(self):
        info = json.loads(run(PROGRAM, "info", "--json", self.file("a.fig", simple().zip([IMAGE]))).stdout)
        self.assertEqual((info["kind"], info["container"], info["version"], info["nodes"], info["images"]), ("design", "zip", 20, 5, 1))

    def test_names_do_not_reach_the_terminal_as_they_are(self):
        made = design.Design(page=b"a\x1b[31mb\nc\xe2\x80\xaed\xff")
        for words in (["list"], ["list", "--json"]):
            done = run(PROGRAM, *words, self.file("a.fig", made.canvas()))
            self.assertEqual(done.returncode, 0, done)
            self.assertNotIn(b"\x1b", done.stdout)
            self.assertNotIn(b"\xe2\x80\xae", done.stdout)
        self.assertEqual(run(PROGRAM, "list", self.folder / "a.fig").stdout.count(b"\n"), 1)

    def test_what_is_wrong_is_one_line_and_a_code(self):
        good = simple().canvas()
        for name, data, code, word in (
                ("empty", b"", 10, "not-a-design-file"), ("text", b"hello\n", 10, "not-a-design-file"),
                ("cut", good[:30], 11, "container"), ("torn", good[:40] + bytes(len(good) - 40), None, None)):
            with self.subTest(name):
                for flags in ([], ["--sealed"]):
                    done = run(PROGRAM, "info", *flags, self.file(name, data))
                    self.assert_line(done, done.returncode if code is None else code, word)
                    self.assertIn(done.returncode, range(10, 21))
        self.assert_line(run(PROGRAM, "info", self.folder / "missing"), 1, "ENOENT")
        self.assert_line(run(PROGRAM, "info", "/dev/null"), 1, "neither a file nor a folder")
        self.assert_line(run(PROGRAM, "info", self.folder), 1, "canvas.fig")
        self.assert_line(run(PROGRAM, "paint"), 2)

    def test_a_node_at_fault_is_told_with_its_place(self):
        self.assertEqual(run(FIGGEN, "--all", self.folder).returncode, 0)
        done = run(PROGRAM, "render", self.folder / "instance-endless.fig", "-o", self.folder / "x.png")
        self.assert_line(done, 15, "node 1:3 is an instance of what it lies in (at byte ")

    def test_no_such_node_or_page(self):
        file = self.file("a.fig", simple().canvas())
        for flags in (["--node", "9:9"], ["--node", "Blue"], ["--page", "7"]):
            self.assert_line(run(PROGRAM, "render", file, *flags, "-o", self.folder / "x.png"), 19, "not-found")
            self.assertFalse((self.folder / "x.png").exists())

    def test_what_cannot_be_written(self):
        file = self.file("a.fig", simple().canvas())
        self.assert_line(run(PROGRAM, "render", file, "-o", self.folder / "no" / "x.png"), 20, "ENOENT")
        self.assert_line(run(PROGRAM, "render", file, "-o", "/dev/full"), 20, "ENOSPC")
        self.assertTrue(os.path.exists("/dev/full"))
        limited = run(PROGRAM, "render", file, "-o", self.folder / "x.svg", preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))))
        self.assert_line(limited, 20, "EFBIG")
        self.assertFalse((self.folder / "x.svg").exists(), "half a picture was left behind")

    def test_standard_output(self):
        file = self.file("a.fig", simple().canvas())
        done = run(PROGRAM, "render", file, "-o", "-", "--format", "svg")
        self.assertEqual(done.returncode, 0, done)
        self.assertTrue(done.stdout.startswith(b"<svg ") and done.stdout.endswith(b"</svg>\n"))
        self.assertEqual(run(PROGRAM, "render", "--sealed", file, "-o", "-", "--format", "svg").stdout, done.stdout)

    def test_one_that_fails_does_not_stop_the_others(self):
        file = self.file("a.fig", simple().canvas())
        done = run(PROGRAM, "render", file, "--node", "Red", "--node", "Blue", "--node", "1:3", "-o", str(self.folder) + "/", "--threads", "2")
        self.assert_line(done, 19, "Blue")
        self.assertTrue((self.folder / "Red.png").exists() and (self.folder / "1-3.png").exists())


class SameEverywhere(Case):
    """Byte for byte the same bare, sealed, in a jail, and sealed in a jail."""

    NAMES = ["a.png", "b.png", "a.svg", "b.svg"]

    def words(self, folder):
        return ["--thumbnail", "--page", "1", "--thumbnail", "--page", "1", "--threads", "3",
                *(word for name in self.NAMES for word in ("-o", f"{folder}/{name}"))]

    def outputs(self, folder):
        return {name: (folder / name).read_bytes() for name in self.NAMES}

    def jail(self, source, out, *flags, policy="renderserver", inside=None):
        given = ["--read", source] if source.is_dir() else ["-i", source]
        return run(MOAT, "run", "-p", policy, "--read", BUILD / "bin", *given, "-o", out, "--", PROGRAM, "render", *flags,
                   inside or (source if source.is_dir() else f"/in/{source.name}"), *self.words("/out"))

    def sealing_policy(self):
        path = self.folder / "sealing.toml"
        path.write_text('moat = 1\nbase = "renderserver"\n[[syscalls.rule]]\ncall = "seccomp"\n'
                        'when = "operation == SECCOMP_SET_MODE_FILTER && flags == SECCOMP_FILTER_FLAG_TSYNC"\ndo = "allow"\n'
                        'reason = "the program seals itself"\n[syscalls]\nallow = ["close_range", "setrlimit", "prctl"]\n')
        path.chmod(0o644)
        return path

    def check(self, source):
        folders = {name: self.folder / name for name in ("bare", "sealed", "jail", "both")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        done = run(PROGRAM, "render", source, *self.words(folders["bare"]))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        wanted = self.outputs(folders["bare"])
        self.assertTrue(all(wanted.values()))
        for name, made in (("sealed", lambda out: run(PROGRAM, "render", "--sealed", source, *self.words(out))),
                           ("jail", lambda out: self.jail(source, out)),
                           ("both", lambda out: self.jail(source, out, "--sealed", policy=self.sealing_policy()))):
            done = made(folders[name])
            self.assertEqual((done.returncode, done.stderr), (0, b""), name)
            self.assertEqual(self.outputs(folders[name]), wanted, name)
        shutil.rmtree(folders["bare"])

    def test_own(self):
        self.check(self.file("a.fig", simple().zip([IMAGE])))

    def test_folder(self):
        self.check(self.as_folder(simple(), [IMAGE, OTHER]))

    def test_samples(self):
        chosen = {"blends", "blurs", "dashboard", "deck", "gradients", "image-faults", "image-filters", "jam", "masks", "shadows", "strokes", "text"}
        files = [file for file in self.samples() if file.stem in chosen]
        self.assertEqual(len(files), len(chosen))
        for file in files:
            with self.subTest(file.name):
                self.check(file)

    def test_folder_and_zip_are_the_same(self):
        source, zipped = self.as_folder(simple(), [IMAGE]), self.file("a.fig", simple().zip([IMAGE]))
        for name, path in (("folder", source), ("zip", zipped)):
            (self.folder / name).mkdir()
            self.assertEqual(run(PROGRAM, "render", path, *self.words(self.folder / name)).returncode, 0)
        self.assertEqual(self.outputs(self.folder / "folder"), self.outputs(self.folder / "zip"))

    def test_corpus(self):
        for file in corpus(self):
            with self.subTest(file.name):
                self.check(file)


class Pictures(Case):
    """Both painters draw the same, and others can read it."""

    LEAST = {"image-faults.fig": .96, "blends.fig": .98}  # checkers: our painter does not smooth them

    def check(self, file, least):
        png, svg, drawn = (self.folder / name for name in ("a.png", "a.svg", "b.png"))
        done = run(PROGRAM, "render", file, "-o", png, "-o", svg)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        xml.parse(svg)
        done = run("rsvg-convert", "--unlimited", svg, "-o", drawn)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        score = run(COMPARE, png, drawn).stdout.decode()
        self.assertGreaterEqual(float(score.split()[0]), least, score)
        self.assertNotIn("(", score, "of another size")

    def setUp(self):
        super().setUp()
        if not shutil.which("rsvg-convert"):
            self.skipTest("no rsvg-convert")

    def test_samples(self):
        for file in self.samples():
            if "endless" not in file.name:
                with self.subTest(file.name):
                    self.check(file, self.LEAST.get(file.name, .98))

    def test_corpus(self):
        for file in corpus(self):
            with self.subTest(file.name):
                self.check(file, .98)

    def test_names_are_harmless(self):
        names = ["\"/><script>alert(1)</script>", "]]>&#0;<!--", b"\xff\xfe\x1b[2J", "x' onload='y"]
        made = design.Design()
        for i, name in enumerate(names):
            made.frame(name, (i * 20, 0, 10, 10), design.solid(1, 0, 0))
        svg = self.folder / "a.svg"
        self.assertEqual(run(PROGRAM, "render", self.file("a.fig", made.canvas()), "-o", svg).returncode, 0)
        tags = {element.tag.split("}")[1] for element in xml.parse(svg).iter()}
        self.assertEqual(tags, {"svg", "path"})
        self.assertEqual({key for element in xml.parse(svg).iter() for key in element.attrib} & {"onload", "onclick"}, set())


class Shaders(Case):
    """Layers put together by OpenGL, in the jail that is made for it."""

    def setUp(self):
        super().setUp()
        self.made = [file for file in self.samples() if "endless" not in file.name]
        done = run(PROGRAM, "render", self.made[0], "--backend", "gl", "-o", self.folder / "try.png")
        if done.returncode != 0:
            print("SKIP: no OpenGL ES without a window here")
            self.skipTest(done.stderr.decode())

    def test_samples_in_their_jail(self):
        for file in self.made:
            with self.subTest(file.name):
                plain, out = self.folder / "plain.png", self.folder / "out"
                done = run(PROGRAM, "render", file, "-o", plain)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                done = run(MOAT, "run", "-p", "renderserver-gl", "--read", BUILD / "bin", "-i", file, "-o", out, "--",
                           PROGRAM, "render", f"/in/{file.name}", "--backend", "gl", "-o", "/out/a.png")
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                score = run(COMPARE, plain, out / "a.png").stdout.decode()
                self.assertGreaterEqual(float(score.split()[0]), .99, score)

    def test_the_narrow_jail_holds_it(self):
        out = self.folder / "out"
        done = run(MOAT, "run", "-p", "renderserver", "--read", BUILD / "bin", "-i", self.made[0], "-o", out, "--",
                   PROGRAM, "render", f"/in/{self.made[0].name}", "--backend", "gl", "-o", "/out/a.png")
        self.assertNotEqual(done.returncode, 0)

    def test_never_sealed(self):
        done = run(PROGRAM, "render", self.made[0], "--sealed", "--backend", "gl", "-o", self.folder / "a.png")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"gl does not go with --sealed", done.stderr)


class Hostile(Case):
    """Files made to harm end with a code and a line, the same behind each wall."""

    CODES = {"blob_bad_opcode": 16, "blob_oob": 16, "bomb_zstd_2GiB": 18, "chunk_len_overflow": 11, "control_roundtrip": 0,
             "deep_nest_50k": 18, "huge_blur": 0, "instance_self": 15, "kiwi_array_count_4G": 14, "kiwi_truncated": 14,
             "nan_transform": 16, "parent_cycle": 15, "schema_recursive_struct": 13, "schema_type_oob": 13, "self_parent": 15,
             "string_svg_injection": 0, "zip_image_bomb": 18}

    def test_corpus(self):
        for file in corpus(self, "nasty"):
            with self.subTest(file.name):
                said = set()
                for flags in ([], ["--sealed"]):
                    for kind in ("png", "svg"):
                        # Memory is bounded from outside as well: nothing may count on there being more.
                        done = run(PROGRAM, "render", *flags, file, "-o", self.folder / f"x.{kind}", preexec_fn=lambda: resource.setrlimit(
                            resource.RLIMIT_AS, (2 << 30, 2 << 30)))
                        said.add((done.returncode, done.stderr.replace(b"x.png", b"x").replace(b"x.svg", b"x")))
                self.assertEqual({code for code, line in said}, {self.CODES.get(file.stem, min(said)[0])}, said)
                for code, line in said:
                    self.assertIn(code, [0, *range(10, 21)])
                    self.assertEqual(line.count(b"\n"), 0 if code == 0 else 1)


class Memory(Case):
    """Little memory is not the document's fault: whenever it ends, the picture is right or the system is to blame."""

    STEPS = 30
    MOST = 4 << 30

    def under(self, limit, *words):
        def lower():
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return run(PROGRAM, *words, preexec_fn=lower)

    def least(self, low, enough):
        """To a page or so: what is enough, when all above it is taken to be."""
        high = self.MOST
        while high - low > 1 << 16:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high

    def check(self, file, names, *words):
        outputs = [self.folder / name for name in names]
        command = ["render", file, *words, *(word for output in outputs for word in ("-o", output))]

        def draw(limit):
            for output in outputs:
                output.unlink(missing_ok=True)
            done = self.under(limit, *command)
            return done, [output.read_bytes() if output.exists() else None for output in outputs]

        done, wanted = draw(self.MOST)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertTrue(all(wanted))
        # Below this the loader has its own words. Where the kernel puts things is not always the same: some more.
        first = self.least(0, lambda limit: self.under(limit, "--help").returncode == 0) + (1 << 18)
        last = self.least(first, lambda limit: draw(limit)[0].returncode == 0)
        codes = []
        for step in range(self.STEPS):
            limit = first + (last - first) * step // self.STEPS
            done, made = draw(limit)
            codes.append(done.returncode)
            if done.returncode == 0:
                self.assertEqual((made, done.stderr), (wanted, b""), limit)
                continue
            self.assertEqual((done.returncode, done.stdout), (1, b""), (limit, done))
            for line in done.stderr.decode().splitlines():
                self.assertRegex(line, r"\Arenderserver: .*: memory(:|\Z)", (limit, done))
            if "--sealed" not in words and len(outputs) == 1:
                self.assertEqual(made, [None], limit)
        self.assertIn(1, codes)  # there was something to see

    def test_painting(self):
        self.assertEqual(run(FIGGEN, "--all", self.folder).returncode, 0)
        for names, words in ((["a.png"], []), (["a.png"], ["--sealed"]), (["a.png", "b.png"], ["--page", "1", "--threads", "2"])):
            with self.subTest(words):
                self.check(self.folder / "poster.fig", names, "--page", "1", *words, "--scale", "4")

    def test_decoding(self):
        """Many nodes, and an image that nothing but its lack of memory makes a broken one."""
        image = design.png(1500, 1500, (10, 200, 30))
        made = design.Design()
        for i in range(3000):
            made.frame(f"Frame {i}", (i % 60 * 10, i // 60 * 10, 8, 8), design.solid(1, 0, 0))
        made.frame("Picture", (0, 500, 300, 300), design.picture(image))
        file = self.file("many.fig", made.zip([image]))
        for name in ("a.png", "a.svg"):
            with self.subTest(name):
                self.check(file, [name], "--page", "1")


class Folder(Case):
    """The form that is a folder: images are opened late, and nothing outside is."""

    def opened(self, *words):
        log = self.folder / "trace"
        done = run("strace", "-f", "-e", "trace=open,openat,openat2", "-o", log, *words)
        self.assertEqual(done.returncode, 0, done)
        return set(re.findall(r'"(?:[^"]*/)?([0-9a-f]{40})"', log.read_text()))

    def setUp(self):
        super().setUp()
        if not shutil.which("strace"):
            self.skipTest("no strace")
        made = simple()
        made.frame("Other", (0, 60, 20, 20), design.picture(OTHER))
        self.source = self.as_folder(made, [IMAGE, OTHER])

    def test_only_what_a_picture_shows_is_opened(self):
        words = [PROGRAM, "render", self.source, "-o", self.folder / "x.png", "--node"]
        self.assertEqual(self.opened(*words, "Red"), set())
        self.assertEqual(self.opened(*words, "Picture"), {design.image_hash(IMAGE)})
        self.assertEqual(self.opened(*words, "Picture", "--sealed"), {design.image_hash(IMAGE), design.image_hash(OTHER)})

    def test_a_link_leads_nowhere(self):
        outside = self.file("outside", OTHER)
        hash_of = self.source / "images" / design.image_hash(IMAGE)
        hash_of.unlink()
        hash_of.symlink_to(outside)
        for flags in ([], ["--sealed"]):
            self.assert_line(run(PROGRAM, "render", *flags, self.source, "--node", "Picture", "-o", self.folder / "x.svg"), 1, "openat2")
        shutil.rmtree(self.source / "images")
        (self.source / "images").symlink_to(self.folder)
        for flags in ([], ["--sealed"]):
            self.assert_line(run(PROGRAM, "render", *flags, self.source, "--node", "Picture", "-o", self.folder / "x.svg"), 1, "openat2")

    def test_an_image_that_is_not_there_is_no_failure(self):
        shutil.rmtree(self.source / "images")
        for flags in ([], ["--sealed"]):
            done = run(PROGRAM, "render", *flags, self.source, "--node", "Picture", "-o", self.folder / "x.svg")
            self.assertEqual(done.returncode, 0, done)


class Sealed(Case):
    MOST_CALLS = 12

    def trace(self, *words, code=0):
        """What came after the seal: [(call, the rest of the line)]."""
        log = self.folder / "trace"
        done = run("strace", "-f", "-o", log, PROGRAM, *words)
        self.assertEqual(done.returncode, code, done)
        lines = log.read_text().splitlines()
        last = max(i for i, line in enumerate(lines) if re.search(r"\bseccomp\(", line))
        calls = [re.match(r"\d+ +(?:<\.\.\. )?(\w+)(.*)", line) for line in lines]
        return ([match.groups() for match in calls[:last] if match], [match.groups() for match in calls[last + 1:] if match])

    def check(self, *words, code=0):
        before, after = self.trace(*words, code=code)
        names = {name for name, rest in after} - {"strace"}
        self.assertLessEqual(len(names), self.MOST_CALLS, names)
        self.assertIn("exit_group", names)
        return before, after

    def setUp(self):
        super().setUp()
        if not shutil.which("strace"):
            self.skipTest("no strace")

    def test_calls_are_few(self):
        file = self.file("a.fig", simple().zip([IMAGE]))
        source = self.as_folder(simple(), [IMAGE, OTHER])
        out = ["-o", self.folder / "a.png", "-o", self.folder / "a.svg"]
        self.check("render", "--sealed", file, *out)
        self.check("render", "--sealed", source, *out, "--threads", "2")
        self.check("list", "--sealed", file)
        self.check("info", "--sealed", "--json", file)
        self.check("render", "--sealed", file, "--node", "9:9", *out, code=19)
        self.check("info", "--sealed", self.file("bad.fig", b"fig-kiwi" + bytes(100)), code=12)

    def test_corpus_calls_are_few(self):
        for file in corpus(self):
            with self.subTest(file.name):
                self.check("render", "--sealed", file, "-o", self.folder / "a.png", "-o", self.folder / "a.svg", "--threads", "2")

    def test_nothing_of_the_file_is_read_before(self):
        file = self.file("a.fig", simple().zip([IMAGE]))
        before, after = self.trace("render", "--sealed", file, "-o", self.folder / "a.svg")
        opened = [rest for name, rest in before if name == "openat" and f'"{file}"' in rest]
        self.assertEqual(len(opened), 1)
        fd = opened[0].rsplit("= ", 1)[1]
        since = before.index(("openat", opened[0]))
        reads = re.compile(rf"\({fd},")
        self.assertFalse([one for one in before[since:] if one[0] in ("read", "pread64", "mmap") and reads.match(one[1])])
        self.assertTrue([one for one in after if one[0] == "read" and reads.match(one[1])])

    def test_descriptors_of_the_caller_are_closed(self):
        file = self.file("a.fig", simple().canvas())
        with open("/etc/passwd", "rb") as secret:
            done = run(PROGRAM, "info", "--sealed", file, pass_fds=(secret.fileno(),))
        self.assertEqual(done.returncode, 0, done)

    def test_many_images(self):
        made = simple()
        images = [design.png(1, 1, (i & 255, i >> 8, 0)) for i in range(700)]
        source = self.as_folder(made, images)
        done = run(PROGRAM, "render", "--sealed", source, "-o", self.folder / "a.svg")
        self.assertEqual(done.returncode, 0, done)


class Compromise(Case):
    """A document takes the program over: bare it reaches everything, in a jail and sealed nothing."""

    ATTEMPTS = {"read": "openat", "connect": "socket", "exec": "clone", "write": "openat", "kill": "kill"}

    def setUp(self):
        super().setUp()
        self.secret = self.file("secret", b"secret")
        self.secret.chmod(0o644)
        self.elsewhere = self.folder / "elsewhere"
        self.marker = self.folder / "executed"
        program = self.file("program", f"#!/bin/sh\necho here > {self.marker}\n".encode())
        program.chmod(0o755)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.listener.setblocking(False)
        self.variables = {"RENDERSERVER_SECRET": str(self.secret), "RENDERSERVER_ELSEWHERE": str(self.elsewhere),
                          "RENDERSERVER_PROGRAM": str(program), "RENDERSERVER_PORT": str(self.listener.getsockname()[1])}

    def document(self, attempt):
        made = design.Design()
        made.frame("moat-test:compromise" + attempt, (0, 0, 10, 10), design.solid(1, 0, 0))
        return self.file("taken.fig", made.canvas())

    def under_a_parent(self, *words):
        """Runs below a shell that dies with the attempt on the parent. (status of the shell, what was said)"""
        script = '"$@" & wait $!; echo "parent lives: $?" >&2'
        done = run("sh", "-c", script, "sh", *words, env={**os.environ, **self.variables})
        return done.returncode, done.stderr.decode()

    def traces(self):
        """What an attempt left behind in the world."""
        found = set()
        found |= {"exec"} if self.marker.exists() else set()
        found |= {"write"} if self.elsewhere.exists() else set()
        try:
            self.listener.accept()[0].close()
            found.add("connect")
        except BlockingIOError:
            pass
        return found

    def test_bare_everything_succeeds(self):
        status, said = self.under_a_parent(TAKEN_OVER, "info", self.document(""))
        self.assertEqual(re.findall(r"tried (\w+): done", said), list(self.ATTEMPTS), said)
        self.assertEqual(self.traces(), {"exec", "write", "connect"})
        self.assertEqual(status, -signal.SIGKILL)
        self.assertNotIn("parent lives", said)

    def test_the_real_program_does_not_know_the_name(self):
        status, said = self.under_a_parent(PROGRAM, "info", self.document(""))
        self.assertEqual((status, self.traces()), (0, set()))
        self.assertEqual(said, "parent lives: 0\n")

    def test_sealed_nothing_does(self):
        for attempt, call in self.ATTEMPTS.items():
            with self.subTest(attempt):
                record = self.folder / "record"
                status, said = self.under_a_parent(TAKEN_OVER, "info", "--sealed", "--seal-record", record, self.document(":" + attempt))
                self.assertEqual((status, self.traces()), (0, set()))
                self.assertIn(f"parent lives: {128 + signal.SIGSYS}", said)
                self.assertNotIn("tried", said)
                told = json.loads(record.read_text())
                self.assertEqual(told["call"], call)
                if attempt == "read":
                    self.assertIn(str(self.secret), told["arguments"])
                if attempt == "write":
                    self.assertIn(str(self.elsewhere), told["arguments"])

    def test_in_a_jail_nothing_does(self):
        variables = [word for name, value in self.variables.items() for word in ("--env", f"{name}={value}")]
        for attempt, call in self.ATTEMPTS.items():
            with self.subTest(attempt):
                report = self.folder / "report.json"
                file = self.document(":" + attempt)
                status, said = self.under_a_parent(MOAT, "run", "-p", "renderserver", "--read", TAKEN_OVER.parent, *variables, "--report", report,
                                                   "-i", file, "--", TAKEN_OVER, "info", f"/in/{file.name}")
                self.assertEqual((status, self.traces()), (0, set()))
                self.assertIn("parent lives", said)
                self.assertNotIn("done", said)
                told = json.loads(report.read_text())
                if call == "openat":  # the call is everybody's; there is nothing to be found
                    self.assertIn(f"tried {attempt}: ", said)
                else:
                    self.assertEqual(told["cause"], "denied")
                    self.assertEqual(told["denials"]["kinds"][0]["call"], call)


if __name__ == "__main__":
    unittest.main()
