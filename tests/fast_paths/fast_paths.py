#!/usr/bin/python3
"""The fast paths of malloc and free as the processor meets them: instructions, branches, the longest chain of loads of
which each needs the one before it, and locked instructions, for 64 bytes and 4 KiB. Fails when one of them grows.

fast_paths.py STEPS LIBRARY: the program steps with the library preloaded tells which instructions are executed,
capstone what they are. fast_paths.py --skip REASON: where other numbers would be right. Exit status 77: skipped.

What bench/instructions counts under callgrind, against the peers, is the number of instructions alone."""
import collections
import re
import subprocess
import sys

try:
    import capstone
    from capstone import x86
except ImportError:
    capstone = None

Cost = collections.namedtuple("Cost", "instructions branches loads_in_a_row locked")

# Of gcc 12 with -O2. Who makes a path shorter lowers the number here; who raises one says why in the commit.
MOST = {
    ("malloc", 64): Cost(28, 4, 5, 0),
    ("free", 64): Cost(28, 4, 3, 0),
    ("malloc", 4096): Cost(30, 5, 5, 0),
    ("free", 4096): Cost(33, 5, 3, 0),
}
BYTE = re.compile(r"[abcd][lh]|[sd]il|[sb]pl")


def whole(register):
    """rax for eax, ax, al and ah; r8 for r8d."""
    if re.fullmatch(r"r\d+[bwd]?", register):
        return register.rstrip("bwd")
    if BYTE.fullmatch(register):
        return f"r{register[0]}x" if len(register) == 2 else f"r{register[:2]}"
    return "r" + register.lstrip("re") if len(register) < 4 and register[0] != "r" else register


def decode(codes):
    """Of each executed instruction, given by at least its bytes, what capstone says."""
    machine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    machine.detail = True
    return [next(machine.disasm(code, 0)) for code in codes]


def is_branch(instruction):
    return instruction.group(capstone.CS_GRP_JUMP) or instruction.group(capstone.CS_GRP_CALL)


def chain(path):
    """The longest chain of loads. What a register holds is as deep as the deepest that it was made of; a load is one
    deeper than its address. What goes through memory or flags is not followed."""
    depth, longest = collections.Counter(), 0
    for instruction in path:
        name = instruction.reg_name
        read, written = ({whole(name(register)) for register in some} for some in instruction.regs_access())
        if instruction.mnemonic == "xor" and re.fullmatch(r"(\w+), \1", instruction.op_str):
            read = set()  # it makes zero
        deepest = max((depth[register] for register in read), default=0)
        for operand in instruction.operands:
            if operand.type != x86.X86_OP_MEM or instruction.mnemonic == "lea":
                continue
            if operand.access & capstone.CS_AC_READ:
                address = [whole(name(r)) for r in (operand.mem.base, operand.mem.index) if r]
                loaded = 1 + max((depth[register] for register in address), default=0)
                longest, deepest = max(longest, loaded), max(deepest, loaded)
        for register in written - {"rsp", "rflags", "rip"}:
            depth[register] = deepest
    return longest


def cost(path):
    return Cost(len(path), sum(bool(is_branch(i)) for i in path), chain(path),
                sum(i.prefix[0] == x86.X86_PREFIX_LOCK or i.mnemonic == "xchg" and any(
                    o.type == x86.X86_OP_MEM for o in i.operands) for i in path))


def grown(of, is_now, most):
    return [f"{of[0]}({of[1]}): {now} {what.replace('_', ' ')}, not more than {limit} expected"
            for what, now, limit in zip(Cost._fields, is_now, most) if now > limit]


def paths(steps, library, size):
    """{"malloc": the path that is taken most often, as bytes of each instruction, "free": the same}"""
    out = subprocess.run([steps, str(size)], env={"LD_PRELOAD": library}, check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    seen = {"malloc": collections.Counter(), "free": collections.Counter()}
    for name, body in re.findall(r"^(malloc|free)\n((?:[0-9a-f]+ [0-9a-f]+\n)+)", out, re.M):
        seen[name][tuple(line.split()[1] for line in body.splitlines())] += 1
    for name, some in seen.items():
        if not some or 2 * some.most_common(1)[0][1] <= some.total():
            raise SystemExit(f"{name}({size}): no path is taken more often than all others together")
    return {name: [bytes.fromhex(code) for code in some.most_common(1)[0][0]] for name, some in seen.items()}


def self_test():
    """Counts right, and can fail: a path of known cost against limits that it exceeds."""
    known = decode(map(bytes.fromhex, (
        "488b07",        # mov (%rdi),%rax
        "8b4810",        # mov 0x10(%rax),%ecx: its address comes from the first
        "8d5101",        # lea 0x1(%rcx),%edx
        "0fb60432",      # movzbl (%rdx,%rsi,1),%eax: and the third from the second
        "31c0",          # xor %eax,%eax
        "488b04c6",      # mov (%rsi,%rax,8),%rax: needs none of them
        "f0480fc10e",    # lock xadd %rcx,(%rsi)
        "7405", "c3")))  # je; ret
    assert cost(known) == Cost(9, 1, 3, 1), cost(known)
    assert [whole(r) for r in ("al", "dil", "esi", "r8d", "r10", "ax")] == ["rax", "rdi", "rsi", "r8", "r10", "rax"]
    assert len(grown(("self", 0), cost(known), Cost(8, 0, 2, 0))) == 4
    assert grown(("self", 0), cost(known), cost(known)) == []


def main(arguments):
    if arguments[0] == "--skip" or capstone is None:
        reason = " ".join(arguments[1:]) if arguments[0] == "--skip" else "python3-capstone is not installed"
        print(f"skipped: {reason}")
        return 77
    self_test()
    findings = []
    for size in sorted({size for _, size in MOST}):
        for name, codes in paths(*arguments, size).items():
            path = decode(codes)
            is_now = cost(path)
            print(f"{name}({size}): " + ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in
                                                  zip(Cost._fields, is_now)))
            findings += grown((name, size), is_now, MOST[name, size])
            print(*(f"    {i.mnemonic} {i.op_str}" for i in path), sep="\n")
    print(*findings, sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
