"""The median of some rounds and how far it can be trusted, without assuming any shape of the noise."""
import math
import statistics
from collections import namedtuple

Spread = namedtuple("Spread", "median low high")


def covered(n, k):
    """The chance that the true median lies between the k-th smallest and the k-th largest of n values."""
    return 1 - 2 * sum(math.comb(n, i) for i in range(k)) / 2 ** n


def rank(n):
    """The k of the narrowest such interval that holds the median with 95 %; 1 where even the widest does not."""
    return max([k for k in range(1, n // 2 + 1) if covered(n, k) >= 0.95], default=1)


def spread(values):
    values = sorted(values)
    k = rank(len(values))
    return Spread(statistics.median(values), values[k - 1], values[-k])


def describe(n):
    """What stands in parentheses behind a median of n rounds."""
    if n < 2:
        return "no interval: one round"
    sure = covered(n, rank(n))
    if sure >= 0.95:
        return "95 % interval of the median"
    return f"lowest-highest, which hold the median with {100 * sure:.0f} % only: a 95 % interval takes 6 rounds"


def text(some):
    return f"{some.median:.2f} ({some.low:.2f}-{some.high:.2f})"
