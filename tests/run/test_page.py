#!/usr/bin/env python3
"""The page of `capalloc run --report`, as text and in a browser: it shows what its data says, loads nothing, says nothing
that was not asked for, and takes nothing that strangers have named for more than a name.

The build tells where things are, through the environment: CAPALLOC, the program; CAPALLOC_PRELOAD, the library; SUBJECT,
what live.c was compiled to; SYMBOL, what hostile.c was. Without a browser its tests are skipped, and this ends with 77.
"""
import base64
import hashlib
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import browser

CAPALLOC, PRELOAD, SUBJECT, SYMBOL = (os.environ[name] for name in ("CAPALLOC", "CAPALLOC_PRELOAD", "SUBJECT", "SYMBOL"))
HOSTILE_SYMBOL = "</script><img src=x onerror=document.title=1>"
HOSTILE = "script><img src=x onerror=document.title=1>"  # in a folder that is called "<"
CLEAN = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}


class Parts(html.parser.HTMLParser):
    """What a browser sees: elements, and the text of those that are not shown."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.policy, self.last = [], {}, "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.append((tag, named))
        self.last = named.get("id", tag)
        if named.get("http-equiv") == "Content-Security-Policy":
            self.policy = named["content"]

    def handle_endtag(self, tag):
        self.last = None

    def handle_data(self, text):
        if self.last is not None:
            self.texts[self.last] = self.texts.get(self.last, "") + text


def size(count):
    """As text.js writes it."""
    units, unit = ["B", "KiB", "MiB", "GiB"], 0
    while count >= 1024:
        count, unit = count / 1024, unit + 1
    digits = 0 if unit == 0 or count >= 100 else 1 if count >= 10 else 2
    return f"{count:.{digits}f} {units[unit]}"


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)

    @classmethod
    def report(cls, *words, program=SUBJECT, options=(), name="page.html", home="/nowhere"):
        """The text of the page."""
        cls.page = cls.folder / name
        done = subprocess.run([CAPALLOC, "run", "--library", PRELOAD, "--report", str(cls.page), *options, "--", program, *words],
                              env={**CLEAN, "HOME": home, "SECRET": "not-to-be-told"}, capture_output=True, text=True, timeout=120,
                              check=False)
        cls.ended = done
        return cls.page.read_text()


class AsText(Pages):
    def test_S6_one_page_that_needs_no_network(self):
        text = self.report("few")
        parts = Parts(text)
        self.assertEqual(set(re.findall(r"https?://[^\"' )]+", text)), {"http://www.w3.org/2000/svg"})  # a name, not a place
        self.assertFalse([tag for tag, named in parts.tags if "src" in named or (tag != "a" and "href" in named)])
        self.assertFalse([named for _, named in parts.tags if any(name.startswith("on") or name == "style" for name in named)])
        for kind, key in (("script", "script"), ("style", "style")):
            digest = base64.b64encode(hashlib.sha256(parts.texts[key].encode()).digest()).decode()
            self.assertIn(f"{kind}-src 'sha256-{digest}'", parts.policy)
        self.assertTrue(parts.policy.startswith("default-src 'none'; "))
        self.assertNotIn("unsafe", parts.policy)

    def test_S6_the_data_is_that_of_the_json(self):
        page = json.loads(Parts(self.report("few", options=("--stats=json", "--report-arguments"))).texts["data"])
        self.assertEqual(page, json.loads(self.ended.stderr))

    def test_S6_what_is_not_asked_for_is_not_told(self):
        home = self.folder / "home" / "somebody"
        home.mkdir(parents=True)
        program = shutil.copy(SUBJECT, home / "program")
        beside = shutil.copy(SUBJECT, self.folder / "home" / "somebody-else")
        text = self.report("few", "closefrom", program=program, home=str(home))
        data = json.loads(Parts(text).texts["data"])
        self.assertEqual(data["program"]["arguments"], ["~/program"])
        self.assertEqual(data["program"]["path"], "~/program")
        for told in ("not-to-be-told", "closefrom", str(home), os.uname().nodename):
            self.assertNotIn(told, text)
        text = self.report("few", "closefrom", program=program, home=str(home), options=["--report-arguments"])
        self.assertEqual(json.loads(Parts(text).texts["data"])["program"]["arguments"], ["~/program", "few", "closefrom"])
        text = self.report("few", program=beside, home=str(home) + "/")
        self.assertEqual(json.loads(Parts(text).texts["data"])["program"]["path"], str(beside))

    def test_S6_names_are_no_markup(self):
        (self.folder / "<").mkdir()
        program = str(shutil.copy(SUBJECT, self.folder / "<" / HOSTILE))
        parts = Parts(self.report("few", "<!--<script>", program=program, options=["--report-arguments"]))
        self.assertEqual([tag for tag, _ in parts.tags if tag == "img"], [])
        self.assertEqual(sum(tag == "script" for tag, _ in parts.tags), 2)
        data = json.loads(parts.texts["data"])
        self.assertEqual(data["program"]["arguments"], [program, "few", "<!--<script>"])

    def test_S6_what_was_seen_while_it_ran(self):
        data = json.loads(Parts(self.report("grow", "fork", "grow", "twice")).texts["data"])
        rows = data["tree"]["processes"]
        self.assertEqual(len(rows), 2)
        for row in rows:
            history = row["detail"]["history"]
            self.assertGreater(len(history["at_ns"]), 5)
            self.assertEqual(history["at_ns"], sorted(history["at_ns"]))
            self.assertEqual({len(column) for name, column in history.items() if name != "programs"}, {len(history["at_ns"])})
            self.assertLessEqual(history["at_ns"][-1], data["exit"]["elapsed_ns"])
            self.assertEqual(history["live_bytes"][-1], row["live_bytes"])
            self.assertEqual(max(history["live_bytes"]) <= row["live_bytes_peak"], True)
            self.assertTrue(any(history["resident_bytes"]))
            held = {one["slot_bytes"]: one for one in row["detail"]["held"]}
            self.assertGreaterEqual(held[112]["live_blocks"], 3000)
            self.assertGreaterEqual(held[112]["held_bytes"], 3000 * 112)
            self.assertTrue(3000 * 100 <= held[112]["requested_bytes"] <= held[112]["live_blocks"] * 112)
            for zone in row["detail"]["map"] + row["detail"]["peak_map"]:
                self.assertEqual(sum(zone["kinds"].values()), zone["units"])
                self.assertEqual(sum(cell[0] for cell in zone["cells"]), 256)
        self.assertIn(112, [cell[2] for zone in rows[0]["detail"]["map"] for cell in zone["cells"] if cell[1] == 1])
        broken = rows[1]["violated"]
        self.assertEqual([one["code"] for one in broken], ["double-free"])
        self.assertIn(f"free({broken[0]['address']}): stated {broken[0]['stated']}, found {broken[0]['found']} of 64 bytes, "
                      f"place ordinary, pid {rows[1]['pid']}", self.ended.stderr)

    def test_S6_a_program_that_replaces_itself_and_a_file_that_cannot_be(self):
        data = json.loads(Parts(self.report("-c", f"exec {SUBJECT} grow", program="/bin/sh")).texts["data"])
        names = [one["program"] for one in data["tree"]["processes"][0]["detail"]["history"]["programs"]]
        self.assertEqual(names[-1], pathlib.Path(SUBJECT).name)
        done = subprocess.run([CAPALLOC, "run", "--library", PRELOAD, "--report", str(self.folder / "absent" / "page"), SUBJECT],
                              env=CLEAN, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, "cannot-write" in done.stderr), (125, True))


@unittest.skipUnless(browser.PROGRAM, "no chromium")
class InABrowser(Pages):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.folder / "<").mkdir()
        program = shutil.copy(SUBJECT, cls.folder / "<" / HOSTILE)
        text = cls.report("grow", "fork", "grow", "twice", program=program, options=["--report-arguments", "--backtrace"])
        cls.data = json.loads(Parts(text).texts["data"])
        cls.first, cls.second = cls.data["tree"]["processes"]
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def opened(self, page=None, **how):
        self.browser.open(page or self.page, **how)
        self.assertEqual(self.value("document.documentElement.dataset.drawn"), "yes")

    def tearDown(self):
        self.assertEqual(self.browser.said, [])

    def value(self, script):
        return self.browser.value(script)

    def texts(self, selector):
        return self.value(f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent)")

    def choose(self, process):
        index = self.data["tree"]["processes"].index(process)
        self.value(f"""(() => {{ const select = document.getElementById("process"); select.value = "{index}";
            select.dispatchEvent(new Event("change")); }})()""")

    def test_S6_each_view_shows_what_the_data_says(self):
        self.opened()
        for process in (self.first, self.second, self.first):
            self.choose(process)
            self.assertEqual([name for name in self.data["settings"] if name != "ignored" and
                              re.sub("_(bytes|ms|percent)$", "", name).replace("_", " ") not in self.texts("#about-list dt")], [])
            stats = process["detail"]["stats"]
            tiles = self.texts("#tiles b")
            self.assertEqual(tiles[:5], [size(stats["live_bytes_peak"]), size(stats["committed_bytes_peak"]), size(stats["live_bytes"]),
                                         f"{stats['allocations']:,}", size(stats["returned_bytes"])])
            history = process["detail"]["history"]
            points = self.value("""document.querySelector("[data-series=resident]").getAttribute("d").split(/[ML]/).length - 1""")
            self.assertEqual(points, sum(value is not None for value in history["resident_bytes"]))
            self.assertEqual(self.value("""document.querySelectorAll(".event.fork").length"""), int(process is self.first))
            self.assertEqual(self.value("""document.querySelectorAll(".event.violation").length"""), int(process is self.second))
            self.assertEqual(len(self.texts("#map-zones .zone")), len(process["detail"]["peak_map"]))
            self.assertEqual(self.value("""[...document.querySelectorAll("#map-zones .zone svg")].map((one) => one.querySelectorAll(".cell").length)"""),
                             [len(zone["cells"]) for zone in process["detail"]["peak_map"]])
            row = next(one for one in process["detail"]["peak_held"] if one["slot_bytes"] == 112)
            self.assertEqual(self.texts("[data-slot='112'] td")[1:4],
                             [f"{row['live_blocks']:,}", f"{row['allocations']:,}", size(row["held_bytes"])])

    def test_S6_both_moments_all_sizes_and_every_order(self):
        page = self.folder / "sizes.html"
        subprocess.run([CAPALLOC, "run", "--library", PRELOAD, "--report", str(page), "--", sys.executable, "-S", "-c", "pass"],
                       env={**CLEAN, "PYTHONMALLOC": "malloc"}, check=True, timeout=120)
        self.opened(page)
        process = json.loads(Parts(page.read_text()).texts["data"])["tree"]["processes"][0]
        self.value("""document.querySelectorAll("#map-when button")[1].click()""")
        held = {one["slot_bytes"]: one for one in process["detail"]["held"]}
        self.value("""document.querySelector("#classes .more button").click()""")
        self.assertEqual(len(self.texts("#classes tbody tr")), len(held))
        self.assertEqual(self.texts("[data-slot='48'] td")[1], f"{held[48]['live_blocks']:,}")
        for order, key in ((1, lambda one: one["slot_bytes"] or 2 ** 64), (2, lambda one: -one["allocations"])):
            self.value(f"document.querySelectorAll('#classes-order button')[{order}].click()")
            shown = self.value("[...document.querySelectorAll('#classes tbody tr')].map((one) => one.dataset.slot)")
            self.assertEqual(shown, [str(one["slot_bytes"] or "large") for one in sorted(process["detail"]["held"], key=key)])

    def test_S6_names_are_text_and_misuse_has_its_line(self):
        self.opened()
        self.assertEqual(self.texts("h1"), [HOSTILE])
        self.assertTrue(self.texts("#command")[0].endswith(f"/</{HOSTILE} grow fork grow twice"))
        self.assertEqual(self.value("document.images.length"), 0)
        self.assertEqual(self.value("document.title"), f"{HOSTILE} · capalloc report")
        one = self.second["violated"][0]
        self.assertEqual(self.texts("#violations code"), [f"free({one['address']}): stated {one['stated']}, found {one['found']} of 64 bytes, place ordinary"])
        shown = self.texts("#violations .calls li")
        calls = self.second["calls"] + self.second["allocated"] + self.second["freed"]
        self.assertEqual(len(shown), len(calls))
        for text, call in zip(shown, calls):
            self.assertTrue(text.startswith(call["function"] or call["file"] or call["module"]), (text, call))
        self.assertGreater(len(shown), 1)
        rows = self.texts("#processes tbody tr")
        self.assertEqual(len(rows), 2)
        self.assertIn(str(self.second["pid"]), rows[1])
        self.assertIn(self.data["machine"]["release"], self.texts("#about")[0])

    def test_S5_S6_which_calls_hold_the_memory(self):
        page = self.folder / "calls.html"
        subprocess.run([CAPALLOC, "run", "--library", PRELOAD, "--profile=16K", "--profile-output", str(self.folder / "heap"),
                        "--report", str(page), "--", SYMBOL], env=CLEAN, check=True, timeout=120, capture_output=True)
        self.opened(page)
        profile = json.loads(Parts(page.read_text()).texts["data"])["tree"]["processes"][0]["detail"]["profile"]
        held = [one for one in profile["stacks"] if HOSTILE_SYMBOL in one["calls"]]
        self.assertGreater(sum(one["live_bytes"] for one in held), 3_000_000)
        self.assertEqual(self.value("document.images.length"), 0)
        self.assertEqual(self.value("document.title"), f"{pathlib.Path(SYMBOL).name} · capalloc report")
        for button, moment in enumerate(("live", "peak", "all")):
            self.value(f"document.querySelectorAll('#flame-when button')[{button}].click()")
            whole = sum(one[f"{moment}_bytes"] for one in profile["stacks"])
            shown = dict(self.value("[...document.querySelectorAll('#flame-graph .call')].map((one) => [one.dataset.call, one.dataset.bytes])"))
            self.assertEqual(int(shown["all"]), whole)
            self.assertEqual(int(shown[HOSTILE_SYMBOL]), sum(one[f"{moment}_bytes"] for one in held))
            self.assertTrue(self.texts("#flame-lead")[0].startswith(size(whole)))
        find = """(() => { const search = document.getElementById("flame-search"); search.value = %s;
            search.dispatchEvent(new Event("input")); return document.querySelectorAll(".call.found").length; })()"""
        self.assertEqual(self.value(find % '"ONERROR"'), 1)
        self.assertEqual(self.value(find % '"nothing of this name"'), 0)
        self.value("document.querySelector('#flame-graph svg').focus()")
        for key in ("ArrowDown", "Enter"):  # what is called from the outermost, enlarged
            self.value(f"document.querySelector('#flame-graph svg').dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}'}}))")
        self.assertEqual(self.value("document.querySelectorAll('.call.above').length"), 1)
        self.value("document.querySelector('#flame-graph svg').dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
        self.assertEqual(self.value("document.querySelectorAll('.call.above').length"), 0)

    def test_S6_by_the_keyboard(self):
        self.opened()
        self.value("document.querySelector('#timeline svg[tabindex]').focus()")
        self.browser.press("ArrowLeft")
        self.assertFalse(self.value("document.getElementById('tip').hidden"))
        self.assertIn("live", self.texts("#tip")[0])
        self.browser.press("Escape")
        self.assertTrue(self.value("document.getElementById('tip').hidden"))
        self.value("document.querySelector('#map-zones svg').focus()")
        self.browser.press("Enter")
        self.assertEqual(self.value("document.querySelectorAll('#map-zoom .cell').length"), 256)
        self.browser.press("ArrowRight")
        kind = self.first["detail"]["peak_map"][0]["cells"]
        self.assertIn(["other", "slab", "large", "dirty", "fresh", "bare"][kind[0][1] if kind[0][0] > 1 else kind[1][1]], self.texts("#tip")[0])
        self.browser.press("Escape")
        self.assertEqual(self.value("document.querySelectorAll('#map-zoom .cell').length"), 0)

    def test_S6_by_the_pointer(self):
        self.opened()
        for target, told in (("#timeline svg[tabindex]", "threads"), ("#map-zones svg", "kind")):
            box = self.value(f"""(() => {{ const one = document.querySelector("{target}"); one.scrollIntoView({{block: "center", behavior: "instant"}});
                const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2] }})()""")
            self.browser.move(*box)
            self.assertIn(told, self.texts("#tip")[0])

    def test_S6_light_dark_on_a_phone_and_on_paper(self):
        grounds = set()
        for theme in ("light", "dark"):
            for width in (1100, 360):
                self.opened(theme=theme, width=width)
                self.assertLessEqual(self.value("document.documentElement.scrollWidth"), width)
                grounds.add(self.value("getComputedStyle(document.body).backgroundColor"))
        self.assertEqual(len(grounds), 2)
        self.value("document.getElementById('theme').click()")
        self.assertEqual(self.value("document.documentElement.dataset.theme"), "light")
        self.opened(theme="dark", media="print")
        self.assertEqual(self.value("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        self.assertEqual(self.value("getComputedStyle(document.getElementById('theme')).display"), "none")


if __name__ == "__main__":
    done = unittest.main(exit=False)
    sys.exit(1 if not done.result.wasSuccessful() else 77 if done.result.skipped else 0)
