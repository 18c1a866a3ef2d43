"""What the code of the library mentions, told by the compiler: each source of a configured build is compiled once more,
into assembly that keeps every call.

Nothing is optimized away, and what a header of src/ defines as CAI_INLINE becomes a function of its own, of which the
line numbers tell the header: what it calls is the header's need, not that of whoever includes it. Functions of public
headers count as their caller's.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import typing

SOURCES = re.compile(r"-o CMakeFiles/capalloc_(?:engine|plain)\.dir/")
PRELUDE = """#include "base/compiler.h"
#undef CAI_INLINE
#define CAI_INLINE static __attribute__((used, noinline))
"""
KEEP_ALL = ("-O0", "-g1", "-w", "-fplt", "-fsemantic-interposition", "-fno-verbose-asm",
            "-fno-asynchronous-unwind-tables", "-S")

SYMBOL = re.compile(r"\s*\.(type|globa?l|weak|set)\s+([\w$.]+)(?:,\s*([@%]?[\w$.]+))?")
SECTION = re.compile(r"\s+\.(?:section\s+\"?\.?)?(text|data|rodata|bss|init_array|fini_array)\b|\s+\.section\s")
SOURCE = re.compile(r'\s+\.file\s+(\d+)\s+"([^"]*)"(?:\s+"([^"]*)")?')
LINE = re.compile(r"\s+\.loc\s+(\d+)")
DATA = re.compile(r"\s+\.(?:quad|xword|long|word|8byte)\s+(.*)")
LABEL = re.compile(r"([A-Za-z_][\w$.]*):")
INSTRUCTION = re.compile(r"\s+([a-z][\w.]*)(?:\s+(.*))?$")
NAME = re.compile(r"(?<![\w.$%@])[A-Za-z_][\w$.]*")
CALL = re.compile(r"callq?|jmpq?|blr?|br?")
BY_ADDRESS = re.compile(r"(?:call|jmp)q? \*|blr |br ")
STORE = re.compile(r"mov[a-z]* .*(?<!\(%rsp)\)$|xchg|lock|st[lrpx]")


class Mention(typing.NamedTuple):
    file: str  # whose code or data mentions it, relative to src/
    inside: str  # the function or table
    name: str
    how: str  # "call", "code": its address in code, "data": its address in a table
    to: typing.Optional[str]  # of "code": the function that is called next, "*" one known by address; None: it is stored


class Unit:
    """One source as compiled."""

    def __init__(self, path, src):
        self.path, self.src = path, src
        self.file_of, self.functions, self.visible, self.weak = {}, set(), set(), set()
        self.aliases = {}
        self.calls_addresses = set()  # functions that call what they know by address
        self.mentions = []

    def read(self, text, folder):
        """Takes in assembly of a compiler that was run in this folder."""
        sources, section, inside, opened, waiting = {}, "text", None, False, []
        for line in text.splitlines():
            if source := SOURCE.match(line):
                sources[source[1]] = self.name_of(folder.joinpath(*filter(None, source.groups()[1:])))
            elif symbol := SYMBOL.match(line):
                self.declare(*symbol.groups(""))
            elif change := SECTION.match(line):
                section = change[1]
            elif label := LABEL.match(line):
                self.mentions += waiting
                inside, opened, waiting = label[1], False, []
                self.file_of[inside] = self.path
            elif (at := LINE.match(line)) and not opened:  # where the function begins
                self.file_of[inside], opened = sources[at[1]], True
            elif section == "text" and (instruction := INSTRUCTION.match(line)):
                waiting = self.step(inside, *instruction.groups(""), waiting)
            elif section not in ("init_array", "fini_array") and (data := DATA.match(line)):
                self.mentions += [Mention(self.path, inside, name, "data", None) for name in NAME.findall(data[1])]
        self.mentions += waiting
        for alias, target in self.aliases.items():
            if target in self.file_of:
                self.file_of[alias] = self.file_of[target]
                self.functions |= {alias} if target in self.functions else set()
        return self

    def is_local_data(self, name):
        return name in self.file_of and name not in self.visible | self.functions

    def name_of(self, file):
        """Relative to src/; the unit's own for what is not a header there."""
        file = pathlib.Path(os.path.normpath(file))
        return str(file.relative_to(self.src)) if self.src in file.parents and file.suffix == ".h" else self.path

    def declare(self, kind, name, rest):
        if kind == "type" and rest[1:] == "function":
            self.functions.add(name)
        elif kind in ("globl", "global"):
            self.visible.add(name)
        elif kind == "weak":
            self.weak.add(name)
        elif kind == "set":
            self.aliases[name] = rest

    def step(self, inside, mnemonic, operands, waiting):
        """One instruction; returns the addresses of which it is not yet known where they go."""
        names = NAME.findall(operands)
        said = [Mention(self.file_of[inside], inside, name, "code", None) for name in names]
        if CALL.fullmatch(mnemonic):
            if operands.startswith("."):  # a jump inside the function
                return waiting
            target = "*" if BY_ADDRESS.match(f"{mnemonic} {operands}") else names[0]
            if target == "*":
                self.calls_addresses.add(inside)
            self.mentions += [mention._replace(how="call") for mention in said]
            self.mentions += [mention._replace(to=target) for mention in waiting]
            return []
        if STORE.match(f"{mnemonic} {operands}"):
            self.mentions += waiting
            waiting = []
        return waiting + said


def compile_unit(entry, src, folder, number):
    """The unit of one entry of compile_commands.json. Raises ValueError when it does not compile."""
    words, command = iter(shlex.split(entry["command"])), []
    for word in words:
        if word == "-o":
            next(words)
        elif word != "-c":
            command.append(word)
    prelude, output = folder / "prelude.h", folder / f"{number}.s"
    result = subprocess.run([*command, *KEEP_ALL, f"-I{src}", "-include", str(prelude), "-o", str(output)],
                            cwd=entry["directory"], capture_output=True, text=True)
    if result.returncode:
        raise ValueError(result.stderr.strip().split("\n")[0])
    unit = Unit(str(pathlib.Path(entry["file"]).relative_to(src)), src)
    return unit.read(output.read_text(), pathlib.Path(entry["directory"]))


def units(src, build):
    """All sources of the library, as the build knows them; of one that is compiled twice, both."""
    entries = [entry for entry in json.loads((build / "compile_commands.json").read_text())
               if SOURCES.search(entry["command"])]
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = pathlib.Path(folder)
        (folder / "prelude.h").write_text(PRELUDE)
        return list(pool.map(lambda entry, number: compile_unit(entry, src, folder, number), entries,
                             range(len(entries))))
