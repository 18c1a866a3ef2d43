#!/usr/bin/env python3
"""exported.py LIBRARY INCLUDE COMPILER: every function that the public headers declare or define, on either model of a
capability that this machine has, is a symbol of libcapalloc.so, and every symbol is a function that they declare. gcc says
what they declare (-aux-info), so that functions which macros make count as well. Names that end with an underscore are
nobody's to call."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

# Not in the library, and why.
EXEMPT = {
    "ca_libc": "the program's malloc, which the library never calls",
    "ca_conformance_check": "in a library of its own, libcapalloc-conformance.a",
}
SOURCE = "#include <capalloc/capalloc.h>\n#include <capalloc/conformance.h>\n"


def symbols(library):
    table = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r" T (ca_\w+)", table))


def declared(compiler, include, *options):
    """All functions, those for nobody to call as well."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "functions")
        subprocess.run([compiler, "-std=c11", "-O1", *options, "-x", "c", "-", "-I", include, "-aux-info", out, "-S", "-o", "/dev/null"],
                       input=SOURCE, text=True, check=True)
        lines = out.read_text().splitlines()
    ours = [line for line in lines if re.match(r"/\* [^ ]*/capalloc/\w+\.h:", line)]
    return {re.search(r"(\w+) \(", re.sub(r"\(\*\w*\)? \(", "", line.split("*/", 1)[1]))[1] for line in ours}


def missing(functions, known):
    return {name for name in functions - known - EXEMPT.keys() if not name.endswith("_")}


class Exported(unittest.TestCase):
    library = include = compiler = None

    def test_RS10_every_function_of_the_headers_is_a_symbol(self):
        known = symbols(self.library)
        for options in ((), ("-DCA_CAP_PLAIN",)):
            functions = declared(self.compiler, self.include, *options)
            self.assertGreater(len(functions), 250)
            self.assertIn("ca_cap_memmove", functions)
            self.assertEqual(missing(functions, known), set(), options)

    def test_RS10_every_symbol_is_declared(self):
        functions = declared(self.compiler, self.include) | declared(self.compiler, self.include, "-DCA_CAP_PLAIN")
        native = {"ca_cap_faulted_"}
        self.assertEqual(symbols(self.library) - functions - native, set())

    def test_exemptions_are_declared_and_missing_functions_found(self):
        functions = declared(self.compiler, self.include)
        self.assertEqual(EXEMPT.keys() - functions, set())
        self.assertEqual(missing(functions, symbols(self.library) - {"ca_block_unwrap", "ca_cap_load_u8"}),
                         {"ca_block_unwrap", "ca_cap_load_u8"})


if __name__ == "__main__":
    Exported.library, Exported.include, Exported.compiler = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1], verbosity=2)
