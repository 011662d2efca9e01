#!/usr/bin/env python3
"""Each lint on small trees of its own: a good one that it must pass, bad ones that it must not."""
import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "lint"))

import child_law  # noqa: E402
import common  # noqa: E402
import generated  # noqa: E402
import headers  # noqa: E402
import layers  # noqa: E402
import scripts  # noqa: E402
import sizes  # noqa: E402
import words  # noqa: E402

GOOD_HEADER = "// Adds.\n//\n//   int three = moat::Add(1, 2);\n#pragma once\n#include <string>\n"


class LintTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="moat-lint."))
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "docs").mkdir()
        shutil.copy(ROOT / "docs" / "architecture.md", self.root / "docs")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def lint(self, lint):
        """(passed, what it printed)"""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            passed = common.run(lint.check, self.root, self.root / "build")
        return passed, output.getvalue()

    def assert_passes(self, lint):
        passed, output = self.lint(lint)
        self.assertTrue(passed, output)

    def assert_finds(self, lint, text):
        passed, output = self.lint(lint)
        self.assertFalse(passed, output)
        self.assertIn(text, output)


class Nothing(LintTest):
    def test_a_lint_that_looked_at_nothing_fails(self):
        shutil.rmtree(self.root / "docs")
        for lint in (child_law, sizes, words, generated, headers, scripts):
            self.assertFalse(self.lint(lint)[0], lint.__name__)


class Layers(LintTest):
    def setUp(self):
        super().setUp()
        self.write("src/base/text.h", "#include <string>\n")

    def test_good(self):
        self.write("src/plan/a.cc", '#include "base/text.h"\n#include "moat/result.h"\n#include <linux/filter.h>\n')
        self.write("src/cli/b.cc", '#include <CLI/CLI.hpp>\n#include "plan/a.h"\n#include <unistd.h>\n')
        self.write("src/sys/c.cc", '#include <sys/mount.h>\n#include "sys/c.h"\n')
        self.write("src/probe/d.cc", '#include "plan/host_facts.h"\n')
        self.write("src/bpf/e_test.cc", "#include <gtest/gtest.h>\n#include <seccomp.h>\n#include <unistd.h>\n")
        self.write("src/bpf/testing.cc", '#include "bpf/testing.h"\n#include <gtest/gtest.h>\n')
        self.write("src/plan/f.cc", "#include <elf.h>\n#include <map>\n")
        self.assert_passes(layers)

    def test_bad(self):
        for path, line, text in (
                ("src/sys/a.cc", '#include "policy/model.h"', "sys must not include"),
                ("src/base/a.cc", '#include "bpf/filter.h"', "base must not include"),
                ("src/child/a.cc", '#include "base/text.h"', "child must not include"),
                ("src/child/a.cc", '#include "moat/result.h"', "child must not include"),
                ("src/child/a.cc", "#include <string>", "freestanding"),
                ("src/probe/a.cc", '#include "plan/compile.h"', "probe must not include"),
                ("src/plan/a.cc", "#include <unistd.h>", "pure"),
                ("src/policy/a.cc", "#include <sys/mount.h>", "pure"),
                ("src/policy/a.cc", "#include <fstream>", "pure"),
                ("src/run/a.cc", "#include <iostream>", "core"),
                ("src/plan/abi.h", "#include <map>", "core"),
                ("src/run/a.cc", "#include <nlohmann/json.hpp>", "no place"),
                ("src/plan/a.cc", "#include <toml++/toml.h>", "no place"),
                ("src/run/a.cc", "#include <CLI/CLI.hpp>", "no place"),
                ("src/run/a.cc", "#include <base/text.h>", "by quotes"),
                ("src/base/a.cc", '#include "text.h"', "write the folder"),
                ("src/base/a.cc", '#include "../base/text.h"', "no .."),
                ("src/run/a.cc", '#include "run/testing.h"', "is for tests"),
                ("src/run/a.cc", "#include <gtest/gtest.h>", "no place"),
                ("src/misc/a.cc", "", "not in the table"),
                ("include/moat/a.h", '#include "base/text.h"', "public header")):
            with self.subTest(path=path, line=line):
                file = self.write(path, line + "\n")
                self.assert_finds(layers, text)
                file.unlink()

    def test_one_reader_of_toml(self):
        self.write("src/policy/a.cc", "#include <toml++/toml.h>\n")
        self.assert_passes(layers)
        self.write("src/policy/b.cc", "#include <toml++/toml.h>\n")
        self.assert_finds(layers, "one file only")

    def test_the_table_of_the_documentation_is_compared(self):
        page = self.root / "docs" / "architecture.md"
        page.write_text(page.read_text().replace("| base | uapi |", "| base | uapi sys |"))
        self.assert_finds(layers, "differ")


class ChildLaw(LintTest):
    GOOD = "int Add(int a, int b) { return a + b; }\n"

    def compile(self, code, flags=tuple(child_law.REQUIRED_FLAGS)):
        folder = self.root / "build/src/child/CMakeFiles/moat_child_core.dir"
        folder.mkdir(parents=True, exist_ok=True)
        source = self.write("a.cc", code)
        command = ["c++", "-O2", "-fno-asynchronous-unwind-tables", "-fno-pic", *flags, "-c", str(source), "-o",
                   str(folder / "a.cc.o")]
        subprocess.run(command, check=True)
        self.write("build/compile_commands.json", json.dumps([{"file": "a.cc", "command": " ".join(command)}]))

    def test_good(self):
        self.compile(self.GOOD)
        self.assert_passes(child_law)

    def test_bad_code(self):
        for code, text in (
                ("int Getpid(); int f() { return Getpid(); }", "undefined symbol"),
                ("#include <cstring>\nvoid f(char* p, unsigned n) { __builtin_memset(p, 0, n); }", "memset"),
                ("int counter = 3;", "section .data"),
                ("int counter;", "section .bss"),
                ("thread_local int counter = 1; int* f() { return &counter; }", ".tdata"),
                ("namespace { struct A { A(); int x; }; A::A() : x(1) {} A a; } int f() { return a.x; }", ".bss")):
            with self.subTest(code=code):
                self.compile(code)
                self.assert_finds(child_law, text)

    def test_bad_flags(self):
        flags = child_law.REQUIRED_FLAGS
        for number, flag in enumerate(flags):
            with self.subTest(flag=flag):
                self.compile(self.GOOD, flags[:number] + flags[number + 1:])
                self.assert_finds(child_law, f"without {flag}")
        self.compile(self.GOOD, [*flags, "-fstack-protector-strong"])
        self.assert_finds(child_law, "comes after")

    def test_no_compile_command(self):
        self.compile(self.GOOD)
        self.write("build/compile_commands.json", "[]")
        self.assert_finds(child_law, "no compile command")


class Sizes(LintTest):
    @staticmethod
    def function(lines, head="int F(int a)"):
        return head + " {\n" + "  a += '{';  // } {\n" * (lines - 2) + "}\n"

    def test_good(self):
        self.write("src/base/a.cc", "namespace moat {\n" + self.function(90) + self.function(90) + "}\n")
        self.write("src/base/b.cc", "const int kTable[] = {\n" + "1,\n" * 300 + "};\n")
        self.write("src/base/c.cc", "// Generated by a tool.\n" + "int x;\n" * 600)
        self.write("src/base/d.h", "struct A {\n" + "  int a = 1;\n" * 200 + "};\nenum class E : int {\n" + "x,\n" * 200 + "};\n")
        self.assert_passes(sizes)

    def test_bad(self):
        for text, finding in (
                (self.function(91), "F has 91 lines"),
                ("namespace moat {\nnamespace {\nclass A {\n public:\n" + self.function(95, "  A(int a) : a_(a)") + "};\n}\n}\n",
                 "A has 95 lines"),
                ("template <typename T>\n" + self.function(95, "auto G(int a) -> int"), "G has 96 lines"),
                (self.function(95, "TEST(Name, Case)"), "TEST has 95 lines"),
                ("struct A {};\nclass B final : public A {\n" + self.function(92, "  bool F(int a) const noexcept") + "};\n",
                 "F has 92 lines"),
                (self.function(100, "struct A F(int a)"), "F has 100 lines"),
                ("int x;\n" * 501, "501 lines")):
            with self.subTest(finding=finding):
                self.write("src/base/a.cc", text)
                self.assert_finds(sizes, finding)

    def test_a_long_function_warns(self):
        self.write("src/base/a.cc", self.function(61))
        passed, output = self.lint(sizes)
        self.assertTrue(passed)
        self.assertIn("warning: F has 61 lines", output)


class Words(LintTest):
    def test_good(self):
        self.write("a.sh", "mktemp -d x.XXXXXX\n# /root is a folder, and hacks are not marks\n")
        self.write("tests/a.cc", 'Expect("/ro' 'ot/secret is not to be seen");\n')
        self.assert_passes(words)

    def test_bad(self):
        for text in ("// TO" "DO: later", "# FIX" "ME", "/* XX" "X */", "HA" "CK", "cd /wo" "rk/main", "cat /ro" "ot/a",
                     "see deb.deb" "ian.org/debian"):
            with self.subTest(text=text):
                self.write("src/base/a.cc", f"int a;\n{text}\n")
                self.assert_finds(words, "src/base/a.cc:2")


class Generated(LintTest):
    def test_good_and_bad(self):
        self.write("tools/gen_x.py", "import sys\nassert sys.argv[1:] == ['--check']\n")
        self.assert_passes(generated)
        self.write("tools/gen_z.py", "import sys\nprint('the following arguments are required: --out-cc')\nsys.exit(2)\n")
        self.assert_passes(generated)
        self.write("tools/gen_y.py", "print('docs/y.md is old')\nraise SystemExit(1)\n")
        self.assert_finds(generated, "docs/y.md is old")


class Headers(LintTest):
    def test_good(self):
        self.write("include/moat/a.h", GOOD_HEADER)
        self.assert_passes(headers)

    def test_bad(self):
        for text, finding in (
                ("#pragma once\n", "opens with a comment"),
                ("// Adds.\n#pragma once\n", "that has an example"),
                (GOOD_HEADER + "#include <nlohmann/json.hpp>\n", "only moat/ headers"),
                (GOOD_HEADER + "#include <unistd.h>\n", "only moat/ headers"),
                (GOOD_HEADER + "inline std::vector<int> F();\n", "does not compile alone"),
                (GOOD_HEADER.replace("#pragma once", "") + "inline int F() { return 1; }\n", "does not compile alone")):
            with self.subTest(finding=finding):
                self.write("include/moat/a.h", text)
                self.assert_finds(headers, finding)


class Scripts(LintTest):
    def test_good(self):
        self.write("tools/a", "#!/bin/sh\nset -eu\necho\n")
        self.write("tools/b", "#!/usr/bin/env python3\nprint()\n")
        self.assert_passes(scripts)

    def test_bad(self):
        for path, text, finding in (
                ("tools/a", "#!/bin/sh\nset -e\nif true; then\n", "does not parse"),
                ("tools/b", "#!/usr/bin/env bash\nset -e\nx=(\n", "does not parse"),
                ("tools/c", "#!/bin/sh\necho\n", "set -e"),
                ("tools/d.py", "def f(:\n", "does not parse")):
            with self.subTest(path=path):
                file = self.write(path, text)
                self.assert_finds(scripts, finding)
                file.unlink()


if __name__ == "__main__":
    unittest.main()
