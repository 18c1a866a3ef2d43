"""The survey of misuses, with few seeds: what is no live block's start does not pass, whoever is around it, and no mode does
worse than the table that was made with many.

SURVEY is the program, CAPALLOC_PRELOAD the library, CAPALLOC_PRELOAD_REVOKE and _HARDEN those of the modes, SURVEY_TABLE
the document with the table, where that is to be compared. SURVEY_SEEDS says how many seeds, 2 unless told, and SURVEY_FIRST
which is the first, any of the table's unless told.
"""
import os
import random
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "survey"))
import survey  # noqa: E402

TABLE = ""
if "SURVEY_TABLE" in os.environ:
    with open(os.environ["SURVEY_TABLE"], encoding="utf-8") as document:
        TABLE = document.read()
COUNT = int(os.environ.get("SURVEY_SEEDS", "2"))
ANY_OF = survey.documented_seeds(TABLE) if TABLE else 200
FIRST = int(os.environ.get("SURVEY_FIRST", random.randrange(max(1, ANY_OF - COUNT + 1))))
SEEDS = range(FIRST, FIRST + COUNT)
PROGRAM = os.environ["SURVEY"]
# What cannot be told from the right call, in a library that hands the block out again.
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
        """A kind that ends in another way than those that have a class would raise; and no standard library knows families."""
        for number, measure, name in survey.variants(PROGRAM):
            if measure == "s":
                found, _ = survey.commit(PROGRAM, number, measure, SEEDS[0], os.environ["CAPALLOC_PRELOAD"])
                if name.startswith(FAMILIES):
                    self.assertEqual(found, "silent", name)

    @unittest.skipUnless(TABLE, "in one preset")
    def test_H9_no_mode_does_worse_than_the_table(self):
        """With some of the seeds that the table was made with: what it says is the worst of all."""
        files = {os.path.basename(os.environ[name]): os.environ[name]
                 for name in ("CAPALLOC_PRELOAD", "CAPALLOC_PRELOAD_REVOKE", "CAPALLOC_PRELOAD_HARDEN")}
        libraries = {mode: (files[library], options) for mode, (library, options) in survey.MODES.items()}
        table = survey.documented(TABLE)
        self.assertEqual(list(table), list(libraries))
        for mode, library in libraries.items():
            for number, measure, name in survey.variants(PROGRAM):
                for seed in SEEDS:
                    found, code = survey.commit(PROGRAM, number, measure, seed, *library)
                    with self.subTest(mode=mode, name=name, measure=measure, seed=seed, code=code):
                        self.assertLessEqual(survey.CLASSES.index(found),
                                             survey.CLASSES.index(table[mode][name, measure]))

    @unittest.skipUnless(TABLE, "in one preset")
    def test_H9_what_is_silent_has_a_reason(self):
        listed = survey.part("survey silent").search(TABLE)[2]
        table = survey.documented(TABLE)[survey.HARDENED]
        for (name, measure), kind in table.items():
            if kind == "silent" and name != "**silent**":
                self.assertRegex(listed, rf"(?m)^- {re.escape(name)} \(.*{survey.MEASURES[measure]}.*\): [a-z]")

    def test_classes(self):
        self.assertEqual(survey.classify(-6, ""), "killed")
        self.assertEqual(survey.classify(0, "passed\nnothing\nend\n"), "neutralised")
        self.assertEqual(survey.classify(-6, "passed\neffect\n"), "late")
        self.assertEqual(survey.classify(-11, "passed\n"), "late")
        self.assertEqual(survey.classify(0, "passed\neffect\nend\n"), "silent")
        self.assertEqual(survey.classify(-6, "passed\neffect\naborts\n"), "silent")
        self.assertEqual(survey.classify(-6, "passed\neffect\naborts\n", "overflow"), "late")
        self.assertEqual(survey.classify(-6, "passed\nnothing\naborts\n"), "neutralised")
        self.assertEqual(survey.classify(-14, "passed\neffect\n"), "silent")
        with self.assertRaises(RuntimeError):
            survey.classify(7, "")


if __name__ == "__main__":
    print(f"SURVEY_FIRST={FIRST}", file=sys.stderr)
    unittest.main()
