#!/usr/bin/env python3
"""What documents and the demonstration show is what there is."""
import pathlib
import re
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
README = (TOP / "README.md").read_text()


class Documents(unittest.TestCase):
    def test_every_size_that_was_measured_is_shown(self):
        """Not only the one where we win."""
        benchmarks = (TOP / "docs/benchmarks.md").read_text()
        head = re.search(r"^instructions of malloc \+ free +(.*)$", benchmarks, re.MULTILINE)[1].split()
        row = re.search(r"^\| instructions of malloc \+ free,.*$", README, re.MULTILINE)[0]
        ours = re.search(r"^ours +([\d.]+(?: +[\d.]+)*)$", benchmarks[benchmarks.index("instructions of malloc + free"):], re.MULTILINE)
        shown = re.findall(r"\d+", row.split("|")[2])
        self.assertEqual(shown, [f"{float(value):.0f}" for value in ours[1].split()], row)
        self.assertEqual(len(shown), len(head))
        for title, count in (("must-zero cycle /", 8), ("arena tree /", 5)):
            table = benchmarks[benchmarks.index(title):].split("geomean")[0]
            self.assertEqual(len(re.findall(r"^ +\d+  ", table, re.MULTILINE)), count)
        for words, count in (("must-zero block taken", 8), ("binary tree in an arena", 5)):
            row = re.search(rf"^\| {words}.*$", README, re.MULTILINE)[0]
            self.assertEqual(len(re.findall(r"\b\d\.\d\d\b", row)), count, row)

    def test_what_the_demonstration_shows_is_what_it_runs(self):
        demo = (TOP / "examples/demo.sh").read_text()
        self.assertNotRegex(demo, r'say .*\\\$ ', "a command that was written twice")
        self.assertEqual(len(re.findall(r"^ *run=\([^)]", demo, re.MULTILINE)), len(re.findall(r"^ *show\b(?!\()", demo, re.MULTILINE)))
        self.assertEqual(len(re.findall(r"^ *run=\([^)]", demo, re.MULTILINE)), len(re.findall(r'"\$\{run\[@\]\}"', demo)))

    def test_every_setting_is_told_wherever_settings_are(self):
        source = (TOP / "src/core/settings.c").read_text()
        settings = re.findall(r'word_is\(word, (?:name_)?length, "([a-z-]+)"\)', source)
        self.assertGreater(len(settings), 8)
        manual = (TOP / "include/capalloc/capalloc.h").read_text()
        text = (TOP / "src/run/help.c").read_text()
        text = text[text.index("help_settings"):text.index("help_json")]
        for name in settings:
            for where, pattern in ((README, rf"^\| `{name}[`=]"), (manual, rf"^ \*     {name}[ =]"), (text, rf'"  {name}[ =]')):
                self.assertTrue(re.search(pattern, where, re.MULTILINE), f"{name}: {pattern}")


if __name__ == "__main__":
    unittest.main()
