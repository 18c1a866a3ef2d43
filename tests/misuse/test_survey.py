"""The survey of misuses on the standard library: what is no live block's start does not pass, whoever is around it.

SURVEY is the program, CAPALLOC_PRELOAD the library. How many seeds: SURVEY_SEEDS, 2.
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "survey"))
import survey  # noqa: E402

SEEDS = range(int(os.environ.get("SURVEY_SEEDS", "2")))
PROGRAM = os.environ["SURVEY"]
# What cannot be told from the right call: in a library that hands the block out again, and keeps no family and no exact size.
UNTOLD = {"double free, a block of the size taken between"}
FAMILIES = ("new", "malloc,", "delete", "aligned new", "plain new")


class Survey(unittest.TestCase):
    def test_V1_frees(self):
        told = 0
        for number, measure, name in survey.variants(PROGRAM):
            if not name.startswith(("double free", "free of", "realloc of")) or name in UNTOLD:
                continue
            for seed in SEEDS:
                with self.subTest(name=name, measure=measure, seed=seed):
                    found, code = survey.commit(PROGRAM, number, measure, seed, os.environ["CAPALLOC_PRELOAD"])
                    self.assertEqual(found, "killed")
                    self.assertIn(code, ("double-free", "invalid-free"))
                    told += 1
        self.assertGreater(told, 40 * len(SEEDS))

    def test_all_kinds_can_be_committed(self):
        """A kind that ends in another way than those that have a class would raise here; and the standard library lets families pass."""
        for number, measure, name in survey.variants(PROGRAM):
            if measure == "s":
                found, _ = survey.commit(PROGRAM, number, measure, SEEDS[0], os.environ["CAPALLOC_PRELOAD"])
                if name.startswith(FAMILIES):
                    self.assertEqual(found, "silent", name)

    def test_classes(self):
        self.assertEqual(survey.classify(-6, ""), "killed")
        self.assertEqual(survey.classify(0, "passed\nnothing\nend\n"), "neutralised")
        self.assertEqual(survey.classify(-6, "passed\neffect\n"), "late")
        self.assertEqual(survey.classify(-11, "passed\n"), "late")
        self.assertEqual(survey.classify(0, "passed\neffect\nend\n"), "silent")
        with self.assertRaises(RuntimeError):
            survey.classify(7, "")


if __name__ == "__main__":
    unittest.main()
