"""Little address space, little memory, few mappings, other people's mappings, and processes with more rights than their
caller."""
import ctypes
import os
import resource
import shutil
import subprocess
import unittest

import drop_in
from drop_in import need, program

KIB, MIB = 1 << 10, 1 << 20
NOBODY = 65534
LONG = os.environ.get("CAPALLOC_TEST_LONG") == "1"  # all seeds and small steps
STEPS = {"odd": slice(0, None, 2), "even": slice(1, None, 2)}.get(os.environ.get("DROP_IN_STEPS"), slice(None))

# Constructors run from the last library to the first. No witness here: it would call malloc before all others.
TAKEN_FIRST = f"{drop_in.PRELOAD}:{program('taken.so')}"


def address_space(kib):
    """As `ulimit -v` does it."""
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (kib * KIB, kib * KIB))


class Limits(drop_in.DropIn):
    def most(self, size, kib):
        total = int(self.good([program("limits"), size], limits=address_space(kib)))
        print(f"{total / 1e9:.2f} GB in blocks of {size} bytes", end=" ", flush=True)
        return total

    def test_D5_ulimit_v_4000000_small_blocks(self):
        self.assertGreater(self.most(4 * KIB, 4000000), 3e9)

    def test_D5_ulimit_v_4000000_medium_blocks(self):
        self.assertGreater(self.most(100 * KIB, 4000000), 3e9)

    def test_D5_ulimit_v_4000000_large_blocks(self):
        self.assertGreater(self.most(MIB, 4000000), 3e9)

    def test_D5_ulimit_v_4000000_tiny_blocks(self):
        self.assertGreater(self.most(100, 4000000), 2e9)

    def test_D5_ulimit_v_200000_small_programs(self):
        for command in (["ls", "-l", "/usr/bin"], ["sort", "/etc/passwd"], ["bash", "-c", "echo $((6 * 7))"]):
            command[0] = need(command[0])
            ours = self.good(command, limits=address_space(200000))
            self.assertEqual(ours, self.good(command, ours=False))
            self.assert_ours(command[0])

    def test_D5_ulimit_v_too_small_says_why(self):
        """Where not even the first block can be had, the program is told so in words or simply runs."""
        for kib in range(8000, 40000, 4000):
            done = self.run_program([need("ls"), "/"], limits=address_space(kib))
            text = done.stderr.decode()
            self.assertGreaterEqual(done.returncode, 0, f"{kib} KiB: signal {-done.returncode}, {text}")
            self.assertTrue(done.returncode == 0 or text, f"{kib} KiB: status {done.returncode} and not a word")

    def test_D5_limit_setting(self):
        total = int(self.good([program("limits"), 10000], options="limit=100M"))
        self.assertLessEqual(total, 100 * MIB)
        self.assertGreater(total, 80 * MIB)

    def test_D5_mappings_in_the_way_at_start(self):
        """Whatever of the large address ranges is taken, a smaller one is found."""
        for taken in ("8192-60000", "8192-60000,60-300"):
            out = self.good([program("limits"), 100000, 500 * MIB], LD_PRELOAD=TAKEN_FIRST, TAKEN=taken)
            self.assertGreater(int(out), 499 * MIB)

    def test_D5_mappings_in_the_way_later(self):
        self.good([program("neighbour")])
        self.assert_ours(program("neighbour"))

    def test_D5_no_address_space_says_why(self):
        done = self.run_program([program("limits"), 100, 1000], LD_PRELOAD=TAKEN_FIRST, TAKEN="4-80000")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("capalloc: ", done.stderr.decode())

    def test_D5_strict_overcommit(self):
        """vm.overcommit_memory=2 belongs to the whole machine: only where the caller says so."""
        if os.environ.get("CAPALLOC_TEST_MACHINE") != "1":
            raise unittest.SkipTest("changes a setting of the machine: set CAPALLOC_TEST_MACHINE=1 to allow it")
        with Sysctl("vm/overcommit_ratio", "1000"), Sysctl("vm/overcommit_memory", "2"):
            before = committed_kib()
            out = self.good([need("bash"), "-c", "grep Committed_AS /proc/meminfo"])
            small = int(out.split()[1]) - before
            self.assertLess(small, 64 * KIB, "a small program is charged for what it does not use")
            self.good([program("limits"), 100000, 1000 * MIB])


    def test_D5_D9_a_huge_request_that_fails_takes_nothing(self):
        for limit, amount in ((None, 0), (resource.RLIMIT_AS, 2000 * MIB), (resource.RLIMIT_AS, 200 * MIB),
                              (resource.RLIMIT_DATA, 200 * MIB)):
            def limits():
                if limit is not None:
                    resource.setrlimit(limit, (amount, amount))

            failures = int(self.good([program("limits_huge")], limits=limits))
            self.assertGreater(failures, 40 if limit is None else 60)

    def test_D9_growing_needs_no_room_to_spare(self):
        self.good([program("limits_exact"), "large"], options="limit=64M")
        self.good([program("limits_exact"), "stays"], options="limit=64M")
        self.good([program("limits_exact"), "small"], options="limit=64M")
        self.good([program("limits_exact"), "small"], limits=address_space(100000))

    def test_D9_a_block_that_moves_needs_no_second_one(self):
        self.good([program("limits_exact"), "slides"], options="limit=64M")
        self.good([program("limits_exact"), "slides"], limits=address_space(100000))

        def data():
            resource.setrlimit(resource.RLIMIT_DATA, (70 * MIB, 70 * MIB))

        self.good([program("limits_exact"), "slides"], limits=data)

    def test_D9_little_is_locked_at_the_start(self):
        """Where all memory is locked, tables that are larger than they need be count at once."""
        hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
        if hard != resource.RLIM_INFINITY and hard < 8 * MIB:
            raise unittest.SkipTest(f"no more than {hard} bytes may be locked here")

        def limits():
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))

        # No witness here: it would allocate before memory is locked.
        without, ours = (int(self.good([program("limits_locked")], limits=limits, LD_PRELOAD=preload))
                         for preload in ("", drop_in.PRELOAD))
        self.assertLess(ours, without + MIB // KIB)

    def test_D9_mappings_are_left_for_others(self):
        self.good([program("limits_mappings"), 160000 if LONG else 30000])


class Falling(drop_in.DropIn):
    """A piece of work under a limit that falls step by step: if it works with one limit, it works with every larger one.
    Nothing is left to chance: addresses, time and threads are the same each time. Two builds share the steps (CMakeLists.txt):
    DROP_IN_STEPS says which of two are this one's."""

    def works(self, kind, amount, seed, part, options):
        def limits():
            ctypes.CDLL(None).personality(0x0040000)  # ADDR_NO_RANDOMIZE
            resource.setrlimit(kind, (amount, amount))

        lock = ["lock"] if kind == resource.RLIMIT_MEMLOCK else []
        done = self.run_program([program("limits_work"), seed, part, *lock], limits=limits, options=options,
                                LD_PRELOAD=drop_in.PRELOAD)
        if amount >= MIB:  # below that the kernel may not even start it
            self.assertGreaterEqual(done.returncode, 0, f"{amount} bytes: {done.stderr.decode()}")
        return done.returncode == 0

    def fall(self, kind, most, parts, options=""):
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY and hard < most:
            raise unittest.SkipTest(f"no more than {hard} bytes allowed here")
        for part in parts:
            step = 64 * KIB if LONG or part == parts[-1] else 256 * KIB
            for seed in range(1, 9) if LONG else (4,):  # in which a block has to move
                amounts = [most, *range(most - step, 0, -step)[STEPS]]
                worked = [amount for amount in amounts if self.works(kind, amount, seed, part, options)]
                self.assertIn(most, worked)
                between = [amount // KIB for amount in amounts if amount > worked[-1] and amount not in worked]
                self.assertEqual(between, [], f"seed {seed} {part}: works with {worked[-1] // KIB} KiB, not with these")
                print(f"{worked[-1] / MIB:.2f}", end=" ", flush=True)

    def test_D9_address_space(self):
        self.fall(resource.RLIMIT_AS, 16 * MIB, (1, 4, 8))

    def test_D9_data(self):
        self.fall(resource.RLIMIT_DATA, 13 * MIB, (1, 4, 8))

    def test_D9_locked_memory(self):
        self.fall(resource.RLIMIT_MEMLOCK, 8 * MIB, (4, 8))

    def test_D9_size_of_files(self):
        """What others can see of a process lies in a file, which is not needed."""
        self.fall(resource.RLIMIT_FSIZE, MIB, (8,), "visible,profile")

    def test_D9_stack(self):
        self.fall(resource.RLIMIT_STACK, MIB, (8,))


class Privileged(drop_in.DropIn):
    def test_D4_settings_ignored(self):
        """The dynamic linker drops LD_PRELOAD in such a process: what is tested is a program linked with the archive."""
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root to install a set-user-ID program of another user")
        path = self.folder / "privileged"
        shutil.copy(program("privileged"), path)
        self.folder.chmod(0o755)

        def answer():
            return self.good([path], ours=False, CAPALLOC_OPTIONS="limit=8M")

        self.assertEqual(answer(), "plain limited\n")
        os.chown(path, NOBODY, NOBODY)
        path.chmod(0o4755)
        if answer().startswith("plain"):
            raise unittest.SkipTest("set-user-ID has no effect here (mounted nosuid)")
        self.assertEqual(answer(), "privileged unlimited\n")


class Sysctl:
    """A setting of the machine, for the length of a `with`; always put back."""

    def __init__(self, name, value):
        self.path, self.value = "/proc/sys/" + name, value

    def __enter__(self):
        with open(self.path, encoding="ascii") as file:
            self.before = file.read()
        try:
            self.write(self.value)
        except OSError as error:
            raise unittest.SkipTest(f"cannot set {self.path}: {error}") from error

    def __exit__(self, *unused):
        self.write(self.before)

    def write(self, value):
        with open(self.path, "w", encoding="ascii") as file:
            file.write(value)


def committed_kib():
    out = subprocess.run(["grep", "Committed_AS", "/proc/meminfo"], capture_output=True, check=True)
    return int(out.stdout.split()[1])


if __name__ == "__main__":
    drop_in.main()
