"""Allocation tokens: the entry points that clang's -fsanitize=alloc-token calls, by both conventions."""
import os
import re
import subprocess
import unittest

import drop_in
from drop_in import program

# All that LLVM's pass replaces on Linux with 64-bit sizes.
FORMS = """malloc calloc realloc reallocarray aligned_alloc memalign posix_memalign valloc pvalloc
    _Znwm _Znam _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t _ZnwmSt11align_val_t _ZnamSt11align_val_t
    _ZnwmSt11align_val_tRKSt9nothrow_t _ZnamSt11align_val_tRKSt9nothrow_t
    _Znwm12__hot_cold_t _Znam12__hot_cold_t _ZnwmRKSt9nothrow_t12__hot_cold_t _ZnamRKSt9nothrow_t12__hot_cold_t
    _ZnwmSt11align_val_t12__hot_cold_t _ZnamSt11align_val_t12__hot_cold_t
    _ZnwmSt11align_val_tRKSt9nothrow_t12__hot_cold_t _ZnamSt11align_val_tRKSt9nothrow_t12__hot_cold_t
    __size_returning_new __size_returning_new_aligned __size_returning_new_hot_cold
    __size_returning_new_aligned_hot_cold""".split()
NAMES = 16


def exported(library):
    table = subprocess.run(["readelf", "-W", "--dyn-syms", library], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r" (__alloc_token_\w+)(?:@|$)", table, re.MULTILINE))


class Tokens(drop_in.DropIn):
    def test_N7_every_entry_point_is_there(self):
        wanted = {f"__alloc_token_{form}" for form in FORMS}
        wanted |= {f"__alloc_token_{number}_{form}" for number in range(NAMES) for form in FORMS}
        self.assertEqual(exported(drop_in.PRELOAD), wanted)

    def test_N7_only_where_malloc_is_ours(self):
        """A block from such an entry point goes to the process's free."""
        self.assertEqual(exported(drop_in.SHARED), set())

    def family(self, space, options):
        self.good([program("tokens"), space], options=options)
        self.assert_ours(program("tokens"))

    def test_N7_family(self):
        self.family("wide", "")

    def test_N7_family_of_few_tokens(self):
        self.family("sixteen", "tokens=16")

    def test_N7_one_token_tells_nothing(self):
        self.family("one", "tokens=1")

    def test_N7_trusted_tokens(self):
        self.family("wide", "trust-tokens")

    def cxx(self, **how):
        if not os.path.exists(program("tokens_cxx")):
            raise unittest.SkipTest("no C++ compiler when this was built")
        self.good([program("tokens_cxx")], **how)
        self.assert_ours(program("tokens_cxx"))

    def test_N7_new_in_every_form(self):
        self.cxx()

    def test_N7_new_in_every_form_strict(self):
        self.cxx(options="strict")


if __name__ == "__main__":
    drop_in.main()
