#!/usr/bin/env python3
"""Are the declarations of capalloc-sys those of the headers? check_declarations.py CC LIBRARY CRATE INCLUDE FOLDER

The Rust text is read, and turned into a C file that includes the headers and asserts, for each function, that its type is
the very type; for each struct, its size, and offset and type of each field; for each constant, its value. Compiling it is
the check. That the functions are in the library is read from its symbols. LIBRARY: libcapalloc.so. FOLDER: to work in."""
import pathlib
import re
import subprocess
import sys
import unittest

TYPES = {"usize": "size_t", "isize": "ptrdiff_t", "u64": "uint64_t", "u32": "uint32_t", "u16": "uint16_t", "u8": "uint8_t",
         "c_int": "int", "c_uint": "unsigned", "c_long": "long", "c_char": "char", "c_void": "void", "bool": "bool"}
NAMES = {"this": "self"}
HEADER = "#include <capalloc/capalloc.h>\n#include <capalloc/conformance.h>\n"
# Functions for which heap.h has a faster form of the same type.
UNDEFINE = "#undef ca_allocate\n#undef ca_block_deallocate_inline_\n"


def split(text):
    """At commas outside of brackets."""
    parts, depth = [""], 0
    for sign in text:
        depth += sign in "([{<"
        depth -= sign in ")]}" or (sign == ">" and not parts[-1].endswith("-"))
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def declare(rust, name=""):
    """The C declaration of `name` with this Rust type."""
    rust = " ".join(rust.split())
    function = re.fullmatch(r'Option< ?unsafe extern "C" fn\((.*)\)(?: -> ([^,]+))?,? ?>', rust)
    if function:
        return prototype(function[1], function[2], f"(*{name})")
    array = re.fullmatch(r"\[(.+); (.+)\]", rust)
    if array:
        return declare(array[1], f"{name}[{array[2].replace(' as usize', '')}]")
    if rust.startswith("*const "):
        inner = rust[7:]
        return declare(inner, f"const *{name}") if inner.startswith("*") else f"const {declare(inner, f'*{name}')}"
    if rust.startswith("*mut "):
        return declare(rust[5:], f"*{name}")
    return f"{TYPES.get(rust, rust)} {name}".strip()


def prototype(parameters, result, name):
    """The C declaration of a function."""
    types = [declare(part.split(":", 1)[1] if ":" in part else part) for part in split(parameters)]
    return f"{declare(result) if result else 'void'} {name}({', '.join(types) or 'void'})"


def read(crate):
    """Functions as (name, parameters, result), structs as (name, fields), constants as (name, value)."""
    text = "".join(path.read_text() for path in sorted(pathlib.Path(crate, "src").glob("*.rs")))
    text = re.sub(r"//[^\n]*", "", text)
    functions = re.findall(r"pub fn (\w+)\(([^)]*)\)(?: -> ([^;]+))?;", text)
    structs = [(name, [tuple(part.strip() for part in field.removeprefix("pub ").split(":", 1)) for field in split(body)])
               for name, body in re.findall(r"pub struct (\w+) \{(.*?)\n *\}", text, re.S)]
    constants = re.findall(r"pub const (\w+): \w+ = ([^;]+);", text)
    return functions, structs, constants


def c_file(crate):
    functions, structs, constants = read(crate)
    lines = [HEADER, UNDEFINE]
    for name, parameters, result in functions:
        lines.append(f"_Static_assert(__builtin_types_compatible_p(__typeof__({name}), "
                     f"__typeof__({prototype(parameters, result, '')})), \"{name}\");")
    for name, fields in structs:
        members = " ".join(f"{declare(rust, NAMES.get(field, field))};" for field, rust in fields)
        lines.append(f"struct rust_{name} {{ {members} }};")
        lines.append(f'_Static_assert(sizeof(struct rust_{name}) == sizeof({name}), "size of {name}");')
        for field, _ in fields:
            field = NAMES.get(field, field)
            lines.append(f'_Static_assert(offsetof(struct rust_{name}, {field}) == offsetof({name}, {field}) && '
                         f'__builtin_types_compatible_p(__typeof__(((struct rust_{name} *)0)->{field}), '
                         f'__typeof__((({name} *)0)->{field})), "{name}.{field}");')
    for name, value in constants:
        lines.append(f'_Static_assert({name} == ({value}), "{name}");')
    return "\n".join(lines) + "\n"


class Declarations(unittest.TestCase):
    compiler = library = crate = include = folder = None

    def compile(self, text):
        file = pathlib.Path(self.folder, "declarations.c")
        file.write_text(text)
        return subprocess.run([self.compiler, "-std=gnu17", "-D_GNU_SOURCE=", "-fsyntax-only", "-I", self.include, file],
                              capture_output=True, text=True, check=False)

    def test_RS1_declarations_are_those_of_the_headers(self):
        functions, structs, constants = read(self.crate)
        self.assertGreater(len(functions), 100)
        self.assertGreater(len(structs), 20)
        self.assertGreater(len(constants), 50)
        done = self.compile(c_file(self.crate))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_RS1_functions_are_in_the_library(self):
        symbols = subprocess.run(["nm", "-D", "--defined-only", self.library], capture_output=True, text=True, check=True)
        known = {line.split()[-1].split("@")[0] for line in symbols.stdout.splitlines()}
        declared = {name for name, _, _ in read(self.crate)[0]} - {"ca_conformance_check"}
        self.assertEqual(declared - known, set())
        print(f"{len(declared)} functions declared; in the library, for C alone: {len(known - declared)}")

    def test_wrong_declarations_are_found(self):
        right = c_file(self.crate)
        for old, new in (("__typeof__(void * (size_t))", "__typeof__(void * (int))"),
                         ("struct rust_ca_layout { size_t size; size_t align; }", "struct rust_ca_layout { size_t align; size_t size; }"),
                         ("CA_ERROR_QUOTA == (3)", "CA_ERROR_QUOTA == (4)")):
            self.assertIn(old, right)
            self.assertNotEqual(self.compile(right.replace(old, new, 1)).returncode, 0, old)


if __name__ == "__main__":
    (Declarations.compiler, Declarations.library, Declarations.crate, Declarations.include,
     Declarations.folder) = sys.argv[1:6]
    unittest.main(argv=sys.argv[:1], verbosity=2)
