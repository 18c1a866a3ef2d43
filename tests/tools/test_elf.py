#!/usr/bin/env python3
"""check_elf.py can fail: libraries are built wrong on purpose."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_elf  # noqa: E402

GOOD = ["-Wl,-soname,libcapalloc.so.0.2", "-Wl,-z,nodelete", "-Wl,-z,now"]
CODE = "int ca_x(void) { return 1; }\n"
FAMILY = "".join(f"int {name}(void) {{ return 1; }}\n" for name in sorted(check_elf.MALLOC))


class Elf(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def build(self, name, code, *options):
        source, out = self.folder / f"{name}.c", self.folder / name
        source.write_text(code)
        if not name.startswith("unversioned"):
            (self.folder / "map").write_text(f"{check_elf.VERSION} {{ global: ca_*; }};\n")
            options = (*options, f"-Wl,--version-script={self.folder / 'map'}")
        kind = ["-c"] if name.endswith(".o") else ["-shared"]
        subprocess.run(["gcc", "-O1", "-fPIC", "-fno-builtin", "-nostartfiles", "-w", *kind, "-o", out, source, *options], check=True)
        return str(out)

    def findings(self, shared=None, static=None, preload=None, archives=()):
        return "\n".join(check_elf.check(
            shared or self.build("good.so", CODE, *GOOD), static or self.build("good.o", CODE), *([preload] if preload else []), *archives))

    def test_accepts_good_libraries(self):
        self.assertEqual(self.findings(preload=self.build("preload.so", CODE + FAMILY, *GOOD)), "")

    def test_sees_a_second_library(self):
        bad = self.build("bad.so", "double cos(double); " + CODE + "double ca_y(double x) { return cos(x); }", *GOOD, "-lm")
        self.assertIn("needs libm.so.6", self.findings(shared=bad))

    def test_sees_missing_flags(self):
        findings = self.findings(shared=self.build("bad.so", CODE))
        for expected in ("soname", "NODELETE", "NOW"):
            self.assertIn(expected, findings)

    def test_sees_a_foreign_export_and_a_malloc_call(self):
        bad = self.build("bad.so", "void *malloc(unsigned long);" + CODE + "void *other(void) { return malloc(1); }", *GOOD)
        findings = self.findings(shared=bad)
        self.assertIn("exports other", findings)
        self.assertIn("calls libc's malloc", findings)

    def test_sees_a_public_name_that_is_hidden(self):
        hidden = CODE + '__attribute__((visibility("hidden"))) int ca_y(void) { return 1; }\n'
        self.assertIn("does not export ca_y", self.findings(static=self.build("bad.o", hidden)))

    def test_sees_a_name_without_its_version(self):
        self.assertIn("ca_x has the version None", self.findings(shared=self.build("unversioned.so", CODE, *GOOD)))

    def test_sees_a_version_where_none_must_be(self):
        (self.folder / "all").write_text(f"{check_elf.VERSION} {{ global: *; }};\n")
        bad = self.build("unversioned.so", CODE + FAMILY, *GOOD, f"-Wl,--version-script={self.folder / 'all'}")
        self.assertIn("malloc has the version CAPALLOC_0", self.findings(preload=bad))

    def test_sees_dynamic_tls(self):
        code = CODE + "extern _Thread_local int ca_t; int ca_y(void) { return ca_t; } _Thread_local int ca_t;"
        bad = self.build("bad.so", code, *GOOD, "-ftls-model=global-dynamic")
        if subprocess.run(["gcc", "-dumpmachine"], capture_output=True, text=True).stdout.startswith("x86_64"):
            self.assertIn("__tls_get_addr", self.findings(shared=bad))

    def test_sees_a_plain_name_in_the_archive(self):
        self.assertIn("defines malloc", self.findings(static=self.build("bad.o", CODE + "int malloc(void) { return 0; }")))

    def test_sees_a_common_word_in_another_archive(self):
        archive = self.folder / "other.a"
        subprocess.run(["ar", "rc", archive, self.build("bad.o", CODE + "int cai_y(void) { return 0; } int fill(void) { return 0; }")],
                       check=True)
        self.assertEqual(self.findings(archives=[str(archive)]), f"{archive}: defines fill")

    def test_sees_an_incomplete_drop_in(self):
        findings = self.findings(preload=self.build("bad.so", "int malloc(void) { return 0; }", *GOOD))
        self.assertIn("does not export free", findings)
        self.assertIn("does not export ca_x", findings)


if __name__ == "__main__":
    unittest.main()
