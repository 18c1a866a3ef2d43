"""What the hardened library finds, by the exact line; each crime of crimes.c at many sizes and offsets."""
import os
import re
import signal
import subprocess
import unittest

HARDEN = os.environ["CAPALLOC_PRELOAD"]
CRIMES = os.environ["HARDEN_CRIMES"]


def commit(*crime, harden=None):
    clean = {key: value for key, value in os.environ.items() if key != "CAPALLOC_OPTIONS"}
    environment = clean | {"LD_PRELOAD": HARDEN} | ({"CAPALLOC_OPTIONS": f"harden={harden}"} if harden else {})
    return subprocess.run([CRIMES, *map(str, crime)], capture_output=True, text=True, env=environment)


class Found(unittest.TestCase):
    def ends(self, done, line):
        self.assertEqual(done.returncode, -signal.SIGABRT, done)
        self.assertRegex(re.sub(r"0x[0-9a-f]{5,}", "A", done.stderr),
                         "^capalloc: " + re.escape(line) + r", place ordinary, pid [0-9]+ \(harden_crimes\)\n$")

    def test_H3_a_write_after_free_is_found_before_reuse(self):
        for size, offset in ((32, 0), (100, 99), (1000, 512), (5000, 4999), (30000, 1), (100000, 70000)):
            done = commit("write-after-free", size, offset)
            self.assertIn("capalloc: use-after-free-write: reuse(", done.stderr, (size, offset))
            self.assertIn(f"stated zero since it was freed, found 0x77 at offset {offset} of a freed block of ",
                          done.stderr)
            self.assertEqual(done.returncode, -signal.SIGABRT)

    def test_H3_what_is_freed_is_zero(self):
        for size in (16, 32, 100, 1000, 5000, 30000, 100000, 1000000):
            self.assertEqual(commit("read-after-free", size, size // 2).stdout, "zero\n")
        self.assertEqual(commit("read-after-free", 100, 50, harden="-zero").stdout, "the secret is still there\n")

    def test_H8_a_freed_block_is_not_handed_out_at_once(self):
        for size in (16, 100, 1000, 30000, 100000):
            self.assertEqual(commit("reuse-at-once", size).stdout, "not handed out\n")


if __name__ == "__main__":
    unittest.main()
