#!/usr/bin/env python3
"""check_elf.py SHARED STATIC [PRELOAD] [ARCHIVE...]: the built libraries are what they should be. One line for each finding.

All: libc alone is needed, no __tls_get_addr (it may call malloc), and libc's malloc is not called.
Shared forms: one soname, never unloaded, relocated at start, stack not executable; the drop-in exports all that the
shared library does, so that either can stand in for the other. Only ca_ names, and in the drop-in malloc's, are visible;
the former carry the version CAPALLOC_0, the latter none. Archives share one name space with their user: they define names that
begin with ca_ or cai_ alone, and what notes of tracers share. ARCHIVE is a file that ends with .a.
"""
import re
import subprocess
import sys

SONAME = "libcapalloc.so.0.2"
VERSION = "CAPALLOC_0"
NEEDED = re.compile(r"libc\.so\.6$|ld-linux.*\.so\.\d$")
MALLOC = {"malloc", "calloc", "realloc", "reallocarray", "free", "free_sized", "free_aligned_sized", "aligned_alloc",
          "posix_memalign", "memalign", "valloc", "pvalloc", "malloc_usable_size"}
# malloc and the rest of glibc's family; operator new and delete; what loads libraries; what sets a signal's action.
PLAIN = re.compile("|".join(sorted(MALLOC)) + r"|cfree|dlm?open|malloc_\w+|mallopt|mallinfo2?|__libc_\w+|__alloc_token_\w+|_Z(?:n[wa]|d[la])\w+"
                   r"|(?:__)?(?:sigaction|sysv_signal)|(?:bsd_|s)?signal|siginterrupt|sigset")


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], capture_output=True, text=True, check=True).stdout


def symbols(text):
    """(defined visible names, undefined names) of readelf's symbol tables; absolute symbols are version names."""
    defined, undefined = set(), set()
    for match in re.finditer(r"^\s*\d+: \w+\s+\w+\s+\w+\s+(GLOBAL|WEAK|UNIQUE)\s+(\w+).*?\s(\w+)\s+(\w\S*)", text, re.MULTILINE):
        bind, visibility, section, name = match.groups()
        name = name.split("@")[0]
        if section == "UND":
            undefined.add(name)
        elif section != "ABS" and visibility in {"DEFAULT", "PROTECTED"}:
            defined.add(name)
    return defined, undefined


def shared_form(path, allowed):
    dynamic, headers = readelf("-d", path), readelf("-l", path)
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
        if not NEEDED.match(name):
            yield f"needs {name}"
    if f"[{SONAME}]" not in dynamic:
        yield f"soname is not {SONAME}"
    for flag in ("NODELETE", "NOW"):
        if not re.search(rf"\(FLAGS_1\).*\b{flag}\b", dynamic):
            yield f"lacks the flag {flag}"
    if "TEXTREL" in dynamic:
        yield "has relocations in its code"
    if "GNU_RELRO" not in headers:
        yield "lacks GNU_RELRO"
    if re.search(r"GNU_STACK.*\bRWE\b", headers):
        yield "has an executable stack"
    table = readelf("--dyn-syms", path)
    defined, undefined = symbols(table)
    versions = dict(re.findall(r"\s(\w+)@@?(\w+)\n", table))
    for name in sorted(defined):
        if versions.get(name) != (VERSION if name.startswith("ca_") else None):
            yield f"{name} has the version {versions.get(name)}"
        if not allowed(name):
            yield f"exports {name}"
    if "__tls_get_addr" in undefined:
        yield "calls __tls_get_addr"
    for name in sorted(undefined & MALLOC):
        yield f"calls libc's {name}"


def check(shared, static, *others):
    archives = [path for path in others if path.endswith(".a")]
    preload = next((path for path in others if path not in archives), None)
    is_ours = lambda name: name.startswith("ca_")
    yield from (f"{shared}: {finding}" for finding in shared_form(shared, is_ours))
    if not any(is_ours(name) for name in symbols(readelf("--dyn-syms", shared))[0]):
        yield f"{shared}: exports no ca_ name"
    table = readelf("-s", static)
    defined, _ = symbols(table)
    # A public function that somebody forgot to mark is there, and hidden.
    exported = symbols(readelf("--dyn-syms", shared))[0]
    for name in sorted(set(re.findall(r"\sFUNC\s+GLOBAL\s+HIDDEN\s+\d+ (ca_\w+)", table)) | defined - exported):
        if is_ours(name):
            yield f"{shared}: does not export {name}, the archive has it"
    for path in (static, *archives):
        for name in sorted(symbols(readelf("-s", path))[0]):
            if not name.startswith(("ca_", "cai_", "_.stapsdt.base")):
                yield f"{path}: defines {name}"
    if preload:
        yield from (f"{preload}: {finding}"
                    for finding in shared_form(preload, lambda name: is_ours(name) or PLAIN.fullmatch(name)))
        exported = symbols(readelf("--dyn-syms", preload))[0]
        for name in sorted(MALLOC - exported):
            yield f"{preload}: does not export {name}"
        for name in sorted(symbols(readelf("--dyn-syms", shared))[0] - exported):
            yield f"{preload}: does not export {name}, the shared library does"


if __name__ == "__main__":
    findings = list(check(*sys.argv[1:]))
    print("\n".join(findings) or "the libraries are as they should be")
    sys.exit(1 if findings else 0)
