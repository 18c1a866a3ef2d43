#!/usr/bin/env python3
"""A profile is read back by others: what pprof prints and the folded stacks say what stood in the table.

SUBJECT is what profile.c was compiled to. Without `go`, whose pprof reads it, the test is skipped (77).
"""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SUBJECT = os.environ["SUBJECT"]
NAME = pathlib.Path(SUBJECT).name


class Profile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.file = pathlib.Path(cls.folder.name, "heap.pb.gz")
        cls.folded = subprocess.run([SUBJECT, cls.file], capture_output=True, text=True, check=True).stdout

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def pprof(self, *words):
        environment = {**os.environ, "HOME": self.folder.name, "PPROF_TMPDIR": self.folder.name}
        done = subprocess.run(["go", "tool", "pprof", *words, self.file], env=environment, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_S5_folded_stacks(self):
        kinds = self.folded.strip().split("\n\n")
        self.assertEqual(len(kinds), 3)
        for kind, factor in zip(kinds, (1, 2, 10)):
            self.assertRegex(kind, rf"\Aother {77 * factor}\nouter;inner;merged {3000 * factor}\n"
                                   rf"0x[0-9a-f]+;0x4242;outer {4000000 * factor}\Z")

    def test_S5_it_is_compressed(self):
        self.assertGreater(len(gzip.decompress(self.file.read_bytes())), 500)

    def test_S5_pprof_reads_samples_places_and_lines(self):
        raw = self.pprof("-raw")
        self.assertIn("PeriodType: space bytes\nPeriod: 524288\nTime: 2023-11-14", raw)
        self.assertIn("alloc_objects/count alloc_space/bytes peak_objects/count peak_space/bytes inuse_objects/count "
                      "inuse_space/bytes[dflt]", raw)
        self.assertRegex(raw, r"\n +30 +30000 +6 +6000 +3 +3000: \d+ \d+ *\n")
        self.assertRegex(raw, r"\n +10 +40000000 +2 +8000000 +1 +4000000: \d+ \d+ \d+ *\n")
        self.assertRegex(raw, r"\n +70 +770 +14 +154 +7 +77: \d+ *\n")
        self.assertRegex(raw, rf"\n1: 0x[0-9a-f]+/0x[0-9a-f]+/0x0 \S*/{NAME} 1234ab \[FN\]\[FL\]\[LN\]\[IN\]\n")
        lines = pathlib.Path(os.environ["SOURCE"]).read_text().splitlines()
        merged = 1 + next(i for i, line in enumerate(lines) if "return here();" in line)
        inner = 1 + next(i for i, line in enumerate(lines) if "= merged();" in line)
        self.assertRegex(raw, rf"merged \S*profile.c:{merged} s=0\n +inner \S*profile.c:{inner} s=0\n")

    def test_S5_pprof_sums_up(self):
        top = self.pprof("-top", "-nodefraction=0", "-sample_index=inuse_space", "-unit=B")
        self.assertRegex(top, r"of 4003077B total")
        self.assertRegex(top, r" 3000B +[\d.]+% +[\d.]+% +3000B +[\d.]+% +merged( \(inline\))?\n")
        self.assertRegex(top, r" 0 +0% +[\d.]+% +3000B +[\d.]+% +inner\n")
        self.assertRegex(self.pprof("-top", "-sample_index=alloc_objects"), r"of 110 total")


if __name__ == "__main__":
    if shutil.which("go") is None:
        sys.exit(77)
    unittest.main()
