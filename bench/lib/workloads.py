"""The synthetic workloads: name -> arguments of the program `workloads`. The second word is the amount of work."""
import re
import sys
from pathlib import Path

WORKLOADS = {
    "pair-16": "pair 10M 16",
    "pair-64": "pair 10M 64",
    "pair-256": "pair 10M 256",
    "pair-1K": "pair 10M 1K",
    "pair-32K": "pair 6M 32K",
    "pair-1M": "pair 1M 1M",
    "batch-64-1000": "batch 8K 64 1000",
    "batch-64-10000": "batch 600 64 10000",
    "batch-200-1000": "batch 6K 200 1000",
    "batch-200-10000": "batch 400 200 10000",
    "batch-1K-1000": "batch 3K 1K 1000",
    "batch-1K-10000": "batch 120 1K 10000",
    "batch-4K-1000": "batch 400 4K 1000",
    "batch-4K-10000": "batch 20 4K 10000",
    "batch-32K-1000": "batch 100 32K 1000",
    "batch-32K-10000": "batch 6 32K 10000",
    "live-small": "live 6M 20000 9",
    "live-mixed": "live 3M 20000 14",
    "heap-1G": "heap 2M 1G 1",
    "heap-4G": "heap 1M 4G 1",
    "handover": "handover 2M 1 16 512",
    "handover-64": "handover 1M 2 64 64",
    "handover-many": "handover 1M 2 16 2000",
    "larson-8-1000-1": "larson 60000 1000 60 8 1000 1",
    "larson-8-1000-2": "larson 60000 1000 60 8 1000 2",
    "larson-8-500-1": "larson 60000 1000 60 8 500 1",
    "larson-8-500-2": "larson 60000 1000 60 8 500 2",
    "larson-520-1000-1": "larson 60000 1000 60 520 1000 1",
    "larson-520-1000-2": "larson 60000 1000 60 520 1000 2",
    "sweep-1": "sweep 8000 1",
    "sweep-2": "sweep 8000 2",
    "sweep-8": "sweep 2000 8",
    "trees": "trees 30 17",
    "vector": "vector 60 20",
    "string": "string 600 64K",
    "large": "large 250",
    "huge": "huge 150 40",
    "zeroed-64": "zeroed 1M 64",
    "zeroed-64K": "zeroed 2K 64K",
    "zeroed-1M": "zeroed 80 1M",
    "thrash": "thrash 700000",
    "scratch": "scratch 700000",
    "churn": "churn 4000 500",
    "fragment": "fragment 40 50000",
    "sawtooth": "sawtooth 60 50000",
}

NEEDS_MIB = {"heap-1G": 2500, "heap-4G": 10000, "huge": 2000}  # several times the live set: some peers keep much


def possible(names):
    """Those of names that this machine's memory is enough for; of the others it is said."""
    names = list(names)
    available = int(re.search(r"MemAvailable:\s*(\d+)", Path("/proc/meminfo").read_text())[1]) // 1024
    short = [name for name in names if NEEDS_MIB.get(name, 0) > available]
    if short:
        print(f"left out, for want of memory: {', '.join(short)}", file=sys.stderr)
    return [name for name in names if name not in short]


def command(name, divide=1):
    program, amount, *rest = WORKLOADS[name].split()
    scale = {"K": 1 << 10, "M": 1 << 20}.get(amount[-1], 1)
    return ["workloads", program, max(2, int(amount.rstrip("KM")) * scale // divide), *rest]
