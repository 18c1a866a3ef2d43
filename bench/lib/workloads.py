"""The synthetic workloads: name -> arguments of the program `workloads`. The second word is the amount of work."""

WORKLOADS = {
    "pair-16": "pair 10M 16",
    "pair-64": "pair 10M 64",
    "pair-256": "pair 10M 256",
    "pair-1K": "pair 10M 1K",
    "pair-32K": "pair 6M 32K",
    "pair-1M": "pair 1M 1M",
    "batch-64": "batch 30K 64 512",
    "batch-1K": "batch 8K 1K 512",
    "batch-32K": "batch 400 32K 512",
    "live-small": "live 6M 20000 9",
    "live-mixed": "live 3M 20000 14",
    "handover": "handover 1M",
    "larson": "larson 60000 1000 60",
    "trees": "trees 30 17",
    "vector": "vector 60 20",
    "string": "string 600 64K",
    "large": "large 250",
    "zeroed-64": "zeroed 1M 64",
    "zeroed-64K": "zeroed 2K 64K",
    "zeroed-1M": "zeroed 80 1M",
    "thrash": "thrash 700000",
    "scratch": "scratch 700000",
    "churn": "churn 4000 500",
    "fragment": "fragment 40 50000",
}


def command(name, divide=1):
    program, amount, *rest = WORKLOADS[name].split()
    scale = {"K": 1 << 10, "M": 1 << 20}.get(amount[-1], 1)
    return ["workloads", program, max(2, int(amount.rstrip("KM")) * scale // divide), *rest]
