"""The functions themselves, under their plain names: errno, alignment, refusals, operator new and delete."""
import os
import signal
import unittest

import drop_in
from drop_in import program


class Family(drop_in.DropIn):
    def test_D2_errors_and_errno(self):
        self.good([program("errors")])
        self.assert_ours(program("errors"))

    def test_D1_new_and_delete_in_every_form(self):
        self.cxx()

    def test_D1_new_and_delete_strict(self):
        """Pairs that match are no mismatch for the strict setting either."""
        self.cxx(options="strict")

    def cxx(self, **how):
        if not os.path.exists(program("cxx")):
            raise unittest.SkipTest("no C++ compiler when this was built")
        self.good([program("cxx")], **how)
        self.assert_ours(program("cxx"))

    def test_D1_new_and_delete_without_a_cxx_runtime(self):
        self.good([program("bare_new")])
        self.assert_ours(program("bare_new"))
        self.assertEqual(self.run_program([program("bare_new"), "fail"]).returncode, -signal.SIGABRT)


if __name__ == "__main__":
    drop_in.main()
