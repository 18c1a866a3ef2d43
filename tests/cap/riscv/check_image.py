#!/usr/bin/env python3
"""check_image.py COMPILER IMAGE...: the bare-metal images fit a `virt` board, and their capability instructions are those
of version 9: all that tests/cap/riscv/riscv.h should use occur, none else does, and capabilities are only in t0 and t1.
The numbers in numbers.h, which the images and the emulation share, are those of the instructions they should be."""
import pathlib
import re
import subprocess
import sys

BOARD, REGION, TABLE, TABLE_END = 0x80000000, 0x80400000, 0x80500000, 0x81000000
ZERO, T0, T1 = 0, 5, 6

# Name: function, fixed fields, and which of the other fields are capabilities.
INSTRUCTIONS = {
    "cspecialrw ddc": (0x01, {"rs2": 1}, "rd rs1"), "csetbounds": (0x08, {}, "rd rs1"),
    "csetboundsexact": (0x09, {}, "rd rs1"), "cseal": (0x0b, {}, "rd rs1 rs2"), "cunseal": (0x0c, {}, "rd rs1 rs2"),
    "candperm": (0x0d, {}, "rd rs1"), "csetflags": (0x0e, {}, "rd rs1"), "csetoffset": (0x0f, {}, "rd rs1"),
    "csetaddr": (0x10, {}, "rd rs1"), "cincoffset": (0x11, {}, "rd rs1"), "cbuildcap": (0x1d, {}, "rd rs1 rs2"),
    "csethigh": (0x16, {}, "rd rs1"), "ccopytype": (0x1e, {}, "rd rs1 rs2"), "ccseal": (0x1f, {}, "rd rs1 rs2"),
    "ctestsubset": (0x20, {}, "rs1 rs2"), "csetequalexact": (0x21, {}, "rs1 rs2"),
    "cgetperm": (0x7f, {"rs2": 0}, "rs1"), "cgettype": (0x7f, {"rs2": 1}, "rs1"), "cgetbase": (0x7f, {"rs2": 2}, "rs1"),
    "cgetlen": (0x7f, {"rs2": 3}, "rs1"), "cgettag": (0x7f, {"rs2": 4}, "rs1"), "cgetsealed": (0x7f, {"rs2": 5}, "rs1"),
    "cgetoffset": (0x7f, {"rs2": 6}, "rs1"), "cgetflags": (0x7f, {"rs2": 7}, "rs1"), "crrl": (0x7f, {"rs2": 8}, ""),
    "cram": (0x7f, {"rs2": 9}, ""), "cmove": (0x7f, {"rs2": 10}, "rd rs1"), "ccleartag": (0x7f, {"rs2": 11}, "rd rs1"),
    "csealentry": (0x7f, {"rs2": 17}, "rd rs1"), "cgethigh": (0x7f, {"rs2": 23}, "rs1"),
    "cgetaddr": (0x7f, {"rs2": 15}, "rs1"), "cloadtags": (0x7f, {"rs2": 18}, "rs1"),
    "lbu.cap": (0x7d, {"rs2": 12}, "rs1"), "lhu.cap": (0x7d, {"rs2": 13}, "rs1"), "lwu.cap": (0x7d, {"rs2": 14}, "rs1"),
    "ld.cap": (0x7d, {"rs2": 11}, "rs1"), "lc.ddc": (0x7d, {"rs2": 23}, "rd"), "lc.cap": (0x7d, {"rs2": 31}, "rd rs1"),
    "sb.cap": (0x7c, {"rd": 8}, "rs1"), "sh.cap": (0x7c, {"rd": 9}, "rs1"), "sw.cap": (0x7c, {"rd": 10}, "rs1"),
    "sd.cap": (0x7c, {"rd": 11}, "rs1"), "sc.ddc": (0x7c, {"rd": 4}, "rs2"), "sc.cap": (0x7c, {"rd": 12}, "rs1 rs2"),
}
# What an assembler that knows them makes of "NAME x1, x2, x3" (stores: data x1, address x2): this table is checked too.
PUBLISHED = {
    "csetbounds": 0x103100db, "csetboundsexact": 0x123100db, "cseal": 0x163100db, "cunseal": 0x183100db,
    "candperm": 0x1a3100db, "csetflags": 0x1c3100db, "csetoffset": 0x1e3100db, "csetaddr": 0x203100db,
    "cincoffset": 0x223100db, "cbuildcap": 0x3a3100db, "ctestsubset": 0x403100db, "csetequalexact": 0x423100db,
    "cgetperm": 0xfe0100db, "cgettype": 0xfe1100db, "cgetbase": 0xfe2100db, "cgetlen": 0xfe3100db, "cgettag": 0xfe4100db,
    "cgetsealed": 0xfe5100db, "cgetoffset": 0xfe6100db, "cgetflags": 0xfe7100db, "crrl": 0xfe8100db, "cram": 0xfe9100db,
    "cmove": 0xfea100db, "ccleartag": 0xfeb100db, "cgetaddr": 0xfef100db, "cloadtags": 0xff2100db,
    "csethigh": 0x2c3100db, "ccopytype": 0x3c3100db, "ccseal": 0x3e3100db, "csealentry": 0xff1100db, "cgethigh": 0xff7100db,
    "lbu.cap": 0xfac100db, "lhu.cap": 0xfad100db, "sb.cap": 0xf811045b, "sh.cap": 0xf81104db, "sw.cap": 0xf811055b,
}
# What numbers.h calls them.
NAMES = {
    "cspecialrw ddc": "special", "csetbounds": "bounds_set", "csetboundsexact": "bounds_set_exact", "cseal": "seal",
    "cunseal": "unseal", "candperm": "perms_and", "csetflags": "flags_set", "csetoffset": "offset_set",
    "csetaddr": "address_set", "cincoffset": "increment", "cbuildcap": "build", "ctestsubset": "is_subset",
    "csetequalexact": "is_equal_exact", "cgetperm": "perms_get", "cgettype": "type_get", "cgetbase": "base_get",
    "cgetlen": "length_get", "cgettag": "tag_get", "cgetsealed": "is_sealed", "cgetoffset": "offset_get",
    "cgetflags": "flags_get", "crrl": "representable_length", "cram": "representable_alignment_mask", "cmove": "move",
    "ccleartag": "tag_clear", "cgetaddr": "address_get", "csethigh": "high_set", "ccopytype": "type_copy",
    "ccseal": "conditional_seal", "csealentry": "seal_entry", "cgethigh": "high_get", "cloadtags": "tags_load", "lbu.cap": "lbu", "lhu.cap": "lhu",
    "lwu.cap": "lwu", "ld.cap": "ld", "lc.ddc": "lc_ddc", "lc.cap": "lc", "sb.cap": "sb", "sh.cap": "sh", "sw.cap": "sw",
    "sd.cap": "sd", "sc.ddc": "sc_ddc", "sc.cap": "sc",
}


def fields(word):
    return {"rd": word >> 7 & 31, "rs1": word >> 15 & 31, "rs2": word >> 20 & 31}


def name_of(word):
    """The instruction; None for an unknown one of this opcode."""
    found = [name for name, (function, fixed, _) in INSTRUCTIONS.items()
             if word >> 25 == function and word >> 12 & 7 == 0 and fixed.items() <= fields(word).items()]
    assert len(found) <= 1, found
    return found[0] if found else None


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def problems_of_numbers():
    text = (pathlib.Path(__file__).parent / "numbers.h").read_text()
    found = {name: int(number, 0) for name, number in re.findall(r"#define RISCV_([a-z]\w*) (\w+)\n", text)}
    expected = {}
    for instruction, name in NAMES.items():
        function, fixed, _ = INSTRUCTIONS[instruction]
        expected[name] = function if function < 0x7c else next(iter(fixed.values()))
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            yield f"numbers.h: {name} is {found.get(name)}, not {expected.get(name)}"


def problems_of_instructions(disassembly):
    used = set()
    for pc, word in re.findall(r"^ *([0-9a-f]+):\s+([0-9a-f]{8})\s", disassembly, re.MULTILINE):
        word = int(word, 16)
        if word & 0x7f != 0x5b:
            continue
        name = name_of(word)
        if name is None:
            yield f"{pc}: {word:08x} is no capability instruction of version 9"
            continue
        used.add(name)
        for field in INSTRUCTIONS[name][2].split():
            if fields(word)[field] not in (ZERO, T0, T1):
                yield f"{pc}: {name}: {field} is x{fields(word)[field]}: the compiler may use it in between"
    for name in INSTRUCTIONS.keys() - used:
        yield f"{name} does not occur"


def problems_of_layout(readelf, image):
    header = run(readelf, "-hW", image)
    if "RISC-V" not in header or f"Entry point address:               {BOARD:#x}" not in header:
        yield "it is not for RISC-V, or does not begin where the board starts"
    for kind, address, in_file, size in re.findall(
            r"^ +(\w+) +0x\w+ +0x(\w+) 0x\w+ 0x(\w+) 0x(\w+)", run(readelf, "-lW", image), re.MULTILINE):
        address, in_file, size = int(address, 16), int(in_file, 16), int(size, 16)
        in_table = in_file == 0 and TABLE <= address and address + size <= TABLE_END
        if kind == "LOAD" and not in_table and not (BOARD <= address and address + size <= REGION):
            yield f"segment {address:#x}, {size:#x} bytes, lies outside the image's memory"
    for line in run(readelf, "-sW", image).splitlines():
        if re.search(r"\bUND\b +\S", line):
            yield f"undefined: {line.split()[-1]}"


def main(compiler, *images):
    prefix = re.sub(r"gcc$", "", compiler)
    findings = [f"table: {name} is decoded as {name_of(word)}" for name, word in PUBLISHED.items() if name_of(word) != name]
    findings += problems_of_numbers()
    for image in images:
        findings += [f"{image}: {problem}" for problem in problems_of_layout(prefix + "readelf", image)]
        disassembly = run(prefix + "objdump", "-d", "-M", "no-aliases,numeric", image)
        findings += [f"{image}: {problem}" for problem in problems_of_instructions(disassembly)]
    print("\n".join(findings) or f"{len(images)} images, {len(INSTRUCTIONS)} capability instructions")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
