"""How likely a right initialisation gives weights like these."""

import math

import numpy as np

from lstm_ref.params import Array

#: Probability that a right initialisation fails one of the tests. The seed is fixed, so a version of a framework passes
#: always or never; at this rate a new version with another generator is safe as well.
FALSE_ALARM = 1e-6

# The p-values are upper bounds that hold at every sample size, from tail inequalities in closed form: no more is
# needed at a false-alarm rate of 1e-6, and a statistics library would have to be installed for each backend.


def shape_p_value(standard: Array) -> float:
    """Kolmogorov-Smirnov distance from the standard normal distribution, by the inequality of Massart (1990)."""
    n = standard.size
    normal = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in np.sort(standard)])
    ranks = np.arange(n + 1) / n
    distance = max((ranks[1:] - normal).max(), (normal - ranks[:-1]).max())
    return min(1.0, 2 * math.exp(-2 * n * distance**2))


def scale_p_value(standard: Array) -> float:
    """Sum of squares of standard normal numbers, by the bounds of Laurent and Massart (2000, lemma 1)."""
    n, excess = standard.size, float((standard**2).sum()) - standard.size
    # P(excess >= 2 sqrt(n x) + 2 x) <= exp(-x) and P(excess <= -2 sqrt(n x)) <= exp(-x)
    x = ((math.sqrt(n + 2 * excess) - math.sqrt(n)) / 2) ** 2 if excess > 0 else excess**2 / (4 * n)
    return min(1.0, 2 * math.exp(-x))


def independence_p_value(weights: list[Array]) -> float:
    """Smallest p-value of the correlations between any two weights, times their number (Bonferroni).

    Catches two weights made from the same random numbers. For independent normal vectors a cosine exceeds c with
    probability at most exp(-n c² / 2) on each side, n being the shorter length (a cap of the sphere).
    """
    pairs = [(a[:n], b[:n]) for i, a in enumerate(weights) for b in weights[:i] for n in [min(a.size, b.size)]]
    p = [2 * math.exp(-a.size * float(a @ b) ** 2 / (2 * (float(a @ a) * float(b @ b) or math.inf))) for a, b in pairs]
    return min(1.0, len(p) * min(p))
