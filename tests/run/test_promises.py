#!/usr/bin/env python3
"""`capalloc run` about memory that was promised to hold no pointers: how much there is, and what the audit finds in it.

The build tells where things are, through the environment: CAPALLOC, the program; CAPALLOC_PRELOAD, the library; SUBJECT,
what promises.c was compiled to.
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

CAPALLOC, PRELOAD, SUBJECT = (os.environ[name] for name in ("CAPALLOC", "CAPALLOC_PRELOAD", "SUBJECT"))
CLEAN = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
LINE = re.compile(r"^capalloc: audit: block (0x\w+) of (\d+) bytes, place (\w+), offset (\d+): (0x\w+) points to block "
                  r"(0x\w+) of (\d+) bytes, place (\w+)(?:, pid \d+ \(\w+\))?$", re.MULTILINE)


class Promises(unittest.TestCase):
    def run_it(self, options, *arguments, status=3, **environment):
        done = subprocess.run([CAPALLOC, "run", "--library", PRELOAD, *options, "--", SUBJECT, *arguments],
                              env=dict(CLEAN, **environment), capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def alone(self, options, *arguments):
        """Without capalloc run."""
        done = subprocess.run([SUBJECT, *arguments], env=dict(CLEAN, LD_PRELOAD=PRELOAD, CAPALLOC_OPTIONS=options),
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        return done

    def as_json(self, options, *arguments, **environment):
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder, "report")
            done = self.run_it([*options, "--stats=json", "--output", str(report)], *arguments, **environment)
            return done, json.loads(report.read_text())

    def test_N6_findings_are_told(self):
        done = self.run_it(["--audit"], "3")
        guessed, named, target, _ = done.stdout.split()
        self.assertEqual(sorted(LINE.findall(done.stderr)),
                         sorted([(guessed, "4000", "nocaps", "0", target, target, "64", "ordinary"),
                                 (named, "100000", "nocaps", "8", hex(int(target, 16) + 1), target, "64", "ordinary"),
                                 (named, "100000", "nocaps", "16", hex(int(target, 16) + 2), target, "64", "ordinary")]))
        self.assertTrue(done.stderr.endswith(
            "capalloc: audit: 3 words in memory promised to hold no pointers point to live blocks\n"), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 4)

    def test_N6_one_finding(self):
        self.assertIn("capalloc: audit: 1 word in memory promised to hold no pointers points to live blocks\n",
                      self.run_it(["--audit"], "1").stderr)

    def test_N6_none(self):
        self.assertEqual(self.run_it(["--audit"], "0").stderr,
                         "capalloc: audit: no word in memory promised to hold no pointers points to a live block\n")
        self.assertEqual(self.run_it([], "9").stderr, "")

    def test_N6_many_are_counted(self):
        done = self.run_it(["--audit"], "300")
        self.assertEqual(len(LINE.findall(done.stderr)), 16)
        self.assertIn(" 301 words in memory promised to hold no pointers point to live blocks, not all of them listed\n",
                      done.stderr)

    def test_N6_json(self):
        done, report = self.as_json(["--audit"], "6")
        guessed, named, target, key = done.stdout.split()
        self.assertEqual(report["audit"]["found"], 7)
        self.assertEqual(len(report["audit"]["findings"]), 7)
        self.assertIn({"block": guessed, "block_bytes": 4000, "place": "nocaps", "offset": 24,
                       "value": hex(int(target, 16) + 3), "target": target, "target_bytes": 64,
                       "target_place": "ordinary"}, report["audit"]["findings"])
        self.assertIn({"block": key, "block_bytes": 24, "place": "secret", "offset": 8, "value": named,
                       "target": named, "target_bytes": 100000, "target_place": "nocaps"}, report["audit"]["findings"])
        self.assertTrue(report["settings"]["audit"])
        self.assertEqual(len(LINE.findall(done.stderr)), 7)
        _, report = self.as_json([], "6")
        self.assertIsNone(report["audit"])
        self.assertFalse(report["settings"]["audit"])

    def test_N6_json_on_stderr_is_nothing_else(self):
        self.assertEqual(json.loads(self.run_it(["--audit", "--stats=json"], "2").stderr)["audit"]["found"], 2)

    def test_N6_the_program_is_gone_too_early(self):
        self.assertEqual(self.run_it(["--audit"], "2", "_exit").stderr,
                         "capalloc: audit: there was none: the program ended past its exit handlers\n")
        done, report = self.as_json(["--audit"], "2", "_exit")
        self.assertIsNone(report["audit"])
        self.assertIn("there was none", done.stderr)

    def test_N6_a_program_that_closed_its_stderr(self):
        self.assertEqual(len(LINE.findall(self.run_it(["--audit"], "2", "close").stderr)), 2)

    def test_N6_a_forked_child_says_nothing(self):
        self.assertEqual(len(LINE.findall(self.run_it(["--audit"], "2", "fork").stderr)), 2)
        self.assertEqual(len(LINE.findall(self.alone("audit", "2", "fork").stderr)), 2)

    def test_N6_without_capalloc_run(self):
        done = self.alone("audit", "2")
        self.assertEqual(len(LINE.findall(done.stderr)), 2)
        self.assertTrue(done.stderr.endswith(
            "capalloc: audit: 2 words in memory promised to hold no pointers point to live blocks\n"), done.stderr)
        self.assertIn("audit: no word", self.alone("audit", "0").stderr)
        self.assertEqual(self.alone("helper", "2").stderr, "")

    def test_N6_what_the_program_starts_speaks_only_of_findings(self):
        def under(words):
            return subprocess.run([CAPALLOC, "run", "--library", PRELOAD, "--audit", "--", "sh", "-c",
                                   f"'{SUBJECT}' {words}; exit 0"],
                                  env=CLEAN, capture_output=True, text=True, timeout=60, check=True).stderr
        self.assertEqual(under(0).count("audit"), 1)  # of the shell itself
        self.assertEqual(len(LINE.findall(under(2))), 2)

    def test_N7_how_much_was_promised(self):
        _, report = self.as_json([], "0")
        place, free = report["stats"]["place"], report["stats"]["pointer_free"]
        self.assertGreaterEqual(place["nocaps"]["live_bytes"], 104000)
        self.assertEqual(free["live_bytes"], place["nocaps"]["live_bytes"] + place["secret"]["live_bytes"])
        self.assertEqual(free["live_blocks"], 3)
        self.assertEqual(free["used_bytes_peak"], place["nocaps"]["used_bytes_peak"] + place["secret"]["used_bytes_peak"])
        self.assertAlmostEqual(free["live_share"], free["live_bytes"] / report["stats"]["live_bytes"], places=6)
        text = self.run_it(["--stats"], "0").stderr
        self.assertRegex(text, r"\n  pointer-free 10\d KiB live, \d\d? % of all live memory; \d+ KiB held at most\n")

    def test_N7_settings(self):
        _, report = self.as_json(["--tokens", "16", "--trust-tokens"], "0")
        self.assertEqual((report["settings"]["tokens"], report["settings"]["trust_tokens"]), (16, True))
        self.assertIn("trust-tokens", self.run_it(["--stats", "--trust-tokens"], "0").stderr)
        _, report = self.as_json(["--tokens", "1"], "9")
        self.assertEqual(report["stats"]["place"]["nocaps"]["live_blocks"], 0)
        self.assertIn("bad-usage", self.run_it(["--tokens", "-1"], status=125).stderr)

    def test_N7_no_number_of_tokens_is_stated(self):
        """As flag and as setting 0 is what nobody says, and takes back what was said."""
        for options, setting, promised in ([], "", 2), ([], "tokens=1", 0), ([], "tokens=0", 2), (["--tokens=0"], "", 2), \
                (["--tokens=0"], "tokens=1", 2), (["--tokens=1"], "tokens=0", 0), (["--tokens=1", "--tokens=0"], "", 2):
            with self.subTest(options=options, setting=setting):
                _, report = self.as_json(options, "0", CAPALLOC_OPTIONS=setting)
                self.assertEqual(report["settings"]["tokens"], None if promised else 1)
                self.assertEqual(report["stats"]["place"]["nocaps"]["live_blocks"], promised)


if __name__ == "__main__":
    unittest.main(verbosity=2)
