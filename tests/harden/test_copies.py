"""What copies of the hardened library refuse, by the exact line: each function, in blocks of many sizes, from many offsets."""
import os
import signal
import subprocess
import unittest

HARDEN = os.environ["CAPALLOC_PRELOAD"]
STANDARD = os.environ["CAPALLOC_STANDARD"]
COPIES = os.environ["HARDEN_COPIES"]
PLAIN = ["memcpy", "memmove", "mempcpy", "memset", "strcpy", "stpcpy", "strncpy", "stpncpy", "strcat", "strncat"]
FUNCTIONS = PLAIN + [f"__{name}_chk" for name in PLAIN]
SIZES = [(1, 0), (24, 7), (100, 99), (1000, 500), (1025, 1), (30000, 29999), (600000, 0), (1000000, 999999)]


def copies(*words, library=HARDEN, options="harden=+copy", **more):
    clean = {key: value for key, value in os.environ.items() if key != "CAPALLOC_OPTIONS"}
    return subprocess.run([COPIES, *map(str, words)], capture_output=True, text=True,
                          env=clean | {"LD_PRELOAD": library, "CAPALLOC_OPTIONS": options} | more)


class Copies(unittest.TestCase):
    def ends(self, done, line):
        self.assertEqual(done.returncode, -signal.SIGABRT, done)
        self.assertRegex(done.stderr, r"^capalloc: " + line + r", place ordinary, pid [0-9]+ \(harden_copies\)\n$")

    def test_H6_a_copy_does_not_write_past_its_block(self):
        for number, function in enumerate(FUNCTIONS):
            for size, offset in (SIZES[number % len(SIZES)], SIZES[(number + 3) % len(SIZES)]):
                with self.subTest(function=function, size=size, offset=offset):
                    done = copies("fits", function, size, offset)
                    self.assertEqual((done.returncode, done.stderr), (0, ""), done)
                    done = copies("over", function, size, offset)
                    usable = int(done.stdout)
                    length = usable - offset + 1
                    self.ends(done, rf"overflow: {function.removeprefix('__').removesuffix('_chk')}\(0x[0-9a-f]+\): stated a write of "
                              rf"{length} bytes at offset {offset}, found a live block of {usable} bytes")

    def test_H6_nor_to_a_freed_block(self):
        for number, function in enumerate(FUNCTIONS):
            size, offset = SIZES[number % len(SIZES)]
            with self.subTest(function=function, size=size, offset=offset):
                done = copies("freed", function, size, offset)
                length = int(done.stdout) - offset
                self.ends(done, rf"stale: {function.removeprefix('__').removesuffix('_chk')}\(0x[0-9a-f]+\): stated a write of "
                          rf"{length} bytes? at offset {offset}, found a freed block")

    def test_H6_a_handler_may_refuse_and_nothing_is_written(self):
        for function in FUNCTIONS:
            done = copies("refused", function, 100)
            self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", "done\n"), (function, done))

    def test_H6_what_fits_is_what_the_c_library_does(self):
        for environment in ({}, {"LD_BIND_NOW": "1"}):
            done = copies("same", **environment)
            self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", "done\n"), done)
        self.assertEqual(copies("same", library=STANDARD, options="").returncode, 0)

    def test_H6_what_the_compiler_knew_is_still_looked_at(self):
        for function in FUNCTIONS[len(PLAIN):]:
            done = copies("room", function, 100, 10)
            self.assertEqual(done.returncode, -signal.SIGABRT, (function, done))
            self.assertRegex(done.stderr, "buffer overflow detected")

    def test_H6_it_is_off_unless_it_is_asked_for(self):
        for options in ("", "harden=-copy", "harden=zero"):
            done = copies("over", "memcpy", 100, 0, options=options)
            self.assertNotIn("overflow: memcpy", done.stderr)


if __name__ == "__main__":
    unittest.main()
