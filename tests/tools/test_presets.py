#!/usr/bin/env python3
"""tools/test-presets counts what passed, failed and was skipped, each apart: with a project of three tests in the place of ours."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]


class Presets(unittest.TestCase):
    def run_tests(self, presets=("one",), **commands):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "tools").mkdir()
            shutil.copy(TOP / "tools/test-presets", folder / "tools")
            lines = ["cmake_minimum_required(VERSION 3.25)", "project(x LANGUAGES NONE)", "enable_testing()"]
            for name, status in commands.items():
                lines += [f"add_test(NAME {name} COMMAND sh -c \"exit {status}\")",
                          f"set_tests_properties({name} PROPERTIES SKIP_RETURN_CODE 77)"]
            (folder / "CMakeLists.txt").write_text("\n".join(lines))
            (folder / "CMakePresets.json").write_text(json.dumps({
                "version": 6,
                "configurePresets": [{"name": name, "generator": "Ninja", "binaryDir": "${sourceDir}/build/" + name}
                                     for name in presets],
                "buildPresets": [{"name": name, "configurePreset": name} for name in presets],
                "testPresets": [{"name": name, "configurePreset": name} for name in presets]}))
            result = subprocess.run([folder / "tools/test-presets", "-j", "2", *presets], capture_output=True, text=True)
            return result.returncode, result.stdout

    def test_skipped_is_not_passed(self):
        status, text = self.run_tests(good=0, other=0, left_out=77)
        self.assertEqual((status, text.splitlines()[-1]), (0, "2 passed, 0 failed, 1 skipped"))
        self.assertIn("   skipped: left_out\n", text)

    def test_failed(self):
        status, text = self.run_tests(good=0, bad=1, left_out=77)
        self.assertEqual((status, text.splitlines()[-1]), (1, "1 passed, 1 failed, 1 skipped"))

    def test_each_preset_is_tested_while_the_next_is_built(self):
        status, text = self.run_tests(("one", "two", "three"), good=0, slow="$(sleep 0.5)", bad=1)
        self.assertEqual((status, text.splitlines()[-1]), (1, "6 passed, 3 failed, 0 skipped"))
        self.assertEqual([line for line in text.splitlines() if line[:2] == "=="], ["== one", "== two", "== three"])

    def test_all_good(self):
        self.assertEqual(self.run_tests(good=0)[1].splitlines()[-1], "1 passed, 0 failed, 0 skipped")


if __name__ == "__main__":
    unittest.main()
