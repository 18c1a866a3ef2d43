"""graph: who calls whom, over all files of the library, has no circle: the files can be listed so that each needs only
files further down. That list is printed. A header and the source of the same name are one node; what a header's inline
functions need, it needs. A use of a variable counts as a call does.

A circle can be hidden in pointers: a lower file calls what an upper one has handed down. So a function's address may not
be kept or handed to another file, except where HANDED_DOWN says why; nor may the linker be asked for a name of ours by a
weak reference. Addresses for functions of the C library, and for those of the same file that call them, are free.

Read from a configured build (tools/check graph --build DIR; else build/tidy, build/dev, build/release)."""
import collections
import functools
import heapq
import pathlib
import re

from . import assembly
from .layers import ROOMS, includes

BUILDS = ("tidy", "dev", "release")

# Functions that take another file's function, and tables of functions.
HANDED_DOWN = {
    "cai_os_on_thread_exit": "the C library calls it when a thread ends",
    "cai_os_on_fork": "the C library calls them around fork",
    "cai_os_thread_start": "the body of a new thread, which nobody waits for",
    "cai_violation_watch": "what is told before an abort, which nobody comes back from; it may ask the heap for numbers",
    "cai_violation_report_with": "the calls that are shown behind a line, which its reporter knows",
    "cai_os_fault_watch": "the kernel calls it, by way of a signal",
    "cai_os_action_start": "the same",
    "front": "the kernel calls one of them, by way of a signal",
    "ca_audit_nocaps": "public: the visitor is the caller's",
    "vtable": "public: an allocator is its table, and who uses one calls whatever it was given",
    "heap_vtable": "the same, of the heap",
}
# What a file of the library needs of the C library, where another one may stand in its place and has taken care of that.
OF_THE_C_LIBRARY = {("os/action.c", "sigaction"): "in the drop-in library cai_os_actions is that one's, with the function behind it"}


def node_of(file):
    return re.sub(r"\.\w+$", "", file)


class Graph:
    def __init__(self, tree, units):
        self.tree, self.units = tree, units
        self.defined_in = {name: unit for unit in units for name in unit.visible if name in unit.file_of}
        self.needs = collections.defaultdict(lambda: collections.defaultdict(set))  # node, node: {(who, what)}
        self.files = collections.defaultdict(set)  # node: its files
        for unit in units:
            self.add_file(unit.path)
            for mention in unit.mentions:
                file, to = mention.file, self.file_of(unit, mention.name)
                if file != unit.path and unit.is_local_data(mention.name):
                    continue  # of an inline function: a copy for each unit that includes it
                if to and node_of(to) != node_of(file):
                    self.needs[node_of(file)][node_of(to)].add((mention.inside, mention.name))
        self.place_headers_without_code()

    def add_file(self, file):
        """The file, and what it includes."""
        if file in self.files[node_of(file)] or not (self.tree.root / "src" / file).is_file():
            return
        self.files[node_of(file)].add(file)
        for quoted, _, _ in includes(self.tree, pathlib.PurePosixPath("src", file)):
            if quoted and quoted.endswith(".h"):
                self.add_file(quoted)

    def place_headers_without_code(self):
        """Below all that include them."""
        mute = {node for node, files in self.files.items()
                if node not in self.needs and all(file.endswith(".h") for file in files)}
        for node, files in self.files.items():
            for file in files:
                for quoted, _, _ in includes(self.tree, pathlib.PurePosixPath("src", file)):
                    if quoted and node_of(quoted) in mute - {node}:
                        self.needs[node][node_of(quoted)].add((file, quoted))

    def owner(self, unit, name):
        """The unit that defines it, None for the C library."""
        if (unit.path, name) in OF_THE_C_LIBRARY:
            return None
        return unit if name in unit.file_of else self.defined_in.get(name)

    def file_of(self, unit, name):
        owner = self.owner(unit, name)
        return owner and owner.file_of[name]

    def is_function(self, unit, name):
        owner = self.owner(unit, name)
        return owner is not None and name in owner.functions

    @functools.cached_property
    def knots(self):
        """Sets of nodes that all need each other, by Tarjan's algorithm."""
        number, low, stack, found = {}, {}, [], []

        def visit(node):
            number[node] = low[node] = len(number)
            stack.append(node)
            for to in sorted(self.needs.get(node, ())):
                if to not in number:
                    visit(to)
                if to in stack:
                    low[node] = min(low[node], low[to])
            if low[node] == number[node]:
                knot = stack[stack.index(node):]
                del stack[stack.index(node):]
                if len(knot) > 1:
                    found.append(sorted(knot))

        for node in sorted(self.files):
            if node not in number:
                visit(node)
        return found

    def order(self):
        """All nodes, each before those that it needs; of several that could come next, the one of the highest room."""
        def key(node):
            room = node.split("/")[0]
            return (-ROOMS.index(room) if room in ROOMS else 0), node

        callers = collections.Counter(to for needs in self.needs.values() for to in needs)
        ready = [key(node) for node in self.files if not callers[node]]
        heapq.heapify(ready)
        while ready:
            node = heapq.heappop(ready)[1]
            yield node
            for to in self.needs.get(node, ()):
                callers[to] -= 1
                if not callers[to]:
                    heapq.heappush(ready, key(to))


def main_file(graph, node):
    return min(graph.files[node], default=node)  # .c before .h


def shortest_way_round(graph, knot):
    """The nodes of the shortest circle through the first of the knot that has one so short."""
    best = None
    for start in knot:
        ways, seen = [[start]], {start}
        for way in ways:
            for to in sorted(graph.needs[way[-1]]):
                if to == start and (best is None or len(way) < len(best)):
                    best = way
                elif to in knot and to not in seen:
                    seen.add(to)
                    ways.append(way + [to])
    return best + best[:1]


def example(uses):
    who, what = min(uses)
    return f"{what} in {who}" + (f" and {len(uses) - 1} more" if len(uses) > 1 else "")


def circles(graph):
    for knot in graph.knots:
        way = shortest_way_round(graph, knot)
        yield (f"src/{main_file(graph, knot[0])}:1: {len(knot)} files need each other: {', '.join(knot)}; "
               f"shortest way round: {' -> '.join(way)}")
        for node in knot:
            needs = [f"{to} ({example(uses)})" for to, uses in sorted(graph.needs[node].items()) if to in knot]
            yield f"src/{main_file(graph, node)}:1: in this circle it needs {', '.join(needs)}"


def pointers(graph):
    """The addresses of functions that may be called from a file below."""
    for unit in graph.units:
        for mention in unit.mentions:
            if mention.how != "call" and graph.is_function(unit, mention.name):
                problem = hidden_call(graph, unit, mention)
                if problem:
                    yield f"src/{mention.file}:1: {problem}"
        for name in sorted(unit.weak - set(unit.file_of)):
            if re.match("cai?_", name) or name in graph.defined_in:
                yield f"src/{unit.path}:1: a weak reference to {name}: whoever defines it is called from here"


def hidden_call(graph, unit, mention):
    """What is wrong with taking this address, or None."""
    what = f"the address of {mention.name} is taken in {mention.inside} and"
    if mention.how == "data":
        table = mention.inside
        uses = [use.to for use in unit.mentions if use.name == table]
        if table.split(".")[0] in HANDED_DOWN or table not in unit.visible and uses and set(uses) == {"*"}:
            return None
        return f"the table {table} with {mention.name} is kept where others may call it"
    if mention.to is None:
        return f"{what} kept in a variable or returned"
    if mention.to == "*":
        return f"{what} handed to a function that is known by its address"
    receiver = graph.file_of(unit, mention.to)
    if receiver is None or mention.to in HANDED_DOWN:
        return None
    if node_of(receiver) != node_of(mention.file):
        return f"{what} handed down to {mention.to} of {receiver}"
    return None if mention.to in unit.calls_addresses else f"{what} handed on by {mention.to}, which does not call it"


def check(tree, write=False):
    names = [tree.build] if tree.build else [tree.root / "build" / name for name in BUILDS]
    build = next((pathlib.Path(name) for name in names if (pathlib.Path(name) / "compile_commands.json").is_file()), None)
    if build is None:
        yield f"{names[0]}:1: not a configured build: cmake --preset dev"
        return
    try:
        graph = Graph(tree, assembly.units(tree.root / "src", build))
    except ValueError as error:
        yield f"{build}/compile_commands.json:1: {error}"
        return
    yield from circles(graph)
    yield from sorted(set(pointers(graph)))
    if not graph.knots:
        for node in graph.order():
            print(" ".join(sorted(graph.files[node], reverse=True)))
