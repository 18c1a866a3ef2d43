#!/usr/bin/env python3
"""tools/abi can fail: a small library is changed in every way that matters, and in the ways that are allowed."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/abi"
HEADER = """
#include <stddef.h>
struct ca_hidden;
typedef enum ca_kind { CA_ONE = 1, CA_TWO = 2, CA_KIND_MAKE_32_BITS = 0x7fffffff } ca_kind;
typedef struct ca_block { void *ptr; size_t size; } ca_block;
typedef struct ca_numbers { size_t struct_size; size_t a; } ca_numbers;
typedef struct ca_inside { ca_block block; struct ca_hidden *hidden; } ca_inside;
ca_kind ca_look(ca_block block, ca_inside *inside);
void ca_read(ca_numbers *out);
"""
CODE = """
#include "capalloc/x.h"
struct ca_hidden { int private_member; };
ca_kind ca_look(ca_block block, ca_inside *inside) { return block.size && inside->hidden->private_member ? CA_ONE : CA_TWO; }
void ca_read(ca_numbers *out) { out->a = 1; }
"""
MAP = "CAPALLOC_0 { global: ca_*; local: *; };\n"


@unittest.skipUnless(shutil.which("abidw") and shutil.which("abidiff"), "abidw is not installed")
class Abi(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.assertEqual(self.abi("--write").returncode, 0)

    def abi(self, *arguments, header=HEADER, code=CODE, map=MAP, soname="libcapalloc.so.0.2"):
        (self.folder / "capalloc").mkdir(exist_ok=True)
        (self.folder / "capalloc/x.h").write_text(header)
        (self.folder / "x.c").write_text(code)
        (self.folder / "x.map").write_text(map)
        library = self.folder / "x.so"
        subprocess.run(["gcc", "-g", "-fPIC", "-shared", "-nostdlib", "-I", self.folder, self.folder / "x.c", "-o", library,
                        f"-Wl,-soname,{soname}", f"-Wl,--version-script={self.folder / 'x.map'}"], check=True)
        return subprocess.run([sys.executable, "-B", TOOL, *arguments, "--library", library, "--root", self.folder,
                               "--description", self.folder / "x.abi"], capture_output=True, text=True)

    def assert_refuses(self, expected, **changed):
        result = self.abi(**changed)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(expected, result.stdout)

    def assert_accepts(self, *expected, **changed):
        result = self.abi(**changed)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        for part in expected:
            self.assertIn(part, result.stdout)

    def test_the_same(self):
        self.assert_accepts("as described")

    def test_the_description_does_not_depend_on_the_place(self):
        self.assertNotIn(str(self.folder), (self.folder / "x.abi").read_text())

    def test_a_function_that_is_gone(self):
        self.assert_refuses("ca_read", code=CODE.replace("void ca_read", "static void ca_read"),
                            header=HEADER.replace("void ca_read(ca_numbers *out);", ""))

    def test_another_parameter(self):
        self.assert_refuses("ca_read", header=HEADER.replace("ca_read(ca_numbers *out)", "ca_read(ca_numbers *out, int more)"),
                            code=CODE.replace("ca_read(ca_numbers *out)", "ca_read(ca_numbers *out, int more)"))

    def test_a_struct_of_another_size(self):
        self.assert_refuses("type size changed", header=HEADER.replace("void *ptr; size_t size;", "void *ptr; size_t size; int x;"))

    def test_members_in_another_order(self):
        self.assert_refuses("ca_block", header=HEADER.replace("void *ptr; size_t size;", "size_t size; void *ptr;"))

    def test_a_growable_struct_that_grows_in_the_middle(self):
        self.assert_refuses("ca_numbers", header=HEADER.replace("struct_size; size_t a;", "struct_size; size_t b; size_t a;"))

    def test_a_growable_struct_that_shrinks(self):
        self.assert_refuses("ca_numbers", header=HEADER.replace("size_t a;", "int a;"))

    def test_a_change_inside_a_growable_struct_that_grows(self):
        header = HEADER.replace("size_t a;", "ca_block a;")
        code = CODE.replace("out->a = 1", "out->struct_size = 1")
        self.assertEqual(self.abi("--write", header=header, code=code).returncode, 0)
        self.assert_refuses("ca_block", code=code, header=header.replace("void *ptr; size_t size;", "void *ptr; long size;")
                            .replace("ca_block a;", "ca_block a; size_t b;"))

    def test_another_number_of_an_enum(self):
        self.assert_refuses("CA_TWO", header=HEADER.replace("CA_TWO = 2", "CA_TWO = 3"))

    def test_another_soname(self):
        self.assert_refuses("SONAME", soname="libcapalloc.so.1")

    def test_another_version(self):
        self.assert_refuses("CAPALLOC_0", map=MAP.replace("CAPALLOC_0", "CAPALLOC_1"))

    def test_additions(self):
        self.assert_accepts("--write", "ca_new", code=CODE + "int ca_new(void) { return 1; }\n")
        self.assert_accepts("--write", "CA_THREE", header=HEADER.replace("CA_TWO = 2,", "CA_TWO = 2, CA_THREE = 3,"))
        self.assert_accepts("--write", "ca_numbers", header=HEADER.replace("size_t a;", "size_t a; size_t b;"))
        self.assert_accepts("--write", header=HEADER.replace("size_t a;", "size_t a; size_t b;").replace("= 2,", "= 2, CA_THREE,"))

    def test_private_types_do_not_count(self):
        self.assert_accepts("as described", code=CODE.replace("int private_member;", "long more; int private_member;"))

    def test_without_debug_information(self):
        subprocess.run(["strip", self.folder / "x.so"], check=True)
        result = subprocess.run([sys.executable, "-B", TOOL, "--library", self.folder / "x.so", "--description", self.folder / "x.abi"],
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("-g", result.stderr)


class WithoutAbidw(unittest.TestCase):
    def test_is_a_skip_with_a_reason(self):
        result = subprocess.run([sys.executable, "-B", TOOL], env={"PATH": ""}, capture_output=True, text=True)
        self.assertEqual(result.returncode, 77)
        self.assertIn("abigail-tools", result.stdout)


if __name__ == "__main__":
    unittest.main()
