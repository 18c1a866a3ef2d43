#!/usr/bin/env python3
"""probes.py LIBRARY SEEING [revoke]: the library has the probes that docs/seeing.md lists, as tracers read them, each at a nop, and none
in a function that it exports: those are the fast paths. One line for each finding."""
import pathlib
import re
import subprocess
import sys


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], capture_output=True, text=True, check=True).stdout


def functions(library):
    """(begin, end, name) of what is exported."""
    for match in re.finditer(r"^\s*\d+: (\w+)\s+(\w+) FUNC\s+(?:GLOBAL|WEAK)\s+\w+\s+\d+ (\S+)", readelf("--dyn-syms", library),
                             re.MULTILINE):
        begin = int(match[1], 16)
        yield begin, begin + int(match[2], 0), match[3]


def code_at(library, address):
    """The byte of a segment that is loaded at an address."""
    for match in re.finditer(r"^\s*LOAD\s+(\w+) (\w+) \w+ (\w+)", readelf("-l", library), re.MULTILINE):
        offset, begin, size = (int(number, 16) for number in match.groups())
        if begin <= address < begin + size:
            return pathlib.Path(library).read_bytes()[offset + address - begin:][:4]
    return b""


def findings(library, seeing, revokes):
    text = pathlib.Path(seeing).read_text()
    listed = set(re.findall(r"^\| `(\w+)` \|", text[text.index("## With a tracer"):text.index("## In a debugger")], re.MULTILINE))
    if not revokes:
        listed.discard("sweep")
    notes = re.findall(r"Provider: (\S+)\s+Name: (\S+)\s+Location: (\w+), Base: (\w+), Semaphore: (\w+)\s+Arguments: (.*)",
                       readelf("-n", library))
    if not notes:
        yield "there are no notes"
    for name in listed ^ {note[1] for note in notes}:
        yield f"{name} is {'not there' if name in listed else 'not in the list'}"
    section = re.search(r"\] \.stapsdt\.base +PROGBITS +(\w+)", readelf("-S", library))
    moved = section and int(section[1], 16)
    exported = list(functions(library))
    for provider, name, location, base, semaphore, arguments in notes:
        address = int(location, 16)
        if provider != "capalloc" or int(base, 16) != moved or int(semaphore, 16) or len(re.findall(r"\b8@\S+", arguments)) != 3:
            yield f"{name}: {provider}, {base}, {semaphore}, {arguments}"
        if code_at(library, address)[:1] != b"\x90" and code_at(library, address) != b"\x1f\x20\x03\xd5":
            yield f"{name}: there is no nop at {location}"
        for begin, end, function in exported:
            if begin <= address < end:
                yield f"{name}: is in {function}"


if __name__ == "__main__":
    found = list(findings(sys.argv[1], sys.argv[2], sys.argv[3:] == ["revoke"]))
    print("\n".join(found) or "probes: no findings")
    sys.exit(bool(found))
