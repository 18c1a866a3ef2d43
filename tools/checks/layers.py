"""layers: who may know whom. A room is a folder of src/ and includes only itself and the rooms that the table allows it;
of rooms that have a door, only the door, where the table says so. Each has a README.md that says what it may know. The
public headers include only each other. No header of src/ includes itself through others."""
import re

from .tree import c_without, line_of

# From the lowest room to the highest: a room stands behind all that it may know.
MAY_INCLUDE = {
    "base": "",
    "os": "base",
    "stack": "base os",
    "core": "base os stack",
    "cap": "base os",
    "pages": "base os core",
    "blocks": "base os core pages",
    "revoke": "base os core cap pages blocks",
    "harden": "base os core pages blocks",
    "heaps": "base os stack core cap pages blocks revoke harden",
    "api": "base os core cap heaps/heaps.h",
    "kit": "base os core heaps/heaps.h api",
    "malloc": "base os core heaps/heaps.h",
    "preload": "base os core heaps/heaps.h heaps/channel.h malloc harden/inside.h "
               "revoke/resume.h",
    "run": "core/amount.h core/callers.h core/checks.h heaps/channel.h heaps/sites.h heaps/zone_map.h "
           "preload/audit_line.h",
}
ROOMS = tuple(MAY_INCLUDE)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]*)"|<([^>\n]*)>)', re.MULTILINE)


def includes(tree, path):
    """(what stands between quotes or None, between angles or None, line) of each #include."""
    text = c_without(tree.read(path), comments=True)
    for match in INCLUDE.finditer(text):
        yield match[1], match[2], line_of(text, match.start(1 if match[1] is not None else 2))


def check(tree, write=False):
    for path in tree.c_files("src", "include"):
        for quoted, angled, line in includes(tree, path):
            problem = judge(tree, path, quoted, angled)
            if problem:
                yield f"{path}:{line}: {problem}"
    for room in sorted({path.parts[1] for path in tree.c_files("src") if path.parts[1] in ROOMS}):
        if not (tree.root / "src" / room / "README.md").is_file():
            yield f"src/{room}/README.md:1: is missing: what the room {room} is for and what it may know"
    yield from circles(tree)


def judge(tree, path, quoted, angled):
    if angled is not None:
        missing = angled.startswith("capalloc/") and not (tree.root / "include" / angled).is_file()
        return f"<{angled}> does not exist" if missing else None
    if path.parts[0] == "include":
        return f'public headers include each other as <capalloc/NAME.h>, not "{quoted}"'
    room = path.parts[1]
    if room not in ROOMS:
        return f"src/{room} is not a room; the rooms are {', '.join(ROOMS)}"
    target = quoted.split("/")[0]
    if "/" not in quoted or target not in ROOMS:
        return f'"{quoted}" must be written relative to src/, as "ROOM/FILE"'
    if target != room and not {target, quoted} & set(MAY_INCLUDE[room].split()):
        return f'"{quoted}": {room} may include only itself and: {MAY_INCLUDE[room] or "nothing"}'
    if quoted.endswith(".c"):
        return f'"{quoted}": a source file is not included'
    return None


def circles(tree):
    """Each way in which a header of src/ includes itself through others."""
    graph = {}
    for path in tree.c_files("src"):
        if path.suffix == ".h":
            targets = [(quoted, line) for quoted, _, line in includes(tree, path)]
            graph[str(path.relative_to("src"))] = targets
    done = set()

    def visit(name, way):
        for target, line in graph[name]:
            if target in way:
                circle = " -> ".join(way[way.index(target):] + [target])
                yield f"src/{name}:{line}: a header includes itself: {circle}"
            elif target in graph and target not in done:
                yield from visit(target, way + [target])
        done.add(name)

    for name in graph:
        if name not in done:
            yield from visit(name, [name])
