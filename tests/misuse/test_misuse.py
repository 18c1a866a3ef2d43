"""Every crime of crimes.c, at every kind of size, on the drop-in library: one exact line on stderr and SIGABRT; and with a
handler that refuses, a program that goes on with everything as it was.

CAPALLOC_PRELOAD is the library, MISUSE_CRIMES and MISUSE_SIGNALS are the programs.
"""
import os
import re
import signal
import subprocess
import unittest

PRELOAD = os.environ["CAPALLOC_PRELOAD"]
CRIMES = os.environ["MISUSE_CRIMES"]
SIGNALS = os.environ["MISUSE_SIGNALS"]
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
SIZES = [1, 16, 17, 100, 128, 129, 1000, 1024, 1025, 4096, 32 * KIB, 100 * KIB, 512 * KIB, 512 * KIB + 1, MIB, 100 * MIB, GIB]

LINE = re.compile(r"capalloc: (?P<code>[a-z-]+): (?P<function>\w+)\((?P<address>0x[0-9a-f]+)\): stated (?P<stated>[^,]+), "
                  r"found (?P<found>[a-z ]+?)(?: of (?P<size>\d+) bytes)?, place (?P<place>\w+), pid \d+ \([^()\n]+\)\n\Z")


def run(program, *words, preload=PRELOAD):
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    if preload:
        environment["LD_PRELOAD"] = preload
    return subprocess.run([program, *map(str, words)], env=environment, capture_output=True, text=True, timeout=100,
                          check=False)


class Misuse(unittest.TestCase):
    """expect() is the whole check; a test lists what the line must say."""

    def facts(self, done):
        """The address and the usable size that the program announced."""
        match = re.search(r"^address (?:\(nil\)|(0x[0-9a-f]+))\nusable (\d+)\n", done.stdout, re.MULTILINE)
        self.assertTrue(match, f"no announcement: {done}")
        return int(match[1] or "0", 16), int(match[2])

    def aborted(self, crime, size, code, function, found, place="ordinary", stated="a live block", with_size=True):
        done = run(CRIMES, crime, size)
        if done.returncode == 7:
            self.skipTest(f"not enough memory for {size} bytes")
        where = f"{crime} {size}: {done}"
        self.assertEqual(done.returncode, -signal.SIGABRT, where)
        address, usable = self.facts(done)
        line = LINE.match(done.stderr)
        self.assertTrue(line, where)
        self.assertEqual(int(line["address"], 16), address, where)
        self.assertIn((line["code"], line["found"]), self.pairs(code, found), where)
        self.assertEqual((line["function"], line["stated"], line["place"]), (function, stated, place), where)
        if line["size"] is not None:
            self.assertEqual(int(line["size"]), usable, where)
        if with_size and (line["code"], line["found"]) == (code, found):
            self.assertIsNotNone(line["size"], where)
        return line

    @staticmethod
    def pairs(code, found):
        """What may stand there. A freed block whose pages have gone back is no longer known as one."""
        allowed = [(code, found)]
        if found == "a freed block":
            allowed.append(("invalid-free", "memory that is no block"))
        return allowed

    def refused(self, crime, size):
        done = run(CRIMES, crime, size, "refuse")
        where = f"{crime} {size}: {done}"
        self.assertEqual((done.returncode, done.stderr), (0, ""), where)
        address, _ = self.facts(done)
        told = re.findall(r"^refused ([a-z-]+) (\w+) (\S+) (\d+) (\w+)$", done.stdout, re.MULTILINE)
        self.assertTrue(told, where)
        for report in told:
            self.assertEqual(int(report[2] if report[2] != "(nil)" else "0", 16), address, where)
        self.assertRegex(done.stdout, r"reports [1-9]\d*\nfine\n\Z")
        self.assertNotIn("result 1", done.stdout)

    def each(self, crime, code, function, found, sizes=None, refuse=True, **more):
        for size in sizes or SIZES:
            with self.subTest(crime=crime, size=size):
                self.aborted(crime, size, code, function, found, **more)
                if refuse:
                    self.refused(crime, size)


class InUse(Misuse):
    def test_library_is_in_use(self):
        """Without it the same program does not even know the handler; with it, it does. Then the rest means something."""
        self.assertEqual(run(CRIMES, "misaligned", 64, "refuse", preload=None).returncode, 8)
        self.refused("misaligned", 64)


class Freed(Misuse):
    def test_V1_V2_double_free(self):
        self.each("double_free", "double-free", "free", "a freed block", with_size=False)

    def test_V1_double_free_keeps_the_size(self):
        for size in [1, 16, 17, 100, 128, 129, 1000, 1024, 1025, 4096, 32 * KIB]:
            with self.subTest(size=size):
                self.assertIsNotNone(self.aborted("double_free", size, "double-free", "free", "a freed block")["size"])

    def test_V1_V2_double_free_across_threads(self):
        self.each("double_free_across", "double-free", "free", "a freed block", with_size=False)
        self.each("double_free_there", "double-free", "free", "a freed block", with_size=False)

    def test_V1_V2_double_free_after_reuse_of_neighbours(self):
        self.each("double_free_later", "double-free", "free", "a freed block", sizes=SIZES[:-2], with_size=False)

    def test_V1_V2_realloc_of_freed(self):
        self.each("realloc_freed", "double-free", "realloc", "a freed block", with_size=False)

    def test_V1_V2_usable_size_of_freed(self):
        self.each("usable_freed", "double-free", "malloc_usable_size", "a freed block", with_size=False)

    def test_V1_V2_sized_free_of_freed(self):
        self.each("sized_double", "double-free", "free_sized", "a freed block", with_size=False)


class NotTheStart(Misuse):
    def test_V1_V2_interior(self):
        self.each("interior", "invalid-free", "free", "the inside of a live block")

    def test_V1_V2_misaligned(self):
        self.each("misaligned", "invalid-free", "free", "the inside of a live block")

    def test_V1_V2_last_byte(self):
        self.each("last_byte", "invalid-free", "free", "the inside of a live block")

    def test_V1_V2_realloc_of_interior(self):
        self.each("realloc_interior", "invalid-free", "realloc", "the inside of a live block")


class WrongSize(Misuse):
    def test_V1_V2_sized_free(self):
        self.each("sized_too_large", "size-mismatch", "free_sized", "a live block", stated="a size that is larger")
        self.each("aligned_sized_wrong", "size-mismatch", "free_aligned_sized", "a live block",
                  stated="a size that is larger")
        self.each("sized_too_small", "size-mismatch", "free_sized", "a live block", sizes=[s for s in SIZES if s >= 100],
                  stated="a size that is less than half")


class NoBlock(Misuse):
    def foreign(self, crime, sizes=(64,)):
        self.each(crime, "invalid-free", "free", "foreign memory", sizes=sizes, place="none", with_size=False)

    def test_V1_V2_stack(self):
        self.foreign("stack")

    def test_V1_V2_static_memory(self):
        self.foreign("static_memory")

    def test_V1_V2_code(self):
        self.foreign("code")

    def test_V1_V2_null_page(self):
        self.foreign("null_page", sizes=[1, 8, 15, 16, 17, 4095])

    def test_V1_V2_end_of_address_space(self):
        self.foreign("highest", sizes=[1, 15, 16, 4095])

    def test_V1_V2_mapped_memory(self):
        self.foreign("mapped")

    def test_V1_V2_block_of_another_allocator(self):
        self.foreign("other_allocator", sizes=[16, 1000, 100000, 10 * MIB])

    def test_V1_V2_memory_of_brk(self):
        self.foreign("other_brk")

    def test_V1_V2_never_handed_out(self):
        self.each("never_handed_out", "invalid-free", "free", "memory that is no block", sizes=[16, 100, 5000, MIB],
                  with_size=False)


class InSignals(Misuse):
    def test_V3_violation_in_a_signal_handler(self):
        """A timer's signal interrupts malloc and free wherever they are; in one of them the handler does wrong."""
        for seed in range(8):
            done = run(SIGNALS, seed)
            self.assertEqual(done.returncode, -signal.SIGABRT, done)
            self.assertTrue(LINE.match(done.stderr), done)


if __name__ == "__main__":
    unittest.main()
