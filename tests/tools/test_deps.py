#!/usr/bin/env python3
"""tools/deps installs where it is asked to, and only tells where it is not; `make` does not ask. With doubles of the tools."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]


class Deps(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.tool("dpkg-query", "case $* in *cmake*|*ninja*) exit 1;; *) printf installed;; esac")
        self.tool("apt-get", f"echo \"$*\" >> {self.folder}/calls; exit ${{APT_STATUS:-0}}")
        self.tool("id", "echo 0")

    def tool(self, name, script):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(0o755)

    def run_deps(self, *words, **environment):
        result = subprocess.run([TOP / "tools/deps", *words], capture_output=True, text=True,
                                env={"PATH": f"{self.folder}:{os.environ['PATH']}", **environment})
        calls = self.folder / "calls"
        return result, calls.read_text() if calls.exists() else ""

    def test_tells(self):
        result, calls = self.run_deps("--tell", "build")
        self.assertEqual((result.returncode, calls), (1, ""))
        self.assertIn("make deps", result.stderr)
        self.assertIn("apt-get install -y --no-install-recommends cmake ninja-build\n", result.stderr)

    def test_installs_and_waits_for_the_lock(self):
        result, calls = self.run_deps("build")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(calls, r"DPkg::Lock::Timeout=[1-9]\d* install --no-install-recommends cmake ninja-build\n")

    def test_says_what_is_missing_when_that_fails(self):
        result, _ = self.run_deps("build", APT_STATUS="100")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Needed are: cmake ninja-build", result.stderr)

    def test_nothing_is_missing(self):
        self.tool("dpkg-query", "printf installed")
        for words in (["build"], ["--tell", "build"]):
            result, calls = self.run_deps(*words)
            self.assertEqual((result.returncode, result.stdout + result.stderr, calls), (0, "", ""))

    def test_make_alone_does_not_ask(self):
        recipes = dict(re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)+)", (TOP / "Makefile").read_text(), re.MULTILINE))
        self.assertIn("tools/deps --tell build", recipes["all"])
        for target in ("all", "install", "uninstall", "clean"):
            self.assertNotRegex(recipes[target], r"tools/deps (?!--tell)", target)
        for target in ("demo", "test", "deps"):
            self.assertRegex(recipes[target], r"tools/deps (?!--tell)", target)


if __name__ == "__main__":
    unittest.main()
