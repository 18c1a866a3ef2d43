"""`info capalloc ADDRESS` for gdb: what stands at an address, by the tables of the library. Of a live process and of a core
file; nothing is called in either. The library needs its debug information.

    (gdb) source capalloc.py
    (gdb) info capalloc p
    0x200a57804440: live block of class 2 (32 bytes), place ordinary, heap 1
"""
import struct

import gdb

PLACES = ("ordinary", "nocaps", "mustzero", "secret")
SHORT, SHORT_WIPED, SAMPLED, CLAIMED, WIPED, LARGE = 80, 96, 124, 125, 126, 127
RECORD, RECORD_END = 0x80, 0xc0
STATES = {0xfc: "free, in its slab", 0xfd: "free, in its slab, zero", 0xfe: "free, in a thread's bin",
          0xff: "free, in a thread's bin, zero"}


def number(expression):
    return int(gdb.parse_and_eval(expression))


class Tables:
    """What the library says of itself."""

    def __init__(self):
        self.sealed = gdb.parse_and_eval("cai_sealed")
        self.unit_shift = number("CAI_UNIT_SHIFT")
        self.kinds = {number(f"CAI_UNIT_{name.upper()}"): name for name in ("none", "inner", "dirty", "fresh", "bare", "busy",
                                                                            "slab", "large")}
        unit = gdb.lookup_type("struct cai_unit")
        self.unit_bytes = unit.sizeof
        self.offset = {field.name: field.bitpos // 8 for field in unit.fields() if field.name}

    @staticmethod
    def read(address, length):
        return bytes(gdb.selected_inferior().read_memory(address, length))

    def field(self, unit, name, form):
        return struct.unpack_from(form, unit, self.offset[name])[0]

    def zones(self, address):
        """(place, number of the zone, its view) of the zones that the address may be in."""
        offset, shift = address - int(self.sealed["places"]), int(self.sealed["shift"])
        if shift == 0 or offset < 0 or offset >> shift >= len(PLACES):
            return
        place = offset >> shift
        for number_of_zone in (2 * place + 1, 2 * place):
            view = self.sealed["view"][number_of_zone]
            if address >= int(view["origin"]) and int(view["granules"]) != 0:
                yield place, number_of_zone, view

    def run(self, zone, view, index):
        """(unit number of its head, descriptor) of the run with this unit; None: there is none."""
        frontier = int(gdb.parse_and_eval("cai_zones")[zone]["frontier"])
        head = 1
        while head < frontier:
            unit = self.read(int(view["units"]) + head * self.unit_bytes, self.unit_bytes)
            length = self.field(unit, "units", "<I")
            if index < head + length:
                return (head, unit) if index >= head else None
            head += max(length, 1)
        return None


def state_text(state, slot):
    if state in STATES:
        return f"{STATES[state]}, a slot of {slot} bytes"
    if 0 < state < SHORT:
        return f"live block of class {state} ({slot} bytes)"
    if SHORT < state < SHORT_WIPED:
        return f"live block of {state - SHORT} bytes, in a slot of {slot}"
    if state == SAMPLED:
        return f"live block, sampled, in a slot of {slot} bytes"
    if state in (CLAIMED, WIPED) or SHORT_WIPED < state < CLAIMED:
        return f"live block, {'claimed by a call' if state == CLAIMED else 'wiped'}, in a slot of {slot} bytes"
    return f"never handed out, a slot of {slot} bytes"


def describe(address):
    tables = Tables()
    for place, zone, view in tables.zones(address):
        index = (address - int(view["origin"])) >> tables.unit_shift
        found = tables.run(zone, view, index)
        if found is None:
            continue
        head, unit = found
        start = int(view["origin"]) + (head << tables.unit_shift)
        kind = tables.kinds.get(unit[tables.offset["kind"]], "unknown")
        owner = int(view["owner"][head]["id"])
        grain = number("CAI_FINE_SHIFT") if zone % 2 == 0 else number("CAI_COARSE_SHIFT")
        end = f"place {PLACES[place]}, heap {owner}"
        if kind == "slab":
            size_class = unit[tables.offset["size_class"]]
            slot = number(f"(int)cai_class_sizes[{size_class}]")
            if size_class >= number("CAI_CLASS_LED"):  # cai_class_lead
                steps = number("CAI_LEAD_BYTES_MAX") // number("CAI_LEAD_STEP") - 1
                start += (head % steps + 1) * number("CAI_LEAD_STEP")
            if address < start:
                return f"no block: before the first slot of a slab, place {PLACES[place]}"
            inside = (address - start) % slot
            state = int(view["state"][(address - inside - int(view["origin"])) >> grain])
            where = f", {inside} bytes inside" if inside else ""
            return f"{state_text(state, slot)}{where}, {end}"
        if kind == "large":
            inside = address - start
            live = 0 < int(view["state"][(start - int(view["origin"])) >> grain]) < 0x80
            where = f", {inside} bytes inside" if inside else ""
            length = tables.field(unit, "units", "<I") << tables.unit_shift
            return f"{'live large block' if live else 'freed large block that a heap keeps'} of a run of {length} bytes{where}, {end}"
        return f"no block: {kind} memory, place {PLACES[place]}"
    return "not capalloc's, or never used"


class InfoCapalloc(gdb.Command):
    """info capalloc ADDRESS: block, size class, state, place and heap of what stands there."""

    def __init__(self):
        super().__init__("info capalloc", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        try:
            address = int(gdb.parse_and_eval(argument).cast(gdb.lookup_type("unsigned long")))
            gdb.write(f"{address:#x}: {describe(address)}\n")
        except gdb.error as error:
            raise gdb.GdbError(f"info capalloc: {error} (is the library loaded, with its debug information?)")


InfoCapalloc()
