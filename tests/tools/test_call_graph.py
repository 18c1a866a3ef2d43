#!/usr/bin/env python3
"""tools/check graph can fail: small libraries with a circle of every kind, and a good one that it must accept and list."""
import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))
from checks import graph  # noqa: E402
from checks.tree import Tree  # noqa: E402

COMPILERS = [compiler for compiler in ("gcc", "clang", "aarch64-linux-gnu-gcc") if shutil.which(compiler)]
INLINE = '#include "base/compiler.h"\n'


class Graph(unittest.TestCase):
    def run_on(self, files, compiler, plain=()):
        """The findings and what is printed, of a library of these files, those of `plain` compiled for the drop-in."""
        files = {"base/compiler.h": (TOP / "src/base/compiler.h").read_text(), **files}
        with tempfile.TemporaryDirectory() as folder:
            root, commands = pathlib.Path(folder).resolve(), []
            for path, text in files.items():
                file = root / "src" / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
                for target in ("engine", "plain") if path in plain else ("engine",):
                    if path.endswith(".c"):
                        flags = "-DCAI_PLAIN_NAMES=1" if target == "plain" else ""
                        commands.append({"directory": folder, "file": str(file), "command": (
                            f"{compiler} {flags} -I{root}/src -O2 -fPIC -fvisibility=hidden -fno-plt -fno-semantic-interposition "
                            f"-Werror -o CMakeFiles/capalloc_{target}.dir/src/{path}.o -c {file}")})
            (root / "compile_commands.json").write_text(json.dumps(commands))
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                findings = list(graph.check(Tree(root, build=root)))
            return findings, printed.getvalue().splitlines()

    def assert_finds(self, files, *expected, plain=()):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                findings, _ = self.run_on(files, compiler, plain)
                self.assertEqual(len(findings), len(expected), findings)
                for finding, part in zip(findings, expected):
                    self.assertIn(part, finding)

    def assert_lists(self, files, *lines, plain=()):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                self.assertEqual(self.run_on(files, compiler, plain), ([], list(lines)))


class Circles(Graph):
    def test_of_calls(self):
        self.assert_finds({
            "os/a.c": "void b(void); void a(void) { b(); }", "os/b.c": "void c(void); void b(void) { c(); }",
            "os/c.c": "void a(void); void c(void) { a(); }", "os/d.c": "void a(void); void d(void) { a(); }"},
            "src/os/a.c:1: 3 files need each other: os/a, os/b, os/c; shortest way round: os/a -> os/b -> os/c -> os/a",
            "src/os/a.c:1: in this circle it needs os/b (b in a)", "src/os/b.c:1: in this circle it needs os/c (c in b)",
            "src/os/c.c:1: in this circle it needs os/a (a in c)")

    def test_of_calls_that_are_optimized_away(self):
        self.assert_finds({"os/a.c": "static int never; void b(void); void a(void) { if (never) b(); }",
                           "os/b.c": "void a(void); void b(void) { a(); }"}, "os/a, os/b", "needs os/b", "needs os/a")

    def test_of_variables(self):
        self.assert_finds({"os/a.c": "extern _Thread_local int b; int a; int f(void) { return b; }",
                           "os/b.c": "extern int a; _Thread_local int b; int g(void) { return a; }"},
                          "os/a, os/b", "needs os/b (b in f)", "needs os/a (a in g)")

    def test_through_an_inline_function(self):
        """The header calls up, and is itself called from above."""
        self.assert_finds({
            "os/low.h": INLINE + "void top(void);\nCAI_INLINE void low(void)\n{\n    top();\n}\n", "os/low.c": '#include "os/low.h"\n',
            "os/top.c": '#include "os/low.h"\nvoid top(void) { low(); }'},
            "os/low, os/top", "src/os/low.c:1: in this circle it needs os/top (top in low)", "needs os/low (low in top)")

    def test_through_the_header_of_the_same_name(self):
        self.assert_finds({
            "os/a.h": INLINE + "void b(void);\nCAI_INLINE void unused(void)\n{\n    b();\n}\nvoid a(void);\n",
            "os/a.c": '#include "os/a.h"\nvoid a(void) {}', "os/b.c": "void a(void); void b(void) { a(); }"},
            "os/a, os/b", "needs os/b (b in unused)", "needs os/a (a in b)")

    def test_through_headers_alone(self):
        self.assert_finds({
            "os/a.h": INLINE + "CAI_INLINE int b(int);\nCAI_INLINE int a(int x)\n{\n    return x ? b(x) : 0;\n}\n",
            "os/b.h": '#include "os/a.h"\nCAI_INLINE int b(int x)\n{\n    return a(x - 1);\n}\n', "os/c.c": '#include "os/b.h"\n'},
            "src/os/a.h:1: 2 files need each other: os/a, os/b", "needs os/b (b in a)", "needs os/a (a in b)")

    def test_by_way_of_the_drop_in(self):
        """family.c defines one thing for the library and another for the drop-in; it is one file."""
        files = {"malloc/family.c": "#ifdef CAI_PLAIN_NAMES\nvoid plain(void) {}\n#else\nvoid low(void); void f(void) { low(); }\n#endif\n",
                 "os/low.c": "void plain(void); void low(void) { plain(); }"}
        self.assert_finds(files, "malloc/family, os/low", "needs os/low", "needs malloc/family", plain=("malloc/family.c",))

    def test_by_an_alias(self):
        self.assert_finds({"os/a.c": 'void b(void); void f(void) { b(); }\nvoid a(void) __attribute__((alias("f")));',
                           "os/b.c": "void a(void); void b(void) { a(); }"}, "os/a, os/b", "needs os/b", "needs os/a (a in b)")


class Pointers(Graph):
    HOOK = "static void (*hook)(void);\nvoid low_hook(void (*f)(void)) { hook = f; }\nvoid low(void) { hook(); }\n"

    def test_a_setter(self):
        self.assert_finds({"os/low.c": self.HOOK, "os/top.c": (
            "void low_hook(void (*)(void)); void low(void);\nstatic void up(void) { low(); }\nvoid top(void) { low_hook(up); }")},
            "src/os/top.c:1: the address of up is taken in top and handed down to low_hook of os/low.c")

    def test_a_setter_behind_a_function_of_the_same_file(self):
        self.assert_finds({"os/low.c": self.HOOK, "os/top.c": (
            "void low_hook(void (*)(void)); static void up(void) {}\n"
            "static void set(void (*f)(void)) { low_hook(f); }\nvoid top(void) { set(up); }")},
            "the address of up is taken in top and handed on by set, which does not call it")

    def test_a_setter_in_a_header(self):
        self.assert_finds({
            "os/low.h": INLINE + "extern void (*low_hook)(void);\nCAI_INLINE void low_set(void (*f)(void))\n{\n    low_hook = f;\n}\n",
            "os/low.c": '#include "os/low.h"\nvoid (*low_hook)(void);',
            "os/top.c": '#include "os/low.h"\nstatic void up(void) {}\nvoid top(void) { low_set(up); }'},
            "handed down to low_set of os/low.h")

    def test_a_variable_of_the_lower_file(self):
        self.assert_finds({"os/low.c": "void (*hook)(void);\nvoid low(void) { hook(); }", "os/top.c": (
            "extern void (*hook)(void); static void up(void) {}\n"
            "static void use(void (*f)(void)) { f(); }\nvoid top(void (*f)(void)) { hook = up; use(f); }")},
            "the address of up is taken in top and kept in a variable or returned")

    def test_a_struct(self):
        self.assert_finds({"os/low.c": "struct ops { void (*f)(void); };\nstatic const struct ops *o;\nvoid low(const struct ops *p) { o = p; o->f(); }",
                           "os/top.c": ("struct ops { void (*f)(void); }; void low(const struct ops *);\nstatic void up(void) {}\n"
                                        "void top(void) { struct ops o; o.f = up; low(&o); }")},
                          "the address of up is taken in top and kept in a variable or returned")

    def test_a_table(self):
        """Its functions are of its own file, so that no call of another file tells."""
        self.assert_finds({"os/low.c": "struct ops { void (*f)(void); };\nstatic const struct ops *o;\nvoid low(const struct ops *p) { o = p; o->f(); }",
                           "os/top.c": ("struct ops { void (*f)(void); }; void low(const struct ops *);\nstatic void up(void) {}\n"
                                        "static const struct ops table = {up};\nvoid top(void) { low(&table); }")},
                          "the table table with up is kept where others may call it")

    def test_a_table_that_others_see(self):
        self.assert_finds({"os/low.c": "extern void (*const ops[])(void);\nvoid low(void) { ops[0](); }",
                           "os/top.c": "void low(void); static void up(void) {}\nvoid (*const ops[])(void) = {up};\nvoid top(void) { low(); }"},
                          "os/low, os/top", "needs os/top (ops in low)", "needs os/low (low in top)", "the table ops with up")

    def test_a_weak_reference(self):
        self.assert_finds({"os/low.c": "void cai_up(void) __attribute__((weak));\nvoid low(void) { if (cai_up) cai_up(); }"},
                          "src/os/low.c:1: a weak reference to cai_up")

    def test_what_is_allowed(self):
        """The file's own iterator and table, functions of the C library, constructors, the trait, the listed few."""
        self.assert_lists({"os/a.c": (
            "#include <stdlib.h>\nvoid cai_os_on_fork(void (*)(void)); void outside(void) __attribute__((weak));\n"
            "static void each(void (*f)(void)) { f(); }\nstatic void one(void) {}\nstatic void two(void) {}\n"
            "static void (*const table[])(void) = {one, two};\nstatic void (*const vtable[])(void) = {one};\n"
            "__attribute__((constructor)) static void born(void) { each(one); }\n"
            "const void *a(int i) { table[i](); atexit(two); cai_os_on_fork(one); if (outside) outside(); return vtable; }\n"),
            "os/os_linux.c": "void cai_os_on_fork(void (*f)(void)) { f(); }"}, "os/a.c", "os/os_linux.c")


class Order(Graph):
    def test_callers_before_called_and_rooms_from_the_top(self):
        self.assert_lists({
            "os/b.h": INLINE + '#include "os/types.h"\nvoid c(void);\nCAI_INLINE void b(void)\n{\n    c();\n}\n',
            "os/types.h": "struct x { int y; };\n", "os/c.c": '#include "os/b.h"\nvoid c(void) {}',
            "os/a.h": "void a(void);\n", "os/a.c": '#include "os/a.h"\n#include "os/b.h"\nvoid a(void) { b(); }',
            "malloc/z.c": "void a(void); void z(void) { a(); }"},
            "malloc/z.c", "os/a.h os/a.c", "os/b.h", "os/c.c", "os/types.h", "base/compiler.h")


class Program(unittest.TestCase):
    def test_no_build(self):
        with tempfile.TemporaryDirectory() as folder:
            result = subprocess.run([TOP / "tools/check", "graph", "--root", folder, "--build", folder], capture_output=True, text=True)
            self.assertEqual(result.returncode, 1)
            self.assertIn("not a configured build", result.stdout)

    def test_a_source_that_does_not_compile(self):
        findings, _ = Graph().run_on({"os/a.c": "int f(void) { return x; }\n"}, COMPILERS[0])
        self.assertEqual(len(findings), 1)
        self.assertIn("a.c", findings[0])


if __name__ == "__main__":
    unittest.main()
