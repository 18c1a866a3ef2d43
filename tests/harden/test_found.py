"""What the hardened library finds, by the exact line; each crime of crimes.c at many sizes and offsets."""
import os
import re
import signal
import subprocess
import unittest

HARDEN = os.environ["CAPALLOC_PRELOAD"]
GUARDS = "ok    MADV_GUARD_INSTALL" in subprocess.run([os.environ["CAPALLOC"], "doctor"], capture_output=True,
                                                      text=True).stdout
SHUT = 200000 # from such a length on a freed block cannot be touched
UNGUARDED = (os.environ["HARDEN_UNGUARDED"],)
CRIMES = os.environ["HARDEN_CRIMES"]


def commit(*crime, harden=None, by=()):
    clean = {key: value for key, value in os.environ.items() if key != "CAPALLOC_OPTIONS"}
    environment = clean | {"LD_PRELOAD": HARDEN} | ({"CAPALLOC_OPTIONS": f"harden={harden}"} if harden else {})
    return subprocess.run([*by, CRIMES, *map(str, crime)], capture_output=True, text=True, env=environment)


class Found(unittest.TestCase):
    def ends(self, done, line):
        self.assertEqual(done.returncode, -signal.SIGABRT, done)
        self.assertRegex(re.sub(r"0x[0-9a-f]{5,}", "A", done.stderr),
                         "^capalloc: " + re.escape(line) + r", place ordinary, pid [0-9]+ \(harden_crimes\)\n$")

    def is_told(self, done, kind, offset, found, access="write"):
        """A guard was touched: the line, and the calls that did it."""
        self.assertEqual(done.returncode, -signal.SIGABRT, done)
        line, *calls = re.sub(r"0x[0-9a-f]{5,}", "A", done.stderr).splitlines()
        self.assertRegex(line, "^" + re.escape(f"capalloc: {kind}: {access}(A): stated a {access} at offset {offset}, found "
                                              f"{found}, place ") + r"(ordinary|none), pid [0-9]+ \(harden_crimes\)$")
        self.assertTrue(calls[0].startswith(f"  at {CRIMES}+"), calls)

    def test_H4_a_block_of_no_bytes_cannot_be_touched(self):
        for crime, access in (("zero-write", "write"), ("zero-read", "read"), ("zero-aligned-write", "write")):
            self.is_told(commit(crime), "overflow", 0, "a live block of no bytes", access)
        self.is_told(commit("zero-after-free"), "use-after-free", 0, "a freed block of no bytes")
        self.assertEqual(commit("zero-read", harden="-guard").returncode, 0)
        for crime in ("zero-twice", "zero-aligned-twice"):
            self.assertRegex(commit(crime).stderr, "^capalloc: double-free: free.* found a freed block of no bytes, place none")
        for crime in ("zero-right", "zero-aligned-right"):
            for harden in (None, "-mismatch", "-delay", "-guard"):
                done = commit(crime, harden=harden)
                if crime != "zero-right" or harden != "-guard": # which counts on a usable size of 0
                    self.assertEqual((done.stdout, done.stderr, done.returncode), ("", "", 0), (crime, harden))

    def overflows(self, size, by=()):
        self.is_told(commit("large-overflow", size, by=by), "overflow", (size + 4095) // 4096 * 4096,
                     f"a live block of {size} bytes")

    def test_H4_a_large_block_that_could_not_grow_has_its_guard(self):
        for size in (40000, SHUT, 1 << 20):
            for by in (((), UNGUARDED) if GUARDS else (UNGUARDED,)):
                self.is_told(commit("large-refused-overflow", size, by=by), "overflow", (size + 4095) // 4096 * 4096,
                             f"a live block of {size} bytes")

    @unittest.skipUnless(GUARDS, "this kernel has no guards")
    def test_H4_the_nearest_block_is_told(self):
        for offset, kind in ((-1, "underflow"), (-64, "underflow"), (-4096, "underflow")):
            self.is_told(commit("large-underflow", 100000, offset), kind, offset, "a live block of 100000 bytes")

    def test_H4_V6_told_before_the_programs_own_handler(self):
        self.is_told(commit("large-own-handler", 100000), "overflow", 102400, "a live block of 100000 bytes")

    def test_H4_other_faults_are_what_they_were(self):
        done = commit("large-protected", 100000)
        self.assertEqual((done.stderr, done.returncode), ("", -signal.SIGSEGV))

    @unittest.skipUnless(GUARDS, "this kernel has no guards")
    def test_H4_large_blocks_end_at_a_guard_and_go_with_one(self):
        for size in (40000, 65536, SHUT, 1 << 20, (1 << 20) + 1):
            self.overflows(size)
        for size in (SHUT, 1 << 20, (1 << 20) + 1):
            for offset in (0, size // 2, size - 1):
                self.is_told(commit("large-after-free", size, offset), "use-after-free", offset,
                             f"a freed block of {size} bytes")
        self.assertEqual(commit("large-overflow", 40000, harden="-guard").stdout, "reached\n")

    def test_H4_a_large_block_that_was_written_to_keeps_its_pages(self):
        for size in (SHUT, 1 << 20, 6 << 20):
            for by in (((), UNGUARDED) if GUARDS else (UNGUARDED,)):
                done = commit("large-again", size, by=by)
                self.assertEqual((done.stdout, done.returncode), ("kept, no more mappings\n", 0), (size, by))

    def test_H4_large_blocks_are_what_they_were(self):
        for harden in (None, "-guard", "-delay", "zero"):
            for by in ((), UNGUARDED):
                done = commit("large-right", harden=harden, by=by)
                self.assertEqual((done.stdout, done.stderr, done.returncode), ("0\n", "", 0), (harden, by))

    def test_H4_guards_without_the_kernels_are_mappings(self):
        for size in (40000, 65536, SHUT, (1 << 20) + 1):
            self.overflows(size, UNGUARDED)
        for size in (SHUT, (1 << 20) + 1):
            for offset in (0, size - 1):
                self.is_told(commit("large-after-free", size, offset, by=UNGUARDED), "use-after-free", offset,
                             f"a freed block of {size} bytes")
        said = subprocess.run([*UNGUARDED, os.environ["CAPALLOC"], "run", "--stats", "--harden", "--", "true"],
                              capture_output=True, text=True).stderr
        self.assertIn("guards by mappings", said)

    def test_H4_a_program_with_many_large_blocks_keeps_mappings(self):
        """200 000 of them, three times as many as it may have mappings."""
        for by in (((), UNGUARDED) if GUARDS else (UNGUARDED,)):
            done = commit("large-many", 36864, by=by)
            self.is_told(done, "overflow", 36864, "a live block of 36864 bytes")
            said, full, after = done.stdout.split()
            self.assertEqual(said, "right")
            self.assertLess(int(full), 1200 if by == () else 65530 * 3 // 8 + 1200)
            self.assertLess(int(after), int(full) + 1200)
            if by:
                self.assertGreater(int(full), 65530 // 8)

    def test_H3_a_write_after_free_is_found_before_reuse(self):
        for size, offset in ((32, 0), (100, 99), (1000, 512), (5000, 4999), (30000, 1), (100000, 70000)):
            done = commit("write-after-free", size, offset, harden="-guard")
            self.assertIn("capalloc: use-after-free-write: reuse(", done.stderr, (size, offset))
            self.assertIn(f"stated zero since it was freed, found 0x77 at offset {offset} of a freed block of ",
                          done.stderr)
            self.assertEqual(done.returncode, -signal.SIGABRT)

    @unittest.skipUnless(GUARDS, "this kernel has no guards")
    def test_H3_H4_shorter_large_blocks_are_cleared_and_keep_their_guard(self):
        """Freed, they can be touched up to their guard; a reused one has it where it has to be."""
        for size in (40000, 65536, SHUT - 20000):
            for offset in (0, size // 2, size - 1):
                self.assertEqual(commit("read-after-free", size, offset).stdout, "zero\n", size)
                self.assertIn(f"found 0x77 at offset {offset} of a freed block of ",
                              commit("write-after-free", size, offset).stderr, size)
        for size in (40000, 70000, SHUT):
            for then in (size - 5000, size, size + 5000):
                done = commit("large-reused-overflow", size, then)
                self.assertEqual(done.stdout, "right\n", (size, then))
                self.is_told(done, "overflow", (then + 4095) // 4096 * 4096, f"a live block of {then} bytes")

    def test_H3_a_write_is_found_before_a_slab_ends(self):
        for size, offset in ((24, 12), (100, 99), (1000, 512), (3000, 12), (30000, 20000)):
            done = commit("write-between-requests", size, offset)
            self.assertIn("capalloc: use-after-free-write: reuse(", done.stderr, (size, offset))
            self.assertIn(f", found 0x77 at offset {offset} of a freed block of ", done.stderr)
            self.assertEqual(done.returncode, -signal.SIGABRT)

    def test_H2_an_overflow_is_found_at_free(self):
        for size in (1, 15, 16, 31, 32, 63, 64, 1000, 1024, 32767, 40000):
            for bytes in (1, 8):
                if size + bytes <= 32 or size % 16 + bytes <= 16:
                    self.ends(commit("overflow", size, 0, bytes),
                              f"overflow: free(A): stated nothing written behind it, found {bytes} "
                              f"byte{'s' * (bytes > 1)} written behind a live block of {size} bytes")
                else:
                    self.assertEqual(commit("overflow", size, 0, bytes).returncode, -signal.SIGABRT)
        self.assertEqual(commit("overflow", 64, 0, 1, harden="-canary").returncode, 0)

    def test_H2_an_overflow_is_found_at_any_offset_within_the_slack(self):
        for size in (97, 105, 111):
            for offset in range(112 - size):
                done = commit("overflow", size, offset)
                self.assertEqual(done.returncode, -signal.SIGABRT, (size, offset))
                self.assertIn(f"{offset + 1} byte", done.stderr)

    def test_H2_there_are_two_bytes_behind_short_blocks(self):
        for size in (1, *range(15, 255, 16), 254):
            self.ends(commit("overflow", size, 1), "overflow: free(A): stated nothing written behind it, found 2 bytes "
                      f"written behind a live block of {size} bytes")

    def test_H2_an_overflow_is_found_at_realloc_and_at_exit(self):
        for size in (24, 64, 1000, 5000, 40000):
            self.ends(commit("overflow-then-grow", size),
                      "overflow: realloc(A): stated nothing written behind it, found 1 byte written behind "
                      f"a live block of {size} bytes")
            self.ends(commit("overflow-never-freed", size),
                      "overflow: exit(A): stated nothing written behind it, found 1 byte written behind "
                      f"a live block of {size} bytes")

    def test_H2_a_block_that_became_shorter_ends_earlier(self):
        for size in (40, 100, 300, 1000, 5000):
            self.ends(commit("overflow-then-shorter", size),
                      "overflow: free(A): stated nothing written behind it, found 1 byte written behind "
                      f"a live block of {size - size // 4} bytes")

    def test_H2_what_is_resized_is_no_overflow(self):
        for harden in (None, "-canary", "-delay", "-zero", "canary"):
            done = commit("resized", 1500, harden=harden)
            self.assertEqual((done.stdout, done.stderr, done.returncode), ("", "", 0), harden)

    def test_H2_a_program_that_gives_up_is_looked_at(self):
        for size in (24, 1000, 5000, 40000):
            self.ends(commit("overflow-then-abort", size),
                      "overflow: abort(A): stated nothing written behind it, found 1 byte written behind "
                      f"a live block of {size} bytes")
        for _ in range(10):
            done = commit("abort-while-busy", 100)
            self.assertEqual((done.returncode, done.stderr), (-signal.SIGABRT, ""))

    def test_H2_an_underflow_is_found_in_the_block_before(self):
        for size in (24, 64, 100, 1000, 5000):
            done = commit("underflow", size, 1, 1)
            self.assertEqual(done.returncode, -signal.SIGABRT)
            self.assertRegex(done.stderr, "capalloc: overflow: free.* [0-9]+ bytes? written behind a live block of ")

    def test_H5_each_family_has_its_own_way_back(self):
        names = {"new": "operator new", "new-array": "operator new[]", "malloc": "malloc"}
        for crime, door, wanted in (("new-delete-array", "operator delete[]", "new-array"), ("new-free", "free", "malloc"),
                                    ("new-realloc", "realloc", "malloc"), ("new-array-delete", "operator delete", "new"),
                                    ("new-array-free", "free", "malloc"), ("malloc-delete", "operator delete", "new"),
                                    ("malloc-delete-array", "operator delete[]", "new-array")):
            made = names[crime.rsplit("-", 2)[0] if crime.startswith("malloc-delete-a") or crime == "new-delete-array"
                         else crime.rsplit("-", 1)[0]]
            for size in (4, 100, 5000, 100000):
                self.ends(commit(crime, size), f"mismatched-delete: {door}(A): stated a block of {names[wanted]}, "
                                               f"found a live block of {made} of {size} bytes")
        for crime, door, wanted, made in (("aligned-delete", "operator delete", "operator new", "aligned operator new"),
                                          ("aligned-delete-array", "operator delete[]", "aligned operator new[]",
                                           "aligned operator new"),
                                          ("new-delete-aligned", "operator delete", "aligned operator new",
                                           "operator new")):
            for size in (0, 4, 5000, 100000):
                line = (f"mismatched-delete: {door}(A): stated a block of {wanted}, found a live block of {made}"
                        + (f" of {size} bytes" if size else ""))
                if size:
                    self.ends(commit(crime, size), line)
                else:
                    self.assertIn(line, re.sub(r"0x[0-9a-f]{5,}", "A", commit(crime, size).stderr))
        self.assertEqual(commit("new-free", 100, harden="-mismatch").returncode, 0)
        for size in (0, 1, 100, 5000, 100000):
            self.assertEqual(commit("right-ways", size).stderr, "")

    def test_H5_a_stated_size_and_alignment_are_exact(self):
        for size in (4, 100, 5000, 100000):
            for offset, stated in ((1, "larger"), (-1, "smaller"), (64, "larger")):
                self.ends(commit("wrong-size", size, offset),
                          f"size-mismatch: operator delete(A): stated a size that is {stated}, "
                          f"found a live block of {size} bytes")
            self.ends(commit("wrong-alignment", size), "size-mismatch: operator delete(A): stated an alignment "
                      f"that it does not have, found a live block of {size} bytes")

    def test_H5_the_alignment_is_the_one_that_new_was_told(self):
        """Not just one that the block has, by luck or as its slot is so long; of a large block that is all."""
        for size in (1, 4, 60, 100, 1000, 5000, 20000):
            for crime, door in (("other-alignment", "operator delete"), ("other-alignment-sized", "operator delete"),
                                ("other-alignment-array", "operator delete[]")):
                self.ends(commit(crime, size), f"size-mismatch: {door}(A): stated another alignment than new was told, "
                                               f"found a live block of {size} bytes")
        for size in (1, 4, 60, 5000, 100000):
            self.ends(commit("larger-alignment", size), "size-mismatch: operator delete(A): stated an alignment that it "
                                                        f"does not have, found a live block of {size} bytes")
        self.assertEqual(commit("other-alignment", 100000).returncode, 0)
        self.assertEqual(commit("other-alignment", 100, harden="-mismatch").returncode, 0)

    def test_H2_H4_nothing_is_found_in_children(self):
        """Whatever other threads were doing when they were forked."""
        for harden in ("all", "-delay"):
            options = f"harden={harden}" if harden != "all" else ""
            environment = {**os.environ, "LD_PRELOAD": HARDEN, "CAPALLOC_OPTIONS": options}
            done = subprocess.run([os.environ["HARDEN_CHILDREN"]], capture_output=True, text=True, env=environment)
            self.assertEqual((done.stderr, done.returncode), ("", 0), harden)

    def test_H3_what_is_freed_is_zero(self):
        for size in (16, 32, 100, 1000, 5000, 30000, 100000, 1000000):
            for harden in ("-guard", "-delay"):
                self.assertEqual(commit("read-after-free", size, size // 2, harden=harden).stdout, "zero\n", size)
        self.assertEqual(commit("read-after-free", 100, 50, harden="-zero").stdout, "the secret is still there\n")

    def test_H9_a_heap_that_wants_to_be_hardened_is_that_or_refused(self):
        self.assertEqual(commit("hardened-heap", 100).stdout, "zero, not handed out\n")
        for harden in ("-delay", "-zero", "canary"):
            self.assertEqual(commit("hardened-heap", 100, harden=harden).stdout, "refused\n")
        done = subprocess.run([CRIMES, "hardened-heap"], capture_output=True, text=True,
                              env=os.environ | {"LD_PRELOAD": os.environ["CAPALLOC_STANDARD"], "CAPALLOC_OPTIONS": ""})
        self.assertEqual(done.stdout, "refused\n")

    def test_H8_the_first_slot_is_any(self):
        slots = {commit("first-slot", 40).stdout for _ in range(20)}
        self.assertGreater(len(slots), 10)
        fixed = {commit("first-slot", 40, harden="-random").stdout for _ in range(20)}
        self.assertLessEqual(len(fixed), 10)

    def test_H8_the_next_slot_is_any_of_a_few(self):
        """Of those that are not first of a slab, and near the one before."""
        for size in (16, 100, 1000, 5000):
            for harden, least, most in ((None, 0.05, 0.25), ("-order", 0.6, 1)):
                steps = [int(line) for line in commit("steps", size, harden=harden).stdout.split()]
                slot = min(map(abs, steps))
                next_ones = steps.count(slot) / len(steps)
                self.assertTrue(least <= next_ones <= most, (size, harden, next_ones))
                near = sum(abs(step) <= 64 * slot for step in steps) / len(steps)
                self.assertGreater(near, 0.8, (size, harden))

    def test_H8_a_freed_block_is_not_handed_out_at_once(self):
        for size in (16, 100, 1000, 30000, 100000):
            self.assertEqual(commit("reuse-at-once", size).stdout, "not handed out\n")


if __name__ == "__main__":
    unittest.main()
