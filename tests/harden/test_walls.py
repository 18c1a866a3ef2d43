"""Who runs out of a slab of the hardened library, and what becomes of walls when slabs end; guards.c does both."""
import re
import signal
import unittest

from test_found import CRIMES, GUARDS, UNGUARDED, commit


class Walls(unittest.TestCase):
    def runs_off(self, size, crime, offset, kind, access, by=()):
        done = commit(crime, size, offset, by=by)
        self.assertEqual(done.returncode, -signal.SIGABRT, (size, crime, done))
        line, *calls = re.sub(r"0x[0-9a-f]{5,}", "A", done.stderr).splitlines()
        found = re.fullmatch(f"capalloc: {kind}: {access}\\(A\\): stated a {access} at offset (-?[0-9]+), found a live block "
                             f"of {size} bytes, place ordinary, pid [0-9]+ \\(harden_crimes\\)", line)
        self.assertTrue(found, line)
        self.assertLessEqual(abs(int(found[1])), 3 * size + 8192)
        self.assertTrue(calls[0].startswith(f"  at {CRIMES}+"), calls)

    def test_H10_who_runs_out_of_a_slab_meets_a_wall(self):
        for by in (((), UNGUARDED) if GUARDS else (UNGUARDED,)):
            for size in (16, 100, 1000, 3000):
                self.runs_off(size, "run-off-writing", 1, "overflow", "write", by)
                self.runs_off(size, "run-off-reading", 1, "overflow", "read", by)
        for size in (16, 100, 1000):
            self.runs_off(size, "run-off-reading", -1, "underflow", "read")
        self.assertEqual(commit("run-off-writing", 100, 1, harden="-wall").stdout, "ran\n")

    def test_H10_walls_go_with_their_slabs(self):
        for by in (((), UNGUARDED) if GUARDS else (UNGUARDED,)):
            for harden in (None, "wall"):
                done = commit("walls-go", harden=harden, by=by)
                self.assertEqual((done.stderr, done.returncode), ("", 0), (harden, by))


if __name__ == "__main__":
    unittest.main()
