#!/usr/bin/env python3
"""Every checker of tools/checks can fail: each gets a small bad tree, and a good one that it must accept."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))
from checks import contract, format as formatting, headers, layers, paths, ranks, rust, size, words  # noqa: E402
from checks.tree import Tree  # noqa: E402


class Checks(unittest.TestCase):
    def run_on(self, module, files, write=False):
        """The findings of a check on a tree of {path: text}."""
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            findings = list(module.check(Tree(folder), write=write))
            if write:
                findings += list(module.check(Tree(folder)))
            return findings

    def assert_finds(self, module, files, *expected):
        findings = self.run_on(module, files)
        self.assertEqual(len(findings), len(expected), findings)
        for finding, part in zip(findings, expected):
            self.assertIn(part, finding)

    def assert_accepts(self, module, files):
        self.assertEqual(self.run_on(module, files), [])


class Layers(Checks):
    def run_on(self, module, files, write=False):
        """With a README.md in each room, unless the tree says otherwise."""
        rooms = {path.split("/")[1] for path in files if path.startswith("src/")}
        readmes = {f"src/{room}/README.md": "" for room in rooms}
        return super().run_on(module, {**readmes, **files} if "bare" not in files else files, write)

    def test_a_room_knows_one_that_it_may_not(self):
        self.assert_finds(layers, {"src/os/a.c": '/* x */\n#include "blocks/slab.h"\n'},
                          'src/os/a.c:2: "blocks/slab.h": os may include only itself and: base')
        self.assert_finds(layers, {"src/base/a.h": '#include "os/a.h"\n'}, "base may include only itself and: nothing")
        for room, other in (("cap", "core"), ("core", "cap"), ("pages", "cap"), ("blocks", "cap"), ("pages", "blocks"),
                            ("blocks", "heaps"), ("heaps", "api"), ("api", "kit"), ("malloc", "api"), ("malloc", "kit"),
                            ("malloc", "preload"), ("preload", "api"), ("kit", "malloc"), ("api", "pages"), ("kit", "cap"),
                            ("run", "base"), ("run", "heaps"), ("preload", "run")):
            self.assert_finds(layers, {f"src/{room}/a.c": f'#include "{other}/x.h"\n'}, f'"{other}/x.h": {room} may include')

    def test_what_each_room_may_know(self):
        for room, others in (("os", "base"), ("core", "base os"), ("cap", "base os"), ("pages", "base os core"),
                             ("blocks", "base os core pages"), ("heaps", "base os core cap pages blocks"),
                             ("api", "base os core cap"), ("kit", "base os core api"), ("malloc", "base os core"),
                             ("preload", "base os core malloc")):
            for other in others.split() + [room]:
                self.assert_accepts(layers, {f"src/{room}/a.c": f'#include "{other}/x.h"\n'})

    def test_the_door_of_heaps(self):
        for room in ("api", "kit", "malloc", "preload"):
            self.assert_accepts(layers, {f"src/{room}/a.c": '#include "heaps/heaps.h"\n'})
            self.assert_finds(layers, {f"src/{room}/a.c": '#include "heaps/account.h"\n#include "blocks/slab.h"\n'},
                              f'"heaps/account.h": {room} may include', f'"blocks/slab.h": {room} may include')

    def test_the_channel_of_run(self):
        self.assert_accepts(layers, {"src/run/a.c": '#include "heaps/channel.h"\n#include "preload/audit_line.h"\n'})
        self.assert_finds(layers, {"src/run/a.c": '#include "preload/gnu.h"\n'}, '"preload/gnu.h": run may include')

    def test_a_room_without_a_readme(self):
        self.assert_finds(layers, {"bare": "", "src/os/a.c": "", "src/base/a.h": "", "src/base/README.md": ""},
                          "src/os/README.md:1: is missing")

    def test_a_header_includes_itself(self):
        self.assert_finds(layers, {
            "src/os/a.h": '#include "os/b.h"\n', "src/os/b.h": '#include "base/x.h"\n#include "os/c.h"\n', "src/base/x.h": "",
            "src/os/c.h": '\n#include "os/a.h"\n', "src/os/d.h": '#include "os/c.h"\n'},
            "src/os/c.h:2: a header includes itself: os/a.h -> os/b.h -> os/c.h -> os/a.h")
        self.assert_finds(layers, {"src/os/a.h": '#include "os/a.h"\n'}, "a header includes itself: os/a.h -> os/a.h")

    def test_an_include_is_not_relative_to_src(self):
        self.assert_finds(layers, {"src/os/a.c": '#include "lock.h"\n#  include "../base/bits.h"\n'}, "relative to src/", "relative to src/")

    def test_an_unknown_room(self):
        self.assert_finds(layers, {"src/misc/a.c": '#include "base/bits.h"\n'}, "src/misc is not a room")

    def test_a_source_is_included(self):
        self.assert_finds(layers, {"src/os/a.c": '#include "os/b.c"\n'}, "a source file is not included")

    def test_a_public_header_knows_the_inside(self):
        self.assert_finds(layers, {"include/capalloc/a.h": '#include "base/bits.h"\n'}, "public headers include")

    def test_a_public_header_is_missing(self):
        self.assert_finds(layers, {"src/os/a.c": "#include <capalloc/gone.h>\n"}, "<capalloc/gone.h> does not exist")

    def test_what_is_allowed(self):
        self.assert_accepts(layers, {
            "include/capalloc/a.h": "#include <stddef.h>\n", "tests/unit/t.c": '#include "blocks/slab.h"\n',
            "src/blocks/a.c": '#include <capalloc/a.h>\n#include <string.h>\n#include "blocks/a.h"\n#include "base/b.h"\n/*\n#include "run/r.h"\n*/\n'})


class Size(Checks):
    LONG = "/* idea */\nstatic int f(int x)\n{\n" + "    x++;\n" * 68 + "    return x;\n}\n"

    def test_a_long_file(self):
        self.assert_finds(size, {"src/a.c": "/* idea */\n" + "int x;\n" * 499}, "500 lines")

    def test_a_long_function(self):
        self.assert_finds(size, {"src/a.c": self.LONG}, "src/a.c:3: f has 71 lines")

    def test_a_long_function_with_braces_in_text_and_attributes(self):
        text = self.LONG.replace("x++;", 'puts("}"); /* } */', 1).replace("static", "__attribute__((cold)) static")
        self.assert_finds(size, {"src/a.c": text}, "f has 71 lines")

    def test_a_long_function_in_extern_c_after_a_struct(self):
        text = "/* idea */\nextern \"C\" {\nstruct s { int x; };\n" + self.LONG + "}\n"
        self.assert_finds(size, {"include/a.h": text}, "f has 71 lines")

    def test_a_long_line(self):
        self.assert_finds(size, {"src/a.c": "/* idea */\n/*" + "x" * 120 + "*/\n"}, "src/a.c:2: 124 columns")

    def test_no_opening_comment(self):
        self.assert_finds(size, {"src/a.c": "int x;\n"}, "opens with no comment")

    def test_what_is_allowed(self):
        self.assert_accepts(size, {
            "src/a.c": "/* idea */\nint table[] = {\n" + "    0,\n" * 100 + "};\nstruct s {\n" + "    int x;\n" * 80 + "};\n",
            "src/b.c": self.LONG.replace("    x++;\n" * 3, ""), "README.md": "x" * 300 + "\n" * 600})


class Headers(Checks):
    def test_undocumented(self):
        self.assert_finds(headers, {"include/capalloc/a.h": (
            "/* The file. */\n#ifndef A\n#define A\n\nint ca_f(int x);\n\ntypedef struct ca_s {\n    int x; /* known */\n} ca_s;\n"
            "\nstatic inline int ca_g(void)\n{\n    return 1;\n}\n#endif\n")},
            "a.h:5: no comment before `int ca_f(int x);`", "`typedef struct ca_s {`", "`static inline int ca_g(void)`")

    def test_documented(self):
        self.assert_accepts(headers, {"include/capalloc/a.h": (
            "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n/* f */\nint ca_f(void);\nint ca_f2(void);\n\nenum { CA_A }; /* a */\n\n"
            "/* s */\ntypedef struct ca_s {\n    int x;\n} ca_s;\n\n/* g */\nstatic inline int ca_g(void)\n{\n    return 1;\n}\n"
            "\n#ifdef __cplusplus\n}\n#endif\n"), "src/os/os.h": "int cai_f(void);\n"})


class Paths(Checks):
    def test_cited_files_are_missing(self):
        self.assert_finds(paths, {
            "README.md": "See `src/os/gone.c`, [this](docs/gone.md) and tests/unit/*_gone.c.\n",
            "src/os/a.c": "/* os/gone.h says why */\nint x; // tools/gone\n", "tools/x.py": "# docs/gone.txt\n"},
            "README.md:1: src/os/gone.c", "README.md:1: docs/gone.md", "README.md:1: tests/unit/*_gone.c",
            "src/os/a.c:1: os/gone.h", "src/os/a.c:2: tools/gone", "tools/x.py:1: docs/gone.txt")

    def test_what_is_allowed(self):
        self.assert_accepts(paths, {
            "docs/a.md": "`src/os/a.c`, [b](b.md#part), [web](https://a.example/src/x.c), src/<room>/, docs/NNNN-title.md, os/a.c, src/os/.\n",
            "docs/b.md": "", "src/os/a.c": 'const char *path = "src/gone.c";\n'})

    def test_nothing_is_left_behind(self):
        self.assert_accepts(paths, {"README.md": "", "LICENSE": "", ".clang-format": ""})
        self.assert_finds(paths, {"README.md": "", "o.txt": "", "a.out": ""}, "a.out:1: ", "o.txt:1: ")

    def test_documents_are_in_the_index(self):
        files = {"docs/README.md": "[a](a.md#x) and [d](decisions/0001-d.md)\n", "docs/a.md": "", "docs/decisions/0001-d.md": "", "README.md": ""}
        self.assert_accepts(paths, files)
        files |= {"docs/b.md": "", "docs/decisions/0002-e.md": ""}
        self.assert_finds(paths, files, "docs/b.md:1: docs/README.md has no link", "docs/decisions/0002-e.md:1: ")


class Words(Checks):
    def test_forbidden(self):
        self.assert_finds(words, {
            "a.md": "see ../" + "shared/DESIGN.md\n", "b.c": "/* /wo" + "rk/main */\n", "c.sh": "cd /ro" + "ot/x\n",
            "d.md": "from https://pypi" + ".org/simple\n", "e.md": "http:/" + "/10.0.0.1/x\n"},
            "a.md:1", "b.c:1", "c.sh:1", "d.md:1", "e.md:1")

    def test_what_is_allowed(self):
        self.assert_accepts(words, {"a.md": "/tmp/x, the root directory, work/x, src/root/y, /proc/self/root, a shared folder\n"})


class Contract(Checks):
    HEAD = "| ID | promise | status |\n|---|---|---|\n"

    def test_a_promise_without_a_test(self):
        findings = self.run_on(contract, {"docs/contract.md": self.HEAD + "| D1 | x | promised |\n"})
        self.assertIn("D1 is promised and no test is named test_D1_...", findings[0])

    def test_a_test_without_a_promise(self):
        findings = self.run_on(contract, {"docs/contract.md": self.HEAD + "| D1 | x | later |\n", "tests/a.c": "int test_D9_x;\n"})
        self.assertIn("test_D9_x names D9", findings[0])

    def test_a_wrong_status_and_a_second_row(self):
        findings = "\n".join(self.run_on(contract, {"docs/contract.md": self.HEAD + "| D1 | x | later |\n| D1 | x | done |\n"}))
        self.assertIn("D1 stands there twice", findings)
        self.assertIn("status of D1 is `done`", findings)

    def test_an_outdated_table(self):
        files = {"docs/contract.md": self.HEAD + "| D1 | x | promised |\n", "tests/a.c": "test_D1_x", "docs/contract-tests.md": "old"}
        self.assert_finds(contract, files, "out of date")

    def test_no_contract(self):
        self.assert_finds(contract, {"docs/other.md": ""}, "no row")

    def test_the_last_column_of_the_seed(self):
        row, head = "| x | `ca_x` | D1 | %s |\n", "| the article | here | contract | shown by |\n|---|---|---|---|\n"
        files = {"docs/contract.md": self.HEAD + "| D1 | x | promised |\n", "tests/a.c": "test_D1_x", "tests/test_Z1_z.c": "",
                 "tests/CMakeLists.txt": "add_test(NAME cap.same COMMAND x)\n"}
        files["docs/seed.md"] = head + "".join(row % cell for cell in (
            "`test_D1_x`, `test_Z1_z` (does not compile)", "`cap.same`", "none: not there yet"))
        self.assertEqual(self.run_on(contract, files, write=True), [])
        files["docs/seed.md"] = head + "".join(row % cell for cell in ("—", "none", "", "`test_D1_gone`", "`cap.gone`"))
        findings = self.run_on(contract, files)[:5]
        for finding, part in zip(findings, ("seed.md:3: `—` names no test", "seed.md:4: `none`", "seed.md:5: ``",
                                            "seed.md:6: there is no test test_D1_gone", "seed.md:7: there is no test cap.gone")):
            self.assertIn(part, finding)

    def test_write_makes_it_good(self):
        files = {"docs/contract.md": self.HEAD + "| D1 | x | promised |\n| D2 | y | promised |\n| Z1 | a or b | later |\n",
                 "tests/drop_in/a.sh": "test_D1_D2_x()\n"}
        self.assertEqual(self.run_on(contract, files, write=True), [])

    def test_tests_in_rust(self):
        files = {"docs/contract.md": self.HEAD + "| D1 | x | promised |\n| RS2 | y | promised |\n",
                 "bindings/rust/a/tests/b.rs": "fn test_d1_rs2_x() {}\n"}
        self.assertEqual(self.run_on(contract, files, write=True), [])
        files = {"docs/contract.md": self.HEAD + "| D1 | x | later |\n", "bindings/rust/a/src/b.rs": "test_d8_x",
                 "bindings/rust/a/tests/b.rs": "fn test_d9_x() {}\n", "tests/c.c": "test_d8_x"}
        self.assertIn("test_d9_x names D9", self.run_on(contract, files)[0])


@unittest.skipIf(rust.cargo() is None, "no cargo")
class Rust(Checks):
    TREE = {"bindings/rust/Cargo.toml": '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n[features]\nnightly = []\n'}

    def run_on(self, module, files, write=False):
        return super().run_on(module, {**self.TREE, **files}, write)

    def test_what_is_not_formatted(self):
        self.assert_finds(rust, {"bindings/rust/src/lib.rs": "pub fn f() {  }\n"}, "src/lib.rs:1: not as cargo fmt")

    def test_what_clippy_says(self):
        text = "pub fn f(number: u8) -> bool {\n    number == number\n}\n"
        self.assertIn("src/lib.rs:2: equal expressions", "".join(self.run_on(rust, {"bindings/rust/src/lib.rs": text})))

    def test_what_is_good(self):
        self.assert_accepts(rust, {"bindings/rust/src/lib.rs": "pub fn f() {}\n"})


class Ranks(Checks):
    ENUM = "enum cai_lock_rank {\n    CAI_RANK_NONE,  /* - */\n    CAI_RANK_START, /* x */\n    CAI_RANK_ZONE,  /* y */\n    CAI_RANKS\n};\n"
    DOCUMENT = "# A\n\n| zone | a | b |\n\n## Locks\n\n| lock | protects |\n|---|---|\n%s\n## More\n\n| start | b |\n"

    def test_another_order(self):
        rows = "| zone | y |\n| start | x |\n"
        self.assert_finds(ranks, {"src/os/rank.h": self.ENUM, "docs/architecture.md": self.DOCUMENT % rows},
                          "docs/architecture.md:5: the locks are zone, start; in src/os/rank.h: start, zone")

    def test_one_is_missing_and_all_are(self):
        self.assert_finds(ranks, {"src/os/rank.h": self.ENUM, "docs/architecture.md": self.DOCUMENT % "| start | x |\n"}, "are start;")
        self.assert_finds(ranks, {"src/os/rank.h": self.ENUM, "docs/architecture.md": "# A\n"}, "docs/architecture.md:1: ")

    def test_the_same(self):
        rows = "| start | x |\n| zone | y |\n"
        self.assert_accepts(ranks, {"src/os/rank.h": self.ENUM, "docs/architecture.md": self.DOCUMENT % rows})


@unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
class Format(Checks):
    STYLE = (TOP / ".clang-format").read_text()

    def test_unformatted(self):
        self.assert_finds(formatting, {".clang-format": self.STYLE, "src/a.c": "int  x ;\n"}, "src/a.c:1: not formatted")

    def test_formatted(self):
        self.assert_accepts(formatting, {".clang-format": self.STYLE, "src/a.c": "int x;\n"})


class Program(unittest.TestCase):
    def test_exit_status_tells(self):
        with tempfile.TemporaryDirectory() as folder:
            run = lambda: subprocess.run([TOP / "tools/check", "words", "--root", folder], capture_output=True, text=True)
            self.assertEqual(run().returncode, 0)
            pathlib.Path(folder, "a.md").write_text("/ro" + "ot/x\n")
            result = run()
            self.assertEqual(result.returncode, 1)
            self.assertIn("a.md:1: ", result.stdout)


if __name__ == "__main__":
    unittest.main()
