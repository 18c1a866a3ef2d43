"""Memory goes back to the system, and what is not used is not resident and in no core file."""
import os
import pathlib
import resource
import unittest

import drop_in
from drop_in import need, program

MIB = 1 << 20
THP = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")


class Returns(drop_in.DropIn):
    def returns(self, mode, within_ms, small_mib=32, **how):
        peak, end, took = map(int, self.good([program("returns"), mode, small_mib], **how).split())
        print(f"{peak >> 10} MiB resident, then {end >> 10} MiB after {took} ms", end=" ", flush=True)
        self.assert_ours(program("returns"))
        self.assertGreater(peak, 900 << 10)
        self.assertLess(end, small_mib << 10)
        self.assertLess(took, within_ms)

    def test_D6_goes_back_while_the_program_allocates_a_little(self):
        self.returns("busy", within_ms=2000)

    def test_D6_goes_back_when_another_thread_freed_it(self):
        """What the sleeping thread keeps for itself is bounded; the rest goes."""
        self.returns("threads", within_ms=5500, small_mib=128)

    def test_D6_goes_back_at_once_when_asked(self):
        self.returns("trim", within_ms=1000)

    def test_D6_helper_gives_back_when_the_program_sleeps(self):
        self.returns("idle", within_ms=3000, small_mib=96, options="helper")


class Resident(drop_in.DropIn):
    def resident_kib(self, ours):
        """The least of a few runs."""
        values = []
        for _ in range(3):
            out = self.good([need("bash"), "-c", "a=$(seq 1 2000); while read -r k v _; do "
                             "[ $k != RssAnon: ] || echo $v; done </proc/$$/status"], ours=ours)
            values.append(int(out))
        return min(values)

    def small_program(self, allowed_kib):
        ours, theirs = self.resident_kib(True), self.resident_kib(False)
        print(f"{ours} KiB of anonymous memory, glibc {theirs}", end=" ", flush=True)
        self.assert_ours(need("bash"))
        self.assertLess(ours, theirs + allowed_kib)

    def test_D6_small_program_stays_small(self):
        self.small_program(512)

    def test_D6_small_program_stays_small_with_huge_pages(self):
        if os.environ.get("CAPALLOC_TEST_MACHINE") != "1":
            raise unittest.SkipTest("changes a setting of the machine: set CAPALLOC_TEST_MACHINE=1 to allow it")
        try:
            before = THP.read_text().split("[")[1].split("]")[0]
            THP.write_text("always")
        except OSError as error:
            raise unittest.SkipTest(f"cannot set {THP}: {error}") from error
        try:
            self.small_program(512)
        finally:
            THP.write_text(before)


class Core(drop_in.DropIn):
    def test_D6_core_file_holds_what_is_resident(self):
        pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
        if pattern.startswith(("|", "/")):
            raise unittest.SkipTest(f"core files go elsewhere: {pattern}")
        done = self.run_program([program("core")],
                                limits=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
        cores = [path for path in self.folder.iterdir() if "core" in path.name]
        if not cores:
            raise unittest.SkipTest("the kernel wrote no core file")
        resident, peak = (int(word) << 10 for word in done.stdout.split())
        core = cores[0].stat()
        print(f"{core.st_blocks >> 11} MiB of core for {resident >> 20} MiB resident, {core.st_size >> 20} MiB with its "
              f"holes for {peak >> 20} MiB at the peak", end=" ", flush=True)
        self.assertLess(core.st_blocks * 512, resident + 64 * MIB)
        self.assertLess(core.st_size, peak + 64 * MIB)


if __name__ == "__main__":
    drop_in.main()
